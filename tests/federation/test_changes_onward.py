"""A change reaches those to whom a record was passed on with its owner's consent, through the member that did so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app.run.node import Node
from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.desk.notices import ChangeCode, ReplyCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.handed.changes import ChangeCommand
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.ports.desk import Holding, Work
from tests.support.consents import CUSTOMS, Found, found
from tests.support.exchange import KH, TH, VN, entries, sample_world
from tests.support.nodes import World
from tests.support.originator import actor, data_officer, later, work_of
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)

ABROAD = OnwardUse(Place(KH, "customs", ""), Purpose.INVESTIGATION, Use.PASS_ON)
ALL = ("th", "vn", "kh")
_HOURS = 3_600_000_000


async def passed_on(world: World, wanted: OnwardUse = ABROAD) -> Found:
    """Thailand has a record of Viet Nam, and the consent of a human there to pass it on."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    about = await found(world)
    waiting = await th.desk.onward.use(about.officer, about.wish(wanted))
    await until(lambda: bool(work_of(vn, WorkKind.DECIDE)), "the ask for consent is taken")
    (work,) = work_of(vn, WorkKind.DECIDE)
    duty = actor("vn", {Role.DUTY}, work.agency)
    await vn.desk.second_step.decisions.decide(
        duty, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="the same case")
    )
    assert not waiting.allowed
    key = ThreadKey(VN, waiting.consent)  # type: ignore[arg-type]

    def told() -> bool:
        thread = th.desk.parts.store.thread(key)
        return thread is not None and thread.theirs > 0

    await until(told, "the consent has come")
    assert (await th.desk.onward.use(about.officer, about.wish(wanted))).allowed
    return about


def copies_of(node: Node, holder: MemberId) -> list[Holding]:
    """The copies that a node knows `holder` to have."""
    return node.desk.parts.store.holdings(direction=Direction.OUT, holder=holder)


def is_state(node: Node, holder: MemberId, state: HoldingState) -> Callable[[], bool]:
    return lambda: [copy.state for copy in copies_of(node, holder)] == [state]


async def change(vn: Node, code: ChangeCode) -> str:
    """The owner's data officer changes the record; its name at home."""
    record = copies_of(vn, TH)[0].record
    agency = vn.resources.walls[0].description.agency
    await vn.desk.originator.originator.change(data_officer("vn", agency), ChangeCommand(code=code, record=record))
    return record


async def work_at(node: Node) -> Work:
    await until(lambda: bool(work_of(node, WorkKind.COMPLY)), "the change is taken")
    (work,) = work_of(node, WorkKind.COMPLY)
    return work


async def test_a_withdrawal_reaches_the_onward_holder_and_its_confirmation_the_owner(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ALL)
    async with simulated(world, ALL) as world:
        th, vn, kh = (world.nodes[member] for member in ALL)
        await passed_on(world)
        (ours,), (theirs,) = copies_of(vn, KH), copies_of(th, KH)
        assert (ours.jti, ours.owner, ours.state) == (theirs.jti, theirs.owner, HoldingState.HELD)
        record = await change(vn, ChangeCode.WITHDRAWN)
        assert ours.record == record
        work = await work_at(kh)
        (change_notice,) = kh.desk.parts.store.notices(work.key)
        assert change_notice.placed.code == ChangeCode.WITHDRAWN

        def shown() -> list[tuple[str, str, str]]:
            (view,) = vn.desk.originator.holders.of(data_officer("vn", "immigration").person, 0, record).found
            return [(copy.holder, copy.through, copy.state) for copy in view.copies]

        assert shown() == [("kh", "th", "changing"), ("th", "", "changing")]
        # No ledger of Cambodia knows the record, which came from hand to hand: its node confirms nothing by itself.
        await kh.desk.originator.compliance.round()
        assert [each.id for each in work_of(kh, WorkKind.COMPLY)] == [work.id]
        await kh.desk.originator.compliance.comply(data_officer("kh", "customs"), work.id)
        await until(is_state(th, KH, HoldingState.ENDED), "its word has come to Thailand")
        await until(is_state(vn, KH, HoldingState.ENDED), "and through it to the owner")
        assert is_state(vn, TH, HoldingState.CHANGING)()  # Thailand itself has not confirmed yet
        own = next(each for each in work_of(th, WorkKind.COMPLY))
        await th.desk.originator.compliance.comply(data_officer("th", own.agency), own.id)
        await until(is_state(vn, TH, HoldingState.ENDED), "the first holder has confirmed, too")
        assert shown() == [("kh", "th", "ended"), ("th", "", "ended")]
        (view,) = vn.desk.originator.holders.of(data_officer("vn", "immigration").person, 0, record).found
        assert (view.changed, view.confirmed, view.objected) == (2, 2, 0)
        assert work_of(th, WorkKind.COMPLY) == []


