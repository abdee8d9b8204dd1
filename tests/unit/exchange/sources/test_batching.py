"""Work in steps: calls of a batch go to the source together, and an error is its own item's only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

import pytest

from gateway.clock import ManualClock
from gateway.errors import LiaisonError, Malformed, TimedOut, Unavailable, Unknown
from gateway.exchange.sources.batching import FetchCall, SearchCall, Steps, Work, run_together
from gateway.exchange.sources.bulkhead import Bulkhead, Task, WallLimits
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.marking import Marking, SubjectCategory
from gateway.model.query import DocumentQuery, Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import Source, SourceDescription
from tests.support.waiting import MOST_S

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Single:
    """A source of records whose keys are numbers; `calls` says how it was asked, `deadlines` until when."""

    clock: ManualClock
    calls: list[str] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def describe(self) -> SourceDescription:
        return SourceDescription("th.police.x", "police", "police records", frozenset(), frozenset())

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        self._called("search", deadline)
        if isinstance(query, DocumentQuery) and query.number.startswith("X"):
            raise Malformed("nothing to search by", code="bad-query")
        if isinstance(query, DocumentQuery) and query.number.startswith("Q"):
            raise SystemExit(1)
        return SearchResult(capped=True)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        self._called("fetch", deadline)
        if not key.isdigit():
            raise Unknown("no such record", code="unknown-record")
        return SourceRecord("th.police.x", key, record_type, "th.police", {}, Marking(), SubjectCategory.UNKNOWN)

    def health(self) -> str:
        return ""

    def _called(self, how: str, deadline: float) -> None:
        self.calls.append(how)
        self.deadlines.append(deadline)
        self.clock.advance(timedelta(seconds=self.seconds))


@dataclass
class Many(Single):
    """The same, that can be asked for many."""

    fails: Callable[[], BaseException] | None = None
    loses: int = 0

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> Sequence[SearchResult | LiaisonError]:
        self._called(f"search {len(asked)}", deadline)
        if self.fails:
            raise self.fails()
        return [_tried(_answer, query) for query, _ in asked][self.loses :]

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> Sequence[SourceRecord | LiaisonError]:
        self._called(f"fetch {len(wanted)}", deadline)
        quiet = Single(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
        return [_tried(quiet.fetch, key, name, 0.0) for key, name in wanted]


def _answer(query: Query) -> SearchResult:
    if isinstance(query, DocumentQuery) and query.number.startswith("X"):
        raise Malformed("nothing to search by", code="bad-query")
    return SearchResult(capped=True)


def _tried(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | LiaisonError:
    try:
        return call(*args, **kwargs)
    except LiaisonError as error:
        return error


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))


def look(source: Source, number: str, keys: Sequence[str]) -> Steps[object]:
    result = yield SearchCall(source, DocumentQuery(number))
    records = yield FetchCall(source, [(key, "Person") for key in keys])
    return result.capped, [getattr(record, "key", type(record).__name__) for record in records]


def run(source: Source, clock: ManualClock, *asked: tuple[str, Sequence[str]], seconds: float = 2.0) -> list[Work]:
    deadline = clock.monotonic() + seconds
    works = [Work(partial(look, source, number, keys), deadline) for number, keys in asked]
    run_together(works, clock)
    return works


ASKED: tuple[tuple[str, list[str]], ...] = (("A1", ["1", "2"]), ("A2", []), ("A3", ["x", "3"]))
FOUND = [(True, ["1", "2"]), (True, []), (True, ["Unknown", "3"])]


def test_calls_of_a_batch_reach_the_source_together_and_replies_their_own_work(clock: ManualClock) -> None:
    source = Many(clock)
    assert [work.result for work in run(source, clock, *ASKED)] == FOUND
    assert source.calls == ["search 3", "fetch 4"]


def test_a_source_without_the_form_for_many_gives_the_same(clock: ManualClock) -> None:
    source = Single(clock)
    assert [work.result for work in run(source, clock, *ASKED)] == FOUND
    assert source.calls == ["search"] * 3 + ["fetch"] * 4


def test_one_alone_is_asked_for_alone(clock: ManualClock) -> None:
    source = Many(clock)
    assert run(source, clock, ("A1", ["7"]))[0].result == (True, ["7"])
    assert source.calls == ["search", "fetch"]


@pytest.mark.parametrize("fails", [ValueError, SystemExit, MemoryError, lambda: Unavailable("gone"), None])
def test_where_the_form_for_many_fails_or_loses_an_item_each_is_asked_for_alone(
    clock: ManualClock, fails: Callable[[], BaseException] | None
) -> None:
    source = Many(clock, fails=fails, loses=1)
    assert [work.result for work in run(source, clock, *ASKED)] == FOUND
    assert source.calls == ["search 3", *["search"] * 3, "fetch 4"]


@pytest.mark.parametrize("kind", [Single, Many])
def test_an_error_ends_the_work_that_asked_and_no_other(clock: ManualClock, kind: type[Single]) -> None:
    works = run(kind(clock), clock, ("A1", ["1"]), ("X9", ["2"]), ("A3", ["3"]))
    assert [type(work.error) for work in works] == [type(None), Malformed, type(None)]
    assert [work.result for work in works] == [(True, ["1"]), None, (True, ["3"])]


def test_even_what_ends_threads_ends_one_work_only(clock: ManualClock) -> None:
    works = run(Single(clock), clock, ("Q1", ["1"]), ("A3", ["3"]))
    assert [type(work.error) for work in works] == [SystemExit, type(None)]


def test_who_has_no_time_left_is_not_asked_for_and_the_others_go_on(clock: ManualClock) -> None:
    source = Many(clock, seconds=1.0)
    now = clock.monotonic()
    works = [
        Work(lambda: look(source, "A1", ["1"]), now + 0.5),
        Work(lambda: look(source, "A2", ["2"]), now + 5.0),
        Work(lambda: look(source, "A3", ["3"]), now + 5.0),
    ]
    run_together(works, clock)
    assert [type(work.error) for work in works] == [TimedOut, type(None), type(None)]
    assert source.calls == ["search 3", "fetch 2"]
    assert source.deadlines == [now + 5.0] * 2


def test_a_source_that_fails_for_long_is_not_asked_again_beyond_the_deadline(clock: ManualClock) -> None:
    source = Many(clock, seconds=1.5, fails=ValueError)
    works = run(source, clock, *ASKED, seconds=2.0)
    assert source.calls == ["search 3", "search"]
    assert [type(work.error) for work in works] == [TimedOut] * 3


def test_a_time_limit_of_the_source_holds_for_the_form_for_many_too(clock: ManualClock) -> None:
    source = Many(clock)
    wall, answered = Bulkhead(source, clock, limits=WallLimits(timeout_s=0.25)), SimpleQueue[object]()
    for number, keys in ASKED:
        work = partial(look, number=number, keys=keys)
        wall.submit(Task(work, lambda result, _error: answered.put(result), clock.monotonic() + 5.0))
    wall.start()
    assert [answered.get(timeout=MOST_S) for _ in ASKED] == FOUND
    wall.stop()
    assert source.deadlines == [clock.monotonic() + 0.25] * 2
