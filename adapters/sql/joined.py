"""The joined rows of records: code tables held in memory, the other rows by few statements for many records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.mapping.joins import JoinPlace, On, places_of
from adapters.mapping.mapping import JoinKind
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Row, Rows
from adapters.sql.catalogue import Catalogue
from adapters.sql.changed import fitted_to
from adapters.sql.statement import Wanted
from adapters.sql.tables import Tables
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
        for place in self.places[record_type]:
            whole = [(position, rows) for position, rows in enumerate(batch) if position not in broken]
            find = self._finder(record_type, place, [rows for _, rows in whole], deadline, links)
            for position, rows in whole:
                try:
                    place.put(rows, find)
                except Malformed as error:
                    broken[position] = error.message
                    continue
                if place.join.name in self.linked[record_type]:
                    kept[position][place.join.name] = self._keys(record_type, place, rows)
        for position, (rows, link) in enumerate(zip(batch, kept, strict=True)):
            yield (None, {}, broken[position]) if position in broken else (rows, link, "")

    def _keys(self, record_type: str, place: JoinPlace, rows: Rows) -> list[Any]:
        layout, join = self._builders[record_type].layout, place.join
        key = layout.columns[join.name].index(join.key)
        return [row[key] for row in rows[layout.slots[join.name]]]

    def _finder(
        self,
        record_type: str,
        place: JoinPlace,
        batch: Sequence[Rows],
        deadline: float | None,
        links: Links | None,
    ) -> Callable[[On], Sequence[Row]]:
        """Return a function that gives the joined rows for what the records of `batch` are joined on."""
        if place.join.kind is JoinKind.CODES:
            codes = self._codes[record_type, place.join.name]
            return lambda on: codes.get(on, ())
        groups: dict[On, list[Row]] = {}
        unreadable: dict[On, str] = {}
        for raw in self._raw(record_type, place, batch, deadline, links):
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
        batch: Sequence[Rows],
        deadline: float | None,
        links: Links | None,
    ) -> Iterator[Any]:
        """Yield the joined rows of all records of `batch`, the newest first."""
        join = place.join
        if links is not None and join.name in links:
            columns: tuple[str, ...] = (join.key,)
            starts: list[tuple[Any, ...]] = [(key,) for key in links[join.name]]
            limit = 0
        else:
            columns = join.columns
            starts = sorted({start for rows in batch for start in place.starts(rows) if start is not None}, key=str)
            limit = 0 if deadline is None else max(LOOKED_AT, place.most)
        order = join.order if join.kind is JoinKind.MANY else ""
        for found in self.matching(
            join.table, self._builders[record_type].layout.columns[join.name], columns, starts, order, limit, deadline
        ):
            if limit and len(found) >= limit and links is None:
                raise InDoubtError
            yield from found

    def matching(
        self,
        table: str,
        columns: Sequence[str],
        where: tuple[str, ...],
        values: Sequence[tuple[Any, ...]],
        order: str = "",
        limit: int = 0,
        deadline: float | None = None,
    ) -> Iterator[Sequence[Any]]:
        """Yield the rows whose `where` is one of `values`, newest first, as each statement gives them."""
        fitted = [fit for each in values if (fit := fitted_to(self._catalogue, table, where, each)) is not None]
        place, most = self._catalogue.place(table), self._tables.most(len(where))
        for begin in range(0, len(fitted), most):
            some = self._tables.padded(fitted[begin : begin + most])
            wanted = Wanted(
                place,
                tuple(columns),
                where[0] if len(where) == 1 else where,
                len(some),
                order=order,
                newest=True,
                limit=limit,
            )
            until = self._clock.monotonic() + PAGE_SECONDS if deadline is None else deadline
            yield self._tables.run(wanted, [value for each in some for value in each], until)
