"""Changes of what a human released, of alerts' kin, and of hits: the five codes between two running nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace as replaced
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from gateway.app.run.node import Node
from gateway.errors import Forbidden
from gateway.model.desk.notices import ASK_AGAIN, Change, ChangeCode, ReplyCode, StatusCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.handed.changes import ChangeCommand
from gateway.signing.keys import load_signing_key
from gateway.statements.notices.notice import parse_notice
from gateway.trust.documents.descriptor import sign_descriptor
from tests.support.exchange import VN, watch
from tests.support.nodes import World
from tests.support.originator import data_officer, later
from tests.support.second_step import DUTY, OFFICER, asked, is_taken, step, step_world, works
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

FIELDS = ("number", "holder_name", "status")
_HOUR = 3_600_000_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = step_world(tmp_path_factory.mktemp("changed"))
    async with simulated(made) as made:
        yield made


@pytest.fixture(autouse=True)
def source(world: World) -> Any:
    """The owner's source, which a test lets change."""
    found: Any = world.nodes["vn"].resources.walls[0].source
    watched = found if hasattr(found, "change") else watch(world.nodes["vn"])
    watched.reset()
    return watched


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def free(world: World) -> None:
    """Let the owner give again what an earlier test withdrew."""
    holding, owner = world.nodes["vn"].desk.originator.holding, data_officer("vn", "immigration")
    for held in holding.listed(owner):
        await holding.lift(owner, held.record)


async def released(world: World) -> tuple[ThreadKey, Any]:
    """A package that was released and opened: its thread at the asker's, and the record."""
    vn = world.nodes["vn"]
    key, there, work = await asked(world, fields=FIELDS)
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
    await until(is_taken(vn, there), "the reply is taken")
    package = await step(world, "th").packages.open(OFFICER, key)
    return key, package.records[0]


async def changed(world: World, jti: str, code: ChangeCode) -> tuple[ThreadKey, Change]:
    """The owner's change of one record, once it is taken; and what it says."""
    vn = world.nodes["vn"]
    command = ChangeCommand(code=code, records=(jti,))
    done = await vn.desk.originator.originator.change(data_officer("vn", "immigration"), command)
    (key,) = done.threads
    await until(is_taken(vn, key), "the change is taken")
    body = parse_notice(vn.desk.parts.store.notices(key)[0].envelope).body
    assert isinstance(body, Change)
    return ThreadKey(VN, key.thread_id), body


def state(node: Node, jti: str, direction: Direction) -> HoldingState:
    (copy,) = node.desk.parts.store.holdings(jti=jti, direction=direction)
    return copy.state


def restate(source: Any, status: str) -> None:
    """Let the source have another status of the document from now on."""
    source.change = lambda record: structs.replace(record, fields=dict(record.fields) | {"status": status})


async def test_a_corrected_package_is_opened_as_it_is_now_bound_to_the_same_ask(world: World, source: Any) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    key, first = await released(world)
    assert first.fields["status"] == "STOLEN"
    restate(source, "LOST")
    thread, said = await changed(world, first.jti, ChangeCode.CORRECTED)
    assert (said.code, bool(said.record)) == (ChangeCode.CORRECTED, True)
    (second,) = (await step(world, "th").packages.open(OFFICER, key)).records
    assert second.jti != first.jti
    assert set(second.fields) == set(first.fields)
    assert second.fields == first.fields | {"status": "LOST"}
    assert second.marking["purposes"] == first.marking["purposes"]
    assert state(th, first.jti, Direction.IN) is HoldingState.HIDDEN
    # Who opened the old one is told, and reads the correction in its own thread.
    told = [work for work in works(th, WorkKind.READ, key=thread) if work.assigned == OFFICER.officer.person]
    assert len(told) == 1
    content = await th.desk.uses.reading.thread(OFFICER.officer, thread.thread_id)
    assert [item.fields for item in content.notices] == [dict(second.fields)]
    # A correction of the correction, then the end of the first copies.
    restate(source, "REVOKED")
    await changed(world, second.jti, ChangeCode.CORRECTED)
    (third,) = (await step(world, "th").packages.open(OFFICER, key)).records
    assert (third.fields["status"], state(th, second.jti, Direction.IN)) == ("REVOKED", HoldingState.HIDDEN)
    (work,) = works(th, WorkKind.COMPLY, key=thread)
    await th.desk.originator.compliance.comply(data_officer("th", work.agency), work.id)
    await until(lambda: state(vn, first.jti, Direction.OUT) is HoldingState.ENDED, "the first is erased")
    await changed(world, third.jti, ChangeCode.WITHDRAWN)
    with pytest.raises(Forbidden) as refused:
        await step(world, "th").packages.open(OFFICER, key)
    assert refused.value.code == "record-withdrawn"


