"""A small drop folder and its mapping for tests: the same invented persons in each format."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl

from adapters.base import Adapter
from adapters.load import Place, open_source
from gateway.clock import Clock, ManualClock
from gateway.model.query import DocumentQuery

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = 1_700_000_000.0

HEADER = ("ID", "ชื่อ", "BORN", "DOC", "NAT")
PERSONS: tuple[tuple[str, ...], ...] = (
    ("1", "สมชาย ใจดี", "17/01/1962", "AA1234567", "1"),
    ("2", "Somsri Mankhong", "05/11/1975", "BB 7654321", "2"),
    ("3", "=HYPERLINK(A1)", "02/03/1990", "+CC000001", "1"),
)

MAPPING = """
[source]
id = "th.police.drop"
agency = "police"
kind = "police records"
junk = ["-"]

[marking]
level = "OFFICIAL"
releasable_to = ["vn"]

[files.persons]
pattern = "persons*"
{settings}

[[record]]
type = "Person"
table = "persons"
key = "{id}"
left_out = ["addresses", "warnings", "status", "sex", "national_ids"]

[record.fields]
names = [{{ column = '{name}', convert = "name" }}]
birth = {{ column = "{born}", convert = "date", formats = ["dd/mm/yyyy", "yyyy-mm-dd"] }}
nationalities = [{{ column = "{nat}", convert = "code", codes = "nation" }}]
documents = [{{ item = {{ number = {{ column = "{doc}" }} }} }}]

[codes.nation]
1 = "THA"
2 = "LAO"

[record.search]
names = {{ field = "names" }}
birth = {{ field = "birth" }}
documents = {{ field = "documents" }}
"""

FLAT = {"id": "ID", "name": "ชื่อ", "born": "BORN", "doc": "DOC", "nat": "NAT"}
JSONL = {"id": "ID", "name": '"ชื่อ"', "born": "life.born", "doc": "DOC", "nat": "NAT"}
XML = {"id": "ID", "name": "Name", "born": "Life.Born", "doc": "DOC", "nat": '\\"DOC@nat\\"'}

SETTINGS = {
    "csv": 'format = "csv"',
    "xlsx": 'format = "xlsx"\nsheet = "คน"',
    "jsonl": 'format = "jsonl"',
    "xml": 'format = "xml"\nrows = "Persons.Person"\nrepeated = ["Person"]',
}
COLUMNS = {"csv": FLAT, "xlsx": FLAT, "jsonl": JSONL, "xml": XML}


def mapping(kind: str, settings: str = "") -> str:
    """The mapping for one format, with further lines of `[files.persons]`."""
    return MAPPING.format(settings=f"{SETTINGS[kind]}\n{settings}", **COLUMNS[kind])


def as_csv(
    rows: Sequence[Sequence[str]] = PERSONS, encoding: str = "utf-8", delimiter: str = ",", end: str = "\r\n"
) -> bytes:
    """CSV with a header, as a plain writer makes it."""
    return "".join(delimiter.join(row) + end for row in (HEADER, *rows)).encode(encoding)


def as_jsonl(rows: Sequence[Sequence[str]] = PERSONS) -> bytes:
    """JSON Lines, with a nested date and a number as key."""
    documents = [
        {"ID": int(row[0]), "ชื่อ": row[1], "life": {"born": row[2]}, "DOC": row[3], "NAT": row[4]} for row in rows
    ]
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents).encode()


def as_xml(rows: Sequence[Sequence[str]] = PERSONS) -> bytes:
    """One XML document."""
    persons = "".join(
        f'<p:Person><ID>{row[0]}</ID><Name>{row[1]}</Name><Life since="x"><Born>{row[2]}</Born></Life>'
        f'<DOC nat="{row[4]}">{row[3]}</DOC><Empty/></p:Person>'
        for row in rows
    )
    return f'<?xml version="1.0"?><!-- c --><p:Persons xmlns:p="urn:x">{persons}</p:Persons>'.encode()


def write_xlsx(
    path: Path, rows: Sequence[Sequence[Any]] = PERSONS, change: Callable[[Any], None] | None = None
) -> None:
    """A workbook with another sheet before ours, and an empty row and column before the header."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("คน")
    for number, row in enumerate((HEADER, *rows), 2):
        for column, value in enumerate(row, 2):
            cell = sheet.cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"
    if change:
        change(sheet)
    book.save(path)


@dataclass(frozen=True)
class DropFolder:
    """A folder, its mapping, and a clock that stands still."""

    root: Path
    clock: Clock

    @property
    def path(self) -> Path:
        return self.root / "drop"

    def put(self, name: str, content: bytes, at: float = LONG_AGO) -> Path:
        """A file that was written at a time."""
        path = self.path / name
        path.write_bytes(content)
        os.utime(path, (at, at))
        return path

    def open(self, text: str) -> Adapter:
        """The source with a mapping."""
        (self.root / "drop.toml").write_text(text, encoding="utf-8")
        url = self.path.as_uri().replace("file:", "folder:")
        return open_source(Place(self.root / "drop.toml", url, self.root / "index", self.clock))

    def keys(self, source: Adapter, number: str) -> list[str]:
        """The keys of the persons with a document."""
        found = source.search(DocumentQuery(number), self.clock.monotonic() + 3).candidates
        return [candidate.key for candidate in found]


def drop_folder(root: Path, clock: Clock | None = None) -> DropFolder:
    """An empty drop folder below `root`."""
    (root / "drop").mkdir()
    return DropFolder(root, clock or ManualClock(NOON))


def fill(folder: DropFolder, kind: str, rows: Sequence[Sequence[str]] = PERSONS, name: str = "persons") -> Path:
    """A file of one format with `rows`."""
    if kind == "xlsx":
        path = folder.path / f"{name}.xlsx"
        write_xlsx(path, rows)
        os.utime(path, (LONG_AGO, LONG_AGO))
        return path
    content = {"csv": as_csv, "jsonl": as_jsonl, "xml": as_xml}[kind](rows)
    return folder.put(f"{name}.{kind}", content)
