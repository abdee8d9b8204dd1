"""Exchanges that reach a source together are answered as each is alone: hits, hidden records, no hits, and faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from gateway.demo.sources import planted
from gateway.errors import LiaisonError
from gateway.exchange.sources import bulkhead
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.exchange import Answer, Outcome
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import ContainerQuery, Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import BatchSource, ClassedSource, RecordClass, Source, SourceDescription, View
from gateway.rpc import methods
from tests.support.exchange import KH, answer_of, caller, entries, person, sample_world, sealed, stopping, submission
from tests.support.nodes import World
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUERIES: tuple[Query, ...] = (
    person(planted.DRIVER),
    person(planted.HIDDEN),
    person(planted.NOBODY),
    ContainerQuery(planted.SEIZED_CONTAINER),
    ContainerQuery("TGHU1234567"),
)
ROUNDS = 5


@dataclass
class Held:
    """A source that can be held at its door, and notes how it was asked for many."""

    inner: Source
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    searches: list[int] = field(default_factory=list)
    fetched: list[tuple[str, str]] = field(default_factory=list)
    breaks: bool = False

    def describe(self) -> SourceDescription:
        return self.inner.describe()

    def classes(self) -> Collection[RecordClass]:
        assert isinstance(self.inner, ClassedSource)
        return self.inner.classes()

    def within(self, view: View) -> Source:
        assert isinstance(self.inner, ClassedSource)
        return replace(self, inner=self.inner.within(view))

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        self.entered.set()
        self.gate.wait(MOST_S)
        return self.inner.search(query, deadline, strictness)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        self.fetched.append((key, record_type))
        return self.inner.fetch(key, record_type, deadline)

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> Sequence[SearchResult | LiaisonError]:
        self.searches.append(len(asked))
        if self.breaks:
            raise ValueError("a bug")
        assert isinstance(self.inner, BatchSource)
        return self.inner.search_many(asked, deadline)

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> Sequence[SourceRecord | LiaisonError]:
        self.fetched += wanted
        assert isinstance(self.inner, BatchSource)
        return self.inner.fetch_many(wanted, deadline)

    def health(self) -> str:
        return self.inner.health()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("batches"), ("th", "kh"))
    async with stopping(made):
        await made.start("kh")
        yield made


@pytest.fixture
def wall(world: World) -> Bulkhead:
    return world.nodes["kh"].resources.walls[0]


async def alone(world: World, query: Query) -> Answer:
    return answer_of(await caller(world, to="kh").submit(sealed(world.federation["th"], recipient=KH, query=query)))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source counts as quick, however long the machine and the first question, which is held, make it take."""
    for name in ("_QUICK_S", "_BATCH_S", "_HELD_S"):
        monkeypatch.setattr(bulkhead, name, 1_000.0)


async def together(world: World, wall: Bulkhead, held: Held, queries: Sequence[Query]) -> list[Answer]:
    """The answers to questions of which all but the first wait at the wall while the first is inside."""
    inner, wall.source, wall._pace = wall.source, held, 0.0001
    messages = [submission(sealed(world.federation["th"], recipient=KH, query=query)) for query in queries]
    try:
        async with caller(world, to="kh").channel() as channel:
            ask = channel.unary_unary(methods.SUBMIT.path)
            first = asyncio.ensure_future(ask(messages[0], timeout=5))
            await asyncio.to_thread(held.entered.wait, 5)
            others = [asyncio.ensure_future(ask(message, timeout=5)) for message in messages[1:]]
            while wall._queue.qsize() < len(others):
                await asyncio.sleep(0)
            held.gate.set()
            return [answer_of(methods.SUBMIT.answer.read(reply)) for reply in await asyncio.gather(first, *others)]
    finally:
        held.gate.set()
        wall.source = inner


def said(answer: Answer) -> object:
    hits = [(hit.reference, hit.quality, hit.record_type, hit.rules, bool(hit.record)) for hit in answer.hits]
    return answer.outcome, hits, answer.missing, answer.capped, answer.withheld_count, answer.refusal


@pytest.mark.parametrize("breaks", [False, True], ids=["whole", "the form for many is broken"])
async def test_questions_that_wait_are_served_together_and_answered_as_alone(
    world: World, wall: Bulkhead, breaks: bool
) -> None:
    expected = [said(await alone(world, query)) for query in QUERIES]
    assert {answer[0] for answer in expected} == {Outcome.HIT, Outcome.NO_HIT}  # type: ignore[index]
    held = Held(wall.source, breaks=breaks)
    found = await together(world, wall, held, QUERIES * ROUNDS)
    assert [said(answer) for answer in found] == expected * ROUNDS
    assert max(held.searches) > 1
    assert wall.state == "ok"


async def test_of_a_hidden_record_nothing_is_fetched_in_a_batch_either(world: World, wall: Bulkhead) -> None:
    held = Held(wall.source)
    await together(world, wall, held, (person(planted.HIDDEN), person(planted.NOBODY)) * ROUNDS)
    assert held.fetched == []
    kept = [item.private for item in entries(world.nodes["kh"])[-2 * ROUNDS :]]
    assert len(kept) == 2 * ROUNDS
    assert not any(source["suppressed"] for private in kept for source in private["sources"]), "it was not found"
