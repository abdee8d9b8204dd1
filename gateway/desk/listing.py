"""Read the first rows of a list that a person may see, where the store cannot tell which those are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_READ = 128
_MORE = 4
MOST_READ = 65_536
"""Rows that are looked at for one list at the most."""

Row = TypeVar("Row")


def first_fitting(
    read: Callable[[int], Sequence[Row]], fits: Callable[[Row], bool], limit: int, most: int = MOST_READ
) -> list[Row]:
    """Return the first `limit` rows that fit. `read` returns the first so many of all; it is asked for more and more,
    while too few of them fit."""
    count = max(_READ, limit)
    while True:
        rows = read(count)
        found = [row for row in rows if fits(row)]
        if len(found) >= limit or len(rows) < count or count >= most:
            return found[:limit]
        count *= _MORE
