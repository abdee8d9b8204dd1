"""Hand out the objects of each audience in the order of their adding, a page at a time."""

from __future__ import annotations

import base64
import binascii
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

import msgspec

from bridges.leaving import Audience
from bridges.report import Report
from bridges.taxii.stix import Added, collection, next_end_us
from gateway.errors import Malformed, Unavailable

MOST = 1000
"""Objects in one page at most."""

_LAST = "\uffff"


class Wanted(msgspec.Struct, frozen=True):
    """A reader's request: objects after a moment or a place of the list, and of which kinds."""

    after: tuple[int, str] = (-1, "")
    limit: int = 100
    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset({"last"})
    spec_versions: frozenset[str] = frozenset()


class Page(msgspec.Struct, frozen=True):
    """A part of the list, and where the next one goes on; an empty text where there is none."""

    rows: Sequence[Added]
    following: str


class Shelf:
    """The reports as the node last told them. Without a word of the node for `stale_s` seconds nothing is handed out.

    A withdrawal that did not reach us is why: an old list would hand out what its owner took back.
    """

    def __init__(self, now_us: Callable[[], int], monotonic: Callable[[], float], stale_s: float) -> None:
        self._now_us = now_us
        self._monotonic = monotonic
        self._stale_s = stale_s
        self._lock = threading.Lock()
        self._reports: list[Report] = []
        self._told: float | None = None
        self._ends_us = 0
        self._lists: dict[Audience, list[Added]] = {}

    def put(self, reports: list[Report]) -> None:
        """Take the node's list of reports in place of the last one.

        What readers have asked for is made anew here, in the thread that looks at the node, and not while one waits.
        """
        now_us = self._now_us()
        is_same = reports == self._reports and now_us < self._ends_us
        lists = (
            self._lists if is_same else {audience: collection(reports, audience, now_us) for audience in self._lists}
        )
        with self._lock:
            self._told = self._monotonic()
            self._reports, self._lists, self._ends_us = reports, lists, next_end_us(reports, now_us)

    def page(self, audience: Audience, wanted: Wanted) -> Page:
        """Return what an audience may read of what is wanted. Raises `Unavailable` while the list is too old."""
        rows = self._rows(audience)
        start = bisect_right(rows, wanted.after, key=lambda row: (row.added_us, row.object["id"]))
        found: list[Added] = []
        for row in _wanted(rows, start, wanted):
            if len(found) == wanted.limit:
                return Page(found, _place(found[-1]))
            found.append(row)
        return Page(found, "")

    def _rows(self, audience: Audience) -> list[Added]:
        with self._lock:
            if self._told is None or self._monotonic() - self._told > self._stale_s:
                raise Unavailable(
                    "the node has not told its reports for too long",
                    code="list-too-old",
                    remedy="ask again later",
                )
            now_us = self._now_us()
            if now_us >= self._ends_us:
                self._lists, self._ends_us = {}, next_end_us(self._reports, now_us)
            if audience not in self._lists:
                self._lists[audience] = collection(self._reports, audience, now_us)
            return self._lists[audience]


def _wanted(rows: Sequence[Added], start: int, wanted: Wanted) -> Iterator[Added]:
    for place in range(start, len(rows)):
        one = rows[place].object
        is_meant = (not wanted.ids or one["id"] in wanted.ids) and (not wanted.types or one["type"] in wanted.types)
        is_version = bool(wanted.versions & {"last", "first", "all", version_of(one)})
        is_spec = not wanted.spec_versions or one["spec_version"] in wanted.spec_versions
        if is_meant and is_version and is_spec:
            yield rows[place]


def version_of(one: dict[str, object]) -> str:
    """Return the version of an object: when it was changed, or made where it never changes."""
    return str(one.get("modified") or one["created"])


def _place(row: Added) -> str:
    return base64.urlsafe_b64encode(f"{row.added_us}|{row.object['id']}".encode()).decode().rstrip("=")


def place_of(text: str) -> tuple[int, str]:
    """Return the place in the list that a `next` names. Raises `Malformed` for one that we did not make."""
    try:
        if not text.isascii() or len(text) > 200:
            raise ValueError(text)
        moment, _, name = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition("|")
        if not moment.isdecimal() or len(moment) > 18 or not name:
            raise ValueError(text)
        return int(moment), name
    except (binascii.Error, ValueError) as error:
        raise Malformed("`next` is not one of ours", code="bad-next", where="next") from error


def after(moment_us: int) -> tuple[int, str]:
    """Return the place after all that was added until a moment."""
    return moment_us, _LAST
