"""Scenarios of the desk: what people of two members do about one matter. They run over any nodes, real or simulated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.reports.values import LibraryQuery
from gateway.desk.rooms.values import home_key
from gateway.errors import Forbidden
from gateway.model.desk.codes import NotExecuted
from gateway.model.desk.notices import (
    ChangeCode,
    Note,
    NoticeType,
    OutcomeCode,
    OutcomeReport,
    ReplyCode,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.handed.asks import Decide, Question
from gateway.model.handed.changes import ChangeCommand
from gateway.model.handed.freezes import AskFreeze
from gateway.model.handed.incidents import NewsCode, TellNews
from gateway.model.handed.work import Confirm, HitOutcome, Verdict
from gateway.model.names import ExchangeId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import PersonQuery
from gateway.model.requester import Officer
from gateway.model.values import NameForm, PartialDate
from gateway.ports.desk import Work
from tests.support import alerts, second_step
from tests.support.alerts import actor, at_the_gate, author, duty, raising, supervisor, there
from tests.support.approving import approve_waiting, decline_waiting
from tests.support.consents import found
from tests.support.exchange import PASSPORT, TH, VN, command
from tests.support.nodes import World
from tests.support.originator import data_officer
from tests.support.reports import report
from tests.support.rooms import desk_of, joined, note, opened, said
from tests.support.second_step import OFFICER, REASONS, SUPERVISOR, follow_up, is_taken, step, works
from tests.support.waiting import until
from tests.support.watches import thread_of, watching

_Type = NoticeType
_Run = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What people do, and the types of the notices that they and their nodes write."""

    run: _Run
    notices: frozenset[NoticeType]


class Faults(Protocol):
    """The link from Thailand to Viet Nam."""

    def cut(self) -> None:
        """Let nothing pass; what is open breaks."""

    def mend(self) -> None:
        """Let everything pass again."""


SCENARIOS: dict[str, Scenario] = {}
"""By their names. Each may run after any other in the same world; it stops no node, turns no clock and cuts no link."""

_HOUR_US = 3_600_000_000
_BY_NAME = PersonQuery((NameForm("Somchay Chaidee", "Latn"),), PartialDate("1985-03-14"))


def _scenario(*notices: NoticeType) -> Callable[[_Run], _Run]:
    def add(run: _Run) -> _Run:
        SCENARIOS[run.__name__] = Scenario(run, frozenset(notices))
        return run

    return add


def _new(world: World, member: str, kind: WorkKind, key: ThreadKey) -> Work:
    """The one open work of a kind in a thread."""
    (work,) = works(world.nodes[member], kind, key=key)
    return work


def _count(world: World, member: str, key: ThreadKey, kind: NoticeType, code: str = "") -> int:
    """How many notices of a kind a thread has."""
    rows = world.nodes[member].desk.parts.store.notices(key)
    return sum(row.placed.type is kind and code in ("", row.placed.code) for row in rows)


async def _stated(world: World, member: str, key: ThreadKey, state: ThreadState) -> None:
    """Wait until a thread has a state."""
    store = world.nodes[member].desk.parts.store
    await until(lambda: (thread := store.thread(key)) and thread.state is state, f"{member} has it {state}")


# ------------------------------------------------------------------ alerts


