"""Raise work from notices and events, and end what the end of its thread leaves without a purpose.

Pure functions lead from what happened to the rows that it needs; one table says which ends end which kinds of work.

The id of work is made of what raised it, so that raising it twice is raising it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from gateway.clock import DAY_US, SECOND_US
from gateway.desk.clocks import CALENDAR, DEFAULTS, Calendar, Clocks, next_alarm_us
from gateway.desk.fold import OVER
from gateway.errors import Unknown
from gateway.model.desk.notices import (
    About,
    Alert,
    Ask,
    Change,
    ChangeCode,
    Note,
    Notice,
    NoticeType,
    Reply,
    ReplyCode,
    Service,
    ServiceCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.rooms import Room, RoomCode
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.names import ExchangeId
from gateway.model.requester import Officer
from gateway.ports.desk import DeskStore, Thread, Work, WorkFilter

NOT_SAME_TOPIC = "not-same"
"""The topic of an ask about an error that says: this hit is another person. Its owner must tell them apart."""

UNDELIVERED = "undelivered"
"""The mark on open work about a notice of ours that was refused, or not taken in its time: somebody phones."""

_SHOWN = frozenset({StatusCode.OBJECTED, StatusCode.CANNOT, StatusCode.NOT_EXECUTED, StatusCode.OVERDUE})
"""The statuses that a human must look at."""

_QUESTION_PARTS = 6
"""The parts of the id of a question for the outcome of a hit: kind, counterpart, group, exchange, hit, number."""

_OF_HIT = frozenset({About.HIT, About.CONSENT})
"""Asks about a record that was given, which have the clock of a follow-up to a hit."""


class Raising(msgspec.Struct, frozen=True):
    """Facts for all work of one node. `on_duty` tells whether somebody of the office is on duty now."""

    clocks: Clocks = DEFAULTS
    calendar: Calendar = CALENDAR
    on_duty: bool = True


DEFAULT = Raising()


def work_id(thread: Thread, kind: WorkKind, cause: str, part: str = "") -> str:
    """Return the id of the work of this kind that `cause` (a notice, record or draft) raises in the thread."""
    return ".".join(filter(None, (kind.value, thread.key.peer, cause, part)))


def from_notice(thread: Thread, notice: Notice, taken_us: int, given: Raising = DEFAULT) -> tuple[Work, ...]:
    """Return the work that a notice of the counterpart raises here; `thread` is the row with the notice in it."""
    body = notice.body
    if isinstance(body, Ask):
        return (_for_ask(thread, notice, body, taken_us, given),)
    if isinstance(body, Reply) and body.code is ReplyCode.CLARIFY:
        return (_for_clarifying(thread, notice, taken_us, given),)
    if isinstance(body, Alert):
        return _acknowledge(thread, notice, body.scope, taken_us, given)
    if isinstance(body, Room):
        return _for_room(thread, notice, body, taken_us, given)
    if isinstance(body, Change):
        return _for_change(thread, notice, body, taken_us, given)
    if isinstance(body, Service):
        return (_for_service(thread, notice, body, taken_us, given),)
    if isinstance(body, Status) and body.code is StatusCode.NOT_SAME:
        return (_distinguish(thread, notice, taken_us, given),)
    if isinstance(body, Reply | Note) or (isinstance(body, Status) and body.code in _SHOWN):
        return (for_reading(thread, notice.head.notice_id, taken_us, given, role=_reader(thread, given)),)
    return ()


def from_draft(
    thread: Thread,
    draft_id: str,
    now_us: int,
    *,
    about: About | None = None,
    to_life: bool = False,
    given: Raising = DEFAULT,
) -> Work:
    """Return the approval of a draft; its author (`thread.officer`) can never give it.

    `about` is that of an ask. With `to_life` the alert was sent first. `given.on_duty` tells whether a supervisor of
    the office is on duty; else the national desk's may approve. A form is approved by the central authority.
    """
    hit = about is About.HIT
    seconds = given.clocks.to_life if to_life else given.clocks.approve_s(thread.urgency, hit=hit)
    role = Role.SUPERVISOR if given.on_duty else Role.NATIONAL_DESK
    if about is About.FORM:
        role = Role.CENTRAL_AUTHORITY
    return _work(thread, WorkKind.APPROVE, draft_id, role, now_us, seconds, not_by=thread.officer)


def from_first_decision(thread: Thread, decided: Work, by: str, now_us: int) -> Work:
    """Return the second decision where two persons must decide: the same place and clock, and another person."""
    left = max(0, decided.due_us - now_us) // SECOND_US
    row = _work(thread, WorkKind.DECIDE, decided.notice_id, decided.role, now_us, left, part="second", not_by=by)
    return replace(row, agency=decided.agency, office=decided.office)


def from_opening(
    thread: Thread, notice_id: str, person: str, now_us: int, given: Raising = DEFAULT, part: str = ""
) -> tuple[Work, ...]:
    """Return the questions for an outcome after a package was opened or an alert acted on.

    They open later than now: a list shows work from its `opened_us` on.
    """
    return tuple(
        _work(
            thread,
            WorkKind.OUTCOME,
            notice_id,
            Role.OFFICER,
            now_us + after * SECOND_US,
            given.clocks.outcome_answer,
            part=f"{part}{number}",
            assigned=person,
        )
        for number, after in enumerate(given.clocks.outcome, 1)
    )


def for_outcome(asked: Work, key: ThreadKey, now_us: int, given: Raising = DEFAULT) -> tuple[Work, ...]:
    """Return the questions for the outcome of a hit that an officer did not find to be another one.

    `asked` is the work of confirming the hit. `key` names the hit, and is no thread.
    """
    place = _place(key, asked.agency, asked.office, asked.assigned, now_us)
    hit = asked.id.rpartition(".")[2]
    part = f"{asked.key.thread_id}.{hit}."
    return from_opening(place, key.thread_id, asked.assigned, now_us, given, part)


def hit_of_question(work: Work) -> tuple[ExchangeId, int]:
    """Return the exchange and the number of the hit that a question for an outcome is about.

    Raises `Unknown` for one in the thread of an ask or an alert.
    """
    *_, exchange_id, hit, _ = work.id.split(".")
    if work.notice_id != work.key.thread_id or len(work.id.split(".")) != _QUESTION_PARTS:
        raise Unknown(
            "this work is about no hit", code="no-such-hit", where="work", remedy="liaison desk outcome", work=work.id
        )
    return ExchangeId(exchange_id), int(hit)


def from_hits(officer: Officer, key: ThreadKey, count: int, search: str, begun_us: int) -> tuple[Work, ...]:
    """Return the work of an officer who is shown the hits of an answer: is each the same person or thing?

    `key` names the exchange; it is not a thread. The number of the hit ends the id. All hits of a search have its name
    and its clock, so that a list has them as one.
    """
    place = _place(key, officer.agency, officer.office, officer.person, begun_us)
    works = (from_shown(place, key.thread_id, officer.person, begun_us, DEFAULT, str(hit)) for hit in range(count))
    return tuple(replace(work, notice_id=search) for work in works)


def from_warning(officer: Officer, key: ThreadKey, search: str, begun_us: int) -> Work:
    """Return the work of an officer whose search has found a counterpart's alert: is it the same person or thing?

    `key` is the alert's thread. Each search that finds it raises its own, under its clock.
    """
    place = _place(key, officer.agency, officer.office, officer.person, begun_us)
    return from_shown(place, search, officer.person, begun_us, DEFAULT, key.thread_id)


def warning_work(key: ThreadKey, search: str) -> str:
    """Return the id of the work of confirming a counterpart's alert that a search has found."""
    return ".".join((WorkKind.CONFIRM.value, key.peer, search, key.thread_id))


