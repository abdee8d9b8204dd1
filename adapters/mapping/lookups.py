"""Cells that a mapping looks up in a table of codes, a join or the list of countries, and does not find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from adapters.mapping.conditions import condition
from adapters.mapping.joins import JoinPlace
from adapters.mapping.mapping import JoinKind, Over, Part, RecordMapping, Value, test_of
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
            yield (join.name, ", ".join(ref.column for ref in join.to)), JoinPlace(builder.layout, join).missed


def _look_up(part: Part) -> Callable[[Any], bool] | None:
    """Return the test for cells with a meaning, for a part that looks cells up; else None."""
    if (codes := part.codes) is not None:
        return None if "*" in codes else lambda cell: str(cell) in codes
    if part.names == ("country",) and not part.otherwise:
        return lambda cell: part.converters[0](cell) is not None
    return None


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
        self._place = builder.layout.place(part.refs[0], rows)
        self._holds: Callable[[Rows, Any], bool] = lambda _rows, _row: True
        if part.where and part.where.over is not Over.ONE:
            over = condition(part.where, builder.layout.place)
            self._holds = lambda rows, _row: over(rows)
        elif part.where:
            test, (slot, index) = test_of(part.where), builder.layout.place(part.where.ref, rows)
            own = self._place[0] == slot
            self._holds = lambda rows, row: test(row[index] if own else rows[slot][index] if rows[slot] else None)

    def __call__(self, rows: Rows) -> Iterator[str]:
        slot, index = self._place
        row = rows[slot]
        for each in row if isinstance(row, list) else (row,):
            if each and each[index] is not None and not self._is_known(each[index]) and self._holds(rows, each):
                yield str(each[index])
