"""Two sources of one node: what one does wrong is named as missing, and the other's records come (CASE-K2, CASE-K5,
CASE-K6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import structs

from adapters.base import MAX_CANDIDATES
from gateway.agency.bodies.responses import search_response
from gateway.audit.reading.opened import HomeLogs
from gateway.audit.statistics.statistics import collect
from gateway.model.exchange import Answer, Outcome
from gateway.model.hit import Candidate, SearchResult, SourceRecord
from gateway.views.search.lines import headline
from tests.support.exchange import (
    CLOCK,
    NO_PASSPORT,
    PASSPORT,
    WatchedSource,
    answer_of,
    caller,
    command,
    lines,
    sealed,
    stopping,
    watch,
)
from tests.support.load import waiting
from tests.support.nodes import SourcePlan, World, build_world, officer
from tests.support.samples import ONE_EACH

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = "vn.immigration.second"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("apart")
    (sample,) = [sample for sample in ONE_EACH if sample.member == "vn"]
    url = f"sqlite:///{sample.build(folder / 'sources')}"
    first = SourcePlan(sample.id, sample.agency, sample.mapping_file, url)
    made = build_world(folder, {"vn": [first, replace(first, id=SECOND, mapping=second_mapping(folder, sample))]})
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


def second_mapping(folder: Path, sample: object) -> Path:
    text = Path(sample.mapping_file).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    mapping = folder / "second.toml"
    mapping.write_text(
        text.replace('id = "vn.immigration.border"', f'id = "{SECOND}"').replace(
            'kind = "immigration records"', 'kind = "second records"'
        ),
        encoding="utf-8",
    )
    return mapping


@pytest_asyncio.fixture(loop_scope="module")
async def second(world: World) -> AsyncIterator[WatchedSource]:
    node = world.nodes["vn"]
    (place,) = [n for n, wall in enumerate(node.resources.walls) if wall.description.id == SECOND]
    watched = watch(node, place)
    yield watched
    watched.reset()
    node.resources.walls[place].source = watched.inner


async def ask(world: World, budget_ms: int = 3_000) -> Answer:
    answer = await caller(world, to="vn").submit(sealed(world.federation["th"]), budget_ms)
    return answer_of(answer)


def die() -> BaseException:
    return SystemExit(3)


async def test_two_sources_that_behave_both_give_their_records(world: World, second: WatchedSource) -> None:
    answer = await ask(world)
    assert (answer.outcome, answer.missing, answer.capped) == (Outcome.HIT, (), False)
    assert len(answer.hits) % 2 == 0


def raising(error: BaseException) -> Callable[[SourceRecord], SourceRecord]:
    def fail(_record: SourceRecord) -> SourceRecord:
        raise error

    return fail


MISDEEDS: dict[str, Callable[[WatchedSource], None]] = {
    "ends its thread": lambda source: setattr(source, "error", die),
    "runs out of memory": lambda source: setattr(source, "error", MemoryError),
    "returns no result": lambda source: setattr(source, "result", object()),
    "returns a result of rubbish": lambda source: setattr(source, "result", SearchResult(("rubbish",))),  # type: ignore[arg-type]
    "finds something and ends its thread": lambda source: setattr(source, "change", raising(SystemExit(3))),
    "finds something and loses its database": lambda source: setattr(
        source, "change", raising(RuntimeError("server closed the connection"))
    ),
    "returns another type of record": lambda source: setattr(
        source, "change", lambda record: structs.replace(record, record_type="Vehicle")
    ),
    "returns another agency's record": lambda source: setattr(
        source, "change", lambda record: structs.replace(record, owner="vn.customs")
    ),
}


@pytest.mark.parametrize("misdeed", MISDEEDS.values(), ids=MISDEEDS)
async def test_k6_a_source_that_crashes_or_lies_is_missing_and_the_other_ones_hits_come(
    world: World, second: WatchedSource, misdeed: Callable[[WatchedSource], None]
) -> None:
    misdeed(second)
    answer = await ask(world)
    assert (answer.outcome, answer.missing) == (Outcome.HIT, ("second records",))
    assert answer.hits


async def test_k5_a_source_that_hangs_is_missing_within_the_budget_and_the_other_ones_hits_come(
    world: World, second: WatchedSource
) -> None:
    second.gate.clear()
    with waiting() as watch:
        try:
            answer = await ask(world, 500)
        finally:
            second.gate.set()
    assert watch.seconds < 1.5
    assert (answer.outcome, answer.missing) == (Outcome.HIT, ("second records",))


async def test_what_claims_to_be_another_sources_candidate_is_not_believed(world: World, second: WatchedSource) -> None:
    found = second.inner.search(PASSPORT, CLOCK.monotonic() + 3).candidates
    second.result = SearchResult(tuple(structs.replace(candidate, source="vn.police.secret") for candidate in found))
    answer = await ask(world)
    assert (answer.outcome, answer.missing) == (Outcome.HIT, ("second records",))


async def test_a_candidate_of_a_type_that_no_such_question_finds_is_not_believed(
    world: World, second: WatchedSource
) -> None:
    """Whether a type that is switched off counts for a question was told by that."""
    found = second.inner.search(PASSPORT, CLOCK.monotonic() + 3).candidates
    other = [structs.replace(candidate, record_type="Person", key="no-such-key") for candidate in found]
    second.result = SearchResult(tuple(other))
    answer = await ask(world)
    assert (answer.outcome, answer.missing) == (Outcome.HIT, ("second records",))


async def test_k2_a_source_that_returns_very_many_is_cut_and_the_answer_says_so(
    world: World, second: WatchedSource
) -> None:
    one: Candidate = second.inner.search(PASSPORT, CLOCK.monotonic() + 3).candidates[0]
    second.result = SearchResult((one,) * 1_000_000)
    answer = await ask(world)
    assert answer.outcome is Outcome.HIT
    assert answer.capped
    assert second.fetches <= MAX_CANDIDATES
    assert not answer.missing


async def test_a_no_hit_of_the_other_source_is_partial_and_counted_as_that_on_both_sides(
    world: World, second: WatchedSource
) -> None:
    second.error = RuntimeError
    found = await world.nodes["th"].asking.searches.start(officer("th"), command(NO_PASSPORT))
    line = lines(found)["vn"]
    assert (line.outcome, line.missing) == (Outcome.PARTIAL, ("second records",))
    body = next(each for each in search_response(found).model_dump(mode="json")["lines"] if each["member"] == "vn")
    assert (body["outcome"], body["partial"]) == ("partial", True)
    assert [one["kind"] for one in body["searched"]] == ["immigration records"]
    text, style = headline(body, "th")
    assert text.startswith("  vn  partial: second records did not answer")
    assert "This does not mean no hit. (searched as of " in text
    assert style == "warn"
    for member, measure in (("th", "received-partial"), ("vn", "served-partial")):
        resources = world.nodes[member].resources
        counts = collect(HomeLogs(resources.store, resources.keystore)).counts
        assert sum(n for cell, n in counts.items() if (cell.measure, cell.value) == (measure, "partial")) == 1
