"""Near look-ups: the caller's thread does what waits for this machine only; all else goes on behind the wall."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import msgspec
import pytest

from adapters.indexed import IndexedSource
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Unavailable
from gateway.exchange.sources.batching import FetchCall, SearchCall, Steps, Work
from gateway.exchange.sources.bulkhead import NEAR_S, Bulkhead, Near, Task, WallLimits
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import DocumentQuery, Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import NearSource, Source, SourceDescription
from tests.support.load import compute, waiting
from tests.support.small_source import SmallSource, small_source

CLOCK = SystemClock()
KNOWN = ["AA1234567", "AA7654321", "B1112223", "P5556667"]
QUESTIONS = [*KNOWN, "N0000001", "X999"]


class Answered(msgspec.Struct, frozen=True):
    """What one task ended with, and the thread that did it."""

    place: int
    keys: list[str] | None
    error: LiaisonError | None
    thread: int


def look(source: Source, number: str) -> Steps[object]:
    found = yield SearchCall(source, DocumentQuery(number))
    records = yield FetchCall(source, [(each.key, each.record_type) for each in found.candidates])
    return [record.key for record in records]


class Asker:
    """A batch of questions at a wall."""

    def __init__(self, wall: Bulkhead) -> None:
        self.wall = wall
        self.answers: SimpleQueue[Answered] = SimpleQueue()

    def task(self, place: int, number: str, *, cost: float = 0.0, seconds: float = 20.0) -> Task:
        def done(result: object, error: LiaisonError | None) -> None:
            keys = result if isinstance(result, list) else None
            self.answers.put(Answered(place, keys, error, threading.get_ident()))

        return Task(partial(look, number=number), done, CLOCK.monotonic() + seconds, "vn", False, cost)

    def ask(self, numbers: Sequence[str]) -> None:
        self.wall.submit_all([self.task(place, number) for place, number in enumerate(numbers)])

    def all(self, count: int) -> list[Answered]:
        return sorted((self.answers.get(timeout=20) for _ in range(count)), key=lambda each: each.place)


Start = Callable[..., Asker]


@pytest.fixture
def start() -> Iterator[Start]:
    walls: list[Bulkhead] = []

    def make(source: Source, fewest: int = 1, **limits: float) -> Asker:
        wall = Bulkhead(source, CLOCK, 1, limits=WallLimits(**limits), fewest_near=fewest)
        wall.start()
        walls.append(wall)
        return Asker(wall)

    yield make
    for wall in walls:
        wall.stop()


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path)


@pytest.fixture
def source(files: SmallSource) -> Iterator[IndexedSource]:
    opened = files.open(CLOCK)
    yield opened
    opened.close()


class Foreign:
    """The same source, whose records may be elsewhere; it tells who asked it."""

    def __init__(self, source: IndexedSource, *, fetches_near: bool = False) -> None:
        self._source = source
        self.fetches_near = fetches_near
        self.fetched: list[int] = []
        self.searched: list[int] = []
        self.fails = False

    def describe(self) -> SourceDescription:
        return self._source.describe()

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        self.searched.append(1)
        return self._source.search(query, deadline, strictness)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        self.fetched.append(threading.get_ident())
        return self._source.fetch(key, record_type, deadline)

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> Sequence[SearchResult | LiaisonError]:
        self.searched.append(len(asked))
        if self.fails and threading.current_thread() is threading.main_thread():
            raise Unavailable("not now")
        return self._source.search_many(asked, deadline)

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> Sequence[SourceRecord | LiaisonError]:
        self.fetched.append(threading.get_ident())
        return self._source.fetch_many(wanted, deadline)

    def health(self) -> str:
        return ""


@pytest.mark.long
def test_what_is_near_is_answered_in_the_callers_thread_as_behind_the_wall(source: IndexedSource, start: Start) -> None:
    asker = start(source)
    for _ in range(20):  # a machine that stands still for 10 ms makes a look-up a late one
        asker.ask(QUESTIONS)
        is_at_once = asker.answers.qsize() == len(QUESTIONS)  # as `submit_all` returns
        near = asker.all(len(QUESTIONS))
        if is_at_once:
            break
    assert is_at_once
    for place, number in enumerate(QUESTIONS):
        asker.wall.submit(asker.task(place, number))
    walled = asker.all(len(QUESTIONS))
    assert [each.keys for each in near] == [each.keys for each in walled] == [["1"], ["1"], ["2"], ["4"], [], []]
    assert {each.thread for each in near} == {threading.get_ident()}
    assert threading.get_ident() not in {each.thread for each in walled}


def test_a_fetch_from_elsewhere_goes_on_behind_the_wall_and_is_not_searched_for_again(
    source: IndexedSource, start: Start
) -> None:
    foreign = Foreign(source)
    asker = start(foreign)
    assert isinstance(foreign, NearSource)
    asker.ask(KNOWN)
    answers = asker.all(len(KNOWN))
    assert [each.keys for each in answers] == [["1"], ["1"], ["2"], ["4"]]
    assert sum(foreign.searched) == len(KNOWN)
    assert threading.get_ident() not in foreign.fetched


def test_what_fails_near_is_asked_again_behind_the_wall(source: IndexedSource, start: Start) -> None:
    foreign = Foreign(source, fetches_near=True)
    foreign.fails = True
    asker = start(foreign)
    asker.ask(KNOWN)
    answers = asker.all(len(KNOWN))
    assert [each.keys for each in answers] == [["1"], ["1"], ["2"], ["4"]]
    assert all(each.error is None for each in answers)


def test_the_callers_thread_does_not_wait_for_a_lock_on_the_agencys_file(
    files: SmallSource, source: IndexedSource, start: Start
) -> None:
    asker = start(source)
    asker.ask(KNOWN)  # the caller's connection is open and near look-ups succeed
    assert len(asker.all(len(KNOWN))) == len(KNOWN)
    writer = sqlite3.connect(files.database, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with waiting() as watch:
        asker.ask(KNOWN)
    writer.execute("COMMIT")
    writer.close()
    answers = asker.all(len(KNOWN))
    assert [each.keys for each in answers] == [["1"], ["1"], ["2"], ["4"]]
    assert threading.get_ident() not in {each.thread for each in answers}
    assert watch.seconds < 0.9  # a lock is waited for behind the wall, for up to a second


def test_a_question_by_name_a_late_one_and_a_source_with_a_rate_stay_behind_the_wall(
    source: IndexedSource, start: Start
) -> None:
    asker = start(source)
    asker.wall.submit_all([asker.task(0, "AA1234567", cost=0.01), asker.task(1, "AA1234567", seconds=-1.0)])
    by_name, late = asker.all(2)
    assert threading.get_ident() not in {by_name.thread, late.thread}
    assert (by_name.keys, late.keys) == (["1"], None)
    limited = start(source, rate_per_s=1000.0)
    limited.ask(KNOWN)
    assert threading.get_ident() not in {each.thread for each in limited.all(len(KNOWN))}


def test_a_small_batch_is_left_to_the_wall(source: IndexedSource, start: Start) -> None:
    asker = start(source, fewest=len(KNOWN) + 1)
    asker.ask(KNOWN)
    assert threading.get_ident() not in {each.thread for each in asker.all(len(KNOWN))}


def test_nothing_overtakes_what_waits(source: IndexedSource) -> None:
    wall = Bulkhead(source, CLOCK, 1, fewest_near=1)  # its threads have not started
    asker = Asker(wall)
    wall.submit(asker.task(0, "AA1234567"))
    wall.submit_all([asker.task(1, "B1112223")])
    assert asker.answers.empty()
    wall.start()
    assert [each.keys for each in asker.all(2)] == [["1"], ["2"]]
    wall.stop()


class _Slow(Foreign):
    """A source whose search computes for a while."""

    computes_s = 2 * NEAR_S

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> Sequence[SearchResult | LiaisonError]:
        compute(self.computes_s * len(asked))
        return super().search_many(asked, CLOCK.monotonic() + 20)


@pytest.mark.long
def test_a_batch_is_as_large_as_its_look_ups_are_quick(source: IndexedSource) -> None:
    slow = _Slow(source, fetches_near=True)
    near = Near(slow, CLOCK)
    sizes = [near.most()]
    while sizes[-1]:
        near.run([Work(partial(look, slow, "X999"), CLOCK.monotonic() + 20) for _ in range(sizes[-1])])
        sizes.append(near.most())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 64
    assert len(sizes) < 400, near._paces
    assert any(near.most() for _ in range(200))  # it is tried again after a while