async def test_an_onward_holder_objects_and_the_owner_sees_that_it_does(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ALL)
    async with simulated(world, ALL) as world:
        th, vn, kh = (world.nodes[member] for member in ALL)
        await passed_on(world)
        await change(vn, ChangeCode.RECLASSIFIED)
        work = await work_at(kh)
        await kh.desk.originator.compliance.comply(data_officer("kh", "customs"), work.id, objection="court-file")
        await until(is_state(vn, KH, HoldingState.OBJECTED), "the objection has come")
        assert [copy.state for copy in copies_of(th, KH)] == [HoldingState.OBJECTED]


async def test_what_is_not_confirmed_in_time_is_an_alarm_at_all_three_once_each(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ALL)
    async with simulated(world, ALL) as world:
        nodes = [world.nodes[member] for member in ALL]
        await passed_on(world)
        await change(nodes[1], ChangeCode.WITHDRAWN)
        await work_at(nodes[2])

        def alarms(node: Node) -> list[tuple[str, str]]:
            told = [each for each in entries(node, "operations") if each.entry.kind == "alarm"]
            return sorted((each.entry.peer, each.private["code"]) for each in told)

        async def look() -> None:
            for node in nodes:
                node.core.leadership.leads = True
                await node.rounds.make("unconfirmed changes")

        await look()
        assert [alarms(node) for node in nodes] == [[], [], []]
        with later(25 * _HOURS, *nodes):
            await look()
            await look()
        assert alarms(nodes[0]) == [("kh", "change-unconfirmed"), ("vn", "change-not-obeyed")]
        assert alarms(nodes[1]) == [("th", "change-unconfirmed"), ("th", "change-unconfirmed")]
        assert alarms(nodes[2]) == [("th", "change-not-obeyed")]


async def test_a_holder_outside_the_federation_is_told_by_a_human(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        laos = MemberId("la")
        await passed_on(world, OnwardUse(Place(laos, "police", ""), Purpose.INVESTIGATION, Use.PASS_ON))
        record = await change(vn, ChangeCode.WITHDRAWN)
        await until(lambda: len(work_of(th, WorkKind.COMPLY)) == 2, "the change is taken")
        await th.desk.originator.compliance.round()
        work = next(each for each in work_of(th, WorkKind.COMPLY) if each.id.endswith("third-la"))
        by = data_officer("th", work.agency)
        await th.desk.originator.compliance.comply(by, work.id, text="they shredded it: telephone, 14:05")
        await until(is_state(vn, laos, HoldingState.ENDED), "the owner knows")
        (view,) = vn.desk.originator.holders.of(data_officer("vn", "immigration").person, 0, record).found
        assert [(copy.holder, copy.through) for copy in view.copies if copy.through] == [("la", "th")]


async def test_an_office_at_home_to_which_it_was_passed_on_is_told(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        await passed_on(world, CUSTOMS)
        await change(vn, ChangeCode.WITHDRAWN)
        await until(lambda: len(work_of(th, WorkKind.COMPLY)) == 1, "the change is taken")
        told = {(work.agency, work.assigned) for work in work_of(th, WorkKind.READ)}
        assert told >= {("police", "th.o.1042"), ("customs", "")}
