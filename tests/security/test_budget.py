"""What a counterpart may make us keep: floods of each kind stop at their limit and hold up no one else (CASE-N250)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace
from sqlalchemy import delete

from gateway.app.run.node import Node
from gateway.config.home import Home
from gateway.desk.delivery.budget import ENTRY_BYTES
from gateway.desk.oversight import raised
from gateway.desk.oversight.raised import OverBudget
from gateway.desk.oversight.values import Standing
from gateway.desk.reports.issuing import issued_for
from gateway.errors import LiaisonError, StorageBroken
from gateway.model.desk.delivered import NoticeMessage, NoticeReceipt
from gateway.model.desk.notices import (
    Body,
    Change,
    ChangeCode,
    Note,
    Notice,
    Service,
    ServiceCode,
    Urgency,
)
from gateway.model.desk.reports import Report
from gateway.model.desk.watches import Watch
from gateway.model.desk.work import DeliveryState, Role, WorkKind
from gateway.model.handed.incidents import NewsCode, TellNews
from gateway.model.names import MemberId
from gateway.ports.desk import Work, WorkFilter
from gateway.statements.notices.receipt import parse_receipt
from gateway.storage.database.tables import quota_use
from tests.federation.test_quotas_and_types import limit
from tests.security.test_desk_hostile import QUESTION, Liar, code
from tests.security.test_desk_lies import alert_of
from tests.security.test_reports import head_of, report_of
from tests.support.acts import switch_off, switch_on
from tests.support.alerts import actor
from tests.support.exchange import KH, PASSPORT, TH, VN, entries, sample_world
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

KIB = 1024
QUOTAS = """
[budget]
ask = { open = 3 }
alert = { open = 3 }
report = { open = 3 }
watch = { open = 3 }
service = { told = 4 }
note = { mib = 1 }
refused = { mib = 1 }

