"""Operations between running nodes: each pair has its own thread, and all together are one room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.audit.verify.human_checks import Extents, extent_of
from gateway.config.home import Home
from gateway.desk.acting.home import Stand
from gateway.desk.rooms.values import home_key
from gateway.errors import Forbidden, Stale
from gateway.model.desk.notices import OutcomeCode, OutcomeReport
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import DeliveryState, Role, WorkKind
from gateway.model.names import MemberId
from gateway.ports.desk import WorkFilter
from tests.support.acts import switch_off, switch_on
from tests.support.alerts import actor, raising, there
from tests.support.approving import approve_waiting
from tests.support.exchange import entries, sample_world
from tests.support.moved_clock import Ahead
from tests.support.rooms import desk_of, joined, note, opened, opening, page, said
from tests.support.simulator import Simulation, publish_offices, simulated
from tests.support.waiting import until

TH, VN = MemberId("th"), MemberId("vn")


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    """Three simulated nodes whose time can be moved on (`ahead`)."""
    async with simulated(sample_world(tmp_path, ("th", "vn", "kh")), ("th", "vn", "kh")) as made:
        yield made


async def test_an_operation_from_its_opening_to_its_seal(own_world: Simulation) -> None:
    th, vn, kh = (own_world.nodes[name] for name in ("th", "vn", "kh"))
    rooms = th.desk.rooms.rooms
    room_id = await rooms.open(actor("th", Role.OFFICER), opening("vn", "kh", observers=("kh",)))
    with pytest.raises(Forbidden) as caught:
        await approve_waiting(rooms, actor("th", Role.SUPERVISOR), home_key(TH, room_id))
    assert caught.value.code == "own-approval"
    assert len(th.desk.parts.store.threads(group_id=room_id)) == 1, "nobody is invited before it is approved"
    await approve_waiting(rooms, actor("th", Role.SUPERVISOR, person="7"), home_key(TH, room_id))
    await rooms.note(actor("th", Role.OFFICER), room_id, note("begins at dusk", what="check", place="Mukdahan"))
    await until(lambda: vn.desk.rooms.rooms._book.room(room_id), "the invitation has come")
    (work,) = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,)))
    with pytest.raises(Stale):
        await vn.desk.rooms.rooms.note(desk_of("vn"), room_id, note("too early"))
    await joined(vn, room_id)
    assert (done := vn.desk.parts.store.work(work.id)) is not None
    assert (done.by, done.result) == (desk_of("vn").officer.person, "join-room")
    await until(lambda: said(vn, room_id) == [("th", "begins at dusk")], "who joins later reads what was said before")
    await joined(kh, room_id)
    await vn.desk.rooms.rooms.note(desk_of("vn"), room_id, note("a lorry was seen"))
    await vn.desk.rooms.rooms.outcome(
        desk_of("vn"), room_id, OutcomeReport(OutcomeCode.SEIZED, substance="ketamine", grams=12_000)
    )
    with pytest.raises(Forbidden) as caught:
        await kh.desk.rooms.rooms.note(desk_of("kh"), room_id, note("we only read"))
    assert caught.value.code == "observer"
    for node in (th, kh):
        await until(partial(_has, node, room_id, 3), "an entry of one reaches all others, with no centre")
    assert said(kh, room_id) == said(th, room_id)
    (result,) = (await page(kh, room_id)).results
    assert (result.member, result.code, result.substance, result.grams) == ("vn", "SEIZED", "ketamine", 12_000)
    with pytest.raises(Forbidden) as caught:
        await vn.desk.rooms.rooms.seal(desk_of("vn"), room_id)
    assert caught.value.code == "not-the-owner"
    alert_id = await th.desk.alerts.own.raise_alert(actor("th", Role.OFFICER), raising(operation=room_id))
    await approve_waiting(th.desk.alerts.own, actor("th", Role.SUPERVISOR, person="7"), alert_id)
    assert len(th.desk.parts.store.threads(group_id=alert_id)) == 1, "it is hidden for the operation"
    await rooms.seal(actor("th", Role.OFFICER), room_id, "done")
    ahead(own_world).move(timedelta(seconds=31))  # alerts are looked at so often
    for node in (th, vn, kh):
        await until(partial(_is_over, node, room_id), "it is sealed everywhere")
        shown = await page(node, room_id)
        assert (shown.line.stand, shown.text, shown.acts) == (Stand.SEALED, "done", frozenset())
        assert not any(part.lacks or part.missing for part in shown.parts)
    with pytest.raises(Stale) as stale:
        await vn.desk.rooms.rooms.note(desk_of("vn"), room_id, note("too late"))
    assert stale.value.code == "operation-over"
    evidence = (await page(th, room_id)).evidence
    assert {(each.member, each.says) for each in evidence} >= {
        ("vn", "room JOIN"),
        ("vn", "note"),
        ("vn", "outcome SEIZED"),
    }
    await there(th, alert_id)
    await th.desk.alerts.own.lift(actor("th", Role.OFFICER), alert_id, "found")
    told, book = entries(th, "operations"), Extents()
    acts = [extent_of(each.entry, each.private, 0) for each in told if each.entry.exchange_id == alert_id]
    for act in filter(None, acts):
        book.judge(act)  # it tells of no one: the clock ended what hid the alert
    assert all(len(each.payload_hash) == 64 and each.index >= 0 for each in evidence)


async def test_an_office_that_closes_keeps_no_operation_from_the_others(own_world: Simulation) -> None:
    th, rooms = own_world.nodes["th"], own_world.nodes["th"].desk.rooms.rooms
    await publish_offices(own_world, "vn", ("vn.blo.moc-bai", "vn.blo.cha-lo"))
    command = opening("vn")
    wanted = tuple(replace(one, offices=("vn.blo.cha-lo", "vn.blo.moc-bai")) for one in command.to)
    room_id = await rooms.open(actor("th", Role.OFFICER), replace(command, to=wanted))
    key, second = home_key(TH, room_id), actor("th", Role.SUPERVISOR, person="7")
    await publish_offices(own_world, "vn", ("vn.blo.lao-bao",))
    with pytest.raises(Forbidden) as refused:
        await approve_waiting(rooms, second, key)
    assert refused.value.code == "unknown-office"
    await publish_offices(own_world, "vn", ("vn.blo.moc-bai", "vn.blo.lao-bao"))
    await approve_waiting(rooms, second, key)
    room = rooms._book.room(room_id)
    assert room is not None
    assert room.home is not None
    assert [one.offices for one in room.home.to] == [("vn.blo.moc-bai",)]
    vn = own_world.nodes["vn"]
    await until(lambda: vn.desk.rooms.rooms._book.room(room_id), "the invitation has come")
    assert not th.desk.parts.store.deliveries((DeliveryState.REFUSED,))


def ahead(world: Simulation) -> Ahead:
    """The time of the nodes."""
    return Ahead(world.home("th").parent)


def _has(node: Node, room_id: str, count: int) -> bool:
    return len(said(node, room_id)) == count


def _is_over(node: Node, room_id: str) -> bool:
    """Tell whether an operation has ended at home."""
    thread = node.desk.parts.store.thread(home_key(node.core.parts.member, room_id))
    return thread is not None and thread.state is ThreadState.ENDED


async def test_a_pair_that_is_suspended_misses_its_part_and_an_owner_that_disappears_holds_nothing_open(
    own_world: Simulation,
) -> None:
    th, vn, kh = (own_world.nodes[name] for name in ("th", "vn", "kh"))
    room_id = await opened(th, "vn", "kh")
    for node in (vn, kh):
        await joined(node, room_id)
    await until(
        lambda: (pair := kh.desk.rooms.rooms._book.pair(room_id, VN)) and pair.state is ThreadState.ANSWERED,
        "the two have a thread of their own",
    )
    switch_off(Home(own_world.home("kh")), "peer:vn", "a leak is being looked at")
    await until(lambda: kh.core.parts.suspensions.suspends(peer="vn"), "the switch is read")
    for text, node in (("from vn", vn), ("from th", th), ("from kh", kh)):
        await node.desk.rooms.rooms.note(desk_of(node.core.parts.member), room_id, note(text))
    everything = sorted([("vn", "from vn"), ("th", "from th"), ("kh", "from kh")])
    await until(lambda: sorted(said(th, room_id)) == everything, "the owner has all of it")
    missing = {
        node.core.parts.member: {part.member: part.missing for part in (await page(node, room_id)).parts}
        for node in (th, kh)
    }
    assert missing == {"th": {"vn": "", "kh": ""}, "kh": {"th": "", "vn": "suspended"}}
    await until(lambda: _missing(vn, room_id).get("kh") == "suspended", "the other side of the pair sees it, too")
    part = next(one for one in (await page(vn, room_id)).parts if one.member == "kh")
    assert part.since_us > 0
    await own_world.stop("th")
    await switch_on(Home(own_world.home("kh")), "peer:vn", "all is well")
    await until(lambda: not kh.core.parts.suspensions.suspends(peer="vn"), "the switch is read")
    ahead(own_world).move(timedelta(minutes=11))  # what a counterpart's suspension holds is looked at again by then
    for node in (vn, kh):
        await until(partial(_has, node, room_id, 3), "what was held comes, and needs no owner")
    await vn.desk.rooms.rooms.note(desk_of("vn"), room_id, note("we go on"))
    await until(partial(_has, kh, room_id, 4), "members go on without the owner")
    for act in (vn.desk.rooms.rooms.seal, kh.desk.rooms.rooms.seal):
        with pytest.raises(Forbidden) as caught:
            await act(desk_of("vn" if act is vn.desk.rooms.rooms.seal else "kh"), room_id)
        assert caught.value.code == "not-the-owner"
    ahead(own_world).move(timedelta(days=31))
    for node in (vn, kh):
        await until(partial(_is_over, node, room_id), "it seals itself at its end")
        assert len(said(node, room_id)) == 4, "and is read all the same"


def _missing(node: Node, room_id: str) -> dict[str, str]:
    shown = node.desk.rooms.pages._page(desk_of(node.core.parts.member), room_id)
    return {part.member: part.missing for part in shown.parts}
