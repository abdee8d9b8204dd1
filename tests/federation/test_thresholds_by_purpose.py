"""How alike names must be follows the purpose, at home and abroad; the father's name travels with the question."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.demo.sources import planted
from gateway.matching.one_word import NOT_SEARCHED
from gateway.model.exchange import Outcome
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import PersonQuery
from gateway.model.search import Search
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm, PartialDate
from tests.support.exchange import KH, TH, WatchedSource, command, entries, last, lines, sample_world, stopping, watch
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = officer("th", tuple(purpose.value for purpose in Purpose))
MISHEARD = PersonQuery((NameForm("Kita Bunna"),))
"""As somebody heard the name of `planted.DRIVER`, without a birth date."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("thresholds"), ("th", "kh"))
    async with stopping(made):
        for member in ("th", "kh"):
            await made.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sources(world: World) -> dict[str, WatchedSource]:
    return {member: watch(node) for member, node in world.nodes.items()}


async def ask(world: World, purpose: Purpose, query: PersonQuery = MISHEARD) -> Search:
    return await world.nodes["th"].asking.searches.start(
        HER, command(query, (KH,), purpose=purpose, offence=Offence.TIP)
    )


async def test_the_same_person_is_found_as_missing_and_not_at_a_border(world: World) -> None:
    missing = lines(await ask(world, Purpose.MISSING_PERSON))
    border = lines(await ask(world, Purpose.BORDER_CHECK))
    assert missing[KH].outcome is Outcome.HIT
    assert border[KH].outcome is Outcome.NO_HIT


async def test_our_own_agencies_and_theirs_are_asked_with_the_purposes_set(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    for purpose, strictness in (
        (Purpose.MISSING_PERSON, Strictness.WIDE),
        (Purpose.INVESTIGATION, Strictness.USUAL),
        (Purpose.BORDER_CHECK, Strictness.STRICT),
    ):
        await ask(world, purpose)
        assert {member: source.strictness for member, source in sources.items()} == {"th": strictness, "kh": strictness}


async def test_a_fathers_name_reaches_the_counterparts_source_and_stands_in_no_entry_in_clear(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    query = PersonQuery((NameForm("Kitti Bunma"),), father="Somphop Bunma")
    assert lines(await ask(world, Purpose.INVESTIGATION, query))[KH].outcome is Outcome.HIT
    for member in (TH, KH):
        assert sources[member].query == query
        for item in entries(world.nodes[member]):
            said = {name: value for name, value in item.private.items() if name != "question"}
            assert "Somphop" not in repr((item.entry, said))
        files = [path for path in world.home(member).rglob("*") if path.is_file()]
        assert not any(b"Somphop" in path.read_bytes() for path in files)
    assert b"Somphop" in last(world.nodes["kh"]).request


async def test_one_word_is_found_by_the_birth_date_and_a_border_says_that_it_does_not_search_for_it(
    world: World,
) -> None:
    query = PersonQuery((NameForm("Bunma"),), PartialDate(planted.DRIVER.birth.isoformat()))
    found = lines(await ask(world, Purpose.INVESTIGATION, query))[KH]
    assert found.outcome is Outcome.HIT
    assert not found.missing
    border = lines(await ask(world, Purpose.BORDER_CHECK, query))
    assert border[KH].outcome is Outcome.PARTIAL
    for member in (TH, KH):
        assert NOT_SEARCHED in border[member].missing
