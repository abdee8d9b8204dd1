"""Incidents between running nodes: told to all, past a suspension, acknowledged by name, counted, closed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.config.suspensions import Action
from gateway.desk.acting.parts import Actor
from gateway.desk.oversight.values import IncidentItem, Standing
from gateway.errors import Forbidden, Malformed, Stale, Unknown
from gateway.model.desk.notices import Service, ServiceCode
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.incidents import NewsCode, TellNews
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import Work, WorkFilter
from gateway.ports.desk_uses import WorkQuery
from tests.support.alerts import actor, author, supervisor
from tests.support.exchange import TH, entries, sample_world
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process
TEXT = "An officer token was stolen and used. It is revoked."
DAY_US = 86_400_000_000


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    """Three simulated nodes."""
    async with simulated(sample_world(tmp_path, ("th", "vn", "la")), ("th", "vn", "la")) as made:
        yield made


def security(member: str = "th", person: str = "s1") -> Actor:
    return actor(member, Role.SECURITY_OFFICER, person=person)


def waiting(world: Simulation, member: str, open_only: bool = True) -> list[Work]:
    wanted = WorkFilter(kinds=(WorkKind.INCIDENT,), open_only=open_only)
    return world.nodes[member].desk.parts.store.works(wanted)


async def told(world: Simulation) -> ExchangeId:
    """Tell of an incident, and wait until both others have work on it."""
    name = await world.nodes["th"].desk.uses.incidents.tell(security(), TellNews(TEXT, NewsCode.INCIDENT))
    await until(lambda: waiting(world, "vn") and waiting(world, "la"), "both have it")
    return name


async def standing(world: Simulation, name: ExchangeId) -> IncidentItem:
    return await world.nodes["th"].desk.uses.incidents.show(security(), name)


async def test_an_incident_is_told_to_all_and_counted_until_each_has_acknowledged_it(own_world: Simulation) -> None:
    th, vn, la = (own_world.nodes[name].desk.uses for name in ("th", "vn", "la"))
    for nobody in (author(), supervisor()):
        with pytest.raises(Forbidden):
            await th.incidents.tell(nobody, TellNews(TEXT, NewsCode.INCIDENT))
    name = await told(own_world)
    assert (await standing(own_world, name)).acknowledged == 0
    (here,) = waiting(own_world, "th")
    assert here.due_us - here.opened_us == DAY_US
    (work,) = waiting(own_world, "vn")
    assert (work.role, work.due_us - work.opened_us) == (Role.SECURITY_OFFICER, DAY_US)

    with pytest.raises(Forbidden):
        await vn.incidents.taken(supervisor("vn"), work.id)
    found = await vn.incidents.taken(security("vn"), work.id)
    assert isinstance(found.body, Service)
    assert (found.body.code, found.body.text) == (ServiceCode.INCIDENT, TEXT)
    await vn.incidents.acknowledge(security("vn"), work.id, "we look, too")
    with pytest.raises(Stale):
        await vn.incidents.acknowledge(security("vn", "s2"), work.id)
    await until(lambda: th_knows(own_world, name), "the answer has come")
    item = await standing(own_world, name)
    assert (item.acknowledged, len(item.stands)) == (1, 2)
    (answered,) = [one for one in item.stands if one.member == "vn"]
    assert (answered.standing, answered.text) == (Standing.ACKNOWLEDGED, "we look, too")
    (other,) = waiting(own_world, "la")
    await la.incidents.acknowledge(security("la"), other.id)
    await until(lambda: not waiting(own_world, "th"), "all have acknowledged it, and our own work ends")

    await th.incidents.add(security(), name, "two more tokens were used")
    await until(lambda: len(waiting(own_world, "vn")) == 1, "it is acknowledged anew")
    assert (await standing(own_world, name)).acknowledged == 0
    await th.incidents.close(security(), name, "all keys are new")
    thread = own_world.nodes["th"].desk.parts.store
    await until(lambda: {one.state for one in thread.threads(group_id=name)} == {ThreadState.ENDED}, "all threads end")
    (late,) = waiting(own_world, "vn")
    await vn.incidents.acknowledge(security("vn"), late.id)
    assert not waiting(own_world, "vn")
    with pytest.raises(Stale):
        await th.incidents.add(security(), name, "more")
    assert [one.incident.id for one in (await th.incidents.all(security(), over=True)).items] == [name]
    acts = [each.private for each in entries(own_world.nodes["th"], "operations") if each.entry.kind == "desk-act"]
    said = [str(act["act"]) for act in acts]
    assert said == ["tell-incident", "tell-more", "close-incident"]


def th_knows(world: Simulation, name: ExchangeId) -> bool:
    store = world.nodes["th"].desk.parts.store
    return any(one.theirs for one in store.threads(group_id=name))


async def test_an_incident_passes_a_suspension_and_one_key_tells_nobody_twice(own_world: Simulation) -> None:
    th = own_world.nodes["th"]
    once = new_exchange_id()
    command = TellNews(TEXT, NewsCode.INCIDENT, to=(MemberId("vn"),))
    suspended = {"id": "1" * 32, "time": "2026-11-24T12:00:00Z", "action": Action.SUSPEND.value, "target": "peer:vn"}
    th.core.resources.home.suspensions.write_text(json.dumps(suspended | {"reason": "under review"}) + "\n")
    await until(lambda: th.core.parts.suspensions.suspends(peer="vn", purpose="PREVENTION"), "it is switched off")
    for _ in range(2):
        assert await th.desk.uses.incidents.tell(security(), command, once) == once
    await until(lambda: waiting(own_world, "vn"), "it is taken")
    assert not waiting(own_world, "la")
    assert len(th.desk.parts.store.threads(kinds=(ThreadKind.SERVICE,))) == 2


async def test_a_bad_incident_is_refused_and_who_may_not_see_one_finds_neither_work_nor_thread(
    own_world: Simulation,
) -> None:
    for command, code in (
        (TellNews("", NewsCode.INCIDENT), "missing"),
        (TellNews("x" * 2_001, NewsCode.INCIDENT), "too-long"),
        (TellNews(TEXT, NewsCode.OUTAGE, since_us=10**18), "bad-time"),
        (TellNews(TEXT, NewsCode.OUTAGE, until_us=1), "bad-time"),
        (TellNews(TEXT, NewsCode.DRILL, to=(MemberId("zz"),)), "unknown-member"),
    ):
        with pytest.raises((Malformed, Unknown)) as caught:
            await own_world.nodes["th"].desk.uses.incidents.tell(security(), command)
        assert caught.value.code == code
    assert not waiting(own_world, "th")
    await told(own_world)
    vn = own_world.nodes["vn"].desk.uses
    (work,) = waiting(own_world, "vn")
    key = ThreadKey(TH, work.key.thread_id)
    for nobody in (author("vn"), supervisor("vn")):
        assert work.id not in [item.work.id for item in await vn.queue.works(nobody.officer, WorkQuery(all=True))]
        with pytest.raises(Unknown):
            await vn.reading.thread(nobody.officer, key.thread_id)
