"""A node tells its counterparts by itself that it goes down, and that it is up again (DUTY-L20)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.desk.oversight.outages import SHORTEST_US, STOP_S
from gateway.model.desk.notices import NoticeType, Service, ServiceCode
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.names import MemberId
from gateway.ports.desk import WorkFilter
from gateway.statements.notices.notice import parse_notice
from tests.support.exchange import CLOCK, VN, entries, sample_world
from tests.support.load import waiting
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process
BOTH = [[ServiceCode.OUTAGE, ServiceCode.RESUMED]]


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as made:
        yield made


def said(world: Simulation, member: str = "th", peer: MemberId = VN) -> list[list[Service]]:
    """What a node has told another about itself, thread by thread."""
    store = world.nodes[member].desk.parts.store
    states = (ThreadState.OPEN, ThreadState.ENDED)
    found = []
    for thread in store.threads(kinds=(ThreadKind.SERVICE,), states=states):
        if thread.key.peer == peer:
            rows = [row for row in store.notices(thread.key) if row.placed.type is NoticeType.SERVICE]
            bodies = [parse_notice(row.envelope).body for row in rows]
            found.append([body for body in bodies if isinstance(body, Service)])
    return found


def codes(world: Simulation) -> list[list[ServiceCode]]:
    return [[word.code for word in words] for words in said(world)]


async def begun(world: Simulation, member: str = "vn") -> None:
    """Wait until a node has looked at how it went down before."""
    documents = world.nodes[member].desk.parts.parts.documents
    await until(lambda: documents.get("node", "alive") is not None, "the node has begun")
    await until(lambda: world.nodes[member].desk.oversight.outages._has_begun, "it has told what was due")


async def test_duty_l20_a_stop_in_good_order_and_the_start_after_it_are_told(own_world: Simulation) -> None:
    await begun(own_world)
    own_world.nodes["vn"].desk.oversight.outages.tells_stops = True
    before_us = CLOCK.now_us()
    await own_world.stop("vn")
    assert codes(own_world) == [[ServiceCode.OUTAGE]], "it is told before the node is gone"
    ((outage,),) = said(own_world)
    assert before_us <= outage.since_us <= CLOCK.now_us()
    works = own_world.nodes["th"].desk.parts.store.works(WorkFilter(kinds=(WorkKind.READ,)))
    assert [(work.role, work.key.peer) for work in works] == [(Role.NATIONAL_DESK, VN)]
    await own_world.start("vn")
    await until(lambda: codes(own_world) == BOTH, "its end is told")
    assert said(own_world)[0][1].since_us == outage.since_us
    await begun(own_world)
    await own_world.stop("vn")  # in a node for trials nothing is told of a stop
    await own_world.start("vn")
    await begun(own_world)
    assert codes(own_world) == BOTH
    acts = [each.private for each in entries(own_world.nodes["vn"], "operations") if each.entry.kind == "desk-clock"]
    assert [act["code"] for act in acts if "outage" in act["code"]] == ["outage", "outage-over"]


async def test_duty_l20_an_outage_of_which_nothing_was_told_is_told_at_the_next_start(own_world: Simulation) -> None:
    await begun(own_world)
    alive_us = CLOCK.now_us() - SHORTEST_US - 1_000_000
    own_world.nodes["vn"].desk.parts.parts.documents.put("node", "alive", str(alive_us).encode())
    await own_world.stop("vn")
    assert codes(own_world) == []
    await own_world.start("vn")
    await until(lambda: codes(own_world) == BOTH, "both are told afterwards")
    outage, resumed = said(own_world)[0]
    assert (outage.since_us, resumed.since_us) == (alive_us, alive_us)
    assert alive_us + SHORTEST_US <= outage.until_us <= CLOCK.now_us()
    store = own_world.nodes["vn"].desk.parts.store
    await until(lambda: not store.threads(kinds=(ThreadKind.SERVICE,), states=(ThreadState.OPEN,)), "over at home, too")


async def test_duty_l20_a_counterpart_out_of_reach_holds_up_no_stop_and_hears_of_it_later(
    own_world: Simulation,
) -> None:
    await begun(own_world)
    await own_world.stop("th")
    own_world.nodes["vn"].desk.oversight.outages.tells_stops = True
    with waiting() as watch:
        await own_world.stop("vn")
    assert watch.seconds < STOP_S + 20
    for member in ("th", "vn"):
        await own_world.start(member)
    await until(lambda: codes(own_world) == BOTH, "both words come once it is there")
