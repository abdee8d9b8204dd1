"""Look-ups that a caller makes in its own thread: those that wait for this machine only, and for a short time.

A source in another thread costs two changes of threads, and a fight over the interpreter's lock, for an answer that
takes some twenty microseconds. So the thread that has a batch of questions looks up itself what is near: in our key
index, and in a database file of this machine. A work that needs more than that keeps its call, and goes on behind the
source's wall.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

from gateway.clock import Clock
from gateway.errors import TimedOut, Unavailable
from gateway.exchange.sources.batching import FetchCall, SearchCall, Steps, Work
from gateway.ports.sources import BatchSource, NearSource

NEAR_S = 0.002
"""The longest that one call for a batch computes, as far as the last ones tell."""

_STALLS_S = 0.01
"""A call that takes longer than this did not only compute: it waited for the disk, and counts in full."""

_FIRST_PACE_S = 0.00003
_MOST = 64
_FORGETS = 0.98
"""The share of a pace that was too slow which is left after each batch that it kept away: a disk is not always busy."""


class Near:
    """The near look-ups of one source. One thread at a time uses it."""

    def __init__(self, source: NearSource, clock: Clock) -> None:
        self._source = source
        self._itself: object = source
        self._clock = clock
        self._paces: dict[type, float] = {SearchCall: _FIRST_PACE_S, FetchCall: _FIRST_PACE_S}

    def most(self) -> int:
        """Return how many works a batch may have now, so that each of its calls ends in time."""
        most = min(_MOST, int(NEAR_S / max(self._paces.values())))
        for kind, pace in self._paces.items():
            if pace > NEAR_S:
                self._paces[kind] = pace * _FORGETS
        return most

    def run(self, works: Sequence[Work]) -> None:
        """Run works to their ends; one that makes a call which is not near, or not answered in time, keeps its call."""
        for work in works:
            work.go_on()
        waiting = works
        while waiting := [work for work in waiting if self._is_near(work.call)]:
            kind = type(waiting[0].call)
            some = [work for work in waiting if type(work.call) is kind]
            replies = self._timed(some)
            for work, reply in zip(some, replies, strict=True):
                if not _is_late(reply):
                    work.go_on(reply)
            if any(map(_is_late, replies)):
                return

    def _timed(self, works: Sequence[Work]) -> Sequence[object]:
        """Return the replies to calls of one kind, and learn how long one takes."""
        begun, computed = self._clock.monotonic(), time.thread_time()
        try:
            replies = self._ask(works, begun + _STALLS_S)
        except Exception:  # noqa: BLE001 - behind the wall the source is asked again, and says what is wrong
            replies = [_LATER] * len(works)
        took = self._clock.monotonic() - begun
        if took < _STALLS_S:
            took = time.thread_time() - computed
        kind = type(works[0].call)
        self._paces[kind] += (took / len(works) - self._paces[kind]) * len(works) / (256 + len(works))
        return replies

    def _is_near(self, call: SearchCall | FetchCall | None) -> bool:
        if call is None or getattr(call.source, "whole", call.source) is not self._itself:
            return False
        return self._source.fetches_near if isinstance(call, FetchCall) else True

    def _ask(self, works: Sequence[Work], deadline: float) -> Sequence[object]:
        """Put calls of one kind to the source, as those who ask see it."""
        searches = [call for work in works if isinstance(call := work.call, SearchCall)]
        if searches:
            return self._search(searches, deadline)
        fetches = [call.wanted for work in works if isinstance(call := work.call, FetchCall)]
        found = iter(self._source.fetch_many([place for wanted in fetches for place in wanted], deadline))
        return [[next(found) for _ in wanted] for wanted in fetches]

    def _search(self, calls: Sequence[SearchCall], deadline: float) -> Sequence[object]:
        """Return the replies, in order; who sees the same is looked up together."""
        alike: dict[int, list[int]] = {}
        for place, call in enumerate(calls):
            alike.setdefault(id(call.source), []).append(place)
        replies: list[object] = [_LATER] * len(calls)
        for places in alike.values():
            source = cast(BatchSource, calls[places[0]].source)  # the near one, or what somebody sees of it
            asked = [(calls[place].query, calls[place].strictness) for place in places]
            for place, reply in zip(places, source.search_many(asked, deadline), strict=True):
                replies[place] = reply
        return replies


_LATER = TimedOut("the source had no time left", code="source-deadline")


def _is_late(reply: object) -> bool:
    """Tell whether the source may say more when it has more time."""
    found = reply if isinstance(reply, list) else [reply]
    return any(isinstance(each, TimedOut | Unavailable) for each in found)


def rest_of(work: Work) -> Steps[object]:
    """Return the steps of a work that has begun, from the call that it keeps."""
    while work.call is not None:
        reply: object
        try:
            reply = yield work.call
        except BaseException as error:  # noqa: BLE001 - it is thrown into the work that asked
            reply = error
        work.go_on(reply)
    if work.error is not None:
        raise work.error
    return work.result
