"""Alerts between running nodes: raised, approved, acknowledged, found at the gate, and gone once withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.desk.acting.home import Stand
from gateway.errors import Forbidden, LiaisonError, Stale
from gateway.model.desk.codes import NotExecuted
from gateway.model.desk.notices import OutcomeCode, OutcomeReport, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.exchange import Outcome
from gateway.model.handed.work import Confirm, Verdict
from gateway.model.names import ExchangeId
from gateway.model.query import DocumentQuery, PersonQuery, VehicleQuery
from gateway.model.values import NameForm, PartialDate
from gateway.ports.desk import Work, WorkFilter
from gateway.views.words.code_words import raised
from tests.support.alerts import FUGITIVE, actor, at_the_gate, author, duty, raising, supervisor, there
from tests.support.approving import approve_waiting
from tests.support.exchange import TH, VN, command, entries, last, sample_world
from tests.support.moved_clock import Ahead, look_at_sources
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

HOUR_US = 3_600_000_000
BY_NAME = PersonQuery((NameForm("Somchay Chaidee", "Latn"),), PartialDate("1985-03-14"))
QUESTIONS = {
    "another script": PersonQuery((NameForm("สมชาย ใจดี", "Thai"),), PartialDate("1985")),
    "another spelling": BY_NAME,
    "a number": DocumentQuery("P 4471209", "THA"),
    "a plate": VehicleQuery("กข1234", "เชียงราย"),
}


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    """Two simulated nodes whose time can be moved on (`ahead`)."""
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as made:
        yield made


async def spread(world: Simulation, **changes: Any) -> tuple[ExchangeId, ThreadKey]:
    """Raise and approve an alert; return its id and its thread as the counterpart names it."""
    th = world.nodes["th"]
    alert_id = await th.desk.alerts.own.raise_alert(author(), raising(**changes))
    await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    key = await there(th, alert_id)
    taken = ThreadKey(TH, key.thread_id)
    await until(lambda: taken in world.nodes["vn"].asking.gate._book.alerts, "it is in the book")
    return alert_id, taken


async def test_an_alert_waits_for_its_approval_and_is_acknowledged_across_the_border(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    own = th.desk.alerts.own
    alert_id = await own.raise_alert(author(), raising())
    assert len(th.desk.parts.store.threads(group_id=alert_id)) == 1, "nothing goes out before it is approved"
    assert (await at_the_gate(th, BY_NAME)).outcome is Outcome.NO_HIT
    with pytest.raises(Forbidden) as caught:
        await approve_waiting(own, actor("th", Role.SUPERVISOR), alert_id)
    assert caught.value.code == "own-approval"
    await approve_waiting(own, supervisor(), alert_id)
    key = await there(th, alert_id)
    taken = ThreadKey(TH, key.thread_id)
    (work,) = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,)))
    await until(lambda: vn.asking.gate.alerts, "it warns")
    assert [alert.key for alert in await vn.desk.alerts.taken.all(duty())] == [taken]
    assert (await vn.desk.alerts.taken.read(duty(), taken)).fields["reason"] == FUGITIVE["reason"]
    await vn.desk.alerts.taken.read(duty(), taken)
    ((stand,),) = await th.desk.uses.alerts.standing([await own.show(author(), alert_id)])
    assert (stand.delivery, stand.is_unanswered, stand.acknowledge_by_us) == ("taken", False, work.due_us)
    await vn.desk.alerts.taken.tell(duty(), taken, StatusCode.ACKNOWLEDGED)
    assert not vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,)))
    await until(lambda: _state(th, key) is ThreadState.ANSWERED, "the owner sees it")
    ((stand,),) = await th.desk.uses.alerts.standing([await own.show(author(), alert_id)])
    assert [reaction.code for reaction in stand.reactions] == ["ACKNOWLEDGED"]
    reads = [row for row in vn.desk.parts.store.placed(taken) if row.code == "READ"]
    assert len(reads) == 1, "the owner is told once that it was read"
    done = vn.desk.parts.store.work(work.id)
    assert done is not None
    assert (done.by, done.result) == (duty().officer.person, "ACKNOWLEDGED")
    acts = [each.private["act"] for each in entries(th, "operations") if each.entry.kind == "desk-act"]
    assert acts == ["raise-alert", "approve-alert"]


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_taken_alert_is_found_at_the_gate_with_the_link_cut(own_world: Simulation, name: str) -> None:
    await spread(own_world)
    await own_world.stop("th")
    line = await at_the_gate(own_world.nodes["vn"], QUESTIONS[name])
    hit = line.hits[0]
    assert hit.action == "DISCREET_CHECK"
    assert hit.record is not None
    shown = {"record_type": hit.record_type, "record": {"fields": hit.record.fields, "marking": hit.record.marking}}
    assert raised(shown)[:2] == [
        "discreet check: the person must not notice (DISCREET_CHECK)",
        "the person must not learn of it (DO_NOT_ALERT_SUBJECT)",
    ]


async def test_an_alert_that_the_gate_finds_is_work_to_confirm_and_of_another_person_its_owner_is_told(
    own_world: Simulation,
) -> None:
    """As a hit of a counterpart's record is. Alerts of ours raise none."""
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    alert_id, theirs = await spread(own_world)
    who = actor("vn", Role.OFFICER, person="3")
    marks = vn.desk.second_step.marks

    def works(node: Node, kind: WorkKind) -> list[Work]:
        return node.desk.parts.store.works(WorkFilter(kinds=(kind,)))

    for found in range(2):
        assert (await at_the_gate(vn, BY_NAME)).outcome is Outcome.HIT
        assert len(works(vn, WorkKind.CONFIRM)) == found + 1, "each search that finds it raises its own"
    first, second = works(vn, WorkKind.CONFIRM)
    assert (first.key, first.assigned, first.role) == (theirs, who.officer.person, Role.OFFICER)
    await at_the_gate(th, BY_NAME)
    assert not works(th, WorkKind.CONFIRM)
    with pytest.raises(Forbidden):
        await marks.confirm(
            actor("vn", Role.OFFICER, person="4"), Confirm(work=first.id, verdict=Verdict.SAME, reason="x")
        )
    same = Confirm(work=first.id, verdict=Verdict.SAME, reason="the national id")
    assert await marks.confirm(who, same) is None
    assert [work.id for work in works(vn, WorkKind.CONFIRM)] == [second.id]
    other = Confirm(work=second.id, verdict=Verdict.NOT_SAME, reason="another birth place")
    assert await marks.confirm(who, other) == theirs
    assert not works(vn, WorkKind.CONFIRM)
    with pytest.raises(LiaisonError):
        await marks.confirm(who, other)
    await until(lambda: works(th, WorkKind.DISTINGUISH), "its owner must tell the two apart")
    assert [work.key for work in works(th, WorkKind.DISTINGUISH)] == [await there(th, alert_id)]


