"""Proves from a source's data that the keys of its joins tell rows apart, where a record needs that.

`codes` and `one` need one row for what they are joined on. A `many` join needs one record for its rows, unless the
mapping says that records share them: two records with the same number would otherwise have each other's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from adapters.mapping.joins import JoinPlace, On
from adapters.mapping.mapping import Join, JoinKind, RecordMapping
from adapters.sql.catalogue import Catalogue
from adapters.sql.joined import PAGE_SECONDS, JoinedRows
from adapters.sql.tables import Tables, table_of
from adapters.sql.totals import compiled
from adapters.values.cells import Cell
from gateway.clock import Clock

_LOOKED_AT = 2_000
"""Repeated keys of one join that are looked at."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A join whose key does not tell rows apart, with the values of that key that have several rows.

    `table` and `columns` hold the key: those of the joined table, or with `is_shared` of the one that it starts from.
    `others` are columns that both tables have, and that the join does not name.
    """

    join: Join
    table: str
    columns: tuple[str, ...]
    keys: tuple[On, ...]
    is_shared: bool
    others: tuple[str, ...] = ()


class Proof:
    """The proof for the joins of one record type."""

    def __init__(
        self, tables: Tables, catalogue: Catalogue, record: RecordMapping, joined: JoinedRows, clock: Clock
    ) -> None:
        self._tables = tables
        self._catalogue = catalogue
        self._record = record
        self._joined = joined
        self._clock = clock
        self._of = {"": record.table} | {join.name: join.table for join in record.joins}

    def ambiguous(self) -> Iterator[Ambiguous]:
        """Yield each join whose key is not unique where it must be. Raises `TimedOut`, `Unavailable`."""
        for place in self._joined.places[self._record.type]:
            join = place.join
            if join.kind is not JoinKind.MANY:
                keys = self._several(place)
                if keys:
                    yield Ambiguous(join, join.table, join.columns, keys, False, self._others(join))
            elif not join.is_shared and not join.start and len({ref.join for ref in join.to}) == 1:
                start, columns = self._of[join.to[0].join], tuple(ref.column for ref in join.to)
                if keys := self._sharing(place, start, columns):
                    yield Ambiguous(join, start, columns, keys, True, self._others(join))

    def _several(self, place: JoinPlace) -> tuple[On, ...]:
        """Return what leads to several rows of a join that needs one."""
        join = place.join
        if join.kind is JoinKind.CODES:
            return tuple(on for on, rows in self._joined.codes(self._record.type, join.name).items() if len(rows) > 1)
        repeated = self._repeated(join.table, join.columns)
        find = self._joined.finder(self._record.type, place, [repeated])
        return tuple(on for on in _texts(repeated) if not place.is_one(find(on)))

    def _sharing(self, place: JoinPlace, table: str, columns: tuple[str, ...]) -> tuple[On, ...]:
        """Return what several live rows of the table that a join starts from have in common, with joined rows."""
        repeated = self._repeated(table, columns)
        find = self._joined.finder(self._record.type, place, [repeated])
        shared = [each for each, on in zip(repeated, _texts(repeated), strict=True) if find(on)]
        if place.join.to[0].join:
            return tuple(_texts(shared))
        return tuple(on for each, on in zip(shared, _texts(shared), strict=True) if self._live(columns, each) > 1)

    def _live(self, columns: tuple[str, ...], values: tuple[Cell, ...]) -> int:
        """Return the number of records that count among the rows with these values."""
        return len(self._joined.live_keys(self._record, columns, values))

    def _repeated(self, table: str, columns: tuple[str, ...]) -> list[tuple[Cell, ...]]:
        """Return the values of `columns` that several rows of `table` have, at most some of them."""
        if self._catalogue.is_unique(table, columns):
            return []
        source = table_of(self._catalogue.place(table), columns)
        cells = [source.c[column] for column in columns]
        select = sa.select(*cells).where(*(cell.is_not(None) for cell in cells)).group_by(*cells)
        select = select.having(sa.func.count() > 1).limit(_LOOKED_AT)
        until = self._clock.monotonic() + PAGE_SECONDS
        raws = self._tables.execute(*compiled(self._tables, select), until)
        return [row for raw in raws if (row := self._joined.cleaned(raw)) is not None]

    def _others(self, join: Join) -> tuple[str, ...]:
        used = {*join.columns, *(ref.column for ref in join.to)}
        start = self._catalogue.columns(self._of[join.to[0].join])
        return tuple(name for name in self._catalogue.columns(join.table) if name in start and name not in used)


def _texts(values: Sequence[tuple[Cell, ...]]) -> list[On]:
    return [tuple(map(str, each)) for each in values]
