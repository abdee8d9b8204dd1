"""Quotas bite at the last question of a day; record types are switched off, and humanitarian doors left open."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.config.home import Home
from gateway.demo.sources import planted
from gateway.language.languages import Language
from gateway.model.exchange import Outcome
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import ContainerQuery
from gateway.model.search import Line, Search
from gateway.views.search.fields import search_value
from gateway.views.search.lines import all_answered, answer_text
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import CLOCK, KH, VN, command, entries, lines, person, sample_world, stopping
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.policies import NATIONAL

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHIEF = officer("th", ("BORDER_CHECK", "INVESTIGATION", "MISSING_PERSON", "THREAT_TO_LIFE"))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("quotas"))
    limit(made, "vn", "[in.th]\nINVESTIGATION = 5\n")
    limit(made, "th", "[out.kh]\nMISSING_PERSON = 2\n")
    async with stopping(made):
        for member in ("th", "vn", "kh"):
            await made.start(member)
        yield made


def limit(world: World, member: str, quotas: str) -> None:
    home = world.home(member)
    shutil.copytree(NATIONAL / member, home / "policy")
    (home / "policy" / "quotas.toml").write_text(quotas)
    file = home / "node.toml"
    file.write_text(f'{file.read_text()}\n[policy]\nnational = "policy"\n')


async def ask(world: World, to: str = "vn", **changes: object) -> Line:
    asked = command(to=({"vn": VN, "kh": KH}[to],), **changes)  # type: ignore[arg-type]
    found: Line = lines(await world.nodes["th"].asking.searches.start(CHIEF, asked))[{"vn": VN, "kh": KH}[to]]
    return found


def used(world: World) -> list[tuple[str, int]]:
    """What Viet Nam has counted of each purpose."""
    return [(use.place.purpose, use.used) for use in world.nodes["vn"].core.parts.quotas.used(CLOCK.now_us())]


async def test_the_quota_is_used_to_the_last_and_not_beyond_also_in_parallel(world: World) -> None:
    found = await asyncio.gather(*(ask(world) for _ in range(9)))
    assert sorted(line.outcome for line in found) == [Outcome.HIT] * 5 + [Outcome.REFUSED] * 4
    refused = next(line.refusal for line in found if line.refusal is not None)
    assert (refused.code, refused.reason) == ("quota", "RESOURCE_EXHAUSTED")
    kept = [item for item in entries(world.nodes["vn"]) if item.private.get("code") == "quota"]
    assert len(kept) == 4
    assert used(world) == [("INVESTIGATION", 5)], "a refusal costs none"


async def test_another_purpose_has_its_own_quota(world: World) -> None:
    before = used(world)
    assert (await ask(world, purpose=Purpose.THREAT_TO_LIFE)).outcome is Outcome.HIT
    assert used(world) == before


async def test_our_own_quota_stops_a_question_at_home(world: World) -> None:
    wanted = {"query": person(planted.NOBODY), "purpose": Purpose.MISSING_PERSON, "offence": Offence.TIP}
    assert [(await ask(world, "kh", **wanted)).outcome for _ in range(3)] == [
        Outcome.NO_HIT,
        Outcome.NO_HIT,
        Outcome.REFUSED,
    ]
    denied = [item for item in entries(world.nodes["th"], "operations") if item.entry.kind == "denied"]
    assert denied[-1].private["code"] == "quota"


@pytest_asyncio.fixture(loop_scope="module")
async def switches(world: World) -> AsyncIterator[Home]:
    home = Home(world.home("kh"))
    yield home
    await switch_on(home, "all", "trial over")


async def until(world: World, condition: object, **changes: object) -> Line:
    found: list[Line] = []

    async def met() -> bool:
        found.append(await ask(world, "kh", **changes))
        return bool(condition(found[-1]))  # type: ignore[operator]

    await eventually_async(met)
    return found[-1]


async def test_a_record_type_that_is_switched_off_is_missing_whatever_is_there(world: World, switches: Home) -> None:
    wanted = {"query": person(planted.DRIVER), "purpose": Purpose.THREAT_TO_LIFE}
    assert (await until(world, lambda line: line.outcome is Outcome.HIT, **wanted)).missing == ()
    switch_off(switches, "peer:th/Person", "under review")
    off = ("Person records",)
    line = await until(world, lambda line: line.missing == off, **wanted)  # one amid the switch names an agency alone
    assert (line.outcome, line.suspended, line.hits) == (Outcome.SUSPENDED, off, ())
    nobody = await ask(world, "kh", query=person(planted.NOBODY), purpose=Purpose.THREAT_TO_LIFE)
    assert (nobody.outcome, nobody.missing) == (line.outcome, line.missing)


def told(line: Line) -> tuple[str, bool]:
    """What an officer reads of a line, and whether it counts as an answer."""
    body = search_value(Search("5" * 32, CHIEF.person, 0, done=True, lines=(line,)))
    assert body["lines"][0]["partial"] is (line.outcome is Outcome.PARTIAL)
    return answer_text(body["lines"][0], Language.EN)[0], all_answered(body)


async def test_n199_a_question_whose_only_type_is_switched_off_reads_suspended_and_its_country_serves(
    world: World, switches: Home
) -> None:
    wanted = {"query": person(planted.DRIVER), "purpose": Purpose.THREAT_TO_LIFE}
    switch_off(switches, "peer:th/Person", "under review")
    line = await until(world, lambda line: line.missing == ("Person records",), **wanted)
    assert (line.outcome, line.searched) == (Outcome.SUSPENDED, ())
    assert told(line) == ("suspended: Person records are switched off. This does not mean no hit.", False)
    refused = entries(world.nodes["kh"])[-1]
    assert (refused.entry.kind, refused.private["code"]) == ("refused", "suspended")
    assert "Person records" in refused.private["detail"]
    said = world.nodes["th"].core.counterparts.said(KH)
    assert said is not None
    assert said.outcome is not Outcome.SUSPENDED, "the country as a whole is not switched off"


async def test_n199_a_type_counts_as_switched_off_where_the_question_finds_it_and_no_hit_is_lost_by_it(
    world: World, switches: Home
) -> None:
    driver = {"query": person(planted.DRIVER), "purpose": Purpose.THREAT_TO_LIFE}
    container = {"query": ContainerQuery("MSKU9070323"), "purpose": Purpose.THREAT_TO_LIFE}
    switch_off(switches, "peer:th/Seizure", "under review")
    off = ("Seizure records",)
    line = await until(world, lambda line: line.missing == off, **container)
    assert (line.outcome, line.suspended) == (Outcome.PARTIAL, off)
    assert [one.kind for one in line.searched] == ["customs records"]
    text, is_answered = told(line)
    assert text.startswith("partial: Seizure records are suspended, and the others found nothing. This does not mean")
    assert not is_answered
    line = await ask(world, "kh", **driver)
    assert (line.outcome, line.missing) == (Outcome.HIT, ()), "no question for a person finds a seizure"


async def test_a_humanitarian_door_stays_open_under_a_name(world: World, switches: Home) -> None:
    switch_off(switches, "peer:th", "under review", "minister of the interior")
    driver = person(planted.DRIVER)
    await until(world, lambda line: line.outcome is Outcome.SUSPENDED and not line.missing, query=driver)
    wanted = {"query": person(planted.DRIVER), "purpose": Purpose.THREAT_TO_LIFE}
    assert (await ask(world, "kh", **wanted)).outcome is Outcome.HIT