async def test_what_is_withdrawn_is_not_found_from_its_transaction_on(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    alert_id, taken = await spread(own_world)
    assert (await at_the_gate(vn, BY_NAME)).hits
    await th.desk.alerts.own.lift(supervisor(), alert_id, "found")
    await until(lambda: _state(vn, taken) is ThreadState.ENDED, "the withdrawal is taken")
    for node in (th, vn):
        assert not (await at_the_gate(node, BY_NAME)).hits
    assert not vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,)))
    await until(lambda: _state(th, ThreadKey(TH, alert_id)) is ThreadState.ENDED, "it is over at home")


async def test_a_withdrawal_that_another_process_has_taken_hides_at_once(
    own_world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    alert_id, taken = await spread(own_world)
    monkeypatch.setattr(vn.asking.gate, "_take_in", lambda _thread, _rows: None)
    await th.desk.alerts.own.lift(author(), alert_id, "found")
    await until(lambda: _state(vn, taken) is ThreadState.ENDED, "the withdrawal is taken")
    assert taken in vn.asking.gate._book.alerts, "this process has not heard of it yet"
    assert not (await at_the_gate(vn, BY_NAME)).hits


async def test_a_restored_node_warns_of_no_alert_before_its_owner_has_told_what_was_lost(own_world: Simulation) -> None:
    await spread(own_world)
    vn = own_world.nodes["vn"]
    gate, heard = vn.asking.gate, vn.core.heard
    assert len(gate.alerts) == 1
    heard.is_restored = True
    assert len(gate.alerts) == 0
    heard.note(TH)
    assert len(gate.alerts) == 1


async def test_an_alert_is_never_told_onward(own_world: Simulation) -> None:
    await spread(own_world)
    th = own_world.nodes["th"]
    search = await th.asking.searches.start(author().officer, _command(BY_NAME))
    (line,) = [line for line in search.lines if line.member == "vn"]
    assert line.outcome is Outcome.NO_HIT
    own = await at_the_gate(th, BY_NAME)
    assert [hit.action for hit in own.hits] == ["DISCREET_CHECK"], "it is found by its own officers"


async def test_what_is_dangerous_to_life_is_sent_first_and_withdrawn_without_an_approval(
    own_world: Simulation, tmp_path: Path
) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    alert_id = await th.desk.alerts.own.raise_alert(author(), raising(to_life=True))
    key = await there(th, alert_id)
    taken = ThreadKey(TH, key.thread_id)
    assert _state(vn, taken) is ThreadState.OPEN
    (approval,) = th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.APPROVE,)))
    assert approval.due_us - approval.opened_us == HOUR_US
    Ahead(tmp_path).move(timedelta(minutes=61))
    await until(lambda: _state(vn, taken) is ThreadState.ENDED, "it is withdrawn")
    alert = await th.desk.alerts.own.show(author(), alert_id)
    assert (alert.stand, alert.reason) == (Stand.LIFTED, "not-approved")
    assert not (await at_the_gate(vn, BY_NAME)).hits