async def _warned(world: World, **changes: Any) -> tuple[ExchangeId, ThreadKey, ThreadKey]:
    """An alert of Thailand that warns in Viet Nam: its id, and its thread at both."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    alert_id = await th.desk.alerts.own.raise_alert(author(), raising(**changes))
    await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    ours = await there(th, alert_id)
    theirs = ThreadKey(TH, ours.thread_id)
    await until(lambda: theirs in vn.asking.gate._book.alerts, "it warns there")
    return alert_id, ours, theirs


async def _lifted(world: World, alert_id: ExchangeId, theirs: ThreadKey) -> None:
    await world.nodes["th"].desk.alerts.own.lift(author(), alert_id, "found")
    gate = world.nodes["vn"].asking.gate
    await until(lambda: theirs not in gate._book.alerts, "it warns no more")


@_scenario(_Type.ALERT, _Type.STATUS, _Type.CHANGE)
async def an_alert_is_raised_approved_and_acknowledged(world: World) -> None:
    alert_id, ours, theirs = await _warned(world)
    await world.nodes["vn"].desk.alerts.taken.read(duty(), theirs)
    await world.nodes["vn"].desk.alerts.taken.tell(duty(), theirs, StatusCode.ACKNOWLEDGED)
    await _stated(world, "th", ours, ThreadState.ANSWERED)
    await _lifted(world, alert_id, theirs)


@_scenario(_Type.ALERT, _Type.STATUS, _Type.OUTCOME, _Type.CHANGE)
async def an_alert_is_renewed_and_executed(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    alert_id, ours, theirs = await _warned(world, to_life=True)
    until_us = th.core.parts.clock.now_us() + 200 * _HOUR_US
    await th.desk.alerts.own.renew(author(), alert_id, until_us)
    await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    await until(lambda: vn.asking.gate._book.alerts[theirs].until_us == until_us, "its time has moved")
    await vn.desk.alerts.taken.tell(duty(), theirs, StatusCode.ACTING)
    await vn.desk.alerts.taken.report(duty(), theirs, OutcomeReport(OutcomeCode.LOCATED, persons=1))
    await until(lambda: _count(world, "th", ours, _Type.OUTCOME), "its outcome has come")
    await _lifted(world, alert_id, theirs)


@_scenario(_Type.ALERT, _Type.STATUS, _Type.CHANGE)
async def an_alert_is_not_executed_for_a_reason_in_law(world: World) -> None:
    alert_id, ours, theirs = await _warned(world)
    await world.nodes["vn"].desk.alerts.taken.tell(
        duty(), theirs, StatusCode.NOT_EXECUTED, NotExecuted.OWN_NATIONAL, "he is one of ours"
    )
    await _stated(world, "th", ours, ThreadState.ANSWERED)
    await _lifted(world, alert_id, theirs)


@_scenario(_Type.ALERT, _Type.CHANGE)
async def an_alert_for_one_office_is_found_there_alone(world: World) -> None:
    alert_id, _, theirs = await _warned(world, offices=("vn.blo.moc-bai",))
    assert (await at_the_gate(world.nodes["vn"], _BY_NAME)).hits
    assert not (await at_the_gate(world.nodes["vn"], _BY_NAME, office="vn.blo.cha-lo")).hits
    await _lifted(world, alert_id, theirs)


@_scenario(_Type.ALERT, _Type.STATUS, _Type.CHANGE)
async def an_alert_is_found_at_the_gate_and_is_about_another_person(world: World) -> None:
    vn = world.nodes["vn"]
    alert_id, ours, theirs = await _warned(world)
    await at_the_gate(vn, _BY_NAME)
    await until(lambda: works(vn, WorkKind.CONFIRM, key=theirs), "it is to be confirmed")
    other = Confirm(
        work=_new(world, "vn", WorkKind.CONFIRM, theirs).id, verdict=Verdict.NOT_SAME, reason="another birth place"
    )
    await vn.desk.second_step.marks.confirm(actor("vn", Role.OFFICER, person="3"), other)
    await until(lambda: works(world.nodes["th"], WorkKind.DISTINGUISH, key=ours), "its owner must tell them apart")
    await _lifted(world, alert_id, theirs)


async def _on_its_way(world: World) -> ThreadKey:
    """An alert of Thailand that cannot be delivered now, and was tried: its thread there."""
    th = world.nodes["th"]
    alert_id = await th.desk.alerts.own.raise_alert(author(), raising())
    await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    (key,) = [each.key for each in th.desk.parts.store.threads(group_id=alert_id) if each.key.peer == VN]
    await until(lambda: any(each.problem for each in th.desk.parts.store.deliveries(key=key)), "it was tried in vain")
    return key


async def a_link_is_cut_and_mended(world: World, link: Faults) -> None:
    link.cut()
    key = await _on_its_way(world)
    link.mend()
    await until(is_taken(world.nodes["th"], key), "it is taken")


async def an_answer_is_lost(world: World, link: Faults) -> None:
    taker: Any = world.nodes["vn"].desk.taker
    take = taker.take

    async def lose(*given: Any) -> Any:
        answer = await take(*given)
        link.cut()
        return answer

    with patch.object(type(taker), "take", lambda _, *given: lose(*given)):
        key = await _on_its_way(world)
    link.mend()
    await until(is_taken(world.nodes["th"], key), "the same answer is given again")


async def a_notice_comes_twice(world: World, _: Faults) -> None:
    taker: Any = world.nodes["vn"].desk.taker
    take = taker.take
    answers: list[Any] = []

    async def twice(*given: Any) -> Any:
        answers.extend([await take(*given), await take(*given)])
        return answers[-1]

    with patch.object(type(taker), "take", lambda _, *given: twice(*given)):
        theirs = (await _warned(world))[2]
    assert len({answer.envelope for answer in answers}) == len(answers) // 2, "each is answered as it was before"
    assert _count(world, "vn", theirs, _Type.ALERT) == 1


async def a_counterpart_is_down_and_comes_back(world: World, _: Faults) -> None:
    await world.stop("vn")
    key = await _on_its_way(world)
    await world.start("vn")
    await until(is_taken(world.nodes["th"], key), "it is taken")
    await until(lambda: world.nodes["vn"].asking.gate._book.alerts, "it warns there")


async def a_stop_is_told_and_the_start_after_it(world: World, _: Faults) -> None:
    th = world.nodes["th"]
    await until(lambda: world.nodes["vn"].desk.oversight.outages._has_begun, "it has told what was due")
    world.nodes["vn"].desk.oversight.outages.tells_stops = True
    before = {each.key for each in th.desk.parts.store.threads(kinds=(ThreadKind.SERVICE,))}
    await world.stop("vn")
    (key,) = {each.key for each in th.desk.parts.store.threads(kinds=(ThreadKind.SERVICE,), peer=VN)} - before
    await world.start("vn")
    await _stated(world, "th", key, ThreadState.ENDED)


FAULTS = {
    each.__name__: each
    for each in (
        a_link_is_cut_and_mended,
        an_answer_is_lost,
        a_notice_comes_twice,
        a_counterpart_is_down_and_comes_back,
        a_stop_is_told_and_the_start_after_it,
    )
}
"""By their names: scenarios of a link, or of a node that stops. Each leaves both whole again."""


# ------------------------------------------------------------------ watches


@_scenario(_Type.WATCH, _Type.STATUS, _Type.REPLY, _Type.CHANGE)
async def a_watch_is_kept_hits_at_once_and_ends(world: World) -> None:
    own = world.nodes["th"].desk.watches.own
    watch_id = await own.add(author(), watching("vn", subject=PASSPORT))
    await approve_waiting(own, supervisor(), watch_id)
    key = thread_of(world.nodes["th"], watch_id)
    await _stated(world, "th", key, ThreadState.ANSWERED)
    await until(lambda: _count(world, "th", key, _Type.REPLY), "the hit has come")
    await own.end(author(), watch_id, "he was arrested")
    await _stated(world, "vn", ThreadKey(TH, key.thread_id), ThreadState.ENDED)


@_scenario()
async def a_watch_is_declined(world: World) -> None:
    own = world.nodes["th"].desk.watches.own
    watch_id = await own.add(author(), watching("vn"))
    await decline_waiting(own, supervisor(), watch_id, "nothing says that he comes")


# ------------------------------------------------------------------ reports


async def _published(world: World, **fields: Any) -> tuple[ExchangeId, ThreadKey]:
    """A report of Thailand that Viet Nam has taken: its id, and its thread there."""
    own = world.nodes["th"].desk.reports.own
    report_id = await own.publish(author(), report(fields=fields))
    await approve_waiting(own, supervisor(), report_id)
    (to,) = [to for to in (await own.show(author(), report_id)).to if to.member == VN]
    await until(is_taken(world.nodes["th"], ThreadKey(VN, to.thread_id)), "it is taken")
    return report_id, ThreadKey(TH, to.thread_id)


@_scenario(_Type.REPORT, _Type.STATUS, _Type.CHANGE)
async def a_report_is_published_read_and_corrected(world: World) -> None:
    th, vn = world.nodes["th"].desk.reports, world.nodes["vn"].desk.reports
    reader = actor("vn", Role.OFFICER, person="3")
    first, taken = await _published(world, price="1,000 baht")
    assert (await vn.library.search(reader, LibraryQuery("false floor"))).reports
    await vn.library.read(reader, first)
    await until(lambda: _count(world, "th", ThreadKey(VN, taken.thread_id), _Type.STATUS), "its owner knows")
    await th.own.withdraw(author(), first, "mistaken", "the price was another one")
    await _published(world, price="2,000 baht")
    await until(lambda: _count(world, "vn", taken, _Type.CHANGE), "the first one is withdrawn there")


@_scenario(_Type.REPORT, _Type.CHANGE)
async def a_report_is_withdrawn_and_another_declined(world: World) -> None:
    own = world.nodes["th"].desk.reports.own
    report_id, taken = await _published(world)
    await own.withdraw(author(), report_id, "outdated")
    await until(lambda: _count(world, "vn", taken, _Type.CHANGE), "it is withdrawn there")
    await decline_waiting(own, supervisor(), await own.publish(author(), report()), "it says nothing new")


# ------------------------------------------------------------------ operations


@_scenario(_Type.ROOM, _Type.NOTE, _Type.OUTCOME)
async def an_operation_is_opened_joined_written_and_sealed(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    room_id = await opened(th, "vn")
    await joined(vn, room_id)
    await th.desk.rooms.rooms.note(actor("th", Role.OFFICER), room_id, note("begins at dusk", what="check"))
    await until(partial(_has_said, vn, room_id, 1), "it has come")
    await vn.desk.rooms.rooms.note(desk_of("vn"), room_id, note("a lorry was seen"))
    await until(partial(_has_said, th, room_id, 2), "it has come")
    seized = OutcomeReport(OutcomeCode.SEIZED, substance="ketamine", grams=12_000)
    await vn.desk.rooms.rooms.outcome(desk_of("vn"), room_id, seized)
    for node in (th, vn):
        await until(partial(_has_said, node, room_id, 3), "all of it has come")
    await th.desk.rooms.rooms.seal(actor("th", Role.OFFICER), room_id, "done")
    await _stated(world, "vn", home_key(VN, room_id), ThreadState.ENDED)


def _has_said(node: Any, room_id: str, count: int) -> bool:
    return len(said(node, room_id)) == count


@_scenario(_Type.ROOM)
async def an_operation_is_opened_and_not_joined(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    room_id = await opened(th, "vn")
    await until(lambda: vn.desk.rooms.rooms._book.room(room_id), "the invitation has come")
    pair = next(each.key for each in vn.desk.parts.store.threads(group_id=room_id) if each.key.peer == TH)
    await vn.desk.rooms.rooms.answer(desk_of("vn"), pair, StatusCode.CANNOT, "we have no boat")
    ours = ThreadKey(VN, pair.thread_id)
    await until(lambda: _count(world, "th", ours, _Type.ROOM, "LEAVE"), "its owner is told")
    await _stated(world, "vn", home_key(VN, room_id), ThreadState.ENDED)


# ------------------------------------------------------------------ follow-ups and questions


async def _decided(world: World, there: ThreadKey, work: Work, answer: ReplyCode, **more: Any) -> None:
    decide = Decide(work=work.id, answer=answer, reason="the passport was reported stolen", **more)
    await step(world, "vn").decisions.decide(second_step.DUTY, decide)
    await until(is_taken(world.nodes["vn"], there), "the reply is taken")


@_scenario(_Type.ASK, _Type.REPLY, _Type.STATUS, _Type.NOTE, _Type.OUTCOME)
async def a_follow_up_is_approved_released_in_part_opened_and_ended(world: World) -> None:
    key, there, work = await second_step.asked(world, fields=("number", "birth"))
    await _decided(world, there, work, ReplyCode.RELEASED)
    packages = step(world, "th").packages
    await packages.open(OFFICER, key)
    await packages.note(OFFICER, key, Note("en", "thank you"))
    await packages.tell_outcome(OFFICER, key, OutcomeReport(OutcomeCode.ARRESTED, persons=1))
    await until(lambda: _count(world, "vn", there, _Type.OUTCOME), "the outcome has come")


@_scenario()
async def a_follow_up_is_declined_at_home(world: World) -> None:
    drafted = await step(world, "th").drafting.follow_up(OFFICER, follow_up(await second_step.hit(world)))
    await step(world, "th").approvals.decline(SUPERVISOR, drafted.work.id, "the facts do not say why")


@_scenario(_Type.ASK, _Type.REPLY, _Type.STATUS)
async def a_follow_up_is_refused_abroad_for_a_reason(world: World) -> None:
    key, there, work = await second_step.asked(world)
    await _decided(world, there, work, ReplyCode.REFUSED)
    await step(world, "th").packages.open(OFFICER, key)


@_scenario(_Type.ASK, _Type.REPLY, _Type.STATUS)
async def a_question_comes_back_is_made_clear_and_is_answered_in_words(world: World) -> None:
    th = world.nodes["th"]
    reasons = replace(REASONS, urgency=Urgency.PRIORITY, urgency_reason="")
    question = Question(
        peer="vn",
        reasons=reasons,
        purpose=Purpose.INVESTIGATION,
        offence=Offence.MONEY,
        topic="crossing",
        case="TH-2026-0417",
    )
    drafted = await step(world, "th").drafting.question(OFFICER, question)
    await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)
    key, there = drafted.key, ThreadKey(TH, drafted.key.thread_id)
    await until(is_taken(th, key), "the question is taken")
    work = _new(world, "vn", WorkKind.DECIDE, there)
    await _decided(world, there, work, ReplyCode.CLARIFY, text="which bridge?")
    await until(lambda: works(th, WorkKind.CLARIFY, key=key), "it comes back")
    await step(world, "th").packages.clarify(OFFICER, key, replace(reasons, facts="the second one"))
    await until(is_taken(th, key), "it is asked again")
    await _decided(world, there, _new(world, "vn", WorkKind.DECIDE, there), ReplyCode.RELEASED, text="at noon")
    await step(world, "th").packages.open(OFFICER, key)


@_scenario(_Type.ASK, _Type.CHANGE)
async def a_follow_up_is_withdrawn_by_its_author(world: World) -> None:
    key, there, _ = await second_step.asked(world)
    await step(world, "th").packages.withdraw(OFFICER, key, "the person has left")
    await until(lambda: _count(world, "vn", there, _Type.CHANGE), "the owner is told")


@_scenario(_Type.OUTCOME)
async def the_owner_of_a_hit_is_told_what_came_of_it(world: World) -> None:
    search_id = await second_step.hit(world)
    seized = OutcomeReport(OutcomeCode.SEIZED, "methamphetamine", grams=12_000)
    key = await step(world, "th").outcomes.tell(
        OFFICER, HitOutcome(search_id=search_id, peer=VN, hit=0, outcome=seized)
    )
    await until(is_taken(world.nodes["th"], key), "the outcome is taken")


# ------------------------------------------------------------------ consent, and changes of what was given


async def _consent(world: World, answer: ReplyCode) -> None:
    about = await found(world)
    onward = world.nodes["th"].desk.onward
    asked = await onward.use(about.officer, about.wish())
    there, key = ThreadKey(TH, ExchangeId(asked.consent)), ThreadKey(VN, ExchangeId(asked.consent))
    await until(lambda: works(world.nodes["vn"], WorkKind.DECIDE, key=there), "its owner is asked")
    await _decided(world, there, _new(world, "vn", WorkKind.DECIDE, there), answer)
    await _stated(world, "th", key, ThreadState.ANSWERED if answer is ReplyCode.RELEASED else ThreadState.REFUSED)
    if answer is ReplyCode.RELEASED:
        assert (await onward.use(about.officer, about.wish())).allowed
    else:
        with pytest.raises(Forbidden):
            await onward.use(about.officer, about.wish())


@_scenario(_Type.ASK, _Type.REPLY)
async def a_consent_is_asked_for_and_given(world: World) -> None:
    await _consent(world, ReplyCode.RELEASED)


@_scenario(_Type.ASK, _Type.REPLY)
async def a_consent_is_asked_for_and_refused(world: World) -> None:
    await _consent(world, ReplyCode.REFUSED)


async def _given(world: World, who: Officer) -> str:
    """Give a record in answer to a search; return the owner's name for it."""
    vn = world.nodes["vn"]
    before = {copy.jti for copy in vn.desk.parts.store.holdings(direction=Direction.OUT)}
    await world.nodes["th"].asking.searches.start(who, command())
    (copy,) = [
        copy for copy in vn.desk.parts.store.holdings(direction=Direction.OUT, holder=TH) if copy.jti not in before
    ]
    return copy.record


