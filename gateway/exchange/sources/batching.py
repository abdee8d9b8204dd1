"""Work on a source in steps, so that several exchanges can ask the source together.

Each piece of work is a generator: it yields a call (`SearchCall`, `FetchCall`) and gets the reply. `run_together` moves
all works of a batch on to their next calls, puts these to the source at once where it can take several (`BatchSource`),
and goes on with the replies. An error is thrown into the one piece of work that it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from gateway.clock import Clock
from gateway.errors import TimedOut
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import BatchSource, Source

R = TypeVar("R")
A = TypeVar("A")


class SearchCall(msgspec.Struct, frozen=True):
    """A search; the reply is a `SearchResult`. An error of the source is raised at the `yield`."""

    source: Source
    query: Query
    strictness: Strictness = Strictness.USUAL


class FetchCall(msgspec.Struct, frozen=True):
    """A fetch of records by key and record type; the reply lists for each a record, or why it is not there."""

    source: Source
    wanted: Sequence[tuple[str, str]]


Steps = Generator[SearchCall | FetchCall, Any, R]
"""Work that returns an `R`."""

Fetched = SourceRecord | BaseException


class Work(msgspec.Struct):
    """One piece of work.

    At its end `error` is the exception that ended it, or None, and then `result` is its result.
    """

    begin: Callable[[], Steps[object]]
    deadline: float
    result: object = None
    error: BaseException | None = None
    call: SearchCall | FetchCall | None = None
    steps: Steps[object] | None = None

    @property
    def has_begun(self) -> bool:
        """Tell whether it was run at all."""
        return self.steps is not None or self.error is not None

    def go_on(self, reply: object = None) -> None:
        """Run to the next call or to the end; raise `reply` inside the work when it is an error."""
        self.call = None
        try:
            if self.steps is None:
                self.steps = self.begin()
            self.call = self.steps.throw(reply) if isinstance(reply, BaseException) else self.steps.send(reply)
        except StopIteration as end:
            self.result = end.value
        except BaseException as error:  # noqa: BLE001 - whatever a source throws, `SystemExit` too, is this work's only
            self.error = error


def run_together(works: Sequence[Work], clock: Clock) -> None:
    """Run all `works` to their ends, step by step. Raises nothing: see `Work`."""
    for work in works:
        work.go_on()
    while waiting := [work for work in works if work.call is not None]:
        now = clock.monotonic()
        alike: dict[tuple[type, int], list[Work]] = {}
        for work in waiting:
            if now >= work.deadline:
                work.go_on(TimedOut("no time was left for the source"))
            elif work.call is not None:
                alike.setdefault((type(work.call), id(work.call.source)), []).append(work)
        for some in alike.values():
            _ask(some, clock)


def _ask(works: Sequence[Work], clock: Clock) -> None:
    """Put calls of one kind to their one source, and go on with the replies."""
    searches = [(work, work.call) for work in works if isinstance(work.call, SearchCall)]
    replies: Sequence[object] = _search_all(searches, clock) if searches else _fetch_all(works, clock)
    for work, reply in zip(works, replies, strict=True):
        work.go_on(reply)


def _search_all(calls: Sequence[tuple[Work, SearchCall]], clock: Clock) -> Sequence[object]:
    source = calls[0][1].source

    def together(many: BatchSource, deadline: float) -> Sequence[object]:
        return many.search_many([(call.query, call.strictness) for _, call in calls], deadline)

    def alone(item: tuple[Work, SearchCall]) -> SearchResult:
        work, call = item
        return source.search(call.query, work.deadline, call.strictness)

    return _all(source, calls, [work.deadline for work, _ in calls], together, alone, clock)


def _fetch_all(works: Sequence[Work], clock: Clock) -> Sequence[object]:
    calls = [(work, work.call) for work in works if isinstance(work.call, FetchCall)]
    source = calls[0][1].source
    wanted = [(place, work.deadline) for work, call in calls for place in call.wanted]

    def together(many: BatchSource, deadline: float) -> Sequence[object]:
        return many.fetch_many([place for place, _ in wanted], deadline)

    def alone(item: tuple[tuple[str, str], float]) -> SourceRecord:
        (key, record_type), deadline = item
        return source.fetch(key, record_type, deadline)

    found = iter(_all(source, wanted, [deadline for _, deadline in wanted], together, alone, clock))
    return [[next(found) for _ in call.wanted] for _, call in calls]


def _all(
    source: Source,
    items: Sequence[A],
    deadlines: Sequence[float],
    together: Callable[[BatchSource, float], Sequence[object]],
    alone: Callable[[A], object],
    clock: Clock,
) -> Sequence[object]:
    """Return the reply to each item: one call for all where the source can and succeeds, else one call for each."""
    if len(items) > 1 and isinstance(source, BatchSource):
        # A failure is dropped here: the calls one by one show which item failed.
        with suppress(BaseException):
            # The timekeeper meanwhile answers an exchange that has less time than the last one.
            found = together(source, max(deadlines))
            if len(found) == len(items):
                return found
    return [_alone(alone, item, deadline, clock) for item, deadline in zip(items, deadlines, strict=True)]


def _alone(ask: Callable[[A], object], item: A, deadline: float, clock: Clock) -> object:
    if clock.monotonic() >= deadline:
        return TimedOut("no time was left for the source")
    try:
        return ask(item)
    except BaseException as error:  # noqa: BLE001 - it is thrown into the work that asked
        return error