async def test_an_alert_that_nobody_approves_in_time_lapses_and_never_leaves(
    own_world: Simulation, tmp_path: Path
) -> None:
    th = own_world.nodes["th"]
    alert_id = await th.desk.alerts.own.raise_alert(author(), raising())
    Ahead(tmp_path).move(timedelta(minutes=4))
    await until(lambda: _state(th, ThreadKey(TH, alert_id)) is ThreadState.ENDED, "it lapses")
    with pytest.raises(Stale):
        await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    assert len(th.desk.parts.store.threads(group_id=alert_id)) == 1
    assert last(th, "operations").private["code"] in ("draft-lapsed", "alert-lapsed")


async def test_a_hidden_alert_is_sent_when_its_time_is_over_by_a_node_that_was_down(
    own_world: Simulation, tmp_path: Path
) -> None:
    th = own_world.nodes["th"]
    hidden_us = th.core.parts.clock.now_us() + 2 * HOUR_US
    alert_id = await th.desk.alerts.own.raise_alert(author(), raising(hidden_until_us=hidden_us))
    await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    assert len(th.desk.parts.store.threads(group_id=alert_id)) == 1, "nothing has left"
    assert not (await at_the_gate(th, BY_NAME)).hits
    await own_world.stop("th")
    Ahead(tmp_path).move(timedelta(hours=2, minutes=1))
    th = await own_world.start("th")
    await until(lambda: len(th.desk.parts.store.threads(group_id=alert_id)) == 2, "it is sent")
    await there(th, alert_id)
    assert (await at_the_gate(th, BY_NAME)).hits


async def test_a_hidden_alert_is_sent_in_the_second_in_which_its_time_is_over(
    own_world: Simulation, tmp_path: Path
) -> None:
    th = own_world.nodes["th"]
    for seconds in (3600, 20):
        hidden_us = th.core.parts.clock.now_us() + seconds * 1_000_000
        alert_id = await th.desk.alerts.own.raise_alert(author(), raising(hidden_until_us=hidden_us))
        await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    await own_world.turn()
    assert len(th.desk.parts.store.threads(group_id=alert_id)) == 1, "nothing has left"
    Ahead(tmp_path).move(timedelta(seconds=21))
    await own_world.turn()
    assert len(th.desk.parts.store.threads(group_id=alert_id)) == 2, "it is sent"


