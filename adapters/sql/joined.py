"""The joined rows of records: code tables held in memory, the other rows by few statements for many records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from adapters.mapping.joins import Find, JoinPlace, On, Start, places_of
from adapters.mapping.mapping import JoinKind, RecordMapping
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Row, Rows
from adapters.sql.catalogue import Catalogue
from adapters.sql.changed import fitted_to
from adapters.sql.tables import Statement, Tables, Wanted
from adapters.values.cells import Cell
from gateway.clock import Clock
from gateway.errors import Malformed

PAGE_SECONDS = 120.0
"""The longest that one statement of a pass over all rows may take."""

LOOKED_AT = 256
"""Rows that one statement for known records reads: a database may treat values as equal that are not.

For several records together it is uncertain with more that every row of each was read.
"""

Links = Mapping[str, Sequence[Any]]
"""For joins whose column has no index: the keys of the joined rows, as the key index keeps them."""

Scanned = tuple[Rows | None, dict[str, list[Any]], str]
"""Rows of a record, the links of its joins without an index, and the reason if there are no rows."""


class InDoubtError(Exception):
    """Too many rows for records that are read together."""


class JoinedRows:
    """The joins of one source's records."""

    def __init__(
        self,
        tables: Tables,
        catalogue: Catalogue,
        mapping: SourceMapping,
        builders: Mapping[str, Builder],
        clean: Callable[[Any], Cell],
        clock: Clock,
    ) -> None:
        self._tables = tables
        self._catalogue = catalogue
        self._builders = builders
        self._clean = clean
        self._clock = clock
        self.places = {name: places_of(builder.layout) for name, builder in builders.items()}
        self.linked = {
            name: {
                join.name
                for join in record.joins
                if join.kind is JoinKind.MANY and not catalogue.is_indexed(join.table, join.columns)
            }
            for name, record in mapping.records.items()
        }
        self._statements: dict[tuple[str, str, tuple[str, ...], int, int], Statement] = {}
        self._codes: dict[tuple[str, str], dict[On, list[Row]]] = {}
        self.load_codes()

    def load_codes(self) -> None:
        """Read the code tables into memory, as they are now."""
        for name, places in self.places.items():
            for place in places:
                if place.join.kind is JoinKind.CODES:
                    self._codes[name, place.join.name] = self._code_table(name, place)

    def _code_table(self, record_type: str, place: JoinPlace) -> dict[On, list[Row]]:
        columns = tuple(self._builders[record_type].layout.columns[place.join.name])
        wanted, table = Wanted(self._catalogue.place(place.join.table), columns), dict[On, list[Row]]()
        for raw in self._tables.run(wanted, (), self._clock.monotonic() + PAGE_SECONDS):
            row = tuple(map(self._clean, raw))
            on = place.on(row)
            if on is not None and row not in (rows := table.setdefault(on, [])):
                rows.append(row)
        return table

    def codes(self, record_type: str, join: str) -> Mapping[On, Sequence[Row]]:
        """Return the rows of a code table by what they are joined on: several where they contradict each other."""
        return self._codes[record_type, join]

    def fill(
        self,
        record_type: str,
        batch: Sequence[Rows],
        deadline: float | None = None,
        links: Links | None = None,
    ) -> Iterator[Scanned]:
        """Put the joined rows into each record of `batch`; yield it, or why it cannot be read.

        `links` are those of a single record. With a deadline, several records are read together as far as it is
        certain that all of their rows were read; otherwise it raises `InDoubtError`.
        """
        kept: list[dict[str, list[Any]]] = [{} for _ in batch]
        broken: dict[int, str] = {}
        linked = self.linked[record_type]
        for place in self.places[record_type]:
            starts = {at: place.starts(rows) for at, rows in enumerate(batch) if at not in broken}
            find = self.finder(record_type, place, starts.values(), deadline, links)
            for at, own in starts.items():
                try:
                    place.put(batch[at], own, find)
                except Malformed as error:
                    broken[at] = error.message
                    continue
                if place.join.name in linked:
                    kept[at][place.join.name] = self._keys(record_type, place, batch[at])
        for at, rows in enumerate(batch):
            yield (None, {}, broken[at]) if at in broken else (rows, kept[at], "")

    def cleaned(self, raw: Sequence[Any]) -> tuple[Cell, ...] | None:
        """Return cells as they are compared; None where one of them is empty or cannot be read."""
        try:
            row = tuple(map(self._clean, raw))
        except Malformed:
            return None
        return None if None in row else row

    def live_keys(self, record: RecordMapping, columns: tuple[str, ...], values: tuple[Any, ...]) -> set[str]:
        """Return the keys of the records that count now and have these values in `columns` of their own table."""
        builder, fitted = self._builders[record.type], fitted_to(self._catalogue, record.table, columns, values)
        if fitted is None:
            return set()
        wanted = Wanted(self._catalogue.place(record.table), tuple(builder.layout.columns[""]), columns, 1)
        batch, today = [], self._clock.now().date().toordinal()
        for raw in self._tables.run(wanted, fitted, self._clock.monotonic() + PAGE_SECONDS):
            rows = builder.layout.empty()
            with suppress(Malformed):
                rows[0] = tuple(map(self._clean, raw))
                batch.append(rows)
        filled = zip(batch, self.fill(record.type, batch), strict=True)
        return {str(own[0][0]) for own, (rows, _, _) in filled if _counts(builder, own, rows, today)}

    def _keys(self, record_type: str, place: JoinPlace, rows: Rows) -> list[Any]:
        layout, join = self._builders[record_type].layout, place.join
        key = layout.columns[join.name].index(join.key)
        return [row[key] for row in rows[layout.slots[join.name]]]

    def finder(
        self,
        record_type: str,
        place: JoinPlace,
        starts: Collection[Sequence[Start]],
        deadline: float | None = None,
        links: Links | None = None,
    ) -> Find:
        """Return a function that gives the joined rows for what the records of a batch are joined on."""
        if place.join.kind is JoinKind.CODES:
            codes = self._codes[record_type, place.join.name]
            return lambda on: codes.get(on, ())
        groups: dict[On, list[Row]] = {}
        unreadable: dict[On, str] = {}
        raws = self._raw(record_type, place, starts, deadline, links)
        if not raws:
            return lambda _on: ()
        for raw in raws:
            self._take(place, raw, groups, unreadable)
        for group in groups.values():
            group.reverse()

        def find(on: On) -> Sequence[Row]:
            if on in unreadable:
                raise Malformed(unreadable[on], code="bad-row")
            return groups.get(on, ())

        return find

    def _take(
        self, place: JoinPlace, raw: Sequence[Any], groups: dict[On, list[Row]], unreadable: dict[On, str]
    ) -> None:
        try:
            row = tuple(map(self._clean, raw))
        except Malformed as error:
            unreadable[place.on_raw(raw, self._clean)] = error.message
            return
        on = place.on(row)
        if on is not None and len(group := groups.setdefault(on, [])) < place.most:
            group.append(row)

    def _raw(
        self,
        record_type: str,
        place: JoinPlace,
        starts: Collection[Sequence[Start]],
        deadline: float | None,
        links: Links | None,
    ) -> Sequence[Any]:
        """Return the joined rows of all records of a batch, the newest first."""
        join, limit = place.join, 0
        if links and join.name in links:
            columns: tuple[str, ...] = (join.key,)
            wanted: list[tuple[Any, ...]] = [(key,) for key in links[join.name]]
        else:
            columns = join.columns
            wanted = list({start: None for own in starts for start in own if start is not None})
            limit = 0 if deadline is None else max(LOOKED_AT, place.most)
        if not wanted:
            return ()
        if len(wanted) > 1:
            wanted.sort(key=str)
        fitted = [fit for each in wanted if (fit := fitted_to(self._catalogue, join.table, columns, each)) is not None]
        most, found = self._tables.most(len(columns)), list[Any]()
        for begin in range(0, len(fitted), most):
            some = self._tables.padded(fitted[begin : begin + most])
            statement = self._statement(record_type, place, columns, len(some), limit)
            until = self._clock.monotonic() + PAGE_SECONDS if deadline is None else deadline
            values = [value for each in some for value in each]
            raws = self._tables.execute(statement.sql, statement.parameters(values), until)
            if limit and links is None and len(raws) >= limit:
                raise InDoubtError
            found += raws
        return found

    def _statement(
        self, record_type: str, place: JoinPlace, columns: tuple[str, ...], many: int, limit: int
    ) -> Statement:
        known = (record_type, place.join.name, columns, many, limit)
        if (statement := self._statements.get(known)) is None:
            join, own = place.join, self._builders[record_type].layout.columns[place.join.name]
            statement = self._statements[known] = self._tables.statement(
                Wanted(
                    self._catalogue.place(join.table),
                    tuple(own),
                    columns,
                    many,
                    order=join.order if join.kind is JoinKind.MANY else "",
                    newest=True,
                    limit=limit,
                )
            )
        return statement


def _counts(builder: Builder, own: Rows, rows: Rows | None, today: int) -> bool:
    """Tell whether a record counts; where other joins keep it from being read, as far as its own row says."""
    if rows is None:
        return not builder.is_surely_past(own[0], ())
    try:
        return builder.is_live(rows) and not 0 < builder.last_day(rows) < today
    except Malformed:
        return False
