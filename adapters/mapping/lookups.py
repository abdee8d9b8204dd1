"""Cells that a mapping looks up in a table of codes, a join or the list of countries, and does not find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from adapters.mapping.mapping import Join, JoinKind, Part, RecordMapping, Value, test_of
from adapters.mapping.rows import Builder, Rows


def coded(builder: Builder, record: RecordMapping) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield, for each part of a field that looks a cell up, its field and column, and a function for its unknown cells.

    A `codes` join is such a look-up for all fields; it is listed under its own name.
    """
    for name, value in record.fields.items():
        for part, rows in parts(value):
            if len(part.refs) == 1 and (is_known := _look_up(part)):
                yield (name, part.refs[0].column), _Codes(builder, part, part.rows or rows, is_known)
    for join in record.joins:
        if join.kind is JoinKind.CODES:
            yield (join.name, join.to.column), _missed(builder, join)


def _look_up(part: Part) -> Callable[[Any], bool] | None:
    """Return the test for cells with a meaning, for a part that looks cells up; else None."""
    if (codes := part.codes) is not None:
        return None if "*" in codes else lambda cell: str(cell) in codes
    if part.names == ("country",) and not part.otherwise:
        return lambda cell: part.converters[0](cell) is not None
    return None


def _missed(builder: Builder, join: Join) -> Callable[[Rows], Iterator[str]]:
    """Return a function that yields the cells of a row that lead to no row of the join's table."""
    slot, (start, index) = builder.layout.slots[join.name], builder.layout.place(join.to)

    def missed(rows: Rows) -> Iterator[str]:
        cell = rows[start][index] if rows[start] else None
        if cell is not None and not rows[slot]:
            yield str(cell)

    return missed


def parts(value: Value, rows: str = "") -> Iterator[tuple[Part, str]]:
    """Yield each part of a value and of the objects in it, with the join whose rows it is made for."""
    for part in value.parts:
        yield part, rows
        for inner in (part.item or {}).values():
            # Only objects without `where`: rows that it shuts out are never looked up.
            if part.where is None:
                yield from parts(inner, part.rows or rows)


class _Codes:
    """The cells of one part that are missing in its table."""

    def __init__(self, builder: Builder, part: Part, rows: str, is_known: Callable[[Any], bool]) -> None:
        self._is_known = is_known
        self._place = builder.layout.place(part.refs[0])
        self._holds = test_of(part.where) if part.where else None
        self._where = builder.layout.place(part.where.ref) if part.where else (0, 0)
        self._is_many = bool(rows)

    def __call__(self, rows: Rows) -> Iterator[str]:
        slot, index = self._place
        row = rows[slot]
        for each in row if isinstance(row, list) else (row,):
            if not each or each[index] is None or self._is_known(each[index]):
                continue
            if self._holds is not None:
                other = each if self._where[0] == slot else rows[self._where[0]]
                if not other or not self._holds(other[self._where[1]]):
                    continue
            yield str(each[index])