async def test_alarms_until_it_is_acknowledged(own_world: Simulation, tmp_path: Path) -> None:
    vn = own_world.nodes["vn"]
    await spread(own_world)
    for minutes, count in ((1, 0), (2, 1), (4, 2), (14, 3)):
        Ahead(tmp_path).move(timedelta(minutes=minutes))
        if count:
            await until(partial(_has_alarms, vn, count), f"alarm {count}")
    th = own_world.nodes["th"]
    await until(lambda: th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.READ,))), "the owner is told")
    (alert,) = (await th.desk.alerts.own.all(author())).items
    ((stand,),) = await th.desk.uses.alerts.standing([alert])
    assert (stand.is_unanswered, stand.reactions) == (True, ())
    assert len(_alarms(vn)) == 3


async def test_alarms_go_on_as_the_owner_wants_through_a_restart_until_one_office_answers(
    own_world: Simulation, tmp_path: Path
) -> None:
    vn = own_world.nodes["vn"]
    _, taken = await spread(own_world, repeat_s=3600)
    Ahead(tmp_path).move(timedelta(minutes=20))
    await until(partial(_has_alarms, vn, 1), "those of the first quarter are one")
    Ahead(tmp_path).move(timedelta(minutes=45))
    await until(partial(_has_alarms, vn, 2), "the alarm after an hour")
    await own_world.stop("vn")
    vn = await own_world.start("vn")
    await vn.desk.second_step.rounds[0].work()
    assert _has_alarms(vn, 2), "a start repeats none"
    await own_world.stop("vn")
    Ahead(tmp_path).move(timedelta(hours=5))
    vn = await own_world.start("vn")
    await until(partial(_has_alarms, vn, 3), "those while it was down are one")
    Ahead(tmp_path).move(timedelta(hours=1))
    await until(partial(_has_alarms, vn, 4), "and they go on")
    th = own_world.nodes["th"]
    overdue = [row for row in vn.desk.parts.store.placed(taken) if row.code == StatusCode.OVERDUE]
    assert len(overdue) == 1, "the owner is told once"
    await until(lambda: th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.READ,))), "the owner is told")
    await vn.desk.alerts.taken.tell(duty(), taken, StatusCode.ACKNOWLEDGED)
    Ahead(tmp_path).move(timedelta(hours=2))
    await vn.desk.second_step.rounds[0].work()
    assert _has_alarms(vn, 4)


async def test_a_clock_that_jumps_back_does_not_put_off_alarms(own_world: Simulation, tmp_path: Path) -> None:
    vn = own_world.nodes["vn"]
    await spread(own_world, repeat_s=3600)
    (work,) = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,)))
    Ahead(tmp_path).move(timedelta(hours=20))
    await until(partial(_has_alarms, vn, 1), "it is alarmed by the clock of then")
    await own_world.stop("vn")
    Ahead(tmp_path).move(timedelta(hours=-19.5))
    vn = await own_world.start("vn")
    await vn.desk.second_step.rounds[0].work()
    now = vn.desk.parts.store.work(work.id)
    assert now is not None
    assert now.alarm_us == work.opened_us + HOUR_US
    assert _has_alarms(vn, 1)


async def test_renewed_and_not_executed_with_a_reason_in_law(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    alert_id, taken = await spread(own_world)
    with pytest.raises(Exception, match="the reason in law is missing"):
        await vn.desk.alerts.taken.tell(duty(), taken, StatusCode.NOT_EXECUTED, "weather")
    await vn.desk.alerts.taken.tell(duty(), taken, StatusCode.NOT_EXECUTED, NotExecuted.OWN_NATIONAL)
    key = ThreadKey(vn.core.parts.member, taken.thread_id)
    await until(lambda: _state(th, key) is ThreadState.ANSWERED, "the owner is told")
    reads = th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.READ,)))
    assert [work.assigned for work in reads] == [author().officer.person]
    until_us = th.core.parts.clock.now_us() + 200 * HOUR_US
    await th.desk.alerts.own.renew(author(), alert_id, until_us)
    await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    await until(lambda: _state(vn, taken) is ThreadState.OPEN, "it is renewed")
    await until(lambda: vn.asking.gate._book.alerts[taken].until_us == until_us, "its time has moved")
    assert len(vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,)))) == 1