[budget_of.kh]
service = { told = 100 }
"""
INCIDENT = Service(ServiceCode.INCIDENT, "a token was stolen")
WITHDRAWN = Change(ChangeCode.WITHDRAWN, ("ab" * 16,), reason="mistaken")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    made = sample_world(tmp_path_factory.mktemp("budget"), ("th", "vn", "kh"))
    limit(made, "vn", QUOTAS)
    async with simulated(made, ("th", "vn", "kh")) as running:
        yield running


@pytest.fixture(autouse=True)
def whole_budgets(world: Simulation) -> None:
    """Each test begins with the whole of its rates and of its day, and ends in it."""
    renew(world)


def renew(world: Simulation) -> None:
    world.ahead.to_a_whole_day()
    node = vn(world)
    node.desk.taker._rates.of.clear()
    node.desk.taker._refusals.of.clear()
    with node.resources.database.write("test") as connection:
        connection.execute(delete(quota_use))
    node.core.parts.quotas._day = -1  # type: ignore[attr-defined]


def vn(world: Simulation) -> Node:
    return world.nodes["vn"]


class Flooder(Liar):
    """A member that signs what it likes, in a time that the test moves, past its own program."""

    world: Simulation

    def notice(self, body: Body, **changes: Any) -> Notice:
        now_us = vn(self.world).resources.clock.now_us()
        times = {"issued_us": now_us, "expires_us": now_us + 3_600_000_000}
        return super().notice(body, **(times | changes))

    async def send(self, envelope: bytes) -> NoticeReceipt:
        answer = await vn(self.world).desk.taker.take(self.member, NoticeMessage(envelope))
        return parse_receipt(answer.envelope)

    async def bare(self, body: Body, **changes: Any) -> str:
        """The code of the bare status that a notice gets."""
        with pytest.raises(LiaisonError) as caught:
            await self.say(body, **changes)
        return caught.value.code


def incident(flooder: Flooder) -> tuple[Body, dict[str, Any]]:
    del flooder
    return INCIDENT, {"urgency": Urgency.URGENT}


def alert(flooder: Flooder) -> tuple[Body, dict[str, Any]]:
    return alert_of(flooder.world, flooder), {}


def watch(flooder: Flooder) -> tuple[Body, dict[str, Any]]:
    until_us = vn(flooder.world).resources.clock.now_us() + 86_400_000_000
    return Watch(PASSPORT, until_us, until_us), {"expires_us": until_us}


def report(flooder: Flooder) -> tuple[Body, dict[str, Any]]:
    node = flooder.world.nodes[flooder.member]
    agency = "police" if flooder.member == TH else "customs"
    made = report_of(node, {})
    made = replace(made, author=replace(made.author, agency=agency))
    head = head_of(node, flooder.thread)
    changes = {name: getattr(head, name) for name in ("agreement", "case", "group_id", "requester")}
    changes["requester"] = replace(head.requester, agency=agency)
    compact = issued_for(node.core.parts, made, VN, flooder.thread)
    return Report(compact, made.until_us, "en"), changes


def question(flooder: Flooder) -> tuple[Body, dict[str, Any]]:
    del flooder
    return QUESTION, {"urgency": Urgency.ROUTINE}


def findings(world: Simulation) -> list[Work]:
    """The work of security officers on what members have used up."""
    found = vn(world).desk.parts.store.works(WorkFilter(kinds=(WorkKind.INCIDENT,)))
    return [one for one in found if one.key.peer == VN]


Make = Callable[[Flooder], tuple[Body, dict[str, Any]]]


@pytest.mark.parametrize(
    ("make", "flooder", "other", "most", "wanted"),
    [
        (incident, TH, KH, 4, "budget-told"),
        (alert, KH, "", 3, "budget-open"),
        (watch, TH, KH, 3, "budget-open"),
        (report, TH, KH, 3, "budget-open"),
        (question, TH, KH, 3, "budget-open"),
    ],
)
async def test_n250_a_flood_stops_at_its_limit_and_nothing_more_is_kept(
    world: Simulation, make: Make, flooder: MemberId, other: str, most: int, wanted: str
) -> None:
    node, store, told = vn(world), vn(world).desk.parts.store, len(findings(world))

    async def one(member: MemberId) -> str:
        liar = Flooder(world, member)
        body, changes = make(liar)
        return code(await liar.say(body, **changes))

    assert [await one(flooder) for _ in range(most)] == ["taken"] * most
    threads, works, size = len(store.threads()), len(store.works(WorkFilter())), len(entries(node))
    assert [await one(flooder) for _ in range(8)] == [wanted] * 8
    assert (len(store.threads()), len(store.works(WorkFilter()))) == (threads, works)
    refused = entries(node)[size:]
    assert [each.entry.kind for each in refused] == ["refused"] * 8
    assert all(each.private["size"] for each in refused), "the hash and the size are kept, and not the notice"
    await until(lambda: len(findings(world)) == told + 1, "our people are told, once")
    if other:
        assert await one(MemberId(other)) == "taken"
    protecting = Flooder(world, flooder)
    assert code(await protecting.say(WITHDRAWN, expires_us=0)) == "taken", "what protects persons has its own share"
    await world.turn()
    assert len(findings(world)) == told + 1


async def test_n250_bytes_of_a_day_are_bounded_and_counted_over_a_restart(world: Simulation) -> None:
    th = Flooder(world)
    assert code(await th.say(QUESTION)) == "taken"
    cost = (2 * len(th.sealed(th.notice(Note("en", "x")))) + ENTRY_BYTES) // KIB
    taken = 0
    while (said := code(await th.say(Note("en", "x")))) == "taken":
        taken += 1
        if taken == 20:  # what it has in advance is no more than a 128th of the limit
            await world.stop("vn")
            await world.start("vn")
    assert said == "budget-kept"
    assert KIB // cost - 2 <= taken <= KIB // cost
    assert code(await th.say(Change(ChangeCode.WITHDRAWN, of=th.thread, reason="settled"))) == "taken"
    again = Flooder(world)
    assert code(await again.say(QUESTION)) == "taken", "asks have a share of their own"


async def test_n250_refusals_and_repeats_are_bounded_as_well(world: Simulation) -> None:
    th = Flooder(world)
    envelope = th.sealed(th.notice(QUESTION))
    assert code(await th.send(envelope)) == "taken"
    size = len(entries(vn(world)))
    ended = ""
    while not ended:
        try:
            assert code(await th.send(envelope)) == "taken"
        except LiaisonError as error:
            ended = error.code
    assert ended == "budget-refused"
    repeats = len(entries(vn(world))) - size
    assert KIB * KIB // ENTRY_BYTES - 2 <= repeats <= KIB * KIB // ENTRY_BYTES
    assert code(await Flooder(world).say(QUESTION, urgency=Urgency.PRIORITY)) == "taken", "what is new is taken"
    th_node, security = world.nodes["th"], actor("th", Role.SECURITY_OFFICER, person="s1")
    for _ in range(5):
        await th_node.desk.uses.incidents.tell(security, TellNews("x", NewsCode.INCIDENT, to=(VN,)))

    def waiting() -> list[str]:
        return [each.problem for each in th_node.desk.parts.store.deliveries((DeliveryState.WAITING,))]

    await until(lambda: waiting() == ["budget-refused"], "the fifth waits")
    assert not th_node.desk.sender._lines[VN].failures, "its author's line goes on"
    renew(world)
    await until(lambda: not waiting(), "it is taken once there is room again")


async def test_n250_our_people_are_told_also_where_the_entry_cannot_be_written_at_first(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = len(findings(world))
    failed: list[bool] = []
    put = raised.put

    async def once(*of: Any) -> None:
        if not failed:
            failed.append(True)
            raise StorageBroken("the disk is full")
        await put(*of)

    monkeypatch.setattr(raised, "put", once)
    vn(world).desk.taker._it.budget._over_budget(Flooder(world).notice(QUESTION), "budget-told", "{count}", 0)
    with pytest.raises(StorageBroken):
        await OverBudget(vn(world).desk.parts, vn(world).desk.taker._it.budget).round()
    await until(lambda: len(findings(world)) == told + 1, "they are told later")


async def test_n250_the_author_of_what_is_over_the_budget_is_told(world: Simulation) -> None:
    th = world.nodes["th"]
    security = actor("th", Role.SECURITY_OFFICER, person="s1")
    uses = th.desk.uses.incidents
    names = [await uses.tell(security, TellNews("x", NewsCode.INCIDENT, to=(VN,))) for _ in range(5)]

    async def standing() -> list[Standing]:
        return [(await uses.show(security, name)).stands[0].standing for name in names]

    async def all_ended() -> bool:
        return Standing.WAITING not in await standing()

    await until(all_ended, "each was taken or refused")
    assert sorted(await standing()) == sorted([Standing.DELIVERED] * 4 + [Standing.NOT_TAKEN])
    works = th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.READ,)))
    assert len([one for one in works if one.result == "undelivered"]) == 1


# ---------------------------------------------------------------- suspension


async def test_n251_a_suspended_member_is_heard_with_one_urgent_word_in_an_hour(world: Simulation) -> None:
    home = Home(world.home("vn"))
    world.ahead.move(timedelta(microseconds=3_600_000_000 - vn(world).resources.clock.now_us() % 3_600_000_000))
    switch_off(home, "peer:th", "under review")
    await until(lambda: bool(vn(world).core.parts.suspensions.active), "the switch is read")
    urgent = {"urgency": Urgency.URGENT}
    try:
        size = len(entries(vn(world)))
        for body, changes in ((QUESTION, {}), (INCIDENT, {"urgency": Urgency.ROUTINE})):
            assert await Flooder(world).bare(body, **changes) == "suspended"
        expired = vn(world).resources.clock.now_us() - 1
        assert await Flooder(world).bare(QUESTION, issued_us=expired - 1_000, expires_us=expired) == "suspended"
        assert len(entries(vn(world))) == size, "nothing of it is kept"
        first = Flooder(world)
        envelope = first.sealed(first.notice(INCIDENT, **urgent))
        assert code(await first.send(envelope)) == "taken"
        assert await Flooder(world).bare(INCIDENT, **urgent) == "suspended"
        assert code(await first.send(envelope)) == "taken", "the same bytes get their receipt"
        await world.stop("vn")
        await world.start("vn")
        assert await Flooder(world).bare(INCIDENT, **urgent) == "suspended", "a restart gives no other one"
        assert code(await Flooder(world, KH).say(INCIDENT, **urgent)) == "taken"
        assert code(await Flooder(world).say(WITHDRAWN, expires_us=0)) == "taken"
        world.ahead.move(timedelta(hours=1))
        assert code(await Flooder(world).say(INCIDENT, **urgent)) == "taken"
        assert await Flooder(world).bare(INCIDENT, **urgent) == "suspended"
    finally:
        await switch_on(home, "peer:th")
    await until(lambda: not vn(world).core.parts.suspensions.active, "the switch is read")
