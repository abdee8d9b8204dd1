"""A customs house with an ugly schema: keys of several columns, a link table, a status history, code tables."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.load import Place, open_source
from adapters.mapping.file import load_mapping
from adapters.sql import SqlSource
from gateway.clock import SystemClock
from gateway.records.types import RECORD_TYPES

TABLES = """
CREATE TABLE sheets (id INTEGER PRIMARY KEY, os_no VARCHAR(40), os_year INTEGER, office VARCHAR(40));
CREATE TABLE items (id INTEGER PRIMARY KEY, os_no VARCHAR(40), os_year INTEGER, office VARCHAR(40),
  descr VARCHAR(40), unit VARCHAR(40));
CREATE INDEX items_sheet ON items (os_no, os_year, office);
CREATE TABLE people (ptype VARCHAR(40), pno INTEGER, name VARCHAR(40),
  born VARCHAR(40), nat VARCHAR(40), PRIMARY KEY (ptype, pno));
CREATE TABLE links (id INTEGER PRIMARY KEY, sheet INTEGER, ptype VARCHAR(40), pno INTEGER, role VARCHAR(40));
CREATE INDEX links_sheet ON links (sheet);
CREATE TABLE papers (id INTEGER PRIMARY KEY, ptype VARCHAR(40), pno INTEGER, number VARCHAR(40));
CREATE INDEX papers_people ON papers (ptype, pno);
CREATE TABLE codes (kind VARCHAR(40), code VARCHAR(40), word VARCHAR(40));
CREATE TABLE states (id INTEGER PRIMARY KEY, sheet INTEGER, state VARCHAR(40), since VARCHAR(40));
CREATE INDEX states_sheet ON states (sheet);

INSERT INTO sheets VALUES (1, '17', 2023, 'VTE'), (2, '17', 2024, 'VTE'), (3, '17', 2024, 'PKZ'),
  (4, '18', NULL, 'VTE');
INSERT INTO items VALUES (1, '17', 2023, 'VTE', 'heroin', '1'), (2, '17', 2024, 'VTE', 'perfume', '2'),
  (3, '17', 2024, 'VTE', 'gin', '3'), (4, '17', 2024, 'PKZ', 'shoes', '9'), (5, '18', 2024, 'VTE', 'coins', '1');
INSERT INTO people VALUES ('A', 1, 'Keo Bounmy', '1980-01-02', 'L'), ('A', 2, 'Noy Khamla', '1981-03-04', 'T'),
  ('B', 1, 'Sok Dara', '1982-05-06', 'K');
INSERT INTO links VALUES (1, 1, 'A', 1, 'HOLDER'), (2, 2, 'A', 2, 'HOLDER'), (3, 2, 'B', 1, 'WITNESS'),
  (4, 3, 'A', 1, 'HOLDER'), (5, 3, 'B', 1, 'HOLDER'), (6, 3, 'B', 7, 'HOLDER');
INSERT INTO papers VALUES (1, 'A', 1, 'P0000001'), (2, 'A', 1, 'P0000002'), (3, 'B', 1, 'N0000009');
INSERT INTO codes VALUES ('NAT', 'L', 'LAO'), ('NAT', 'T', 'THA'), ('NAT', 'K', 'KHM'), ('UNIT', 'L', 'litre'),
  ('UNIT', '1', 'kg'), ('UNIT', '2', 'piece'), ('UNIT', '3', 'bottle');
INSERT INTO states VALUES (1, 1, 'ACTIVE', '2023-05-01'), (2, 1, 'CANCELLED', '2024-02-01'),
  (3, 2, 'ACTIVE', '2024-03-01'), (4, 3, 'CANCELLED', '2024-01-01'), (5, 3, 'ACTIVE', '2024-06-01');
"""

MAPPING = """
[source]
id = "la.customs.house"
agency = "customs"
kind = "customs records"

[marking]
level = "OFFICIAL"
releasable_to = ["th", "vn"]

[[record]]
type = "Seizure"
table = "sheets"
key = "id"
live = []
left_out = ["date", "quantity", "unit", "containers", "vehicles", "detected_by"]

[record.join.items]
kind = "many"
table = "items"
on = [["os_no", "os_no"], ["os_year", "os_year"], ["office", "office"]]
key = "id"

[record.join.unit]
kind = "codes"
table = "codes"
column = "code"
to = "items.unit"
where = { column = "kind", in = ["UNIT"] }

[record.join.links]
kind = "many"
table = "links"
column = "sheet"
to = "id"
key = "id"

[record.join.people]
kind = "one"
table = "people"
on = [["ptype", "links.ptype"], ["pno", "links.pno"]]

[record.join.papers]
kind = "many"
table = "papers"
on = [["ptype", "people.ptype"], ["pno", "people.pno"]]
key = "id"

[record.join.states]
kind = "many"
table = "states"
column = "sheet"
to = "id"
key = "id"

[record.fields]
reference = { columns = ["office", "os_no", "os_year"], separator = "/" }
office = { column = "office" }
goods = { from = "items", item = { description = { column = "descr" }, brand = { column = "unit.word" } } }


[record.fields.persons]
from = "links"
where = { column = "role", in = ["HOLDER"] }
item = { name = { column = "people.name" }, role = { column = "role" } }

[record.search]
names = { from = "people", column = "name", convert = "name" }
documents = { from = "papers", item = { number = { column = "number" } } }
"""


@dataclass(frozen=True, slots=True)
class CustomsHouse:
    """The database and the mapping, and ways to change and open both."""

    folder: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'house.sqlite'}"

    @property
    def mapping(self) -> Path:
        return self.folder / "house.toml"

    def run(self, *statements: str) -> None:
        connection = sqlite3.connect(self.folder / "house.sqlite")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    def map(self, *changes: tuple[str, str]) -> Path:
        """Write the mapping with each text replaced; each must be in it."""
        text = MAPPING
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.mapping.write_text(text, encoding="utf-8")
        return self.mapping

    def rows(self, *changes: tuple[str, str]) -> SqlSource:
        return SqlSource(load_mapping(self.map(*changes)), self.url, SystemClock())

    def opened(self, *changes: tuple[str, str]) -> Any:
        return open_source(Place(self.map(*changes), self.url, self.folder / "index", SystemClock()))


def customs_house(folder: Path) -> CustomsHouse:
    """Return the customs house in `folder`, with its database."""
    connection = sqlite3.connect(folder / "house.sqlite")
    connection.executescript(TABLES)
    connection.close()
    (folder / "index").mkdir()
    return CustomsHouse(folder)


def scanned(source: SqlSource, record_type: str = "Seizure") -> dict[str, Any]:
    """Return the fields and search keys of each record that a pass over all rows gives, or why there is none."""
    found: dict[str, Any] = {}
    for number, (rows, _links, why) in enumerate(source.scan(record_type), 1):
        if rows is None:
            found[f"left out {number}"] = why
            continue
        built = source.builders[record_type].build(rows)
        found[built.record.key] = {**built.record.fields, "search": built.search, "category": built.record.category}
    assert record_type in RECORD_TYPES
    return found
