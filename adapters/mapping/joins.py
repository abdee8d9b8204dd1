"""Puts the joined rows of a record into its `Rows`: which rows a join starts from, and which of the found ones fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from adapters.mapping.mapping import MAX_JOINED, Join, JoinKind, test_of
from adapters.mapping.rows import Layout, Row, Rows
from adapters.values.cells import Cell
from gateway.errors import Malformed

MAX_JUDGED = 1_000
"""Joined rows of one record where a condition looks at them; a record with more is left out."""

On = tuple[str, ...]
"""The cells that a join compares, as text."""

Find = Callable[[On], Sequence[Row]]
"""Gives the joined rows that have these cells, in their order."""


class JoinPlace:
    """One join of a record: where it starts, and where its rows go."""

    def __init__(self, layout: Layout, join: Join) -> None:
        self.join = join
        self._columns = layout.columns[join.name]
        self._own = [self._columns.index(column) for column in join.columns]
        self._slot = layout.slots[join.name]
        self._start = layout.slots[join.start] if join.start else 0
        self._refs = [layout.place(ref, join.start) for ref in join.to]
        self._blank: Row = (None,) * len(self._columns)
        self._tests = [(self._columns.index(when.ref.column), test_of(when)) for when in join.where]
        hangs = bool(join.rows) and join.rows != join.name
        self._begin = layout.begins[join.rows][join.name] if hangs else None
        self.is_list = join.kind.is_list
        self._is_judged = join.rows in layout.judged
        self.most = MAX_JUDGED + 1 if self._is_judged else MAX_JOINED

    def on(self, row: Row) -> On | None:
        """Return the cells of a joined row that the join compares.

        It is None where one of them is empty, or the row does not meet the join's `where`.
        """
        cells = [row[index] for index in self._own]
        if None in cells or not all(holds(row[index]) for index, holds in self._tests):
            return None
        return tuple(map(str, cells))

    def on_raw(self, raw: Sequence[Any], clean: Callable[[Any], Cell]) -> On:
        """Return what a joined row is joined on when other cells of it cannot be read."""
        return tuple(str(clean(raw[index])) for index in self._own)

    def starts(self, rows: Rows) -> list[tuple[Cell, ...] | None]:
        """Return what each row that the join starts from is compared with; None where a cell is empty."""
        if not self._start:
            return [self._cells(rows, ())]
        return [self._cells(rows, row) for row in rows[self._start]]

    def _cells(self, rows: Rows, row: Row) -> tuple[Cell, ...] | None:
        cells = [
            row[index] if self._start and slot == self._start else rows[slot][index] if rows[slot] else None
            for slot, index in self._refs
        ]
        return None if None in cells else tuple(cells)

    def put(self, rows: Rows, find: Find) -> None:
        """Put the rows that `find` gives into `rows`. Raises `Malformed` where two fit and one is needed."""
        starts = [tuple(map(str, start)) if start is not None else None for start in self.starts(rows)]
        if self._begin is not None:
            rows[self._slot] = [
                row + (self._single(start, find) or self._blank)
                for row, start in zip(rows[self._slot], starts, strict=True)
            ]
        elif not self.is_list:
            rows[self._slot] = self._single(starts[0], find)
        elif not self._start:
            rows[self._slot] = self._kept(find(starts[0]) if starts[0] is not None else ())
        else:
            made = [
                found + row
                for row, start in zip(rows[self._start], starts, strict=True)
                if start is not None
                for found in find(start)
            ]
            rows[self._slot] = self._kept(made)

    def _kept(self, found: Sequence[Row]) -> list[Row]:
        if not self._is_judged:
            return list(found[-MAX_JOINED:])
        if len(found) > MAX_JUDGED:
            told = "more than {limit} rows of `{join}`, which a condition looks at"
            raise Malformed(told, code="too-many-items", limit=MAX_JUDGED, join=self.join.name)
        return list(found)

    def _single(self, start: On | None, find: Find) -> Row | None:
        found = find(start) if start is not None else ()
        if not found:
            return None
        if any(row != found[0] for row in found):
            told = "two rows of `{join}` fit, where one is needed"
            raise Malformed(told, code="join-not-unique", join=self.join.name)
        return found[0]

    def missed(self, rows: Rows) -> Iterator[str]:
        """Yield the cells that lead to no row, of a join that gives one row for each that it starts from."""
        found = [rows[self._slot]]
        if self._begin is not None:
            place = self._begin + self._own[0]
            found = [row[place] is not None or None for row in rows[self._slot]]
        for start, row in zip(self.starts(rows), found, strict=True):
            if start is not None and row is None:
                yield " ".join(map(str, start))


def places_of(layout: Layout) -> list[JoinPlace]:
    """Return the joins of a record to other rows, in the order in which they build on each other."""
    return [JoinPlace(layout, join) for join in layout.joins if join.kind is not JoinKind.NESTED]
