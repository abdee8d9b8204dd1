"""Conditions, compiled into tests of a record's rows.

Where a join has many rows, the mapping says which of them decide. Without any row, the condition is tested on an empty
cell, as it is with a column of a single row that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from adapters.mapping.mapping import Over, Ref, When, test_of
from adapters.values.cells import Cell
from adapters.values.conversion import Convert
from gateway.errors import Malformed
from gateway.model.values import PartialDate

Place = Callable[[Ref], tuple[int, int]]
"""Gives the slot of a column in `Rows`, and its index in the row."""

Holds = Callable[[list[Any]], bool]

_SORTABLE = re.compile(r"\d{4}-\d\d(?:-\d\d(?:[T ][0-9:.,+Z-]*)?)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_DAY_FIRST = re.compile(r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20|24|25)\d\d", re.ASCII)


def condition(when: When, place: Place) -> Holds:
    """Return the test of a condition that has no date, on the rows of a record.

    The test raises `Malformed` where the newest row is to decide and cannot be told.
    """
    test = test_of(when)
    slot, index = place(when.ref)
    if when.over is Over.ONE:
        return lambda rows: test(rows[slot][index] if rows[slot] else None)
    if when.over is Over.NEWEST:
        newest = _newest(when, place)
        return lambda rows: newest(rows[slot], [test(row[index]) for row in rows[slot]] or [test(None)])
    decide = any if when.over is Over.ANY else all
    bare = test(None)
    return lambda rows: decide([test(row[index]) for row in rows[slot]]) if rows[slot] else bare


def last_day(when: When, place: Place) -> Callable[[list[Any]], int]:
    """Return a function from rows to the last day (ordinal) on which a condition `not_past` holds; 0 without an end."""
    convert = when.date
    assert convert is not None, "only a condition with a date has a last day"
    slot, index = place(when.ref)
    if when.over is Over.ONE:
        return lambda rows: _day(convert, rows[slot][index] if rows[slot] else None)
    if when.over is Over.NEWEST:
        newest = _newest(when, place)
        return lambda rows: newest(rows[slot], [_day(convert, row[index]) for row in rows[slot]] or [0])
    decide = _latest if when.over is Over.ANY else _earliest
    return lambda rows: decide([_day(convert, row[index]) for row in rows[slot]])


def _day(convert: Convert, cell: Cell) -> int:
    value = None if cell is None else convert(cell)
    return 0 if value is None else PartialDate(value["value"]).interval()[1].toordinal()


def _latest(days: Sequence[int]) -> int:
    return 0 if 0 in days else max(days, default=0)


def _earliest(days: Sequence[int]) -> int:
    return min((day for day in days if day), default=0)


def _newest(when: When, place: Place) -> Callable[[Sequence[Any], Sequence[Any]], Any]:
    """Return a function from rows and what is found for each of them to what is found for the newest one.

    Rows that all give the same are not compared. Otherwise the function raises `Malformed` where a row has no place
    in time, or several rows are the newest and give different answers.
    """
    assert when.by is not None, "a condition on the newest row names its column"
    (_, index), column, convert = place(when.by), when.by.column, when.by_date

    def choose(rows: Sequence[Any], found: Sequence[Any]) -> Any:
        if all(each == found[0] for each in found):
            return found[0]
        moments = [_moment(row[index], convert) for row in rows]
        if None in moments or len({kind for kind, _ in filter(None, moments)}) > 1:
            told = "rows that contradict each other, and `{column}` does not tell which is the newest"
            raise Malformed(told, code="no-newest", column=column)
        top = max(filter(None, moments))
        newest = [each for each, moment in zip(found, moments, strict=True) if moment == top]
        if any(each != newest[0] for each in newest):
            told = "the newest rows by `{column}` contradict each other"
            raise Malformed(told, code="no-newest", column=column)
        return newest[0]

    return choose


def _moment(cell: Cell, convert: Convert | None) -> tuple[str, Any] | None:
    """Return a cell in a form that can be compared, with its kind; None where its order in time is not known."""
    if cell is None:
        return None
    if convert is not None:
        value = convert(cell)
        return value and ("day", value["value"])
    text = str(cell)
    if _DAY_FIRST.fullmatch(text):
        return None  # a date that begins with its day: its figures are in no order
    if isinstance(cell, int | float):
        return "number", cell
    if _WHOLE.fullmatch(text):
        return f"number of {len(text)}", text
    return ("moment", text.replace("T", " ")) if _SORTABLE.fullmatch(text) else None
