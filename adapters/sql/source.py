"""The tables of one source: one record by key, all records in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.mapping import RecordMapping
from adapters.mapping.rows import Builder, Rows
from adapters.sql import changed
from adapters.sql.catalogue import Catalogue
from adapters.sql.connection.access import SqlAccess
from adapters.sql.connection.local_file import is_local_file
from adapters.sql.connection.open_failure import not_opened
from adapters.sql.joined import LOOKED_AT, PAGE_SECONDS, InDoubtError, JoinedRows, Links, Scanned
from adapters.sql.proof import Ambiguous, Proof
from adapters.sql.tables import BATCH, Tables, Wanted
from adapters.sql.totals import count, fingerprint
from adapters.values.cells import cleaner
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, Unknown

SCAN_SECONDS = 3_600.0
"""The longest that reading all rows of a table may take."""

TOGETHER = 64
"""Records that are read at once."""

_NO_KEY = "a row without a key"


class SqlSource:
    """The tables of one source (`adapters.indexed.RowSource`). `close` ends the connections of all threads."""

    def __init__(self, mapping: SourceMapping, url: str, clock: Clock, access: SqlAccess | None = None) -> None:
        self.mapping = mapping
        self.builders = {name: Builder(mapping, record) for name, record in mapping.records.items()}
        self._clock = clock
        self._url = url
        self._clean = cleaner(mapping.encoding, mapping.junk, repair=mapping.repair)
        self._tables = Tables(mapping.id, url, clock, access)
        self.is_near = is_local_file(url)
        self.guard = "session" if self._tables.kind.prepare else "account"
        try:
            self.catalogue = self._checked_catalogue()
            self._joined = JoinedRows(self._tables, self.catalogue, mapping, self.builders, self._clean, clock)
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
        wanted = Wanted(place, tuple(layout.columns[""]), record.key, 1, limit=LOOKED_AT)
        rows = layout.empty()
        for raw in self._tables.run(wanted, (value,), deadline):
            # A database may compare without case, accents or trailing blanks: such a row is another record.
            if str(self._clean(raw[0])) == key:
                rows[0] = tuple(map(self._clean, raw))
                break
        else:
            raise Unknown("the source has no such record", code="unknown-record")
        for made, _links, why in self._joined.fill(record_type, [rows], deadline, links):
            if made is None:
                raise Malformed(why, code="bad-row")
        return rows

    def read_many(self, record_type: str, keys: Sequence[str], deadline: float) -> list[Rows | LiaisonError]:
        """Return the rows or the error of each key (`adapters.indexed.ManyRows`), by few statements.

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
            except (Malformed, InDoubtError):
                half = len(some) // 2
                waiting += [some[:half], some[half:]]
        return [found[key] if key in found else self._tried(record_type, key, deadline) for key in keys]

    def _read_together(self, record_type: str, keys: Sequence[str], deadline: float) -> dict[str, Rows]:
        record, layout = self.mapping.records[record_type], self.builders[record_type].layout
        values = [value for key in keys if (value := self._key_value(record, key)) is not None]
        found: dict[str, Rows] = {}
        padded = self._tables.padded(values) if values else []
        columns, many = tuple(layout.columns[""]), len(padded)
        wanted = Wanted(self.catalogue.place(record.table), columns, record.key, many, newest=True, limit=LOOKED_AT)
        raws = self._tables.run(wanted, padded, deadline) if padded else ()
        if len(raws) >= LOOKED_AT:
            raise InDoubtError
        for raw in raws:
            # As in `read`: a key that only the database treats as equal is another record; the first row counts.
            row = tuple(map(self._clean, raw))
            if (key := str(row[0])) in keys and key not in found:
                found[key] = layout.empty()
                found[key][0] = row
        for rows, _links, why in self._joined.fill(record_type, list(found.values()), deadline):
            if rows is None:
                raise Malformed(why, code="bad-row")
        return found

    def _key_value(self, record: RecordMapping, key: str) -> Any:
        try:
            return self.catalogue.key(record.table, record.key, key)
        except Unknown:
            return None

    def _tried(self, record_type: str, key: str, deadline: float) -> Rows | LiaisonError:
        try:
            return self.read(record_type, key, {}, deadline)
        except LiaisonError as error:
            return error

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
        yield from self._joined.fill(record_type, rows)

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
        for join in builder.layout.joins:
            if join.rows:
                rows[builder.layout.slots[join.rows]] = []
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

    # ---------------------------------------------------- the source as a whole

    def ambiguous(self, record_type: str) -> Iterator[Ambiguous]:
        """Yield the joins of a record type whose keys do not tell rows apart where a record needs that."""
        record = self.mapping.records[record_type]
        yield from Proof(self._tables, self.catalogue, record, self._joined, self._clock).ambiguous()

    def ping(self, deadline: float) -> None:
        """Run an empty query on each table. Raises when one of them cannot be asked."""
        for name, record in self.mapping.records.items():
            columns = tuple(self.builders[name].layout.columns[""])
            self._tables.run(Wanted(self.catalogue.place(record.table), columns, record.key, 1), (None,), deadline)

    def has_links(self, record_type: str) -> bool:
        """Tell whether only the key index finds some joined rows of the type."""
        return bool(self._joined.linked.get(record_type))

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
