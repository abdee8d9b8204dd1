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

Start = tuple[Cell, ...] | None
"""The cells that one row is joined by; None where one of them is empty."""

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
        self._single_ref = self._refs[0] if len(self._refs) == 1 and not self._start else None
        self._is_list = join.kind.is_list
        self._is_judged = join.rows in layout.judged
        self.most = MAX_JUDGED + 1 if self._is_judged else MAX_JOINED

    def on(self, row: Row) -> On | None:
        """Return the cells of a joined row that the join compares.

        It is None where one of them is empty, or the row does not meet the join's `where`.
        """
        if self._tests and not all(holds(row[index]) for index, holds in self._tests):
            return None
        if len(self._own) == 1:
            cell = row[self._own[0]]
            return None if cell is None else (str(cell),)
        cells = [row[index] for index in self._own]
        return None if None in cells else tuple(map(str, cells))

    def on_raw(self, raw: Sequence[Any], clean: Callable[[Any], Cell]) -> On:
        """Return what a joined row is joined on when other cells of it cannot be read."""
        return tuple(str(clean(raw[index])) for index in self._own)

    def starts(self, rows: Rows) -> list[Start]:
        """Return what each row that the join starts from is compared with; None where a cell is empty."""
        if self._start:
            return [self._cells(rows, row) for row in rows[self._start]]
        if self._single_ref is None:
            return [self._cells(rows, ())]
        slot, index = self._single_ref
        cell = rows[slot][index] if rows[slot] else None
        return [None if cell is None else (cell,)]

    def _cells(self, rows: Rows, row: Row) -> Start:
        cells = [
            row[index] if self._start and slot == self._start else rows[slot][index] if rows[slot] else None
            for slot, index in self._refs
        ]
        return None if None in cells else tuple(cells)

    def put(self, rows: Rows, starts: Sequence[Start], find: Find) -> None:
        """Put the rows that `find` gives for `starts` into `rows`.

        Raises `Malformed` where two fit and one is needed, or where a condition looks at too many.
        """
        found = [() if start is None else find(_texts(start)) for start in starts]
        if self._begin is not None:
            rows[self._slot] = [
                row + (self._single(fit) or self._blank) for row, fit in zip(rows[self._slot], found, strict=True)
            ]
        elif not self._is_list:
            rows[self._slot] = self._single(found[0])
        elif not self._start:
            rows[self._slot] = self._kept(found[0])
        else:
            made = [each + row for row, fit in zip(rows[self._start], found, strict=True) for each in fit]
            rows[self._slot] = self._kept(made)

    def _kept(self, found: Sequence[Row]) -> list[Row]:
        if not self._is_judged:
            return list(found[-MAX_JOINED:])
        if len(found) > MAX_JUDGED:
            told = "more than {limit} rows of `{join}`, which a condition looks at"
            raise Malformed(told, code="too-many-items", limit=MAX_JUDGED, join=self.join.name)
        return list(found)

    def _single(self, found: Sequence[Row]) -> Row | None:
        if not self.is_one(found):
            told = "two rows of `{join}` fit, where one is needed"
            raise Malformed(told, code="join-not-unique", join=self.join.name)
        return found[0] if found else None

    def is_one(self, found: Sequence[Row]) -> bool:
        """Tell whether joined rows say the same, as far as the mapping looks at them."""
        return len(found) < 2 or all(row == found[0] for row in found)

    def missed(self, rows: Rows) -> Iterator[str]:
        """Yield the cells that lead to no row, of a join that gives one row for each that it starts from."""
        found = [rows[self._slot]]
        if self._begin is not None:
            place = self._begin + self._own[0]
            found = [row[place] is not None or None for row in rows[self._slot]]
        for start, row in zip(self.starts(rows), found, strict=True):
            if start is not None and row is None:
                yield " ".join(map(str, start))


def _texts(start: tuple[Cell, ...]) -> On:
    return (str(start[0]),) if len(start) == 1 else tuple(map(str, start))


def places_of(layout: Layout) -> list[JoinPlace]:
    """Return the joins of a record to other rows, in the order in which they build on each other."""
    return [JoinPlace(layout, join) for join in layout.joins if join.kind is not JoinKind.NESTED]
