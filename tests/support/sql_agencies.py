"""One invented agency in three kinds of database: the same rows, in the types that each kind has for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.base import Adapter
from adapters.load import Place, open_source
from adapters.mapping.file import load_mapping
from adapters.sql import SqlSource
from gateway.clock import Clock
from gateway.records.types import RECORD_TYPES
from tests.support.databases import Server, server

KINDS = ("sqlite", "postgresql", "mariadb")

DATABASE = "agency"

_TYPES = {
    "sqlite": {"bytes": "BLOB", "flag": "BOOLEAN", "moment": "TEXT", "bits": "INTEGER"},
    "postgresql": {"bytes": "BYTEA", "flag": "BOOLEAN", "moment": "TIMESTAMP", "bits": "SMALLINT"},
    "mariadb": {"bytes": "VARBINARY(200)", "flag": "BOOLEAN", "moment": "DATETIME(3)", "bits": "BIT(8)"},
}

TABLES = """
CREATE TABLE persons (id INTEGER PRIMARY KEY, name {bytes}, latin VARCHAR(120), born DATE, sex CHAR(4),
  nat VARCHAR(3), is_live {flag} NOT NULL, hidden {bits}, until DATE, height NUMERIC(6,2), updated {moment});
CREATE TABLE papers (id INTEGER PRIMARY KEY, person INTEGER NOT NULL, number VARCHAR(40), issuer VARCHAR(3));
CREATE INDEX papers_person ON papers (person);
CREATE TABLE cars (code VARCHAR(20) PRIMARY KEY, plate VARCHAR(40), province VARCHAR(40), state VARCHAR(2));
CREATE TABLE states (code VARCHAR(2) PRIMARY KEY, word VARCHAR(20))
"""

PERSONS = (
    (1, "สมชาย ใจดี", "SOMCHAI JAIDEE", "1962-01-17", "1", "THA", True, 0, "2099-12-31", 171.5, "2026-01-01 10:00:00"),
    (2, None, "NGUYEN VAN AN", "1980-05-06", "1", "VNM", True, 1, None, None, "2026-01-02 10:00:00"),
    (3, None, "SOK DARA", "1987-06-05", "2", "KHM", False, 0, "2099-12-31", "160", "2026-01-03 10:00:00"),
    (4, None, "KEO BOUNMY", None, "2", "LAO", True, 0, "2020-01-01", None, "2026-01-03 10:00:00"),
    (5, "", None, None, None, None, True, None, None, None, None),
)  # fmt: skip
PAPERS = ((1, 1, "AA 1234567", "THA"), (2, 1, "AA7654321", "THA"), (3, 2, "B1112223", "VNM"), (4, 3, "N0000001", "KHM"))
CARS = (("C1", "กข 1234", "ตาก", "L"), ("c2", "กข-1234", "ตราด", "N"), ("C3", "กค 99", "", "N"))
STATES = (("L", "STOLEN"), ("N", "NONE"))

_MAPPING = """
[source]
id = "th.police.servers"
agency = "police"
kind = "police records"
encoding = "tis-620"
junk = ["-"]

[marking]
releasable_to = ["kh", "vn"]

[codes.sex]
1 = "M"
2 = "F"

[[record]]
type = "Person"
table = "persons"
key = "id"
changed = "updated"
live = [{ column = "is_live", in = ["1"] }, { column = "until", not_past = "yyyy-mm-dd" }]
left_out = PERSON_LEFT_OUT

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
birth = { column = "born", convert = "date", formats = ["yyyy-mm-dd"] }
sex = { column = "sex", convert = "code", codes = "sex" }
nationalities = [{ column = "nat", convert = "country" }]
documents = { from = "papers", item = { number = { column = "number" }, issuer = { column = "issuer" } } }

[record.search]
names = { field = "names" }
birth = { field = "birth" }
documents = { field = "documents" }

[[record.subject]]
when = { column = "hidden", in = ["1"] }
is = "WANTED"

[[record]]
type = "Vehicle"
table = "cars"
key = "code"
left_out = VEHICLE_LEFT_OUT

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


def left_out(record_type: str, *mapped: str) -> str:
    """The fields of a type that a mapping leaves out, as TOML."""
    return str([name for name in RECORD_TYPES[record_type].fields if name not in mapped])


MAPPING = _MAPPING.replace(
    "PERSON_LEFT_OUT", left_out("Person", "names", "birth", "sex", "nationalities", "documents")
).replace("VEHICLE_LEFT_OUT", left_out("Vehicle", "plate", "province", "status"))


@dataclass(frozen=True, slots=True)
class SqlAgency:
    """The database, its mapping, and ways to open and to change it."""

    kind: str
    folder: Path
    server: Server | None

    @property
    def mapping(self) -> Path:
        return self.folder / "mapping.toml"

    @property
    def file(self) -> Path:
        return self.folder / "agency.sqlite"

    @property
    def url(self) -> str:
        return self.server.url(DATABASE) if self.server else f"sqlite:///{self.file}"

    def place(self, clock: Clock, **changes: Any) -> Place:
        return replace(Place(self.mapping, self.url, self.folder / "index", clock), **changes)

    def open(self, clock: Clock, **changes: Any) -> Adapter:
        return open_source(self.place(clock, **changes))

    def rows(self, clock: Clock) -> SqlSource:
        """Open the source without a key index."""
        return SqlSource(load_mapping(self.mapping), self.url, clock)

    def map(self, text: str) -> None:
        """Write another mapping."""
        self.mapping.write_text(text, encoding="utf-8")

    def execute(self, *statements: str, many: Sequence[Sequence[Any]] = ()) -> None:
        """Change the database as its own agency does. Values are written as `?`."""
        if self.server is not None:
            self.server.execute(DATABASE, [text.replace("?", "%s") for text in statements], many)
            return
        database = sqlite3.connect(self.file)
        try:
            for statement in statements:
                if many:
                    database.executemany(statement, many)
                else:
                    database.execute(statement)
            database.commit()
        finally:
            database.close()

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows."""
        self.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", many=rows)

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows that the agency itself sees."""
        if self.server is None:
            database = sqlite3.connect(self.file)
            try:
                return database.execute(query).fetchall()
            finally:
                database.close()
        connection = self.server.admin(DATABASE)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def quoted(self, name: str) -> str:
        """An identifier as this kind of database quotes it."""
        mark = "`" if self.kind == "mariadb" else '"'
        return mark + name.replace(mark, mark * 2) + mark


def empty_agency(kind: str, folder: Path) -> SqlAgency:
    """A database without tables. Skips where there is no such server."""
    made = SqlAgency(kind, folder, None if kind == "sqlite" else server(kind))
    if made.server is not None:
        made.server.fresh_database(DATABASE)
    return made


def sql_agency(kind: str, folder: Path) -> SqlAgency:
    """The invented agency."""
    made = empty_agency(kind, folder)
    fill_agency(made)
    return made


def fill_agency(made: SqlAgency) -> None:
    """Write the mapping and the rows of the invented agency."""
    made.map(MAPPING)
    made.execute(*TABLES.format(**_TYPES[made.kind]).split(";"))
    made.insert("persons", [(row[0], _thai(row[1]), *row[2:]) for row in PERSONS])
    for table, rows in (("papers", PAPERS), ("cars", CARS), ("states", STATES)):
        made.insert(table, rows)


def _thai(text: str | None) -> bytes | None:
    return None if text is None else text.encode("tis-620")