def _place(key: ThreadKey, agency: str, office: str, person: str, now_us: int) -> Thread:
    """Return the place of work that is in no thread yet, in the form of one."""
    return Thread(
        key,
        ThreadKind.ASK,
        opener=True,
        state=ThreadState.OPEN,
        urgency=Urgency.ROUTINE,
        version=0,
        opened_us=now_us,
        office=office,
        agency=agency,
        officer=person,
    )


def hit_work(key: ThreadKey, hit: int) -> str:
    """Return the id of the work of confirming one hit of an exchange."""
    return ".".join((WorkKind.CONFIRM.value, key.peer, key.thread_id, str(hit)))


def for_administrator(key: ThreadKey, cause: str, now_us: int) -> Work:
    """Return the administrator's work on what does not work at this node; the node ends it once it works again."""
    return Work(
        id=f"{WorkKind.READ.value}.{key.peer}.{cause}",
        key=key,
        kind=WorkKind.READ,
        agency="",
        office="",
        role=Role.ADMINISTRATOR,
        urgency=Urgency.URGENT,
        opened_us=now_us,
        half_us=now_us + DAY_US // 2,
        due_us=now_us + DAY_US,
        notice_id=cause,
    )


def from_shown(thread: Thread, cause: str, person: str, now_us: int, given: Raising = DEFAULT, part: str = "") -> Work:
    """Return the work of the officer who was shown a record (`cause`): is it the same person or thing?"""
    clock = given.clocks.confirm
    return _work(thread, WorkKind.CONFIRM, cause, Role.OFFICER, now_us, clock, part=part, assigned=person)


