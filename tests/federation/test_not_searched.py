"""`not_searched` and partial answers, between real nodes: in the answer, both logs, statistics and what is shown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace as replaced
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.agency.bodies.responses import search_response
from gateway.audit.reading.opened import HomeLogs
from gateway.audit.statistics.statistics import Cell, collect
from gateway.clock import SECOND_US, from_us
from gateway.demo.sources import planted
from gateway.errors import LiaisonError, Malformed
from gateway.language.refusals import REFUSALS
from gateway.model.exchange import Outcome
from gateway.model.query import ContainerQuery, DocumentQuery, QueryKind
from gateway.model.search import Search
from gateway.signing.keys import load_signing_key
from gateway.statements.answer import read_signed
from gateway.statements.envelope import ANSWER, ANSWER_V2, ANSWER_V4, PayloadType, unseal
from gateway.trust.documents.descriptor import sign_descriptor
from gateway.views.search.lines import all_answered, headline
from tests.support.exchange import (
    CLOCK,
    KH,
    PASSPORT,
    TH,
    VN,
    WatchedSource,
    command,
    entries,
    last,
    lines,
    person,
    sample_world,
    stopping,
    watch,
)
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = officer("th")
CONTAINER = ContainerQuery(planted.SEIZED_CONTAINER)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("unsearched"))
    async with stopping(made):
        for member in ("th", "vn", "kh"):
            await made.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sources(world: World) -> dict[str, WatchedSource]:
    return {member: watch(node) for member, node in world.nodes.items()}


async def search(world: World, *arguments: object) -> Search:
    return await world.nodes["th"].asking.searches.start(HER, command(*arguments))  # type: ignore[arg-type]


def shown(found: Search, member: str) -> tuple[str, str]:
    """What the command line shows of one line, with its style."""
    (line,) = [each for each in search_response(found).model_dump(mode="json")["lines"] if each["member"] == member]
    return headline(line, "th")


def is_answered(found: Search) -> bool:
    """Whether the command ends with 0."""
    return all_answered(search_response(found).model_dump(mode="json"))


async def test_a_country_whose_only_source_is_down_has_not_searched(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    sources["vn"].error = lambda: RuntimeError("connection refused")
    found = await search(world)
    sources["vn"].reset()
    line = lines(found)[VN]
    assert (line.outcome, line.missing, line.hits) == (Outcome.NOT_SEARCHED, ("immigration records",), ())
    text, style = shown(found, "vn")
    assert text == "  vn  not searched: immigration records did not answer. This does not mean no hit."
    assert style == "warn"
    assert not is_answered(found)
    body = json.loads(search_response(found).model_dump_json())["lines"][1]
    assert (body["outcome"], body["partial"], body["missing"]) == ("not_searched", False, ["immigration records"])


async def test_both_logs_and_the_signed_answer_say_that_nothing_was_searched(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    sources["vn"].error = lambda: RuntimeError("connection refused")
    line = lines(await search(world))[VN]
    sources["vn"].reset()
    received, answered = last(world.nodes["th"]), last(world.nodes["vn"])
    assert {item.entry.exchange_id for item in (received, answered)} == {line.exchange_id}
    for entry, kind in ((received, "received"), (answered, "answered")):
        assert (entry.entry.kind, entry.private["outcome"]) == (kind, "not_searched")
        assert entry.private["missing"] == ["immigration records"]
        assert unseal(entry.answer, ANSWER_V4)
        assert read_signed(entry.answer).outcome is Outcome.NOT_SEARCHED


async def test_a_country_without_a_source_for_the_question_has_not_searched(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    assert QueryKind.CONTAINER not in world.nodes["th"].resources.walls[0].description.queries
    before = sources["th"].searches
    found = await world.nodes["kh"].asking.searches.start(officer("kh"), command(CONTAINER, (TH,)))
    line = lines(found)[TH]
    assert (line.outcome, line.missing) == (Outcome.NOT_SEARCHED, ())
    assert sources["th"].searches == before
    (body,) = [each for each in search_response(found).model_dump(mode="json")["lines"] if each["member"] == "th"]
    assert headline(body, "kh") == (
        "  th  not searched: no source takes such a question. This does not mean no hit.",
        "warn",
    )
    assert not is_answered(found)


async def test_own_agencies_without_a_source_for_the_question_have_not_searched(world: World) -> None:
    assert QueryKind.CONTAINER not in world.nodes["th"].resources.walls[0].description.queries
    found = await search(world, CONTAINER, (KH,))
    assert (lines(found)[TH].outcome, lines(found)[KH].outcome) == (Outcome.NOT_SEARCHED, Outcome.HIT)
    assert shown(found, "th")[0].startswith("  th  our own agencies: not searched: no source takes such a question.")
    assert not is_answered(found)
    own = next(item for item in reversed(entries(world.nodes["th"])) if item.entry.kind == "own")
    assert own.private["outcome"] == "not_searched"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: RuntimeError("disk"), "police records did not answer"),
        (
            lambda: Malformed("nothing to search by", code="bad-query"),
            REFUSALS["bad-query"],
        ),
    ],
    ids=["down", "a bad question"],
)
async def test_own_agencies_that_could_not_search_do_not_say_no_hit(
    world: World, sources: dict[str, WatchedSource], error: Callable[[], LiaisonError], said: str
) -> None:
    sources["th"].error = error
    found = await search(world, person(planted.NOBODY), (KH,))
    sources["th"].reset()
    assert (lines(found)[TH].outcome, lines(found)[TH].missing) == (Outcome.NOT_SEARCHED, ("police records",))
    assert shown(found, "th") == (
        f"  th  our own agencies: not searched: {said}. This does not mean no hit.",
        "warn",
    )
    assert not is_answered(found)


async def test_a_search_in_full_that_finds_nothing_is_no_hit_and_answered(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    found = await search(world, person(planted.NOBODY), (KH,))
    assert [line.outcome for line in found.lines] == [Outcome.NO_HIT] * 2
    assert is_answered(found)
    now_us = CLOCK.now_us()
    for line, kind in zip(found.lines, ("police records", "customs records"), strict=True):
        (searched,) = line.searched
        assert searched.kind == kind
        assert now_us - 900 * SECOND_US < searched.as_of_us <= now_us
    as_of = f"{from_us(lines(found)[KH].searched[0].as_of_us):%H:%M} UTC"
    assert shown(found, "kh") == (f"  kh  no hit (searched as of {as_of})", "")


@pytest.fixture
def database(world: World) -> Iterator[Path]:
    """The file of the only source of Viet Nam; as it was, and looked at, when the test ends."""
    resources = world.nodes["vn"].resources
    file = Path(resources.settings.source_url(resources.settings.sources[0]).removeprefix("sqlite:///"))
    kept = file.read_bytes()
    yield file
    file.write_bytes(kept)
    resources.refreshers["vn.immigration.border"]()


async def test_n197_a_source_that_was_emptied_is_not_searched_from_its_index_and_is_again_once_it_was_read(
    world: World, sources: dict[str, WatchedSource], database: Path
) -> None:
    look, kept = world.nodes["vn"].resources.refreshers["vn.immigration.border"], database.read_bytes()
    nobody = DocumentQuery("ZZ0000000", "VNM")
    whole = lines(await search(world, nobody))[VN]
    assert whole.outcome is Outcome.NO_HIT
    database.write_bytes(b"")
    with pytest.raises(LiaisonError):
        look()
    for asked in (nobody, PASSPORT):
        found = await search(world, asked)
        line = lines(found)[VN]
        assert (line.outcome, line.missing, line.searched) == (Outcome.NOT_SEARCHED, ("immigration records",), ())
        assert not is_answered(found)
    (source,) = last(world.nodes["vn"]).private["sources"]
    assert source["state"] == "not-fresh"
    own = lines(await world.nodes["vn"].asking.searches.start(officer("vn"), command(nobody, (TH,))))[VN]
    assert own.outcome is Outcome.NOT_SEARCHED
    database.write_bytes(kept)
    look()
    line = lines(await search(world, nobody))[VN]
    assert line.outcome is Outcome.NO_HIT
    assert line.searched[0].as_of_us >= whole.searched[0].as_of_us


@pytest.mark.parametrize(("reads", "version"), [(("answer.v2",), ANSWER_V2), (("answer.v1",), ANSWER)])
async def test_a_member_of_an_older_version_gets_a_refusal_and_never_no_hit(
    world: World, sources: dict[str, WatchedSource], reads: tuple[str, ...], version: PayloadType
) -> None:
    vn, thailand = world.nodes["vn"], world.federation["th"]
    held = world.federation.view("vn").descriptor("th")
    older = replaced(held, version=held.version + 1, previous=held.hash.hex(), reads=reads, hash=b"", data=b"")
    world.federation.share(sign_descriptor(older, [load_signing_key(thailand.authority / "authority.key")]))
    for node in world.nodes.values():
        node.resources.trust.refresh()
    sources["vn"].error = lambda: RuntimeError("connection refused")
    line = lines(await search(world))[VN]
    sources["vn"].reset()
    answered = last(vn)
    message = unseal(answered.answer, version).payload
    assert b"UNAVAILABLE" in message
    assert b"not-searched" in message
    assert (answered.entry.kind, answered.private["outcome"]) == ("answered", "not_searched")
    # Thailand has upgraded and not yet published: its own reader knows what is meant.
    assert line.outcome is Outcome.NOT_SEARCHED


async def test_statistics_count_what_was_not_searched_on_both_sides(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    for member in ("th", "vn"):
        sources[member].error = lambda: RuntimeError("connection refused")
    await search(world)
    for member in ("th", "vn"):
        sources[member].reset()
    for member, measure in (("th", "received-outcome"), ("vn", "served-outcome"), ("th", "own")):
        resources = world.nodes[member].resources
        counts = collect(HomeLogs(resources.store, resources.keystore)).counts
        found = {(cell.measure, cell.value): count for cell, count in counts.items() if isinstance(cell, Cell)}
        assert found[measure, "not_searched"] > 0