@_scenario(_Type.CHANGE, _Type.STATUS)
async def a_record_is_withdrawn_everywhere(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    record = await _given(world, author().officer)
    owner = data_officer("vn", vn.resources.walls[0].description.agency)
    withdrawn = ChangeCommand(code=ChangeCode.WITHDRAWN, record=record, reason="wrong-person")
    done = await vn.desk.originator.originator.change(owner, withdrawn)
    for key in done.threads:
        await until(is_taken(vn, key), "the change is taken")
    for key in done.threads:
        for comply in works(th, WorkKind.COMPLY, key=ThreadKey(VN, key.thread_id)):
            await th.desk.originator.compliance.comply(data_officer("th", comply.agency), comply.id)

    def states() -> set[HoldingState]:
        return {copy.state for copy in vn.desk.parts.store.holdings(record=record, direction=Direction.OUT)}

    await until(lambda: states() == {HoldingState.ENDED}, "the erasures are confirmed")


# ------------------------------------------------------------------ oversight


def _security(member: str) -> Actor:
    return alerts.actor(member, Role.SECURITY_OFFICER, person="s1")


async def _news(world: World, code: NewsCode) -> tuple[ExchangeId, ThreadKey]:
    """News of Thailand about itself that Viet Nam has taken: its id, and its thread there."""
    th = world.nodes["th"]
    name = await th.desk.uses.incidents.tell(_security("th"), TellNews("an officer token was used by others", code))
    (key,) = [each.key for each in th.desk.parts.store.threads(group_id=name) if each.key.peer == VN]
    await until(is_taken(th, key), "it is taken")
    return name, ThreadKey(TH, key.thread_id)


@_scenario(_Type.SERVICE, _Type.STATUS)
async def an_incident_is_told_acknowledged_and_closed(world: World) -> None:
    name, taken = await _news(world, NewsCode.INCIDENT)
    work = _new(world, "vn", WorkKind.INCIDENT, taken)
    await world.nodes["vn"].desk.uses.incidents.acknowledge(_security("vn"), work.id, "we look, too")
    home = ThreadKey(TH, name)
    await until(lambda: not works(world.nodes["th"], WorkKind.INCIDENT, key=home), "all have acknowledged it")
    await world.nodes["th"].desk.uses.incidents.close(_security("th"), name, "all keys are new")
    await _stated(world, "vn", taken, ThreadState.ENDED)


@_scenario(_Type.SERVICE)
async def an_outage_is_told_and_is_over(world: World) -> None:
    name, taken = await _news(world, NewsCode.OUTAGE)
    await world.nodes["th"].desk.uses.incidents.close(_security("th"), name)
    await _stated(world, "vn", taken, ThreadState.ENDED)


@_scenario()
async def a_person_is_frozen_by_two_and_freed(world: World) -> None:
    freezes = world.nodes["th"].desk.uses.freezes
    security, head = _security("th"), actor("th", Role.HEAD_OF_DESK, person="h3")
    name = await freezes.ask(security, AskFreeze("th.o.2000", "asked for his family"))
    await approve_waiting(freezes, head, ThreadKey(TH, name))
    await freezes.lift(head, name, "it was his case")
    await approve_waiting(freezes, security, ThreadKey(TH, name))