def for_review(thread: Thread, cause: str, person: str, now_us: int, given: Raising = DEFAULT) -> Work:
    """Return a supervisor's review of what `person` did: a sampled query, an offline entry, an opened package."""
    return _work(thread, WorkKind.REVIEW, cause, Role.SUPERVISOR, now_us, given.clocks.review, not_by=person)


def for_revalidating(thread: Thread, cause: str, opens_us: int, due_us: int) -> Work:
    """Return the work of saying again that a watch is needed; a list shows it from `opens_us` on."""
    seconds = (due_us - opens_us) // SECOND_US
    return _work(thread, WorkKind.REVALIDATE, cause, Role.OFFICER, opens_us, seconds, assigned=thread.officer)


def for_incident(thread: Thread, cause: str, now_us: int, given: Raising = DEFAULT) -> Work:
    """Return the security officer's work on an incident, of ours or of a counterpart."""
    return _work(thread, WorkKind.INCIDENT, cause, Role.SECURITY_OFFICER, now_us, given.clocks.incident)


def for_freezing(thread: Thread, cause: str, by: str, now_us: int, given: Raising = DEFAULT) -> Work:
    """Return the work of a second person who approves that an account is frozen, or free again: never the first one."""
    seconds = given.clocks.approve_s(thread.urgency, hit=False)
    return _work(thread, WorkKind.APPROVE, cause, Role.SECURITY_OFFICER, now_us, seconds, not_by=by)


def for_reading(
    thread: Thread, notice_id: str, now_us: int, given: Raising = DEFAULT, *, role: Role = Role.OFFICER
) -> Work:
    """Return the work of looking at a notice: a reply, an objection, one of ours that was not delivered in time."""
    assigned = thread.officer if role is Role.OFFICER else ""
    return _work(thread, WorkKind.READ, notice_id, role, now_us, given.clocks.read, assigned=assigned)


