"""Joins of a drop folder: code tables over several columns, and for the rows of a nested list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import LiaisonError
from tests.support.drop_folder import DropFolder, drop_folder, fill, mapping

NATION = ('column = "NAT", convert = "code", codes = "nation"', 'column = "nation.ISO", convert = "country"')
CODES = '[files.codes]\npattern = "codes.csv"\nformat = "csv"'


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    return drop_folder(tmp_path)


def text(kind: str, join: str, *changes: tuple[str, str]) -> str:
    """The mapping of the folder with a code table as a file of its own."""
    made = mapping(kind, CODES)
    for old, new in (*changes, ("[record.fields]", f"{join}\n\n[record.fields]")):
        assert old in made
        made = made.replace(old, new)
    return made


def fields(folder: DropFolder, source: Any, key: str) -> dict[str, Any]:
    return dict(source.fetch(key, "Person", folder.clock.monotonic() + 3).fields)


def test_a_code_table_is_joined_over_several_columns_and_by_its_own_conditions(folder: DropFolder) -> None:
    fill(folder, "csv")
    folder.put("codes.csv", b"KIND,CODE,DAY,ISO\nN,1,17/01/1962,THA\nN,1,02/03/1990,MMR\nS,1,17/01/1962,XXX\n")
    join = '[record.join.nation]\nkind = "codes"\ntable = "codes"\non = [["CODE", "NAT"], ["DAY", "BORN"]]'
    source = folder.open(text("csv", f'{join}\nwhere = {{ column = "KIND", in = ["N"] }}', NATION))
    found = [fields(folder, source, key).get("nationalities") for key in ("1", "2", "3")]
    assert found == [["THA"], None, ["MMR"]]
    with pytest.raises(LiaisonError, match="two things of one code"):
        folder.open(text("csv", join, NATION))


def test_a_code_table_gives_each_nested_row_its_meaning(folder: DropFolder) -> None:
    folder.put("codes.csv", b"CODE,ISO\n1,THA\n2,LAO\n")
    papers = [{"no": "AA1234567", "by": "2"}, {"no": "BB7654321", "by": "1"}, {"no": "CC0000001", "by": "9"}]
    person = {"ID": 1, "ชื่อ": "สมชาย ใจดี", "life": {"born": "1962-01-17"}, "NAT": "1", "papers": papers}
    folder.put("persons.jsonl", json.dumps(person).encode())
    joins = (
        '[record.join.papers]\nkind = "nested"\npath = "papers"\n\n'
        '[record.join.nation]\nkind = "codes"\ntable = "codes"\ncolumn = "CODE"\nto = "papers.by"'
    )
    documents = (
        'documents = [{ item = { number = { column = "DOC" } } }]',
        'documents = { from = "papers", item = { number = { column = "no" }, issuer = { column = "nation.ISO" } } }',
    )
    source = folder.open(text("jsonl", joins, documents))
    assert fields(folder, source, "1")["documents"] == [
        {"number": "AA1234567", "issuer": "LAO"},
        {"number": "BB7654321", "issuer": "THA"},
        {"number": "CC0000001"},
    ]
