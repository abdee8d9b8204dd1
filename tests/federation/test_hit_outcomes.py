"""What came of a hit: the officer is asked, the owner of the hit is told, and a stranger is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.effects import Effects, Occasion
from gateway.desk.figures.tally import OURS, THEIRS
from gateway.desk.second_step.packages import FOLLOWED_UP
from gateway.desk.second_step.questions import outcome_group, questions_key
from gateway.errors import Forbidden, LiaisonError, Unknown
from gateway.model.desk.notices import Ask, NoticeType, OutcomeCode, OutcomeReport, RecordPlace, ReplyCode, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState, Role, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.handed.work import Confirm, HitOutcome, Mark, Verdict
from gateway.model.purpose import Offence, Purpose
from gateway.ops.audit.figures import Wanted, pack_of_home
from gateway.ports.desk import WorkFilter
from gateway.statements.notices.notice import parse_notice
from tests.support.exchange import TH, VN, entries
from tests.support.federation import OFFICES
from tests.support.nodes import World
from tests.support.second_step import (
    DUTY,
    OFFICER,
    SUPERVISOR,
    actor,
    asked,
    hit,
    is_taken,
    step,
    step_world,
    works,
)
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEIZED = OutcomeReport(OutcomeCode.SEIZED, "methamphetamine", grams=12_000)
DAY_US = 86_400_000_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = step_world(tmp_path_factory.mktemp("outcomes"))
    async with simulated(made) as made:
        yield made


def told(search_id: str, outcome: OutcomeReport = SEIZED) -> HitOutcome:
    return HitOutcome(search_id=search_id, peer=VN, hit=0, outcome=outcome)


def mark(search_id: str, verdict: Verdict) -> Mark:
    return Mark(search_id=search_id, peer=VN, hit=0, verdict=verdict, reason="the national id")


def questions(world: World, member: str = "th") -> list[str]:
    found = world.nodes[member].desk.parts.store.works(WorkFilter(kinds=(WorkKind.OUTCOME,)))
    return sorted(each.id for each in found)


async def test_a_hit_that_is_not_another_one_is_asked_for_its_outcome_three_times(world: World) -> None:
    before = set(questions(world))
    search_id = await hit(world)
    assert set(questions(world)) == before, "a search itself raises no question"
    await step(world, "th").marks.mark(OFFICER, mark(search_id, Verdict.SAME))
    asked_for = sorted(set(questions(world)) - before)
    rows = [world.nodes["th"].desk.parts.store.work(each) for each in asked_for]
    now_us = world.nodes["th"].core.parts.clock.now_us()
    assert [round((row.opened_us - now_us) / DAY_US) for row in rows if row] == [1, 30, 90]
    await step(world, "th").marks.mark(OFFICER, mark(search_id, Verdict.SAME))
    assert sorted(set(questions(world)) - before) == asked_for, "a second mark asks no more"

    key = await step(world, "th").outcomes.answer(SUPERVISOR, asked_for[0], SEIZED)
    await until(is_taken(world.nodes["th"], key), "the outcome is taken")
    assert len(set(questions(world)) - before) == 3, "a question that opens later is asked again"
    await step(world, "th").marks.mark(OFFICER, mark(search_id, Verdict.NOT_SAME))
    assert set(questions(world)) == before, "another person has no outcome"


async def test_the_owner_of_a_hit_is_told_once_what_came_of_it(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    search_id = await hit(world)
    outcomes = step(world, "th").outcomes
    key = await outcomes.tell(OFFICER, told(search_id))
    assert await outcomes.tell(OFFICER, told(search_id)) == key
    await until(is_taken(th, key), "the outcome is taken")
    there = vn.desk.parts.store.thread(ThreadKey(TH, key.thread_id))
    assert there is not None
    assert (there.kind, there.state, there.agency, there.theirs) == (
        ThreadKind.OUTCOME, ThreadState.ENDED, "immigration", 1,
    )  # fmt: skip
    row = vn.desk.parts.store.notices(there.key)[0]
    body = parse_notice(row.envelope).body
    assert isinstance(body, OutcomeReport)
    assert (body.code, body.substance, body.grams) == (OutcomeCode.SEIZED, "methamphetamine", 12_000)

    await outcomes.again(OFFICER, key, OutcomeReport(OutcomeCode.ARRESTED, persons=2))
    await until(lambda: len(vn.desk.parts.store.notices(there.key)) == 2, "the second outcome is taken")
    with pytest.raises(Forbidden) as refused:
        await step(world, "vn").outcomes.again(DUTY, there.key, SEIZED)
    assert refused.value.code == "not-the-asker"


async def test_the_outcome_of_a_followed_up_hit_is_asked_for_in_the_follow_up_alone(world: World) -> None:
    key, _, work = await asked(world)
    th = world.nodes["th"]
    ask = parse_notice(th.desk.parts.store.notices(key)[0].envelope).body
    assert isinstance(ask, Ask)
    assert ask.hit is not None
    place = questions_key(VN, ask.hit)
    marked = [each for each in works(th, WorkKind.CONFIRM) if each.key.thread_id == ask.hit.exchange_id]
    await step(world, "th").marks.confirm(OFFICER, Confirm(work=marked[0].id, verdict=Verdict.SAME, reason="same"))
    assert len(works(th, WorkKind.OUTCOME, key=place)) == 3
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
    await until(lambda: bool(works(th, WorkKind.READ, key=key)), "the reply has come")
    await step(world, "th").packages.open(OFFICER, key)
    assert not works(th, WorkKind.OUTCOME, key=place)
    ended = th.desk.parts.store.works(WorkFilter(key=place, open_only=False))
    assert {each.result for each in ended} == {FOLLOWED_UP}
    assert len(works(th, WorkKind.OUTCOME, key=key)) == 3


@pytest.mark.parametrize(
    "who",
    [
        actor("th", "55", Role.OFFICER),
        actor("th", "7", Role.SUPERVISOR, office="th.blo.two"),
        actor("th", "8", Role.SUPERVISOR, agency="customs"),
        actor("th", "9", Role.DUTY),
    ],
    ids=["another-officer", "another-office", "another-agency", "another-role"],
)
async def test_a_stranger_at_home_tells_no_outcome(world: World, who: object) -> None:
    search_id = await hit(world)
    before = set(questions(world))
    await step(world, "th").marks.mark(OFFICER, mark(search_id, Verdict.SAME))
    work = min(set(questions(world)) - before)
    with pytest.raises((Unknown, Forbidden)):
        await step(world, "th").outcomes.tell(who, told(search_id))  # type: ignore[arg-type]
    with pytest.raises(Forbidden) as refused:
        await step(world, "th").outcomes.answer(who, work, SEIZED)  # type: ignore[arg-type]
    assert refused.value.code in ("outside-reach", "role-not-permitted")


def is_over(node: Node, key: ThreadKey) -> bool:
    return not node.desk.parts.store.deliveries(key=key)


def unchecked(_: Occasion) -> Effects:
    """Check nothing, as the node of a member that lies."""
    return Effects()


def forged(place: RecordPlace) -> Iterator[tuple[str, str, RecordPlace | None, dict[str, str], str]]:
    own = outcome_group(place)
    yield "another group", "ab" * 16, place, {}, "wrong-hit"
    yield "no group", "", place, {}, "wrong-hit"
    other = replace(place, reference=f"{place.reference}x")
    yield "another hit", outcome_group(other), other, {}, "wrong-hit"
    changed = replace(place, answer_hash=bytes(32))
    yield "another answer", own, changed, {}, "wrong-answer"
    yield "another office", own, place, {"office": "th.blo.two", "pseudonym": "p-stranger"}, "not-the-asker"
    yield "another agency", own, place, {"agency": "customs"}, "not-the-asker"


async def test_the_owner_refuses_the_outcome_of_a_stranger(world: World) -> None:
    """A counterpart whose node does not check its own people is refused, and the hit's true outcome still fits."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    search_id = await hit(world)
    line = await step(world, "th").outcomes._held.line(OFFICER.officer, search_id, VN, 0)
    held = await asyncio.to_thread(step(world, "th").outcomes._held.find, line, 0)
    author = th.desk.parts.author
    asker = step(world, "th").parts.requester(OFFICER, VN)
    for name, group, place, changes, code in forged(held.place):
        body = replace(SEIZED, hit=place)
        post = Post(
            body, Urgency.ROUTINE, Purpose.INVESTIGATION, Offence.MONEY, replace(asker, **changes),
            case=held.request.case, ticket=held.request.ticket, agreement=held.request.agreement,
            by=OFFICER.officer, group_id=group,
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(author._effects, NoticeType.OUTCOME, unchecked)
            key = await author.open(VN, post)
        await until(partial(is_over, th, key), f"{name} is refused")
        (delivery,) = th.desk.parts.store.deliveries((DeliveryState.REFUSED,), key=key)
        assert delivery.problem == code, name
        assert vn.desk.parts.store.thread(ThreadKey(TH, key.thread_id)) is None
    refused = [each for each in entries(vn) if each.entry.kind == "refused"]
    assert {"wrong-hit", "wrong-answer", "not-the-asker"} <= {each.private["code"] for each in refused}
    key = await step(world, "th").outcomes.tell(OFFICER, told(search_id))
    await until(is_taken(th, key), "the true outcome is taken")


async def test_another_office_tells_no_outcome_of_a_follow_up(world: World) -> None:
    th = world.nodes["th"]
    key, there, work = await asked(world)
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.NOTHING_HELD, reason="none"))
    await until(lambda: bool(works(th, WorkKind.READ, key=key)), "the reply has come")
    asked_notice = parse_notice(th.desk.parts.store.notices(key)[0].envelope)
    stranger = replace(asked_notice.head.requester, office="th.blo.two", pseudonym="p-stranger")
    await th.desk.parts.author.post(key, Post.under(asked_notice.head, SEIZED, stranger, OFFICER.officer))
    await until(partial(is_over, th, key), "it is refused")
    refused = th.desk.parts.store.deliveries((DeliveryState.REFUSED,), key=key)
    assert [each.problem for each in refused] == ["not-the-asker"]
    thread = world.nodes["vn"].desk.parts.store.thread(there)
    assert thread is not None
    assert thread.state is ThreadState.ANSWERED
    await step(world, "th").packages.tell_outcome(OFFICER, key, SEIZED)
    await until(is_taken(th, key), "the asker's own outcome is taken")


