"""A source that hangs, crashes or is asked too often stays behind its wall, and costs the others nothing (CASE-K5,
CASE-K6)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.errors import LiaisonError, TimedOut
from gateway.exchange.sources.batching import SearchCall, Steps
from gateway.exchange.sources.bulkhead import Bulkhead, Task, WallLimits
from gateway.exchange.stages import Turn
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import DocumentQuery, Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import Source, SourceDescription
from gateway.throttle import BURST_SECONDS, Throttle
from tests.support.load import waiting
from tests.support.waiting import MOST_S, wait_until

CLOCK = SystemClock()
QUERY = DocumentQuery("AA1234567")
ANSWER = SearchResult()


@dataclass
class Backend:
    """A source that does what it is told and remembers the deadlines that it was given."""

    act: Callable[[], SearchResult] = lambda: ANSWER
    deadlines: list[float] = field(default_factory=list)

    def describe(self) -> SourceDescription:
        return SourceDescription("th.police.x", "police", "police records", frozenset(), frozenset())

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        self.deadlines.append(deadline)
        return self.act()

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        raise NotImplementedError

    def health(self) -> str:
        return ""


@dataclass
class Asker:
    """Hands tasks to a wall and collects what comes back."""

    wall: Bulkhead
    results: SimpleQueue[tuple[object, LiaisonError | None]] = field(default_factory=SimpleQueue)

    def ask(self, seconds: float = 5.0) -> None:
        deadline = CLOCK.monotonic() + seconds

        def run(source: Source) -> Steps[object]:
            return (yield SearchCall(source, QUERY))

        self.wall.submit(Task(run, lambda result, error: self.results.put((result, error)), deadline))

    def next(self) -> tuple[object, LiaisonError | None]:
        return self.results.get(timeout=MOST_S)


@pytest.fixture
def start() -> Iterator[Callable[..., Asker]]:
    walls: list[Bulkhead] = []

    def make(backend: Source, threads: int = 2, turn: Turn | None = None, **limits: float) -> Asker:
        wall = Bulkhead(backend, CLOCK, threads, turn, *([WallLimits(**limits)] if limits else []))
        wall.start()
        walls.append(wall)
        return Asker(wall)

    yield make
    for wall in walls:
        wall.stop()


Start = Callable[..., Asker]


def test_k6_a_source_that_ends_its_thread_ends_its_task_and_serves_the_next(start: Start) -> None:
    backend = Backend()
    asker = start(backend, threads=1)
    for crash in (SystemExit(1), MemoryError(), RecursionError(), KeyboardInterrupt(), ValueError("secret")):

        def act(crash: BaseException = crash) -> SearchResult:
            raise crash

        backend.act = act
        asker.ask()
        result, error = asker.next()
        assert result is None
        assert error is not None
        assert "secret" not in str(error)
        assert asker.wall.state == type(crash).__name__
    backend.act = lambda: ANSWER
    asker.ask()
    assert asker.next() == (ANSWER, None)
    assert asker.wall.state == "ok"


def test_k5_a_source_that_hangs_is_known_and_refused_at_once_until_it_comes_back(start: Start) -> None:
    gate = threading.Event()
    entered = threading.Semaphore(0)

    def hang() -> SearchResult:
        entered.release()
        gate.wait(30)
        return ANSWER

    asker = start(Backend(hang), threads=2)
    asker.wall._pace = 1.0  # known to be slow: each thread serves for itself
    for _ in range(2):
        asker.ask(0.05)
        entered.acquire(timeout=MOST_S)
    assert asker.wall.state == "ok"
    wait_until(lambda: asker.wall.state == "hangs", "the state of the wall")
    asker.ask()
    _, error = asker.next()
    assert isinstance(error, TimedOut)
    assert error.code == "source-busy"
    assert asker.wall.health.refused == 1
    gate.set()
    assert [asker.next()[1] for _ in range(2)] == [None, None]
    wait_until(lambda: asker.wall.state == "ok", "the state of the wall")
    asker.ask()
    assert asker.next() == (ANSWER, None)


def test_k5_a_quick_source_that_hangs_while_it_serves_alone_is_known_too(start: Start) -> None:
    gate = threading.Event()
    backend = Backend()
    asker = start(backend, threads=4)
    for _ in range(20):
        asker.ask()
        asker.next()
    asker.wall._pace = 0.0001

    def hang() -> SearchResult:
        gate.wait(30)
        return ANSWER

    backend.act = hang
    asker.ask(0.01)
    wait_until(lambda: asker.wall.hangs, "the state of the wall")
    asker.ask()
    assert asker.next()[1] is not None
    gate.set()
    wait_until(lambda: not asker.wall.hangs, "the state of the wall")


def test_k5_a_source_that_hangs_in_its_turn_makes_the_others_wait_for_moments_only(start: Start) -> None:
    turn, gate = Turn(), threading.Event()
    entered = threading.Event()

    def hang() -> SearchResult:
        entered.set()
        gate.wait(30)
        return ANSWER

    hanging = start(Backend(hang), turn=turn)
    hanging.ask()
    assert entered.wait(MOST_S)
    quick = start(Backend(), turn=turn)
    for _ in range(40):
        quick.ask()
        quick.next()
    with waiting() as watch:
        for _ in range(100):
            quick.ask()
            quick.next()
    assert watch.seconds < 1.0  # and not a hundred times the patience of a turn
    gate.set()
    hanging.next()


def test_a_source_with_a_time_limit_of_its_own_gets_a_shorter_deadline(start: Start) -> None:
    backend = Backend()
    asker = start(backend, timeout_s=0.5)
    begun = CLOCK.monotonic()
    asker.ask(5.0)
    asker.next()
    asker.ask(0.1)
    asker.next()
    assert backend.deadlines[0] <= begun + 1.0
    assert backend.deadlines[1] <= begun + 1.0
    assert backend.deadlines[1] < backend.deadlines[0]


def test_a_source_with_a_rate_is_asked_evenly_and_what_would_come_too_late_is_refused(start: Start) -> None:
    asker = start(Backend(), rate_per_s=20.0)
    begun = CLOCK.monotonic()
    for _ in range(40):
        asker.ask(1.0)
    results = [asker.next() for _ in range(40)]
    spent = CLOCK.monotonic() - begun
    served = sum(error is None for _, error in results)
    refused = [error for _, error in results if error is not None]
    assert served <= 20 * (spent + BURST_SECONDS) + 1
    assert served > 0
    # On a busy machine the last ones that were let in may come too late all the same.
    assert {error.code for error in refused} <= {"source-busy", "timed-out"}
    assert asker.wall.health.refused == sum(error.code == "source-busy" for error in refused) > 0


@given(st.floats(0.5, 200), st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 5)), min_size=1, max_size=60))
def test_a_throttle_never_lets_more_through_than_rate_and_burst(rate: float, steps: list[tuple[float, float]]) -> None:
    throttle, now, due = Throttle(rate), 100.0, []
    for pause, patience in steps:
        now += pause
        moment = throttle.reserve(now, now + patience)
        if moment is not None:
            assert moment < now + patience
            due.append(max(moment, now))
    for first in range(len(due)):
        for last in range(first, len(due)):
            allowed = rate * (due[last] - due[first] + max(BURST_SECONDS, 1 / rate)) + 1
            assert last - first + 1 <= allowed + 1e-6