def for_complying(
    thread: Thread, notice: Notice, change: Change, taken_us: int, given: Raising = DEFAULT, *, part: str = ""
) -> Work:
    """Return the work of obeying a change, at the latest by its own time.

    Of a change that belongs to no agency the national desk is told, which obeys it or passes it on.
    """
    seconds = given.clocks.comply
    if change.erase_by_us:
        seconds = min(seconds, max(0, change.erase_by_us - taken_us) // SECOND_US)
    role = _of_agency(thread, Role.DATA_OFFICER)
    return _work(thread, WorkKind.COMPLY, notice.head.notice_id, role, taken_us, seconds, part=part)


def _for_ask(thread: Thread, notice: Notice, ask: Ask, taken_us: int, given: Raising) -> Work:
    cause = notice.head.notice_id
    if ask.about is About.ERROR:
        if ask.topic == NOT_SAME_TOPIC:
            return _distinguish(thread, notice, taken_us, given)
        due_us = given.calendar.after(taken_us, given.clocks.correct_days)
        seconds = (due_us - taken_us) // SECOND_US
        return _work(thread, WorkKind.CORRECT, cause, _of_agency(thread, Role.DATA_OFFICER), taken_us, seconds)
    role = Role.CENTRAL_AUTHORITY if ask.about is About.FORM else _of_agency(thread, _duty(given))
    seconds = given.clocks.answer_s(notice.head.urgency, hit=ask.about in _OF_HIT)
    return _work(thread, WorkKind.DECIDE, cause, role, taken_us, seconds, urgency=notice.head.urgency)


def _for_clarifying(thread: Thread, notice: Notice, taken_us: int, given: Raising) -> Work:
    seconds = given.clocks.answer_s(thread.urgency, hit=True)
    cause = notice.head.notice_id
    return _work(thread, WorkKind.CLARIFY, cause, Role.OFFICER, taken_us, seconds, assigned=thread.officer)


def _acknowledge(
    thread: Thread, notice: Notice, scope: tuple[str, ...], taken_us: int, given: Raising
) -> tuple[Work, ...]:
    """Return an acknowledgement for each office in scope; without a scope any duty officer gives one.

    Half of the clock is the last alarm but one.
    """
    early, last = given.clocks.alarms[-2:][0], given.clocks.alarms[-1]
    cause, half_us = notice.head.notice_id, taken_us + early * SECOND_US
    row = _work(thread, WorkKind.ACKNOWLEDGE, cause, _duty(given), taken_us, last, urgency=notice.head.urgency)
    first_us = taken_us + given.clocks.alarms[0] * SECOND_US
    row = replace(row, half_us=half_us, alarm_us=first_us)
    row = replace(row, alarm_us=min(first_us, next_alarm_us(row, taken_us, notice.body)))
    return tuple(replace(row, id=f"{row.id}.{office}", office=office) for office in scope) or (row,)


def _for_room(thread: Thread, notice: Notice, room: Room, taken_us: int, given: Raising) -> tuple[Work, ...]:
    """Return the work of joining a room, or of saying that we do not, for each of our offices in it."""
    if room.code is not RoomCode.INVITE:
        return ()
    offices = next(one.offices for one in room.members if one.member == notice.head.recipient)
    seconds = given.clocks.answer_s(notice.head.urgency, hit=True)
    row = _work(thread, WorkKind.ACKNOWLEDGE, notice.head.notice_id, _duty(given), taken_us, seconds)
    return tuple(replace(row, id=f"{row.id}.{office}", office=office) for office in offices) or (row,)


def _for_change(thread: Thread, notice: Notice, change: Change, taken_us: int, given: Raising) -> tuple[Work, ...]:
    """Return the work that a change raises.

    An ask, a report or a watch that is withdrawn leaves none. An alert that is changed is acknowledged again. Of one
    that is withdrawn the national desk reads: it warns no more from the moment at which it is taken, and there is
    nothing to confirm.
    """
    if thread.kind in (ThreadKind.ASK, ThreadKind.REPORT, ThreadKind.WATCH):
        return ()
    if thread.kind is ThreadKind.ALERT:
        if change.code is ChangeCode.WITHDRAWN:
            return (for_reading(thread, notice.head.notice_id, taken_us, given, role=Role.NATIONAL_DESK),)
        return _acknowledge(thread, notice, (), taken_us, given)
    return (for_complying(thread, notice, change, taken_us, given),)


def _for_service(thread: Thread, notice: Notice, service: Service, taken_us: int, given: Raising) -> Work:
    if service.code is ServiceCode.INCIDENT:
        return for_incident(thread, notice.head.notice_id, taken_us, given)
    return for_reading(thread, notice.head.notice_id, taken_us, given, role=Role.NATIONAL_DESK)


def _distinguish(thread: Thread, notice: Notice, taken_us: int, given: Raising) -> Work:
    """Return the owner's work of adding what tells two persons apart."""
    role, seconds = _of_agency(thread, Role.DATA_OFFICER), given.clocks.distinguish
    return _work(thread, WorkKind.DISTINGUISH, notice.head.notice_id, role, taken_us, seconds)


def _duty(given: Raising) -> Role:
    return Role.DUTY if given.on_duty else Role.NATIONAL_DESK


def _of_agency(thread: Thread, role: Role) -> Role:
    """Return the role for work that it does for its own agency only: of no agency's it is the national desk's, which
    does it or passes it on."""
    return role if thread.agency else Role.NATIONAL_DESK


def _reader(thread: Thread, given: Raising) -> Role:
    """Return who reads what came: the officer who opened the thread, or in a counterpart's thread who answers there."""
    return Role.OFFICER if thread.officer else _of_agency(thread, _duty(given))


def _work(
    thread: Thread,
    kind: WorkKind,
    cause: str,
    role: Role,
    opened_us: int,
    seconds: int,
    *,
    part: str = "",
    assigned: str = "",
    not_by: str = "",
    urgency: Urgency | None = None,
) -> Work:
    total = seconds * SECOND_US
    return Work(
        id=work_id(thread, kind, cause, part),
        key=thread.key,
        kind=kind,
        agency=thread.agency,
        office=thread.office,
        role=role,
        urgency=urgency or thread.urgency,
        opened_us=opened_us,
        half_us=opened_us + total // 2,
        due_us=opened_us + total,
        assigned=assigned,
        not_by=not_by,
        notice_id=cause,
    )


# ------------------------------------------------------------ what the end of a thread ends


class End(StrEnum):
    """The end of a thread. It is the result of the work that ends with it."""

    WITHDRAWN = "withdrawn"
    OUTCOME = "outcome-told"
    EXPIRED = "expired"
    """The clock has ended it while something was waited for."""
    SETTLED = "no-outcome"
    """The clock has ended it after everything was answered but the question for an outcome."""
    REMOVED = "counterpart-removed"
    """The charter does not list the counterpart as active any more."""


_BY_ALL = frozenset(End)
_BY_OWN_END = _BY_ALL - {End.REMOVED}

ENDED_BY: Mapping[WorkKind, frozenset[End]] = {
    WorkKind.CONFIRM: frozenset(),
    WorkKind.APPROVE: _BY_OWN_END,
    WorkKind.DECIDE: _BY_ALL,
    WorkKind.CLARIFY: _BY_ALL,
    WorkKind.ACKNOWLEDGE: _BY_ALL,
    WorkKind.COMPLY: frozenset(),
    WorkKind.REVALIDATE: _BY_ALL,
    WorkKind.OUTCOME: frozenset({End.OUTCOME, End.SETTLED}),
    WorkKind.CORRECT: frozenset({End.WITHDRAWN}),
    WorkKind.DISTINGUISH: frozenset({End.WITHDRAWN}),
    WorkKind.REVIEW: frozenset(),
    WorkKind.INCIDENT: frozenset(),
    WorkKind.READ: frozenset({End.WITHDRAWN}),
}
"""The ends that end work of each kind. What is not here stays for a human: an error in our own data is one though its
reporter has gone since, a change is obeyed, a word is read. What is left when the thread is forgotten ends then."""


def ended_works(works: Iterable[Work], end: End, now_us: int) -> tuple[Work, ...]:
    """Return the open work that an end leaves without a purpose, as done by it.

    A question for an outcome that opens later stays, and so does what a notice within the thread has raised after its
    matter was settled.
    """
    return tuple(
        replace(work, done_us=now_us, paused_us=0, result=end.value)
        for work in works
        if not work.done_us and end in ENDED_BY[work.kind] and not _is_apart(work, end, now_us)
    )


def _is_apart(work: Work, end: End, now_us: int) -> bool:
    if work.kind is WorkKind.OUTCOME:
        return work.opened_us > now_us
    return work.kind is WorkKind.DISTINGUISH and end is End.WITHDRAWN and work.notice_id != work.key.thread_id


def with_ended(
    store: DeskStore, before: Thread | None, after: Thread, notice: Notice, now_us: int, works: tuple[Work, ...]
) -> tuple[Work, ...]:
    """Return the rows of work of a notice, with those that end because it ends the thread. It reads the store."""
    if after.state not in OVER or before is None or before.state in OVER:
        return works
    known = {work.id for work in works}
    end = End.OUTCOME if notice.type is NoticeType.OUTCOME else End.WITHDRAWN
    waiting = store.works(WorkFilter(key=after.key))
    return (*works, *ended_works((each for each in waiting if each.id not in known), end, now_us))
