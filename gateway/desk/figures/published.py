"""Hide what is too small to be shown outside, so that it cannot be worked out from the rest.

A count of one to four is hidden, and all others are rounded to five, each by itself: then no difference of two shown
counts is narrower than a hidden one can be. A share is shown where neither it nor its rest is one to four, a median and
an amount where at least five stand behind it. Amounts are rounded to two digits, so that two packs do not tell a third.
"""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Sequence

import msgspec

from gateway.audit.statistics.statistics import SMALLEST, rounded

HIDDEN = -1
_DIGITS = 2


class Cell(msgspec.Struct, frozen=True):
    """One figure: a number in a unit (`count`, `percent`, `hours`, `kg`, `pieces`, `persons`), `HIDDEN`, or None where
    there is nothing to tell."""

    unit: str
    value: float | None


class Publisher:
    """Makes cells. With `exact` nothing is hidden or rounded, for own use."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact

    def count(self, number: int) -> Cell:
        """Return a count."""
        return Cell("count", number if self._exact else rounded(number))

    def share(self, part: int, whole: int) -> Cell:
        """Return a part of a whole in percent."""
        if not whole:
            return Cell("percent", None)
        is_told = self._exact or not any(0 < each < SMALLEST for each in (part, whole - part))
        return Cell("percent", round(100 * part / whole) if is_told else HIDDEN)

    def median_hours(self, times: Sequence[int] | array[int]) -> Cell:
        """Return the median of times in seconds."""
        if not times:
            return Cell("hours", None)
        is_told = self._exact or len(times) >= SMALLEST
        return Cell("hours", round(statistics.median(times) / 3_600, 2) if is_told else HIDDEN)

    def amount(self, unit: str, number: float, behind: int) -> Cell:
        """Return an amount, which so many cases make up."""
        if not number:
            return Cell(unit, None)
        if self._exact:
            return Cell(unit, round(number, 3))
        return Cell(unit, float(f"{number:.{_DIGITS}g}") if behind >= SMALLEST else HIDDEN)

    def is_rare(self, number: int) -> bool:
        """Tell whether a value that a counterpart chose stands with others that are rare."""
        return not self._exact and number < SMALLEST
