"""Write tables from functions that invent rows; columns, their types and their order come from the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.demo.sources.dice import Dice

Row = Mapping[str, object]
Fill = Callable[[sqlite3.Connection], None]

_TYPES = {int: "INTEGER", float: "REAL"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of `count` rows that `row` invents by number, and of `planted` ones; the first column is the key."""

    name: str
    count: int
    row: Callable[[int, Dice], Row]
    indexed: tuple[str, ...] = ()
    planted: tuple[Row, ...] = ()


def filled(name: str, *tables: Table) -> Fill:
    """Return a function that writes these tables; equal names give equal rows."""

    def fill(database: sqlite3.Connection) -> None:
        dice = Dice(name)
        for table in tables:
            _write(database, table, [*_rows(table, dice), *table.planted])

    return fill


def _rows(table: Table, dice: Dice) -> Iterator[Row]:
    return (table.row(number, dice) for number in range(1, table.count + 1))


def code_table(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table that holds these rows."""
    return rows_of(name, [dict(zip(columns, row, strict=True)) for row in rows])


def rows_of(name: str, rows: Sequence[Row]) -> Table:
    """Return a table of these rows and no others."""
    return Table(name, len(rows), lambda number, _dice: rows[number - 1])


def _write(database: sqlite3.Connection, table: Table, rows: Sequence[Row]) -> None:
    columns = ", ".join(
        f"{column} {_kind(rows, column)}{'' if place else ' PRIMARY KEY'}" for place, column in enumerate(rows[0])
    )
    database.execute(f"CREATE TABLE {table.name} ({columns})")
    for column in table.indexed:
        database.execute(f"CREATE INDEX ix_{table.name}_{column} ON {table.name} ({column})")
    insert(database, table.name, rows)


def insert(database: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows whose columns are those of the table, in its order."""
    marks = ", ".join("?" * len(rows[0]))
    database.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row.values()) for row in rows])  # noqa: S608


def _kind(rows: Sequence[Row], column: str) -> str:
    """Return the SQL type of a column, by its first value that is not empty."""
    value = next((row[column] for row in rows if row[column] is not None), "")
    return _TYPES.get(type(value), "VARCHAR(200)")
