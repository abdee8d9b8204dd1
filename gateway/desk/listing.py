"""Read the first rows of a list that a person may see, where the store cannot tell which those are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from gateway.errors import Malformed
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import ListPlace, Thread

_READ = 128
_MORE = 4
MOST_READ = 65_536
"""Rows that are looked at for one list at the most."""

MOST_LISTED = 1_000
"""Items of one page of a list at the most."""

USUAL_LISTED = 100

Row = TypeVar("Row")
_PLACE = re.compile(r"(?P<time>[0-9]{1,17})\.(?P<name>[0-9a-f]{32})\.(?P<peer>[a-z]{2})", re.ASCII)


class Slice(msgspec.Struct, Generic[Row], frozen=True):
    """One page of a list. `next` is the place after which the next page begins; empty: there is none."""

    items: tuple[Row, ...]
    next: str = ""


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


def slice_of(
    read: Callable[[ListPlace | None, int], Sequence[Thread]],
    fits: Callable[[Thread], Row | None],
    limit: int,
    after: str = "",
) -> Slice[Row]:
    """Return a page of a list of threads: so many that fit, behind the place `after` (empty: the first ones).

    `read` returns so many threads behind a place, the newest first. `fits` returns what the list has for a thread. So
    many rows are looked at in one call that it ends in time; then `next` leads on, however few were found. Raises
    `Malformed` for an invalid place.
    """
    place, looked, count = _place(after), 0, max(_READ, limit + 1)
    found: list[Row] = []
    last = place
    while looked < MOST_READ:
        rows = read(place, count)
        for row in rows:
            place = ListPlace(row.opened_us, row.key.thread_id, row.key.peer)
            if (item := fits(row)) is None:
                continue
            if len(found) == limit:
                return Slice(tuple(found), _written(last))
            found.append(item)
            last = place
        if len(rows) < count:
            return Slice(tuple(found))
        looked, count = looked + len(rows), count * _MORE
    return Slice(tuple(found), _written(place))


def bad_place() -> Malformed:
    """Return the error for an invalid place in a list."""
    return Malformed(
        "this is no place in a list",
        code="bad-place",
        where="after",
        remedy="take it from `next` of the page before; without it the list begins",
    )


def _place(text: str) -> ListPlace | None:
    if not text:
        return None
    match = _PLACE.fullmatch(text)
    if match is None:
        raise bad_place()
    return ListPlace(int(match["time"]), ExchangeId(match["name"]), MemberId(match["peer"]))


def _written(place: ListPlace | None) -> str:
    return f"{place.opened_us}.{place.thread_id}.{place.peer}" if place is not None else ""