async def test_acting_asks_for_an_outcome_and_the_outcome_closes_it(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    alert_id, taken = await spread(own_world)
    await vn.desk.alerts.taken.tell(duty(), taken, StatusCode.ACTING)
    for node, who in ((vn, duty()), (th, author())):
        outcomes = WorkFilter(kinds=(WorkKind.OUTCOME,))
        await until(partial(node.desk.parts.store.works, outcomes), "an outcome is asked for")
        assert {work.assigned for work in node.desk.parts.store.works(outcomes)} == {who.officer.person}
    found = OutcomeReport(OutcomeCode.LOCATED, persons=1)
    await vn.desk.alerts.taken.report(duty(), taken, found)
    assert not vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.OUTCOME,)))
    await th.desk.alerts.own.close(author(), alert_id, found)
    await until(lambda: _state(vn, taken) is ThreadState.ENDED, "it is closed")


async def test_an_alert_of_ours_that_ended_is_asked_for_its_outcome_and_can_be_told_it(
    own_world: Simulation, tmp_path: Path
) -> None:
    th, vn, outcomes = own_world.nodes["th"], own_world.nodes["vn"], WorkFilter(kinds=(WorkKind.OUTCOME,))
    lifted, taken = await spread(own_world)
    await th.desk.alerts.own.lift(author(), lifted, "found")
    await until(lambda: _state(vn, taken) is ThreadState.ENDED, "it is lifted")
    assert [work.key.thread_id for work in th.desk.parts.store.works(outcomes)] == [lifted] * 3
    found = OutcomeReport(OutcomeCode.LOCATED, persons=1)
    await th.desk.alerts.own.close(author(), lifted, found)
    assert not th.desk.parts.store.works(outcomes)
    await until(lambda: len(vn.desk.parts.store.placed(taken)) == 3, "those who had it are told what came of it")
    with pytest.raises(Stale):
        await th.desk.alerts.own.close(author(), lifted, found)

    over, _ = await spread(own_world, until_us=th.core.parts.clock.now_us() + 2 * HOUR_US)
    Ahead(tmp_path).move(timedelta(hours=3))
    await until(lambda: th.desk.parts.store.works(outcomes), "an outcome is asked for once its time is over")
    await th.desk.alerts.own.close(author(), over, OutcomeReport(OutcomeCode.NO_ACTION))
    assert not th.desk.parts.store.works(outcomes)


async def test_an_owner_that_is_silent_for_two_days_warns_no_more_and_that_is_told(
    own_world: Simulation, tmp_path: Path
) -> None:
    vn = own_world.nodes["vn"]
    await spread(own_world)
    await own_world.stop("th")
    Ahead(tmp_path).move(timedelta(hours=47))
    assert (await at_the_gate(vn, BY_NAME)).hits
    await own_world.stop("vn")
    vn = await own_world.start("vn")
    assert (await at_the_gate(vn, BY_NAME)).hits, "also after a restart"
    Ahead(tmp_path).move(timedelta(hours=2))
    await look_at_sources(vn)
    line = await at_the_gate(vn, BY_NAME)
    assert (line.hits, line.missing) == ((), ("alerts th",))


async def test_an_alert_for_one_office_is_not_shown_at_another(own_world: Simulation) -> None:
    await spread(own_world, offices=("vn.blo.moc-bai",))
    vn = own_world.nodes["vn"]
    assert (await at_the_gate(vn, BY_NAME)).hits
    assert not (await at_the_gate(vn, BY_NAME, "vn.blo.cha-lo")).hits


def _alarms(node: Any) -> list[Any]:
    kinds = [each for each in entries(node, "operations") if each.entry.kind == "desk-clock"]
    return [each for each in kinds if each.private.get("code") == "alarm"]


def _has_alarms(node: Any, count: int) -> bool:
    return len(_alarms(node)) == count


def _state(node: Any, key: ThreadKey) -> ThreadState | None:
    thread = node.desk.parts.store.thread(key)
    return None if thread is None else thread.state


def _command(query: Any) -> Any:
    return command(query, (VN,))
