"""What a database really holds: tables, columns, their types and indexes; mappings are checked against it."""

from __future__ import annotations

from typing import Any, Protocol

from adapters.mapping import JoinKind, Mapping, RecordMapping
from adapters.nodes import nearest
from adapters.rows import refs_of
from gateway.errors import Misconfigured, Unknown


class Inspector(Protocol):
    """What is needed of SQLAlchemy's inspector."""

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Names of tables."""

    def get_view_names(self, schema: str | None = None) -> list[str]:
        """Names of views."""

    def get_columns(self, table_name: str, schema: str | None = None) -> Any:
        """Columns with `name` and `type`."""

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> Any:
        """The primary key's `constrained_columns`."""

    def get_indexes(self, table_name: str, schema: str | None = None) -> Any:
        """Indexes with `column_names`."""


class Catalogue:
    """The catalogue of one source. `file` is the mapping that errors name."""

    def __init__(self, inspector: Inspector, file: str) -> None:
        self._inspector = inspector
        self._file = file
        self._columns: dict[str, dict[str, Any]] = {}
        self._indexed: dict[str, set[str]] = {}

    def check(self, record: RecordMapping) -> None:
        """Every table and column that `record` names exists, and its joins can be followed; else `Misconfigured`."""
        tables = {"": record.table}
        self._table(record.table, record.line)
        self._column(record.table, record.key, record.line_key)
        for join in record.joins:
            tables[join.name] = join.table
            self._table(join.table, join.line)
            self._column(tables[join.to.join], join.to.column, join.to.line)
            self._column(join.table, join.column, join.line_column)
            self._column(join.table, join.key, join.line_column)
            self._column(join.table, join.order, join.line_column)
            if join.kind is JoinKind.ONE and not self.is_indexed(join.table, join.column):
                self._fail(f"`{join.table}.{join.column}` has no index", join.line_column, "join on an indexed column")
        if record.changed:
            self._column(tables[record.changed.join], record.changed.column, record.changed.line)
        for ref in refs_of(record):
            self._column(tables[ref.join], ref.column, ref.line)

    def is_indexed(self, table: str, column: str) -> bool:
        """Whether rows of `table` are found quickly by `column`."""
        return column in self._indexed[table]

    def key(self, table: str, column: str, key: str) -> Any:
        """`key` in the type of the column; `Unknown` when it cannot be one of its values."""
        if not self._is_number(table, column):
            return key
        if not (key.isascii() and key.lstrip("-").isdigit() and len(key) <= 18):
            raise Unknown("the source has no such record", code="unknown-record")
        return int(key)

    def growing_columns(self, mapping: Mapping) -> set[tuple[str, str]]:
        """Each table of `mapping` with columns whose largest values grow with new and changed rows."""
        records = mapping.records.values()
        found = {(record.table, record.key) for record in records}
        found |= {(record.table, record.changed.column) for record in records if record.changed}
        return found | {(join.table, join.key) for record in records for join in record.joins}

    def _is_number(self, table: str, column: str) -> bool:
        try:
            return self._columns[table][column].python_type is int
        except NotImplementedError:
            return False

    def _table(self, table: str, line: int) -> None:
        if table in self._columns:
            return
        schema, _, name = table.rpartition(".")
        known = self._inspector.get_table_names(schema or None) + self._inspector.get_view_names(schema or None)
        if name not in known:
            self._fail(f"unknown table `{table}`", line, nearest(name, known))
        columns = self._inspector.get_columns(name, schema or None)
        self._columns[table] = {column["name"]: column["type"] for column in columns}
        primary = self._inspector.get_pk_constraint(name, schema or None)["constrained_columns"][:1]
        indexes = [index["column_names"][:1] for index in self._inspector.get_indexes(name, schema or None)]
        self._indexed[table] = {column for first in (primary, *indexes) for column in first if column}

    def _column(self, table: str, column: str, line: int) -> None:
        known = self._columns[table]
        if column not in known:
            self._fail(f"unknown column `{column}` in table `{table}`", line, nearest(column, known))

    def _fail(self, message: str, line: int, remedy: str) -> None:
        raise Misconfigured(message, code="bad-mapping", where=f"{self._file}:{line}", remedy=remedy)