async def test_a_source_that_signs_by_itself_lets_its_holders_ask_again(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    _, first = await released(world)
    wall = vn.resources.walls[0]
    wall.signs = True
    try:
        thread, said = await changed(world, first.jti, ChangeCode.CORRECTED)
    finally:
        wall.signs = False
    assert (said.code, said.record, said.reason) == (ChangeCode.CORRECTED, "", ASK_AGAIN)
    assert state(th, first.jti, Direction.IN) is HoldingState.HIDDEN
    assert [work.assigned for work in works(th, WorkKind.READ, key=thread)] == [OFFICER.officer.person]


@pytest.mark.parametrize("code", [ChangeCode.RECLASSIFIED, ChangeCode.WITHDRAWN])
async def test_a_package_that_may_not_stay_is_hidden_told_erased_and_confirmed(world: World, code: ChangeCode) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    key, first = await released(world)
    thread, said = await changed(world, first.jti, code)
    assert said.code is code
    # In the transaction that took it: hidden, and its reader told.
    assert state(th, first.jti, Direction.IN) is HoldingState.HIDDEN
    assert [work.assigned for work in works(th, WorkKind.READ, key=thread)] == [OFFICER.officer.person]
    reviewed = [OFFICER.officer.person] if code is ChangeCode.WITHDRAWN else []
    assert [work.not_by for work in works(th, WorkKind.REVIEW, key=thread)] == reviewed
    (work,) = works(th, WorkKind.COMPLY, key=thread)
    assert work.due_us <= said.erase_by_us
    await th.desk.originator.compliance.comply(data_officer("th", work.agency), work.id)
    await until(lambda: state(vn, first.jti, Direction.OUT) is HoldingState.ENDED, "the erasure is confirmed")
    reply = next(row for row in th.desk.parts.store.notices(key) if row.placed.type == "reply")
    assert reply.envelope == b""


async def test_the_alarms_come_once_at_both_sides(world: World) -> None:
    nodes = [world.nodes["th"], world.nodes["vn"]]
    _, first = await released(world)
    thread, _ = await changed(world, first.jti, ChangeCode.WITHDRAWN)

    def late(node: Node) -> int:
        rows = [row for row in works(node, WorkKind.READ) if row.id.endswith("late")]
        return sum(row.key.thread_id == thread.thread_id for row in rows)

    async def look() -> None:
        for node in nodes:
            node.core.leadership.leads = True
            await node.rounds.make("unconfirmed changes")

    with later(23 * _HOUR, *nodes):
        await look()
    assert [late(node) for node in nodes] == [0, 0]
    with later(25 * _HOUR, *nodes):
        await look()
        await look()
    assert [late(node) for node in nodes] == [1, 1]
    # The word of the holder ends the owner's.
    (work,) = works(nodes[0], WorkKind.COMPLY, key=thread)
    await nodes[0].desk.originator.compliance.comply(data_officer("th", work.agency), work.id)
    await until(lambda: late(nodes[1]) == 0, "the owner's work about it is over")


async def test_word_that_it_is_another_person_is_work_for_the_owner_for_twelve_hours(world: World) -> None:
    vn = world.nodes["vn"]
    key, _ = await released(world)
    await step(world, "th").packages.not_same(OFFICER, key, "he has both hands; yours lacks a finger")
    there = ThreadKey(world.nodes["th"].core.parts.member, key.thread_id)
    await until(lambda: bool(works(vn, WorkKind.DISTINGUISH, key=there)), "the owner has the work")
    (work,) = works(vn, WorkKind.DISTINGUISH, key=there)
    assert (work.agency, work.due_us - work.opened_us) == ("immigration", 12 * _HOUR)
    told = vn.desk.parts.store.notices(there)[-1]
    assert told.placed.code == StatusCode.NOT_SAME


async def test_a_contested_package_is_hidden_and_stays_and_a_cut_hides_what_comes(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    key, first = await released(world)
    thread, _ = await changed(world, first.jti, ChangeCode.CONTESTED)
    assert state(vn, first.jti, Direction.OUT) is HoldingState.HIDDEN
    assert works(th, WorkKind.COMPLY, key=thread) == []
    with pytest.raises(Forbidden):
        await step(world, "th").packages.open(OFFICER, key)
    cut = ChangeCommand(code=ChangeCode.CUT, holder="th", office=OFFICER.officer.office)
    with pytest.raises(Forbidden) as refused:
        await vn.desk.originator.originator.change(data_officer("vn", "immigration"), cut)
    assert refused.value.code == "unknown-office", "its member has not published it"
    _publish_office(world, OFFICER.officer.office)
    done = await vn.desk.originator.originator.change(data_officer("vn", "immigration"), cut)
    await until(is_taken(vn, done.threads[0]), "the cut is taken")
    assert th.core.ledger.hidden({VN: ("0" * 32,)}, OFFICER.officer.office)


def _publish_office(world: World, office: str) -> None:
    """Let Thailand list an office in its next descriptor."""
    held = world.federation.view("th").descriptor("th")
    following = replaced(
        held, version=held.version + 1, previous=held.hash.hex(), offices=(*held.offices, office), hash=b"", data=b""
    )
    authority = load_signing_key(world.federation["th"].authority / "authority.key")
    world.federation.share(sign_descriptor(following, [authority]))
    for node in world.nodes.values():
        node.resources.trust.refresh()
