"""The tables of one source: one record by key, all records in batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from adapters.base import check_deadline
from adapters.catalogue import Catalogue
from adapters.cells import cleaner
from adapters.mapping import Join, JoinKind
from adapters.mapping import Mapping as SourceMapping
from adapters.rows import Builder, Layout, Row, Rows
from adapters.sql.connect import Connection, read_only_engine
from adapters.sql.statement import Statement
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, TimedOut, Unavailable, Unknown

MAX_JOINED = 64
"""Joined rows of one record; of more, the newest by key are kept (a field holds as many at most)."""

BATCH = 2_000
"""Rows of one batch of a scan."""

SCAN_SECONDS = 3_600.0

Links = Mapping[str, Sequence[Any]]
"""For joins whose column has no index: keys of the joined rows, as the key index remembers them."""


class SqlSource:
    """The tables of one source. `close` ends the connections of all threads."""

    def __init__(self, mapping: SourceMapping, url: str, clock: Clock) -> None:
        self.mapping = mapping
        self.builders = {name: Builder(mapping, record) for name, record in mapping.records.items()}
        self._engine = read_only_engine(url)
        self._clock = clock
        self._clean = cleaner(mapping.encoding, mapping.junk)
        self._local = threading.local()
        self._open: list[Connection] = []
        self._lock = threading.Lock()
        self._statements: dict[tuple[str, str, str, int], Statement] = {}
        self._errors = (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error)
        self.catalogue = self._checked_catalogue()
        self._linked = {
            name
            for name, record in mapping.records.items()
            for join in record.joins
            if join.kind is JoinKind.MANY and not self.catalogue.is_indexed(join.table, join.column)
        }
        self._codes: dict[tuple[str, str], dict[str, Row]] = {}
        self.load_codes()

    # ---------------------------------------------------- catalogue and code tables

    def _checked_catalogue(self) -> Catalogue:
        try:
            with self._engine.connect() as connection:
                catalogue = Catalogue(sa.inspect(connection), self.mapping.file)
                for record in self.mapping.records.values():
                    catalogue.check(record)
        except self._errors as error:
            raise Unavailable(
                "the source cannot be opened", code="source-unavailable", where=self.mapping.id
            ) from error
        return catalogue

    def load_codes(self) -> None:
        """Read the code tables into memory, as they are now."""
        deadline = self._clock.monotonic() + SCAN_SECONDS
        for name, record in self.mapping.records.items():
            for join in record.joins:
                if join.kind is JoinKind.CODES:
                    self._codes[name, join.name] = self._code_table(self.builders[name].layout, join, deadline)

    def _code_table(self, layout: Layout, join: Join, deadline: float) -> dict[str, Row]:
        columns = layout.columns[join.name]
        place = columns.index(join.column)
        table: dict[str, Row] = {}
        for raw in self._run(self._statement(join.table, columns, "", "", 0), (), deadline):
            row = tuple(map(self._clean, raw))
            table[str(row[place])] = row
        return table

    # ---------------------------------------------------- one record

    def read(self, record_type: str, key: str, links: Links, deadline: float) -> Rows:
        """The rows of one record; `Unknown` when there is none. `links` as the scan found them."""
        record = self.mapping.records.get(record_type)
        builder = self.builders.get(record_type)
        if record is None or builder is None:
            raise Unknown("the source has no such record", code="unknown-record")
        layout = builder.layout
        statement = self._statement(record.table, layout.columns[""], record.key, "", 1)
        found = self._run(statement, (self.catalogue.key(record.table, record.key, key),), deadline)
        if not found:
            raise Unknown("the source has no such record", code="unknown-record")
        rows = layout.empty()
        rows[0] = tuple(map(self._clean, found[0]))
        for slot, join in enumerate(layout.joins, 1):
            source, index = layout.place(join.to)
            start = rows[source][index] if rows[source] else None
            rows[slot] = self._joined(record_type, layout, join, start, links, deadline)
        return rows

    def _joined(self, record_type: str, layout: Layout, join: Join, start: Any, links: Links, deadline: float) -> Any:
        if join.kind is JoinKind.CODES:
            return self._codes[record_type, join.name].get(str(start))
        if start is None:
            return None if join.kind is JoinKind.ONE else []
        columns = layout.columns[join.name]
        if join.kind is JoinKind.ONE:
            found = self._run(self._statement(join.table, columns, join.column, "", 1), (start,), deadline)
            return tuple(map(self._clean, found[0])) if found else None
        column, keys = (join.key, links[join.name]) if join.name in links else (join.column, (start,))
        if not keys:
            return []
        found = self._run(self._statement(join.table, columns, column, join.order, len(keys)), keys, deadline)
        return [tuple(map(self._clean, raw)) for raw in found[MAX_JOINED - 1 :: -1]]

    # ---------------------------------------------------- all records

    def scan(self, record_type: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        """All rows of a record type: rows, the links of its joins without an index, and why rows are missing.

        A row whose cells cannot be read comes as None with the reason.
        """
        record, layout = self.mapping.records[record_type], self.builders[record_type].layout
        deadline = self._clock.monotonic() + SCAN_SECONDS
        statement = self._statement(record.table, layout.columns[""], "", "", 0)
        for batch in self._stream(statement, deadline):
            rows: list[Rows] = []
            for raw in batch:
                made = layout.empty()
                try:
                    made[0] = tuple(map(self._clean, raw))
                except Malformed as error:
                    yield None, {}, error.message
                    continue
                rows.append(made)
            yield from self._with_joins(record_type, rows, deadline)

    def _with_joins(
        self, record_type: str, batch: list[Rows], deadline: float
    ) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        layout = self.builders[record_type].layout
        links: list[dict[str, list[Any]]] = [{} for _ in batch]
        broken: dict[int, str] = {}
        for slot, join in enumerate(layout.joins, 1):
            source, index = layout.place(join.to)
            starts = [rows[source][index] if rows[source] else None for rows in batch]
            if join.kind is JoinKind.CODES:
                table = self._codes[record_type, join.name]
                for rows, start in zip(batch, starts, strict=True):
                    rows[slot] = table.get(str(start))
                continue
            groups, unreadable = self._groups(layout, join, starts, deadline)
            kept = join.kind is JoinKind.MANY and not self.catalogue.is_indexed(join.table, join.column)
            place = layout.columns[join.name].index(join.key)
            for position, (rows, start, link) in enumerate(zip(batch, starts, links, strict=True)):
                group = groups.get(start, [])
                if start in unreadable:
                    broken[position] = unreadable[start]
                rows[slot] = group if join.kind is JoinKind.MANY else (group[0] if group else None)
                if kept:
                    link[join.name] = [row[place] for row in group]
        for position, (rows, link) in enumerate(zip(batch, links, strict=True)):
            yield (None, {}, broken[position]) if position in broken else (rows, link, "")

    def _groups(
        self, layout: Layout, join: Join, starts: list[Any], deadline: float
    ) -> tuple[dict[Any, list[Row]], dict[Any, str]]:
        """The joined rows of a batch by the value that they are joined on, and why others cannot be read."""
        wanted = sorted({start for start in starts if start is not None}, key=str)
        groups: dict[Any, list[Row]] = {}
        unreadable: dict[Any, str] = {}
        if not wanted:
            return groups, unreadable
        columns = layout.columns[join.name]
        place = columns.index(join.column)
        order = join.order if join.kind is JoinKind.MANY else ""
        for raw in self._run(self._statement(join.table, columns, join.column, order, len(wanted)), wanted, deadline):
            try:
                row = tuple(map(self._clean, raw))
            except Malformed as error:
                unreadable[self._clean(raw[place])] = error.message
                continue
            group = groups.setdefault(row[place], [])
            if len(group) < MAX_JOINED:
                group.append(row)
        for group in groups.values():
            group.reverse()
        return groups, unreadable

    def ping(self, deadline: float) -> None:
        """Ask each table for nothing: raises when one of them cannot be asked."""
        for name, record in self.mapping.records.items():
            columns = self.builders[name].layout.columns[""]
            self._run(self._statement(record.table, columns, record.key, "", 1), (None,), deadline)

    def has_links(self, record_type: str) -> bool:
        """Whether some joined rows of the type are found through the key index only."""
        return record_type in self._linked

    def count(self, record_type: str) -> int:
        """Rows of the record's table."""
        record = self.mapping.records[record_type]
        return int(self._totals(record.table, record.key)[0])

    def fingerprint(self) -> str:
        """A text that changes when rows are added, removed, or changed where the mapping names `changed`."""
        parts = []
        for table, column in sorted(self.catalogue.growing_columns(self.mapping)):
            count, newest = self._totals(table, column)
            parts.append(f"{table}:{count}:{self._clean(newest)}")
        return ";".join(parts)

    def _totals(self, table: str, column: str) -> Any:
        schema, _, name = table.rpartition(".")
        source = sa.table(name, sa.column(column), schema=schema or None)
        select = sa.select(sa.func.count(), sa.func.max(source.c[column])).select_from(source)
        deadline = self._clock.monotonic() + SCAN_SECONDS
        return self._execute(str(select.compile(self._engine)), (), deadline)[0]

    # ---------------------------------------------------- running statements

    def _statement(self, table: str, columns: Sequence[str], where: str, order: str, many: int) -> Statement:
        place = (table, "\0".join(columns), where + "\0" + order, many)
        known = self._statements.get(place)
        if known is None:
            known = Statement(self._engine, table, columns, where, order, many)
            if many <= MAX_JOINED:
                self._statements[place] = known
        return known

    def _run(self, statement: Statement, keys: Sequence[Any], deadline: float) -> Sequence[Any]:
        return self._execute(statement.sql, statement.parameters(keys), deadline)

    def _execute(self, sql: str, parameters: Any, deadline: float) -> Sequence[Any]:
        check_deadline(self._clock, deadline)
        try:
            connection = self._connection()
            connection.deadline = deadline
            cursor = connection.cursor
            cursor.execute(sql, parameters)
            found: Sequence[Any] = cursor.fetchall()
        except (*self._errors, OverflowError) as error:
            raise self._failure(deadline) from error
        return found

    def _stream(self, statement: Statement, deadline: float) -> Iterator[Sequence[Any]]:
        connection = None
        try:
            connection = Connection(self._engine, self._clock)
            connection.deadline = deadline
            connection.cursor.execute(statement.sql, statement.parameters(()))
            while batch := connection.cursor.fetchmany(BATCH):
                yield batch
        except self._errors as error:
            raise self._failure(deadline) from error
        finally:
            if connection is not None:
                connection.close()

    def _connection(self) -> Connection:
        held: Connection | None = getattr(self._local, "connection", None)
        if held is None:
            held = self._local.connection = Connection(self._engine, self._clock)
            with self._lock:
                self._open.append(held)
        return held

    def _failure(self, deadline: float) -> LiaisonError:
        """The error that may leave: it says nothing of the database's own text (threats.md, K10)."""
        self._drop_connection()
        if self._clock.monotonic() >= deadline:
            return TimedOut("the source had no time left", code="source-deadline")
        return Unavailable("the source cannot be read", code="source-unavailable", where=self.mapping.id)

    def _drop_connection(self) -> None:
        held: Connection | None = getattr(self._local, "connection", None)
        if held is None:
            return
        self._local.connection = None
        with self._lock:
            if held in self._open:
                self._open.remove(held)
        held.close()

    def close(self) -> None:
        """Close every connection; the source is not used afterwards."""
        with self._lock:
            for held in self._open:
                held.close()
            self._open.clear()
        self._engine.dispose()
