"""CASE-N245, N248: what two persons approved is made more by two persons, on whole nodes; one makes it less.

An approval is one of what its person has read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.clock import DAY_US
from gateway.desk.acting.home import Stand
from gateway.desk.acting.parts import Actor
from gateway.desk.rooms.values import home_key
from gateway.errors import LiaisonError
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.operations import Invited
from gateway.model.names import ExchangeId
from gateway.ports.desk import WorkFilter
from gateway.ports.desk_uses import WorkItem
from tests.support.alerts import actor, author, raising, supervisor, there
from tests.support.approving import approve_waiting, decline_waiting
from tests.support.exchange import TH, VN, entries, sample_world
from tests.support.reports import report
from tests.support.rooms import joined, opened, page
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until
from tests.support.watches import watching


def with_token(who: Actor, byte: int) -> Actor:
    """A person with a token of their own."""
    return Actor(replace(who.officer, token_hash=bytes([byte]) * 32), who.person)


AUTHOR, SECOND = with_token(author(), 1), with_token(supervisor(), 7)
OTHER = with_token(actor("th", Role.SUPERVISOR, person="8"), 8)
BOTH = with_token(actor("th", Role.OFFICER, Role.SUPERVISOR), 1)
"""The author, once made a supervisor of the same office."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    """Simulated nodes that the tests of this module share."""
    async with simulated(sample_world(tmp_path_factory.mktemp("two"), ("th", "vn", "la")), ("th", "vn", "la")) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def standing(world: Simulation, days: int = 2, **changes: Any) -> tuple[ExchangeId, ThreadKey]:
    """An approved alert of so many days; its id and its thread as the counterpart names it."""
    th = world.nodes["th"]
    until_us = th.core.parts.clock.now_us() + days * DAY_US
    alert_id = await th.desk.alerts.own.raise_alert(AUTHOR, raising(until_us=until_us, **changes))
    await approve_waiting(th.desk.alerts.own, SECOND, alert_id)
    key = ThreadKey(TH, (await there(th, alert_id)).thread_id)
    await until(lambda: key in world.nodes["vn"].asking.gate._book.alerts, "it warns there")
    return alert_id, key


def until_there(world: Simulation, key: ThreadKey) -> int:
    """Until when an alert warns at the counterpart."""
    return world.nodes["vn"].asking.gate._book.alerts[key].until_us


def acts(node: Node, thread_id: str) -> list[dict[str, Any]]:
    """The acts on a matter at home, with their persons."""
    found = entries(node, "operations")
    return [each.private for each in found if each.entry.kind == "desk-act" and each.entry.exchange_id == thread_id]


def waiting(node: Node, key: ThreadKey) -> list[str]:
    """Who may not approve what waits on a matter: who asked for it."""
    return [work.not_by for work in node.desk.parts.store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))]


def asked(node: Node, key: ThreadKey) -> WorkItem:
    """What waits on a matter, as the person reads it who may approve it."""
    store = node.desk.parts.store
    (work,) = store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))
    thread = store.thread(key)
    assert thread is not None
    return WorkItem(work, thread.kind, thread.state, "approve")


async def refused(doing: Any) -> str:
    with pytest.raises(LiaisonError) as error:
        await doing
    return error.value.code


def home_key_of(alert_id: ExchangeId) -> ThreadKey:
    """The thread that holds an alert of ours at home."""
    return ThreadKey(TH, alert_id)


def _is_of(each: Any, key: ThreadKey) -> bool:
    said = each.private
    return each.entry.kind == "asked" and (said.get("thread"), said.get("notice")) == (key.thread_id, "alert")


async def test_n245_an_alert_stands_for_longer_once_another_person_approves_it_and_its_entry_names_both(
    world: Simulation,
) -> None:
    th = world.nodes["th"]
    own = th.desk.alerts.own
    alert_id, key = await standing(world)
    first = (await own.show(AUTHOR, alert_id)).until_us
    long_us = first + 87 * DAY_US
    await own.renew(AUTHOR, alert_id, long_us, "he is still out there")
    shown = await own.show(AUTHOR, alert_id)
    assert (shown.until_us, shown.stand) == (first, Stand.ON)
    assert shown.renewal is not None
    assert (shown.renewal.until_us, shown.renewal.by.person) == (long_us, "th.o.1042")
    await own.renew(AUTHOR, alert_id, first, "the same time asks for nothing, and takes back what was asked for")
    assert waiting(th, home_key_of(alert_id)) == []
    await own.renew(AUTHOR, alert_id, long_us)
    assert await refused(own.renew(AUTHOR, alert_id, long_us + 1)) == "not-now"
    assert until_there(world, key) == first
    for who, code in ((AUTHOR, "own-approval"), (BOTH, "own-approval")):
        assert await refused(approve_waiting(own, who, alert_id)) == code
    assert await refused(approve_waiting(own, actor("th", Role.OFFICER, person="3"), alert_id)) == "role-not-permitted"
    assert await refused(
        approve_waiting(own, actor("th", Role.SUPERVISOR, person="9", agency="customs"), alert_id)
    ) == ("no-such-alert")
    await approve_waiting(own, OTHER, alert_id)
    await until(lambda: until_there(world, key) == long_us, "it stands for longer there")
    told = acts(th, alert_id)[-1]
    assert (told["act"], told["officer"]) == ("approve-alert", OTHER.officer.person)
    assert told["content"]["approves"] == {
        "act": "renew-alert",
        "officer": AUTHOR.officer.person,
        "token": AUTHOR.officer.token_hash.hex(),
    }
    (_, notice) = [each for each in entries(th, "exchange") if _is_of(each, key)]
    assert (notice.private["officer"], notice.private["approver"]) == ("th.o.1042", "th.o.8")
    assert notice.private["approver_token"] == OTHER.officer.token_hash.hex()


async def test_n245_a_shorter_time_and_the_end_are_acts_of_one_person_and_reach_those_who_have_it(
    world: Simulation,
) -> None:
    own = world.nodes["th"].desk.alerts.own
    alert_id, key = await standing(world, 20)
    short_us = (await own.show(AUTHOR, alert_id)).until_us - 18 * DAY_US
    await own.renew(AUTHOR, alert_id, short_us)
    await until(lambda: until_there(world, key) == short_us, "it stands shorter there")
    assert acts(world.nodes["th"], alert_id)[-1]["act"] == "shorten-alert"
    await own.renew(AUTHOR, alert_id, short_us + DAY_US)
    await own.lift(AUTHOR, alert_id, "found")
    assert waiting(world.nodes["th"], home_key_of(alert_id)) == []
    await until(lambda: key not in world.nodes["vn"].asking.gate._book.alerts, "it warns no more")


async def test_n248_an_approval_of_a_short_time_is_none_of_a_long_one_that_was_asked_for_since(
    world: Simulation,
) -> None:
    th = world.nodes["th"]
    own, uses = th.desk.alerts.own, th.desk.uses
    alert_id, _ = await standing(world)
    first = (await own.show(AUTHOR, alert_id)).until_us
    await own.renew(AUTHOR, alert_id, first + DAY_US)
    read = asked(th, home_key_of(alert_id))
    await own.renew(AUTHOR, alert_id, first)
    assert await refused(uses.approve(OTHER, read)) == "not-now"
    await own.renew(AUTHOR, alert_id, first + 87 * DAY_US)
    assert await refused(uses.approve(OTHER, read)) == "already-decided"
    assert await refused(uses.decline(OTHER, read, "one day is one too many")) == "already-decided"
    assert await refused(own.approve(OTHER, alert_id, "", "")) == "already-decided", "an approval of nothing"
    shown = await own.show(AUTHOR, alert_id)
    assert (shown.until_us, shown.renewal is not None) == (first, True)
    await uses.approve(OTHER, asked(th, home_key_of(alert_id)))
    assert (await own.show(AUTHOR, alert_id)).until_us == first + 87 * DAY_US


async def test_n248_an_approval_of_one_watch_and_of_its_going_on_are_two(world: Simulation) -> None:
    th = world.nodes["th"]
    own, uses = th.desk.watches.own, th.desk.uses
    watch_id = await own.add(AUTHOR, watching("vn"))
    key = home_key_of(watch_id)
    first = asked(th, key)
    await uses.approve(OTHER, first)
    await own.renew(AUTHOR, watch_id)
    assert await refused(uses.approve(OTHER, first)) == "already-decided"
    assert await refused(uses.decline(OTHER, first, "no")) == "already-decided"
    assert (await own.show(AUTHOR, watch_id)).renewal is not None
    await uses.approve(OTHER, asked(th, key))
    await own.end(AUTHOR, watch_id)


async def test_n248_an_approval_of_a_report_names_its_work(world: Simulation) -> None:
    th = world.nodes["th"]
    own = th.desk.reports.own
    report_id = await own.publish(AUTHOR, report())
    for other in ("", "another"):
        assert await refused(own.approve(OTHER, report_id, "", other)) == "already-decided"
        assert await refused(own.decline(OTHER, report_id, "no", other)) == "already-decided"
    await th.desk.uses.decline(OTHER, asked(th, home_key_of(report_id)), "no")


async def test_n245_what_is_declined_or_not_approved_in_time_leaves_the_alert_as_it_was(world: Simulation) -> None:
    th = world.nodes["th"]
    own = th.desk.alerts.own
    alert_id, key = await standing(world, 40)
    first = (await own.show(AUTHOR, alert_id)).until_us
    await own.renew(SECOND, alert_id, first + DAY_US)
    assert waiting(th, home_key_of(alert_id)) == [SECOND.officer.person]
    assert await refused(approve_waiting(own, SECOND, alert_id)) == "own-approval", (
        "the approver of the beginning asked for it"
    )
    await decline_waiting(own, OTHER, alert_id, "not needed")
    assert (await own.show(AUTHOR, alert_id)).stand is Stand.ON
    await own.renew(AUTHOR, alert_id, first + DAY_US)
    (work,) = th.desk.parts.store.works(WorkFilter(key=home_key_of(alert_id), kinds=(WorkKind.APPROVE,)))
    world.ahead.move(timedelta(microseconds=work.due_us - th.core.parts.clock.now_us() + 1_000_000))
    await until(lambda: not waiting(th, home_key_of(alert_id)), "nobody has approved it in time")
    shown = await own.show(AUTHOR, alert_id)
    assert (shown.stand, shown.until_us, shown.renewal) == (Stand.ON, first, None)
    assert until_there(world, key) == first
    await own.renew(SECOND, alert_id, first + DAY_US)
    await approve_waiting(own, BOTH, alert_id)
    shown = await own.show(AUTHOR, alert_id)
    assert shown.approver is not None
    assert shown.approver.person == SECOND.officer.person, "the author is one of the two, and the colleague the other"


async def test_n245_more_members_of_an_operation_wait_for_another_person(world: Simulation) -> None:
    th = world.nodes["th"]
    rooms = th.desk.rooms.rooms
    room_id = await opened(th, "vn")
    key = home_key(TH, room_id)
    await joined(world.nodes["vn"], room_id)
    assert await refused(rooms.invite(AUTHOR, room_id, ())) == "no-counterpart"
    await rooms.invite(AUTHOR, room_id, (Invited(world.nodes["la"].core.parts.member),))
    shown = await page(th, room_id)
    assert (shown.line.members, shown.invites, shown.invites_by) == ((TH, VN), ("la",), "th.o.1042")
    assert (shown.opened_by, shown.approved_by) == ("th.o.1042", "th.o.7")
    assert world.nodes["la"].desk.rooms.rooms._book.room(room_id) is None
    assert await refused(approve_waiting(rooms, BOTH, key)) == "own-approval"
    read = asked(th, key)
    await decline_waiting(rooms, SECOND, key, "not they")
    assert (await page(th, room_id)).line.members == (TH, VN)
    assert world.nodes["th"].desk.parts.store.thread(key).state is ThreadState.OPEN  # type: ignore[union-attr]
    await rooms.invite(AUTHOR, room_id, (Invited(world.nodes["la"].core.parts.member),))
    assert await refused(th.desk.uses.approve(OTHER, read)) == "already-decided", "n248: what was read was declined"
    await th.desk.uses.approve(OTHER, asked(th, key))
    await joined(world.nodes["la"], room_id)
    told = acts(th, key.thread_id)
    approved = [each["content"]["approves"]["act"] for each in told if each["act"] == "approve-room"]
    assert approved == ["open-room", "invite"]
    await rooms.seal(AUTHOR, room_id)
    assert (await page(th, room_id)).invites == ()
