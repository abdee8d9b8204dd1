"""The three agencies' databases, carried over to the types of other servers, give the very same records."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping.file import load_mapping
from adapters.sql import SqlSource
from gateway.clock import ManualClock
from gateway.errors import LiaisonError
from tests.support.databases import Server, server
from tests.support.shared import PROJECT, shared_path

CLOCK = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
AGENCIES = ("th_police", "vn_immigration", "kh_customs")
SAMPLED = 40
PASTED = 3
"""Rows of UTF-8 among bytes of another encoding are left out: a column of bytes does not say which is which."""


def soon() -> float:
    """A deadline a minute from now."""
    return CLOCK.monotonic() + 60


def carry_over(file: Path, target: Server, database: str) -> None:
    """Every table with its rows, keys and indexes."""
    target.fresh_database(database)
    source = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    source.text_factory = _text
    try:
        tables = [name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            _carry_table(source, table, target, database)
    finally:
        source.close()


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _carry_table(source: sqlite3.Connection, table: str, target: Server, database: str) -> None:
    mark = '"' if target.kind == "postgresql" else "`"
    columns = source.execute(f"PRAGMA table_info({table})").fetchall()
    rows = source.execute(f"SELECT * FROM {table}").fetchall()
    kinds = [_kind(target.kind, [row[place] for row in rows]) for place in range(len(columns))]
    made = [f"{mark}{column[1]}{mark} {kind}" for column, kind in zip(columns, kinds, strict=True)]
    key = [f"{mark}{column[1]}{mark}" for column in columns if column[5]]
    made += [f"PRIMARY KEY ({', '.join(key)})"] if key else []
    statements = [f"CREATE TABLE {mark}{table}{mark} ({', '.join(made)})"]
    for _, name, _, origin, _ in source.execute(f"PRAGMA index_list({table})").fetchall():
        if origin == "c":
            indexed = [f"{mark}{row[2]}{mark}" for row in source.execute(f"PRAGMA index_info({name})")]
            statements.append(f"CREATE INDEX {name} ON {mark}{table}{mark} ({', '.join(indexed)})")
    target.execute(database, statements)
    if rows:
        is_bytes = ["BYTEA" in kind or "BINARY" in kind for kind in kinds]
        cells = [[_cell(cell, raw) for cell, raw in zip(row, is_bytes, strict=True)] for row in rows]
        target.execute(
            database, [f"INSERT INTO {mark}{table}{mark} VALUES ({', '.join(['%s'] * len(columns))})"], cells
        )


def _cell(cell: Any, is_bytes: bool) -> Any:
    if cell is None or not is_bytes or isinstance(cell, bytes):
        return cell
    # A few rows hold UTF-8 among the agency's own bytes, as somebody pasted it.
    return str(cell).encode()


def _kind(kind: str, cells: Sequence[Any]) -> str:
    """The narrowest type of a column that holds all of its cells."""
    present = [cell for cell in cells if cell is not None]
    if any(isinstance(cell, bytes) for cell in present):
        return "BYTEA" if kind == "postgresql" else "VARBINARY(250)"
    if present and all(isinstance(cell, int) for cell in present):
        return "BIGINT"
    if present and all(isinstance(cell, int | float) for cell in present):
        return "DOUBLE PRECISION"
    return "VARCHAR(250)"


def records(source: SqlSource, record_type: str) -> dict[str, Any]:
    """Every record of a type by key; for what cannot be read, why."""
    builder = source.builders[record_type]
    found: dict[str, Any] = {}
    for rows, _, why in source.scan(record_type):
        if rows is None:
            found[f"? {len(found)}"] = why
            continue
        try:
            found[str(rows[0][0])] = builder.record(rows) if builder.is_live(rows) else None
        except LiaisonError as error:
            found[str(rows[0][0])] = error.message
    return found


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("agency", AGENCIES)
def test_an_agencys_records_are_the_same_from_every_kind_of_database(kind: str, agency: str) -> None:
    file = shared_path() / "data" / "agencies" / "built" / f"{agency}.sqlite"
    target = server(kind)
    mapping = load_mapping(PROJECT / "adapters" / "mappings" / f"{agency}.toml")
    carry_over(file, target, agency)
    there = SqlSource(mapping, f"sqlite:///{file}", CLOCK)
    here = SqlSource(mapping, target.url(agency), CLOCK)
    for record_type in mapping.records:
        expected, found = records(there, record_type), records(here, record_type)
        pasted = expected.keys() - found.keys()
        assert len(pasted) <= PASTED
        assert sorted(found[key] for key in found if key not in expected) == [
            f"bytes that are not {mapping.encoding}"
        ] * len(pasted)
        assert {key: found.get(key, record) for key, record in expected.items()} == expected
        assert len(found) > SAMPLED
        for key in sorted(expected.keys() & found.keys())[:: len(found) // SAMPLED]:
            read = here.read(record_type, key, {}, soon()) if not here.has_links(record_type) else None
            if read is not None and found[key] is not None:
                assert here.builders[record_type].record(read) == found[key]
    there.close()
    here.close()
