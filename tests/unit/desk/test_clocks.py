"""Clocks of work: what raises it, when it is escalated, and that no jump of a clock does it twice."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.clock import to_us
from gateway.desk.clocks import (
    DEFAULTS,
    ESCALATION,
    Calendar,
    Clocks,
    answer_by_us,
    clarified,
    escalated,
    next_alarm_us,
    paused,
    resumed,
    seen_by,
    tells_overdue,
)
from gateway.desk.raising import (
    NOT_SAME_TOPIC,
    Raising,
    for_reading,
    for_review,
    from_draft,
    from_first_decision,
    from_notice,
    from_opening,
    from_shown,
)
from gateway.model.desk.notices import (
    About,
    Alert,
    Ask,
    Body,
    Change,
    ChangeCode,
    Head,
    Note,
    Notice,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Service,
    ServiceCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Level, Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import Thread, Work
from tests.support.tables import table

NOW = to_us(datetime(2026, 11, 27, 9, tzinfo=UTC))
"""A Friday, four in the afternoon in the region."""

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
KEY = ThreadKey(MemberId("th"), ExchangeId("t1"))


def thread(kind: ThreadKind = ThreadKind.ASK, urgency: Urgency = Urgency.FLASH) -> Thread:
    """Return a thread of the police office `gate` whose officer is `vn.o.1`."""
    return Thread(
        KEY,
        kind,
        opener=False,
        state=ThreadState.OPEN,
        urgency=urgency,
        version=1,
        opened_us=NOW,
        agency="police",
        office="gate",
        officer="vn.o.1",
    )


def notice(body: Body, urgency: Urgency = Urgency.FLASH) -> Notice:
    head = Head(
        notice_id=ExchangeId("n1"),
        thread_id=ExchangeId("t1"),
        seq=1,
        previous=b"",
        seen=0,
        sender=MemberId("th"),
        recipient=MemberId("vn"),
        issued_us=NOW,
        expires_us=0,
        urgency=urgency,
        purpose=Purpose.INVESTIGATION,
        offence=Offence("NARC"),
        case="c",
        ticket="",
        agreement="",
        requester=Requester("officer", "o", "a", "p"),
        trust_hash=b"",
        policy_hash=b"",
    )
    return Notice(head, body)


def decide(urgency: Urgency = Urgency.FLASH, about: About = About.HIT) -> Work:
    (work,) = from_notice(thread(), notice(Ask(about, "facts"), urgency), NOW)
    return work


@table(
    ("urgency", "about", "time"),
    [
        (Urgency.FLASH, About.HIT, 15 * MINUTE),
        (Urgency.URGENT, About.HIT, 8 * HOUR),
        (Urgency.PRIORITY, About.HIT, 48 * HOUR),
        (Urgency.PRIORITY, About.QUESTION, 3 * DAY),
        (Urgency.ROUTINE, About.QUESTION, 7 * DAY),
        (Urgency.ROUTINE, About.FORM, 7 * DAY),
    ],
)
def test_each_class_has_its_clock(urgency: Urgency, about: About, time: int) -> None:
    work = decide(urgency, about)
    assert (work.kind, work.due_us - NOW, work.half_us - NOW) == (WorkKind.DECIDE, time, time // 2)
    assert (work.agency, work.office, work.urgency) == ("police", "gate", urgency)


@table(
    ("body", "kind", "role", "time"),
    [
        (Ask(About.FORM, ""), WorkKind.DECIDE, Role.CENTRAL_AUTHORITY, 15 * MINUTE),
        (Ask(About.ERROR, ""), WorkKind.CORRECT, Role.DATA_OFFICER, 4 * DAY),
        (Ask(About.ERROR, "", topic=NOT_SAME_TOPIC), WorkKind.DISTINGUISH, Role.DATA_OFFICER, 12 * HOUR),
        (Reply(ReplyCode.CLARIFY), WorkKind.CLARIFY, Role.OFFICER, 15 * MINUTE),
        (Reply(ReplyCode.RELEASED), WorkKind.READ, Role.OFFICER, DAY),
        (Alert("r", "STOP", 0), WorkKind.ACKNOWLEDGE, Role.DUTY, 15 * MINUTE),
        (Status(ExchangeId("n0"), StatusCode.NOT_SAME), WorkKind.DISTINGUISH, Role.DATA_OFFICER, 12 * HOUR),
        (Status(ExchangeId("n0"), StatusCode.OBJECTED), WorkKind.READ, Role.OFFICER, DAY),
        (Service(ServiceCode.INCIDENT), WorkKind.INCIDENT, Role.SECURITY_OFFICER, DAY),
        (Service(ServiceCode.OUTAGE), WorkKind.READ, Role.NATIONAL_DESK, DAY),
        (Note("en", "t"), WorkKind.READ, Role.OFFICER, DAY),
        (Status(ExchangeId("n0"), StatusCode.READ), None, None, 0),
        (OutcomeReport(OutcomeCode.ARRESTED), None, None, 0),
        (Change(ChangeCode.WITHDRAWN, of="n0"), None, None, 0),
    ],
)
def test_a_taken_notice_raises_the_work_of_its_kind_once(
    body: Body, kind: WorkKind | None, role: Role | None, time: int
) -> None:
    raised = from_notice(thread(), notice(body), NOW)
    assert [(work.kind, work.role, work.due_us - NOW) for work in raised] == ([(kind, role, time)] if kind else [])
    assert [work.id for work in raised] == [work.id for work in from_notice(thread(), notice(body), NOW + DAY)]


def test_a_change_is_obeyed_within_a_day_or_by_its_own_time() -> None:
    change = thread(ThreadKind.CHANGE)
    (plain,) = from_notice(change, notice(Change(ChangeCode.WITHDRAWN, ("j",))), NOW)
    (soon,) = from_notice(change, notice(Change(ChangeCode.CUT, ("j",), erase_by_us=NOW + HOUR)), NOW)
    (late,) = from_notice(change, notice(Change(ChangeCode.CUT, ("j",), erase_by_us=NOW + 9 * DAY)), NOW)
    assert [work.due_us - NOW for work in (plain, soon, late)] == [DAY, HOUR, DAY]


def test_an_alert_that_is_corrected_is_acknowledged_again_and_of_a_withdrawn_one_the_national_desk_reads() -> None:
    alert = thread(ThreadKind.ALERT)
    corrected = from_notice(alert, notice(Change(ChangeCode.CORRECTED, ("j",), record="r")), NOW)
    withdrawn = from_notice(alert, notice(Change(ChangeCode.WITHDRAWN, ("j",))), NOW)
    assert [work.kind for work in corrected] == [WorkKind.ACKNOWLEDGE]
    assert [(work.kind, work.role) for work in withdrawn] == [(WorkKind.READ, Role.NATIONAL_DESK)]


def test_the_receipt_says_by_when_a_human_answers() -> None:
    assert answer_by_us([decide()]) == NOW + 15 * MINUTE
    assert answer_by_us(from_notice(thread(), notice(Note("en", "t")), NOW)) == 0
    assert answer_by_us(()) == 0


def test_an_alert_is_acknowledged_by_each_office_in_scope_with_alarms_until_then() -> None:
    alert = Alert("r", "STOP", 0, scope=("gate", "port"))
    works = from_notice(thread(ThreadKind.ALERT), notice(alert), NOW)
    assert [work.office for work in works] == ["gate", "port"]
    assert len({work.id for work in works}) == 2
    assert alarms_of(works[0], 20 * MINUTE, replace(alert, repeat_s=0)) == [2 * MINUTE, 5 * MINUTE, 15 * MINUTE]


def alarms_of(work: Work, until: int, alert: Alert) -> list[int]:
    """The alarms of an alert after its taking, in the time from then on."""
    found = []
    while 0 < work.alarm_us <= NOW + until:
        found.append(work.alarm_us - NOW)
        work = replace(work, alarm_us=next_alarm_us(work, work.alarm_us, alert))
    return found


@table(
    ("repeat_s", "minutes"),
    [
        (120, [2, 4, 5, 6, 8, 10, 12, 14, 15, 16, 18]),
        (240, [2, 4, 5, 8, 12, 15, 16]),
        (86_400, [2, 5, 15]),
        (60, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]),
    ],
)
def test_an_alarm_is_repeated_as_its_author_wants_until_it_is_acknowledged(repeat_s: int, minutes: list[int]) -> None:
    alert = Alert("r", "STOP", 0, repeat_s=repeat_s)
    (work,) = from_notice(thread(ThreadKind.ALERT), notice(alert), NOW)
    assert alarms_of(work, 18 * MINUTE, alert) == [minute * MINUTE for minute in minutes]
    step = repeat_s * 1_000_000
    assert next_alarm_us(work, NOW + 30 * DAY, alert) == NOW + 30 * DAY + step


def test_nobody_is_alarmed_each_second() -> None:
    alert = Alert("r", "STOP", 0, repeat_s=1)
    (work,) = from_notice(thread(ThreadKind.ALERT), notice(alert), NOW)
    assert alarms_of(work, 2 * MINUTE, alert) == [MINUTE // 2, MINUTE, 3 * MINUTE // 2, 2 * MINUTE]


@table(
    ("urgency", "time"),
    [(Urgency.FLASH, 3 * MINUTE), (Urgency.URGENT, HOUR), (Urgency.PRIORITY, 6 * HOUR), (Urgency.ROUTINE, 21 * HOUR)],
)
def test_a_draft_is_approved_in_an_eighth_of_its_class_and_never_by_its_author(urgency: Urgency, time: int) -> None:
    work = from_draft(thread(urgency=urgency), "d1", NOW, about=About.HIT)
    assert (work.due_us - NOW, work.role, work.not_by) == (time, Role.SUPERVISOR, "vn.o.1")
    alert = from_draft(thread(ThreadKind.ALERT), "d1", NOW, to_life=True, given=Raising(on_duty=False))
    assert (alert.due_us - NOW, alert.role) == (HOUR, Role.NATIONAL_DESK)
    assert from_draft(thread(), "d1", NOW, about=About.FORM).role is Role.CENTRAL_AUTHORITY


def test_the_second_of_two_persons_is_another_one_and_has_the_same_deadline() -> None:
    first = decide()
    second = from_first_decision(thread(), first, "vn.d.7", NOW + MINUTE)
    assert (second.not_by, second.due_us, second.role) == ("vn.d.7", first.due_us, first.role)
    assert second.id != first.id


def test_without_anybody_on_duty_work_goes_to_the_national_desk_at_once() -> None:
    (work,) = from_notice(thread(), notice(Ask(About.HIT, "")), NOW, Raising(on_duty=False))
    assert work.role is Role.NATIONAL_DESK


def test_an_outcome_is_asked_for_three_times() -> None:
    works = from_opening(thread(), "n2", "vn.o.1", NOW)
    assert [work.opened_us - NOW for work in works] == [DAY, 30 * DAY, 90 * DAY]
    assert {work.assigned for work in works} == {"vn.o.1"}
    assert len({work.id for work in works}) == 3


def test_other_events_raise_work_with_their_own_clocks() -> None:
    assert for_review(thread(), "x1", "vn.o.1", NOW).due_us - NOW == 7 * DAY
    assert for_review(thread(), "x1", "vn.o.1", NOW).not_by == "vn.o.1"
    assert from_shown(thread(), "0", "vn.o.1", NOW).due_us - NOW == 8 * HOUR
    assert for_reading(thread(), "n3", NOW).assigned == "vn.o.1"


def test_a_correction_has_two_working_days_of_the_owner_s_calendar() -> None:
    monday = Calendar(holidays=frozenset({date(2026, 11, 30)}))
    assert Calendar().after(NOW, 2) == NOW + 4 * DAY
    assert monday.after(NOW, 2) == NOW + 5 * DAY
    saturday = NOW + 9 * HOUR
    assert Calendar().after(saturday, 2) == to_us(datetime(2026, 12, 1, 17, tzinfo=UTC))
    assert Calendar(weekend=frozenset(range(7))).after(NOW, 2) > NOW + 60 * DAY


def test_an_agreement_shortens_clocks_and_lengthens_none() -> None:
    changed = Clocks(flash=60, urgent=10**9, approve_part=4, alarms=(60, 600, 800), outcome=(1,))
    clocks = DEFAULTS.shortened(changed)
    assert (clocks.flash, clocks.urgent) == (60, DEFAULTS.urgent)
    assert (clocks.approve_part, clocks.alarms, clocks.outcome) == (8, (60, 300, 800), DEFAULTS.outcome)


def test_half_and_end_bring_more_roles_and_the_end_tells_the_asker_once() -> None:
    work = decide()
    half = escalated(work, work.half_us)
    end = escalated(half, work.due_us)
    assert escalated(half, work.half_us + 1) is half
    assert seen_by(work) == (Role.DUTY,)
    assert seen_by(half) == (Role.DUTY, Role.NATIONAL_DESK)
    assert seen_by(end) == (Role.DUTY, Role.NATIONAL_DESK, Role.HEAD_OF_DESK)
    assert [tells_overdue(work, half), tells_overdue(half, end), tells_overdue(end, end)] == [False, True, False]
    assert set(ESCALATION) == set(WorkKind)


def test_a_node_that_was_down_over_the_deadline_escalates_once_to_the_highest_level() -> None:
    work = decide()
    back = escalated(work, work.due_us + 9 * DAY)
    assert back.level is Level.END
    assert escalated(back, work.due_us + 10 * DAY) is back
    assert tells_overdue(work, back)


def test_a_question_back_stops_the_clock_twice_at_most_and_not_after_the_end() -> None:
    work = decide()
    stopped = paused(work, NOW + 5 * MINUTE, 0)
    assert escalated(stopped, NOW + 9 * DAY) is stopped
    going = resumed(stopped, NOW + 9 * MINUTE)
    assert (going.half_us, going.due_us) == (work.half_us + 4 * MINUTE, work.due_us + 4 * MINUTE)
    assert paused(work, NOW, 2) is work
    assert paused(work, work.due_us, 0) is work
    assert paused(stopped, NOW + 6 * MINUTE, 1) is stopped
    assert resumed(work, NOW) is work
    assert resumed(stopped, NOW).due_us == work.due_us
    assert resumed(stopped, NOW + 900 * DAY).due_us == work.due_us + 15 * MINUTE
    asked_back = [Placed(Side.OTHER, 1, 1, notice(Reply(ReplyCode.CLARIFY)).type, "CLARIFY", 0)]
    assert clarified(asked_back) == 1


_LEVELS = tuple(Level)


@given(
    st.lists(st.tuples(st.integers(-10 * DAY, 10 * DAY), st.sampled_from(("look", "look", "pause", "resume")))),
    st.sampled_from(Urgency),
)
def test_no_way_of_moving_the_clock_escalates_twice_or_lowers_a_level(
    steps: list[tuple[int, str]], urgency: Urgency
) -> None:
    work, told, pauses = decide(urgency), 0, 0
    highest = work.due_us - NOW
    for offset, act in steps:
        before, now_us = work, NOW + offset
        if act == "pause":
            work = paused(work, now_us, pauses)
            pauses += work is not before
        elif act == "resume":
            work = resumed(work, now_us)
        else:
            work = escalated(work, now_us)
            told += tells_overdue(before, work)
            assert (work.half_us, work.due_us) == (before.half_us, before.due_us)
            assert escalated(work, now_us) is work
        assert _LEVELS.index(work.level) >= _LEVELS.index(before.level)
        assert work.due_us >= before.due_us
    assert told <= 1
    assert pauses <= 2
    assert work.due_us - NOW <= 4 * highest
