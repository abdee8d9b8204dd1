"""The tables of one source: one record by key, all records in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from adapters.mapping.mapping import Join, JoinKind, RecordMapping
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Layout, Row, Rows
from adapters.sql import changed
from adapters.sql.access import SqlAccess
from adapters.sql.catalogue import Catalogue
from adapters.sql.open_failure import not_opened
from adapters.sql.statement import Wanted
from adapters.sql.tables import BATCH, Tables
from adapters.sql.totals import count, fingerprint
from adapters.values.cells import cleaner
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, Unknown

MAX_JOINED = 64
"""Joined rows of one record; of more, the newest by key are kept (a field holds as many at most)."""

SCAN_SECONDS = 3_600.0
PAGE_SECONDS = 120.0
"""The longest that reading all rows of a table, and one page of them, may take."""

TOGETHER = 64
"""Records that are read at once."""

_LOOKED_AT = 256
"""Rows that one statement for known records reads: a database may treat values as equal that are not.

For several records together it is uncertain with more that every row of each was read.
"""

_NO_KEY = "a row without a key"

Links = Mapping[str, Sequence[Any]]
"""For joins whose column has no index: the keys of the joined rows, as the key index keeps them."""

Scanned = tuple[Rows | None, dict[str, list[Any]], str]
"""Rows of a record, the links of its joins without an index, and the reason if there are no rows."""


class _InDoubt(Exception):
    """Too many rows for records that are read together."""


class SqlSource:
    """The tables of one source (`adapters.index.source.RowSource`). `close` ends the connections of all threads."""

    def __init__(self, mapping: SourceMapping, url: str, clock: Clock, access: SqlAccess | None = None) -> None:
        self.mapping = mapping
        self.builders = {name: Builder(mapping, record) for name, record in mapping.records.items()}
        self._clock = clock
        self._url = url
        self._clean = cleaner(mapping.encoding, mapping.junk, repair=mapping.repair)
        self._tables = Tables(mapping.id, url, clock, access)
        self.guard = "session" if self._tables.kind.prepare else "account"
        try:
            self.catalogue = self._checked_catalogue()
            self._linked = {
                name
                for name, record in mapping.records.items()
                for join in record.joins
                if join.kind is JoinKind.MANY and not self.catalogue.is_indexed(join.table, join.column)
            }
            self._codes: dict[tuple[str, str], dict[str, Row]] = {}
            self.load_codes()
        except BaseException:
            self._tables.close()
            raise

    # ---------------------------------------------------- catalogue and code tables

    def _checked_catalogue(self) -> Catalogue:
        mapping, is_loose = self.mapping, self._tables.kind.name == "sqlite"
        try:
            with self._tables.engine.connect() as connection:
                inspector = sa.inspect(connection)
                catalogue = Catalogue(inspector, mapping.file, encoding=mapping.encoding, is_loose=is_loose)
                for record in mapping.records.values():
                    catalogue.check(record)
        except LiaisonError:
            raise
        except Exception as error:
            raise not_opened(self._url, mapping.id) from error
        return catalogue

    def load_codes(self) -> None:
        """Read the code tables into memory, as they are now."""
        deadline = self._clock.monotonic() + PAGE_SECONDS
        for name, record in self.mapping.records.items():
            for join in record.joins:
                if join.kind is JoinKind.CODES:
                    self._codes[name, join.name] = self._code_table(self.builders[name].layout, join, deadline)

    def _code_table(self, layout: Layout, join: Join, deadline: float) -> dict[str, Row]:
        columns = layout.columns[join.name]
        place = columns.index(join.column)
        table: dict[str, Row] = {}
        for raw in self._tables.run(Wanted(self.catalogue.place(join.table), tuple(columns)), (), deadline):
            row = tuple(map(self._clean, raw))
            table[str(row[place])] = row
        return table

    # ---------------------------------------------------- one record

    def read(self, record_type: str, key: str, links: Links, deadline: float) -> Rows:
        """Return the rows of one record, with `links` as the scan found them. Raises `Unknown` when there is none."""
        record = self.mapping.records.get(record_type)
        builder = self.builders.get(record_type)
        if record is None or builder is None:
            raise Unknown("the source has no such record", code="unknown-record")
        layout = builder.layout
        value = self.catalogue.key(record.table, record.key, key)
        place = self.catalogue.place(record.table)
        wanted = Wanted(place, tuple(layout.columns[""]), record.key, 1, limit=_LOOKED_AT)
        rows = layout.empty()
        for raw in self._tables.run(wanted, (value,), deadline):
            # A database may compare without case, accents or trailing blanks: such a row is another record.
            if str(self._clean(raw[0])) == key:
                rows[0] = tuple(map(self._clean, raw))
                break
        else:
            raise Unknown("the source has no such record", code="unknown-record")
        for slot, join in enumerate(layout.joins, 1):
            source, index = layout.place(join.to)
            start = rows[source][index] if rows[source] else None
            rows[slot] = self._joined(record_type, layout, join, start, links, deadline)
        return rows

    def read_many(self, record_type: str, keys: Sequence[str], deadline: float) -> list[Rows | LiaisonError]:
        """Return the rows or the error of each key (`adapters.index.source.ManyRows`), by few statements.

        Where the result is in doubt, fewer records are read together. A single one is left to `read`, which says what
        is wrong with it. A record is therefore the same either way.
        """
        found: dict[str, Rows] = {}
        waiting = [keys[first : first + TOGETHER] for first in range(0, len(keys), TOGETHER)]
        while waiting:
            some = waiting.pop()
            if len(some) < 2:
                continue
            try:
                found |= self._read_together(record_type, some, deadline)
            except (Malformed, _InDoubt):
                half = len(some) // 2
                waiting += [some[:half], some[half:]]
        return [found[key] if key in found else self._tried(record_type, key, deadline) for key in keys]

    def _read_together(self, record_type: str, keys: Sequence[str], deadline: float) -> dict[str, Rows]:
        record, layout = self.mapping.records[record_type], self.builders[record_type].layout
        values = [value for key in keys if (value := self._key_value(record, key)) is not None]
        found: dict[str, Rows] = {}
        for raw in self._matching(record.table, layout.columns[""], record.key, values, "", deadline):
            # As in `read`: a key that only the database treats as equal is another record; the first row counts.
            row = tuple(map(self._clean, raw))
            if (key := str(row[0])) in keys and key not in found:
                found[key] = layout.empty()
                found[key][0] = row
        for rows, _links, why in self._with_joins(record_type, list(found.values()), deadline):
            if rows is None:
                raise Malformed(why, code="bad-row")
        return found

    def _key_value(self, record: RecordMapping, key: str) -> Any:
        try:
            return self.catalogue.key(record.table, record.key, key)
        except Unknown:
            return None

    def _matching(
        self, table: str, columns: Sequence[str], column: str, values: list[Any], order: str, deadline: float | None
    ) -> Sequence[Any]:
        """Return the rows whose `column` is one of `values`, newest first.

        With a deadline, which records that are read together have, it raises `_InDoubt` when some may be missing.
        """
        if not values:
            return ()
        padded, limit = self._tables.padded(values), 0 if deadline is None else _LOOKED_AT
        place, many = self.catalogue.place(table), len(padded)
        wanted = Wanted(place, tuple(columns), column, many, order=order, newest=True, limit=limit)
        found = self._tables.run(wanted, padded, self._page_deadline() if deadline is None else deadline)
        if limit and len(found) >= limit:
            raise _InDoubt
        return found

    def _tried(self, record_type: str, key: str, deadline: float) -> Rows | LiaisonError:
        try:
            return self.read(record_type, key, {}, deadline)
        except LiaisonError as error:
            return error

    def _joined(self, record_type: str, layout: Layout, join: Join, start: Any, links: Links, deadline: float) -> Any:
        if join.kind is JoinKind.CODES:
            return self._codes[record_type, join.name].get(str(start))
        is_one = join.kind is JoinKind.ONE
        if start is None:
            return None if is_one else []
        column, keys = (join.key, links[join.name]) if join.name in links else (join.column, (start,))
        found = self._equal(layout, join, column, keys, deadline)
        if is_one:
            return found[0] if found else None
        return found[MAX_JOINED - 1 :: -1]

    def _equal(self, layout: Layout, join: Join, column: str, keys: Sequence[Any], deadline: float) -> list[Row]:
        """Return the rows of a join whose `column` equals one of `keys` exactly, newest first."""
        values = self._tables.padded(self._fitted(join, column, keys))
        if not values:
            return []
        columns = tuple(layout.columns[join.name])
        order = join.order if join.kind is JoinKind.MANY else ""
        limit = _LOOKED_AT if column == join.column else 0
        wanted = Wanted(
            self.catalogue.place(join.table), columns, column, len(values), order=order, newest=True, limit=limit
        )
        place, known = columns.index(column), {str(key) for key in keys}
        rows = (tuple(map(self._clean, raw)) for raw in self._tables.run(wanted, values, deadline))
        return [row for row in rows if str(row[place]) in known]

    def _fitted(self, join: Join, column: str, keys: Sequence[Any]) -> list[Any]:
        """Return those of `keys` that can be values of the column, in its type."""
        fitted = (self.catalogue.parameter(join.table, column, key) for key in keys)
        return [value for value in fitted if value is not None]

    # ---------------------------------------------------- all records

    def scan(self, record_type: str) -> Iterator[Scanned]:
        """Yield all rows of a record type: rows, the links of its joins without an index, and why rows are missing.

        A row whose cells cannot be read comes as None with the reason.
        """
        for batch in self._batches(record_type, self._clock.monotonic() + SCAN_SECONDS):
            yield from self._made(record_type, batch)

    def position(self) -> str:
        """Return the newest values of change columns and growing keys (`adapters.index.build`)."""
        return changed.position(self._tables, self.catalogue, self.mapping, self._page_deadline())

    def changed(self, record_type: str, since: str) -> Iterator[Scanned]:
        """Yield the rows of a record type that are new or changed since the position `since`, as `scan` gives them.

        It yields too many rather than too few: rows with the value that was the newest then come again. A change that
        no change column and no growing key shows is missed.
        """
        layout, seen = self.builders[record_type].layout, set[Any]()
        deadline = self._clock.monotonic() + SCAN_SECONDS
        for batch in changed.rows(self._tables, self.catalogue, self.mapping, layout, record_type, since, deadline):
            fresh = {raw[0]: raw for raw in batch if raw[0] not in seen}
            seen.update(fresh)
            yield from self._made(record_type, list(fresh.values()))

    def _made(self, record_type: str, batch: Sequence[Any]) -> Iterator[Scanned]:
        layout = self.builders[record_type].layout
        rows: list[Rows] = []
        for raw in batch:
            made = layout.empty()
            try:
                made[0] = tuple(map(self._clean, raw))
            except Malformed:
                yield self._half_read(record_type, raw)
                continue
            if made[0][0] is None:
                yield None, {}, _NO_KEY
                continue
            rows.append(made)
        yield from self._with_joins(record_type, rows)

    def _half_read(self, record_type: str, raw: Sequence[Any]) -> Scanned:
        """Return the reason with the first unreadable cell of a row, or the row itself if it is surely past."""
        builder = self.builders[record_type]
        cells: list[Any] = []
        unread: dict[int, str] = {}
        for place, (column, value) in enumerate(zip(builder.layout.columns[""], raw, strict=True)):
            try:
                cells.append(self._clean(value))
            except Malformed as error:
                cells.append(None)
                unread[place] = f"{error.message}, in `{column}`"
        if cells[0] is None or not builder.is_surely_past(tuple(cells), unread):
            return None, {}, next(iter(unread.values()))
        rows = builder.layout.empty()
        rows[0] = tuple(cells)
        for slot, join in enumerate(builder.layout.joins, 1):
            rows[slot] = [] if join.kind.has_many else None
        return rows, {}, ""

    def _batches(self, record_type: str, deadline: float) -> Iterator[Sequence[Any]]:
        """Yield pages in the order of the key, each a statement of its own that holds no lock for long.

        Where the database does not declare the key unique, one statement gives all rows, in any order.
        """
        record = self.mapping.records[record_type]
        table, columns = self.catalogue.place(record.table), tuple(self.builders[record_type].layout.columns[""])
        if not self.catalogue.can_page(record.table, record.key):
            yield from self._tables.stream(Wanted(table, columns), (), deadline)
            return
        size = min(BATCH, self._tables.kind.many)
        first = Wanted(table, columns, order=record.key, limit=size)
        page = self._tables.run(first, (), self._page_deadline())
        following = Wanted(table, columns, record.key, 1, compare=">", order=record.key, limit=size)
        while page:
            yield page
            if len(page) < size:
                return
            page = self._tables.run(following, (page[-1][0],), self._page_deadline())

    def _page_deadline(self) -> float:
        return self._clock.monotonic() + PAGE_SECONDS

    def _with_joins(self, record_type: str, batch: list[Rows], deadline: float | None = None) -> Iterator[Scanned]:
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
                group = groups.get(str(start), []) if start is not None else []
                if start is not None and str(start) in unreadable:
                    broken[position] = unreadable[str(start)]
                rows[slot] = group if join.kind is JoinKind.MANY else (group[-1] if group else None)
                if kept:
                    link[join.name] = [row[place] for row in group]
        for position, (rows, link) in enumerate(zip(batch, links, strict=True)):
            yield (None, {}, broken[position]) if position in broken else (rows, link, "")

    def _groups(
        self, layout: Layout, join: Join, starts: list[Any], deadline: float | None
    ) -> tuple[dict[str, list[Row]], dict[str, str]]:
        """Return the joined rows of a batch by the value that they are joined on, and why others are unreadable."""
        wanted = sorted({start for start in starts if start is not None}, key=str)
        groups: dict[str, list[Row]] = {}
        unreadable: dict[str, str] = {}
        columns = layout.columns[join.name]
        place = columns.index(join.column)
        for raw in self._joined_rows(join, columns, wanted, deadline):
            try:
                row = tuple(map(self._clean, raw))
            except Malformed as error:
                unreadable[str(self._clean(raw[place]))] = error.message
                continue
            group = groups.setdefault(str(row[place]), [])
            if len(group) < MAX_JOINED:
                group.append(row)
        for group in groups.values():
            group.reverse()
        return groups, unreadable

    def _joined_rows(
        self, join: Join, columns: Sequence[str], starts: list[Any], deadline: float | None
    ) -> Iterator[Any]:
        order, most = join.order if join.kind is JoinKind.MANY else "", self._tables.kind.many
        for begin in range(0, len(starts), most):
            values = self._fitted(join, join.column, starts[begin : begin + most])
            yield from self._matching(join.table, columns, join.column, values, order, deadline)

    # ---------------------------------------------------- the source as a whole

    def ping(self, deadline: float) -> None:
        """Run an empty query on each table. Raises when one of them cannot be asked."""
        for name, record in self.mapping.records.items():
            columns = tuple(self.builders[name].layout.columns[""])
            self._tables.run(Wanted(self.catalogue.place(record.table), columns, record.key, 1), (None,), deadline)

    def has_links(self, record_type: str) -> bool:
        """Tell whether only the key index finds some joined rows of the type."""
        return record_type in self._linked

    def count(self, record_type: str) -> int:
        """Return the number of rows of the record's table."""
        return count(self._tables, self.catalogue, self.mapping.records[record_type].table, self._page_deadline())

    def fingerprint(self) -> str:
        """Return a text that changes when rows come or go, or change where the mapping names `changed`."""
        layouts = {name: builder.layout for name, builder in self.builders.items()}
        return fingerprint(self._tables, self.catalogue, self.mapping, layouts, self._page_deadline())

    def close(self) -> None:
        """Close every connection; the source is not used afterwards."""
        self._tables.close()
