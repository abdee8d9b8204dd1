"""What `check` says of a file with many mistakes, of bytes of another character set, and of unknown units."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.support.cli import Liaison
from tests.support.tables import table
from tests.unit.adapters.check.test_newcomer import errors, simple

MANY = """
[source]
id = "la.immigration.x"
agency = "Immi gration"
kind = 7
encoding = "utf-9"

[marking]
level = "OFFICAL"
use = ["U9"]
releasable_to = ["th"]
lable = 1

[codes.sex]
M = 1

[[record]]
type = "Person"
table = "p"
key = "id"
live = [{ column = "gone", emty = true }, { column = "gone", in = ["1"], filled = true }]
category = "SUSPEKT"
left_out = ["addresses", "warnings", "national_ids", "documents", "statos"]

[record.join.broken]
kind = "mony"
table = "q"
column = "a"
to = "b"

[record.fields]
names = [{ column = "name", convert = "nam" }, { columm = "latin" }]
birth = { column = "born", convert = "date", formats = ["dd/mm/jjjj"] }
sex = { column = "sex", convert = "code", codes = "sexes" }
nationalities = [{ column = "broken.nat", convert = "country" }]
nick = { column = "x" }

[record.search]
name = { field = "names" }
birth = { field = "brith" }

[[record]]
type = "Persn"
table = "p"
key = "id"
"""

TOLD = (
    "Immi", "`kind` must be", "utf-9", "OFFICAL", "U9", "lable", "must be a text", "`M`",
    "emty", "exactly one test", "SUSPEKT",
    "statos", "`status` is neither", "mony", "`nam`", "columm", "jjjj", "sexes", "`nick`", "`name`", "brith", "Persn",
)  # fmt: skip


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def test_all_mistakes_of_a_file_are_told_at_once_each_with_its_line(liaison: Liaison, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(MANY, encoding="utf-8")
    ran = liaison("adapter", "check", mapping, "--json")
    assert ran.code == 1
    found = errors(ran)
    assert [word for word in TOLD if not any(word in message for message in found)] == []
    lines = {int(each["where"].rpartition(":")[2]) for each in ran.value["findings"]}
    assert len(lines) > 12
    assert not [message for message in found if "`broken`" in message], "what follows from a mistake is not told"
    assert len(found) == len(set(found))


def test_every_mistake_is_gone_when_it_is_mended(liaison: Liaison, tmp_path: Path) -> None:
    mapping, _ = simple(tmp_path, [])
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace('type = "Person"', 'typ = "Person"'), encoding="utf-8")
    assert [each for each in errors(liaison("adapter", "check", mapping, "--json")) if "type" not in each] == [
        "unknown key `typ`"
    ]
    mapping.write_text(text, encoding="utf-8")
    assert errors(liaison("adapter", "check", mapping, "--json")) == []


@pytest.mark.long
@table(
    ("names", "stored"),
    [
        (("สมชาย ใจดี", "รถ ศรีสุข", "แดง มาลี"), "tis-620"),
        (("王小明", "李丽华", "张伟强"), "gbk"),
        (("王小明", "李麗華", "張偉強"), "big5"),
        (("Müller André", "Conceição João", "Núñez"), "cp1252"),
    ],
)
def test_bytes_of_another_set_are_told_with_table_column_and_three_likely_sets(
    liaison: Liaison, tmp_path: Path, names: tuple[str, ...], stored: str
) -> None:
    rows: list[tuple[object, ...]] = [(n, name.encode(stored), "1980-01-02", None) for n, name in enumerate(names)]
    mapping, url = simple(tmp_path, rows)
    found = liaison("adapter", "check", mapping, "--url", url, "--json").value["findings"]
    told = next(each for each in found if "in table" in each["message"])
    assert told["message"] == "3 cells of column `name` in table `p` are bytes that are not utf-8"
    likely = told["remedy"].rpartition("most likely ")[2].split(", ")
    assert len(likely) == 3
    assert likely[0] == stored
    assert told["where"].endswith(":22") or int(told["where"].rpartition(":")[2]) > 1


def test_one_stray_byte_brings_no_advice_about_the_character_set(liaison: Liaison, tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(1, b"SOK\xa0DARA", "1980-01-02", None), (2, "KEO NOY", "1980-01-02", None)]
    mapping, url = simple(tmp_path, rows)
    found = liaison("adapter", "check", mapping, "--url", url, "--json").value["findings"]
    told = next(each for each in found if "in table" in each["message"])
    assert "encoding" not in told["remedy"]
    assert "damaged" in told["remedy"]


@pytest.mark.long
def test_one_stray_letter_brings_no_advice_about_the_character_set(liaison: Liaison, tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(1, "SOK DARA ท", "1980-01-02", None), (2, "KEO NOY", "1980-01-02", None)]
    mapping, url = simple(tmp_path, rows)
    text = mapping.read_text("utf-8").replace('convert = "name" }', 'convert = "name", script = "Latn" }')
    mapping.write_text(text, encoding="utf-8")
    found = liaison("adapter", "check", mapping, "--url", url, "--json").value["findings"]
    assert not [each for each in found if "beyond ASCII" in each["message"]]


SEIZURES = """
[source]
id = "kh.customs.x"
agency = "customs"
kind = "customs records"

[[record]]
type = "Seizure"
table = "s"
key = "id"
left_out = ["office", "containers", "vehicles", "persons"]

[record.fields]
reference = { column = "no" }
date = { column = "day", convert = "date", formats = ["yyyy-mm-dd"] }
goods = [{ column = "goods" }]
quantity = { column = "qty", convert = "mass" }
unit = { column = "uom", convert = "unit" }

[record.search]
containers = { column = "no" }
"""


def test_a_unit_that_is_not_known_costs_its_field_and_not_the_record(liaison: Liaison, tmp_path: Path) -> None:
    mapping, database = tmp_path / "m.toml", tmp_path / "s.sqlite"
    mapping.write_text(SEIZURES, encoding="utf-8")
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE s (id INTEGER, no TEXT, day TEXT, goods TEXT, qty TEXT, uom TEXT)")
        connection.execute("INSERT INTO s VALUES (1, 'A1', '2026-01-02', 'rice', '5 zorkmids', 'zorkmid')")
        connection.execute("INSERT INTO s VALUES (2, 'A2', '2026-01-02', 'rice', '5 kg', 'kg')")
    connection.close()
    url = f"sqlite:///{database}"
    record = liaison("adapter", "check", mapping, "--url", url, "--json").value["records"][0]
    assert (record["valid"], record["left_out"]) == (2, {})
    assert record["values_left_out"] == {"qty: not a mass": 1, "uom: not a unit with a code": 1}
    strict = SEIZURES.replace('convert = "mass"', 'convert = "mass", unreadable = "record"')
    mapping.write_text(strict, encoding="utf-8")
    record = liaison("adapter", "check", mapping, "--url", url, "--json").value["records"][0]
    assert record["valid"] == 1, "the mapping may say that the record is nothing without its quantity"
