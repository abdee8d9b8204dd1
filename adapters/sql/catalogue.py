"""The catalogue of a database: its tables, columns, types and indexes; mappings are checked against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as Map
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Inspector

from adapters.mapping.mapping import JoinKind, Mapping, RecordMapping
from adapters.mapping.rows import refs_of
from adapters.sql.tables import Table
from gateway.config.toml import nearest
from gateway.errors import Misconfigured, Unknown

_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,15})?", re.ASCII)


class Catalogue:
    """The catalogue of one source. `file` is the mapping that errors name.

    `is_loose`: columns hold values of any type, whatever they were declared as (SQLite). `encoding` is that of
    columns that hold bytes.
    """

    def __init__(self, inspector: Inspector, file: str, *, encoding: str = "utf-8", is_loose: bool = False) -> None:
        self._inspector = inspector
        self._file = file
        self._encoding = encoding
        self._is_loose = is_loose
        self._places: dict[str, Table] = {}
        self._columns: dict[str, dict[str, Any]] = {}
        self._indexed: dict[str, set[str]] = {}
        self._unique: dict[str, set[str]] = {}
        self._rules: dict[str, list[frozenset[str]]] = {}

    def check(self, record: RecordMapping) -> None:
        """Check that every table and column that `record` names exists, and that its joins can be followed.

        Raises `Misconfigured`.
        """
        tables = {"": record.table}
        self._table(record.table, record.line)
        self._column(record.table, record.key, record.line_key)
        for join in record.joins:
            if join.kind is JoinKind.NESTED:
                self._fail("a database's rows have no nested lists", join.line, "join a table: codes, one or many")
            tables[join.name] = join.table
            self._table(join.table, join.line)
            for ref in join.to:
                self._column(tables[ref.join], ref.column, ref.line)
            for column in (*join.columns, join.key, join.order):
                self._column(join.table, column, join.line_on)
            for when in join.where:
                self._column(join.table, when.ref.column, when.ref.line)
            if join.kind is JoinKind.ONE and not self.is_indexed(join.table, join.columns):
                columns = ", ".join(join.columns)
                self._fail(f"`{join.table}.{columns}` has no index", join.line_on, "join on an indexed column")
        if record.changed:
            self._column(tables[record.changed.join], record.changed.column, record.changed.line)
        for ref in refs_of(record):
            self._column(tables[ref.join], ref.column, ref.line)

    def place(self, table: str) -> Table:
        """Return the schema and name of a table that was checked."""
        return self._places[table]

    def columns(self, table: str) -> Collection[str]:
        """Return the columns of a table that was checked."""
        return self._columns[table]

    def is_indexed(self, table: str, columns: Sequence[str]) -> bool:
        """Tell whether an index finds the rows of `table` by `columns`: it begins with one of them."""
        return not self._indexed[table].isdisjoint(columns)

    def is_unique(self, table: str, columns: Sequence[str]) -> bool:
        """Tell whether the database lets no two rows of `table` have the same cells in `columns`."""
        return any(rule <= set(columns) for rule in self._rules[table])

    def can_page(self, table: str, column: str) -> bool:
        """Tell whether `table` can be read page by page in the order of `column`, since no two rows share a value."""
        return column in self._unique[table] and (not self._is_loose or self._type(table, column) is int)

    def is_whole(self, table: str, column: str) -> bool:
        """Tell whether the column holds whole numbers."""
        return self._type(table, column) is int

    def is_unordered(self, table: str, column: str) -> bool:
        """Tell whether the database has no largest value of the column: PostgreSQL has none for UUIDs."""
        return not self._is_loose and self._type(table, column) is UUID

    def key(self, table: str, column: str, key: str) -> Any:
        """Return `key` in the type of the column. Raises `Unknown` when it cannot be a value of the column."""
        value = key if self._is_loose and not self.is_whole(table, column) else self._fitted(table, column, key)
        if value is None:
            raise Unknown("the source has no such record", code="unknown-record")
        return value

    def parameter(self, table: str, column: str, value: Any) -> Any:
        """Return `value` of another column in the type of this one; None when it cannot be one of its values.

        A database that converts by itself makes `12abc` equal to 12, or refuses the whole statement.
        """
        return value if self._is_loose else self._fitted(table, column, value)

    def _fitted(self, table: str, column: str, value: Any) -> Any:
        kind = self._columns[table][column]
        text = str(value)
        if text not in getattr(kind, "enums", (text,)):
            return None
        fit = _FITS.get(self._type(table, column))
        try:
            return text.encode(self._encoding) if self._type(table, column) is bytes else fit(text) if fit else value
        except (ValueError, LookupError):
            return None

    def growing_columns(self, mapping: Mapping) -> set[tuple[str, str]]:
        """Return each table of `mapping` with the column whose largest value grows with new rows."""
        records = mapping.records.values()
        found = {(record.table, record.key) for record in records}
        return found | {(join.table, join.key) for record in records for join in record.joins}

    def _type(self, table: str, column: str) -> type | None:
        try:
            found: type = self._columns[table][column].python_type
        except NotImplementedError:
            return None
        return found

    def _table(self, table: str, line: int) -> None:
        if table in self._columns:
            return
        schema, name = self._places[table] = self._find(table, line)
        columns = self._inspector.get_columns(name, schema or None)
        self._columns[table] = {column["name"]: column["type"] for column in columns}
        primary = self._inspector.get_pk_constraint(name, schema or None)["constrained_columns"]
        indexes = self._inspector.get_indexes(name, schema or None)
        rules: list[Any] = [{"column_names": primary, "unique": True}, *indexes]
        with suppress(NotImplementedError):
            unique = self._inspector.get_unique_constraints(name, schema or None)
            rules += [{"column_names": rule["column_names"], "unique": True} for rule in unique]
        self._indexed[table] = {name for rule in rules for name in rule["column_names"][:1] if name}
        self._rules[table] = [
            frozenset(rule["column_names"]) for rule in rules if rule["unique"] and all(rule["column_names"] or [None])
        ]
        nullable = {column["name"] for column in columns if column.get("nullable", True)} - set(primary)
        alone = {rule["column_names"][0] for rule in rules if rule["unique"] and len(rule["column_names"]) == 1}
        self._unique[table] = {name for name in alone if name} - nullable

    def _find(self, table: str, line: int) -> Table:
        """Return schema and name. A name with dots is first sought in the own schema, then read as `schema.table`."""
        known = self._names("")
        schema, _, name = table.rpartition(".")
        if table in known or not schema:
            if table not in known:
                self._fail(f"unknown table `{table}`", line, nearest(table, known))
            return "", table
        schemas = self._inspector.get_schema_names()
        if schema not in schemas:
            self._fail(f"unknown schema `{schema}`", line, nearest(schema, schemas))
        known = self._names(schema)
        if name not in known:
            self._fail(f"unknown table `{table}`", line, nearest(name, known))
        return schema, name

    def _names(self, schema: str) -> list[str]:
        return self._inspector.get_table_names(schema or None) + self._inspector.get_view_names(schema or None)

    def _column(self, table: str, column: str, line: int) -> None:
        known = self._columns[table]
        if column not in known:
            self._fail(f"unknown column `{column}` in table `{table}`", line, nearest(column, known))

    def _fail(self, message: str, line: int, remedy: str) -> None:
        raise Misconfigured(message, code="bad-mapping", where=f"{self._file}:{line}", remedy=remedy)


def _text(text: str) -> str | None:
    """Return `text`, or None with a NUL, which no database stores; half a surrogate pair raises `ValueError`."""
    text.encode()
    return None if "\0" in text else text


def _whole(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


_TRUTH = {"0": False, "1": True}

_FITS: Map[type | None, Callable[[str], Any]] = {
    str: _text,
    int: _whole,
    float: _number,
    Decimal: _number,
    bool: _TRUTH.get,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    UUID: UUID,
    None: _text,
}
"""A text in the type of a column, None or `ValueError` when it cannot be one of its values."""