async def test_both_sides_make_the_same_pack_of_the_month_from_their_own_homes(world: World) -> None:
    """What we counted of ours they count of theirs, and the other way, while both nodes run."""
    packs = {}
    for member, peer in (("th", VN), ("vn", TH)):
        found = await asyncio.to_thread(pack_of_home, world.home(member), Wanted(peer, exact=True), progress)
        packs[member] = {(table.name, table.side): table for table in found.tables}
        assert not found.is_empty
    th, vn = packs["th"], packs["vn"]
    for name in ("ask", "seized", "alert", "change"):
        if (name, OURS) in th:
            assert th[name, OURS].rows == vn[name, THEIRS].rows, name
    assert ("seized", OURS) in th
    for name in ("question", "outcome", "reply", "follow-up", "hit-only"):
        ours = {row.value: row.cells for row in th[name, ""].rows}
        theirs = {row.value: row.cells for row in vn[name, ""].rows}
        half = len(th[name, ""].columns) // 2
        for value, cells in theirs.items():
            assert (*cells[half:], *cells[:half]) == ours[value], (name, value)
    assert th["mark", OURS].rows
    office = OFFICER.officer.office
    one = await asyncio.to_thread(pack_of_home, world.home("th"), Wanted(VN, office=office, exact=True), progress)
    assert any(table.name == "ask" for table in one.tables)
    earlier = await asyncio.to_thread(pack_of_home, world.home("th"), Wanted(VN, month="2020-02"), progress)
    assert earlier.is_empty


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Wanted(VN, month="2999-12"), "bad-month"),
        (Wanted(VN, month="2026-13"), "bad-month"),
        (Wanted(VN, month="0000-00"), "bad-month"),
        (Wanted("zz"), "not-a-member"),
        (Wanted(TH), "not-a-member"),
        (Wanted("../vn"), "bad-member"),
        (Wanted(VN, office="th.blo.none"), "unknown-office"),
        (Wanted(VN, office=OFFICES["vn"][0]), "unknown-office"),
        (Wanted("all", office="zz.blo.one"), "unknown-office"),
        (Wanted(VN, office=OFFICES["th"][0], facing="vn.blo.none"), "unknown-office"),
        (Wanted(VN, office=OFFICES["th"][0], facing=OFFICES["la"][0]), "unknown-office"),
        (Wanted("all", office=OFFICES["th"][0], facing=OFFICES["th"][0]), "unknown-office"),
    ],
)
async def test_n192_there_are_no_figures_of_a_stranger_or_of_a_month_to_come(
    world: World, wanted: Wanted, code: str
) -> None:
    with pytest.raises(LiaisonError) as caught:
        await asyncio.to_thread(pack_of_home, world.home("th"), wanted, progress)
    assert caught.value.code == code


def progress(done: int, whole: int) -> None:
    assert 0 <= done <= whole
