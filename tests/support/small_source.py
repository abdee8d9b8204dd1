"""A small agency database and its mapping for tests: invented persons, documents, vehicles, markings by rule."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from adapters.indexed import IndexedSource
from adapters.load import Place, open_source
from gateway.clock import Clock

TABLES = """
CREATE TABLE persons (id INTEGER PRIMARY KEY, name TEXT, latin TEXT, born TEXT, sex TEXT, nat TEXT, state TEXT,
  hidden TEXT, until INTEGER);
CREATE TABLE papers (id INTEGER PRIMARY KEY, person INTEGER, number TEXT, issuer TEXT);
CREATE TABLE cars (id INTEGER PRIMARY KEY, plate TEXT, province TEXT, state TEXT);
CREATE TABLE states (code TEXT PRIMARY KEY, word TEXT);
INSERT INTO states VALUES ('L', 'STOLEN'), ('N', 'NONE');
INSERT INTO persons VALUES
  (1, 'สมชาย ใจดี', 'SOMCHAI JAIDEE', '17/01/2505', '1', 'THA', 'live', NULL, 99991231),
  (2, NULL, 'NGUYEN VAN AN', '00/00/2523', '1', 'VNM', 'live', 'vn', 99991231),
  (3, NULL, 'SOK DARA', '05/06/2530', '2', 'KHM', 'gone', NULL, 99991231),
  (4, NULL, 'KEO BOUNMY', '07/08/2531', '2', 'LAO', 'live', 'all', 20300101),
  (5, NULL, 'LIM MEI', 'yesterday', '2', 'KHM', 'live', NULL, 99991231);
INSERT INTO papers VALUES (1, 1, 'AA 1234567', 'THA'), (2, 1, 'AA7654321', 'THA'), (3, 2, 'B1112223', 'VNM'),
  (4, 3, 'N0000001', 'KHM'), (5, 4, 'P5556667', 'LAO');
INSERT INTO cars VALUES (1, 'กข 1234', 'ตาก', 'L'), (2, 'กข-1234', 'ตราด', 'N'), (3, 'กค 99', '', 'N');
"""

MAPPING = """
[source]
id = "th.police.small"
agency = "police"
kind = "police records"
junk = ["-", "N/A"]

[marking]
releasable_to = ["vn", "kh"]

[codes.sex]
1 = "M"
2 = "F"

[[record]]
type = "Person"
table = "persons"
key = "id"
live = [{ column = "state", in = ["live"] }, { column = "until", not_past = "yyyymmdd" }]
left_out = ["national_ids", "addresses", "warnings", "status"]

[record.join.papers]
kind = "many"
table = "papers"
column = "person"
to = "id"
key = "id"

[record.fields]
names = [
    { column = "name", convert = "name", lang = "th" },
    { column = "latin", convert = "name" },
]
birth = { column = "born", convert = "thai-date" }
sex = { column = "sex", convert = "code", codes = "sex" }
nationalities = [{ column = "nat", convert = "country" }]
documents = { from = "papers", item = { number = { column = "number" }, issuer = { column = "issuer" } } }

[record.search]
names = { field = "names" }
birth = { field = "birth" }
documents = { field = "documents" }

[[record.marking]]
when = { column = "hidden", in = ["vn"] }
withhold_from = ["vn"]
level = "RESTRICTED"

[[record.marking]]
when = { column = "hidden", in = ["all"] }
caveats = ["OPHIDE"]
releasable_to = ["kh"]

[[record.subject]]
when = { column = "hidden", filled = true }
is = "WANTED"

[[record]]
type = "Vehicle"
table = "cars"
key = "id"
left_out = ["country", "make", "model", "colour", "vin", "reported"]

[record.join.state]
kind = "codes"
table = "states"
column = "code"
to = "state"

[record.fields]
plate = { column = "plate" }
province = { column = "province" }
status = { column = "state.word" }

[record.search]
plates = { item = { plate = { field = "plate" }, province = { field = "province" } } }
"""


@dataclass(frozen=True, slots=True)
class SmallSource:
    """The files of a small source, and a way to open it."""

    folder: Path
    database: Path
    mapping: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.database}"

    def open(self, clock: Clock) -> IndexedSource:
        source = open_source(Place(self.mapping, self.url, self.folder / "index", clock))
        assert isinstance(source, IndexedSource)
        return source

    def execute(self, *statements: str) -> None:
        database = sqlite3.connect(self.database)
        try:
            for statement in statements:
                database.executescript(statement)
            database.commit()
        finally:
            database.close()


def small_source(folder: Path, mapping: str = MAPPING, tables: str = TABLES) -> SmallSource:
    """Write database and mapping into `folder`."""
    made = SmallSource(folder, folder / "agency.sqlite", folder / "mapping.toml")
    made.mapping.write_text(mapping, encoding="utf-8")
    made.execute(tables)
    return made
