"""The clocks of work: how long each kind has, when it is escalated, and what stops its clock.

A deadline is a time that is fixed when the work is raised. It moves in one case: a clock that was stopped for a
question back is started again. A level is never lowered. So a clock that jumps, or a node that was down, escalates
once, to the highest level that is due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from gateway.clock import SECOND_US, from_us, to_us
from gateway.model.desk.notices import Alert, Body, NoticeType, ReplyCode, Urgency
from gateway.model.desk.order import Sight
from gateway.model.desk.threads import Placed
from gateway.model.desk.work import Level, Role, WorkKind
from gateway.ports.desk import Work

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MAX_PAUSES = 2
_LEAST_REPEAT_S = 30
_MAX_DAYS_OFF = 31


class Clocks(msgspec.Struct, frozen=True):
    """The clocks, in seconds. Policy and agreements may shorten them (`shortened`), never lengthen.

    `priority` is for a follow-up to a hit, `priority_question` for a question without one. `approve_part` is the part
    of a class's clock in which its draft is approved, but for FLASH; `to_life` is for the approval after an alert that
    was sent first. `alarms` are those of an alert until it is acknowledged. `outcome` are the times after which an
    outcome is asked for, and `outcome_answer` is how long each asking stays open.
    """

    flash: int = 15 * _MINUTE
    urgent: int = 8 * _HOUR
    priority: int = 48 * _HOUR
    priority_question: int = 3 * _DAY
    routine: int = 7 * _DAY
    approve_flash: int = 3 * _MINUTE
    approve_part: int = 8
    to_life: int = _HOUR
    alarms: tuple[int, ...] = (2 * _MINUTE, 5 * _MINUTE, 15 * _MINUTE)
    confirm: int = 8 * _HOUR
    comply: int = 24 * _HOUR
    distinguish: int = 12 * _HOUR
    revalidate: int = 30 * _DAY
    outcome: tuple[int, ...] = (_DAY, 30 * _DAY, 90 * _DAY)
    outcome_answer: int = 7 * _DAY
    correct_days: int = 2
    review: int = 7 * _DAY
    incident: int = 24 * _HOUR
    read: int = 24 * _HOUR

    def shortened(self, other: Clocks) -> Clocks:
        """Return the shorter of each clock; of `approve_part` the larger, since it divides.

        When an outcome is asked for is no deadline, and stays.
        """
        shorter = {
            name: min(getattr(self, name), getattr(other, name))
            for name in self.__struct_fields__
            if name not in ("approve_part", "alarms", "outcome")
        }
        alarms = tuple(map(min, self.alarms, other.alarms)) if len(self.alarms) == len(other.alarms) else self.alarms
        return Clocks(**shorter, approve_part=max(self.approve_part, other.approve_part), alarms=alarms)

    def answer_s(self, urgency: Urgency, *, hit: bool) -> int:
        """Return how long the owner has to decide; `hit` tells whether the ask follows up a hit."""
        if urgency is Urgency.PRIORITY:
            return self.priority if hit else self.priority_question
        return {Urgency.FLASH: self.flash, Urgency.URGENT: self.urgent}.get(urgency, self.routine)

    def approve_s(self, urgency: Urgency, *, hit: bool) -> int:
        """Return how long the second human at the author's has for a draft."""
        if urgency is Urgency.FLASH:
            return self.approve_flash
        return self.answer_s(urgency, hit=hit) // self.approve_part


DEFAULTS = Clocks()


class Calendar(msgspec.Struct, frozen=True):
    """A member's working days: its weekend (Monday is 0), its holidays, and its zone's distance from UTC in seconds.

    The countries of the region have no summer time.
    """

    weekend: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()
    utc_offset_s: int = 7 * _HOUR

    def after(self, start_us: int, days: int) -> int:
        """Return the end of so many working days; what begins on a day off begins with the next working day."""
        at = from_us(start_us) + timedelta(seconds=self.utc_offset_s)
        if not self._works(at):
            at = self._next(at.replace(hour=0, minute=0, second=0, microsecond=0))
        for _ in range(days):
            at = self._next(at)
        return to_us(at - timedelta(seconds=self.utc_offset_s))

    def _next(self, at: datetime) -> datetime:
        """Return the same time of the next working day; of the day after a month of days off where there is none."""
        following = (at + timedelta(days=number) for number in range(1, _MAX_DAYS_OFF))
        return next(filter(self._works, following), at + timedelta(days=_MAX_DAYS_OFF))

    def _works(self, at: datetime) -> bool:
        return at.weekday() not in self.weekend and at.date() not in self.holidays


CALENDAR = Calendar()


class Step(msgspec.Struct, frozen=True):
    """The roles that see work beside its own one when half of its time is over, and when all of it is."""

    half: tuple[Role, ...] = ()
    end: tuple[Role, ...] = ()
    tells: bool = False
    """The counterpart is told `OVERDUE` at the end."""


ESCALATION: Mapping[WorkKind, Step] = {
    WorkKind.CONFIRM: Step((Role.SUPERVISOR,), (Role.SUPERVISOR,)),
    WorkKind.APPROVE: Step((Role.NATIONAL_DESK,), (Role.NATIONAL_DESK,)),
    WorkKind.DECIDE: Step((Role.NATIONAL_DESK,), (Role.HEAD_OF_DESK,), tells=True),
    WorkKind.CLARIFY: Step((Role.SUPERVISOR,), (Role.SUPERVISOR,)),
    WorkKind.ACKNOWLEDGE: Step((), (Role.NATIONAL_DESK,), tells=True),
    WorkKind.COMPLY: Step((Role.NATIONAL_DESK, Role.DATA_OFFICER), (Role.HEAD_OF_DESK,), tells=True),
    WorkKind.REVALIDATE: Step((Role.SUPERVISOR,), (Role.SUPERVISOR,)),
    WorkKind.OUTCOME: Step((), (Role.SUPERVISOR,)),
    WorkKind.CORRECT: Step((Role.NATIONAL_DESK,), (Role.HEAD_OF_DESK,)),
    WorkKind.DISTINGUISH: Step((Role.NATIONAL_DESK,), (Role.HEAD_OF_DESK,)),
    WorkKind.REVIEW: Step((), (Role.AUDITOR,)),
    WorkKind.INCIDENT: Step((Role.NATIONAL_DESK,), (Role.HEAD_OF_DESK,)),
    WorkKind.READ: Step((), (Role.SUPERVISOR,)),
}
"""The steps at half and at the end of each clock. A clock never releases anything."""


def seen_by(work: Work) -> tuple[Role, ...]:
    """Return the roles that see this work at its level, its own one first, each once."""
    step = ESCALATION[work.kind]
    half = step.half if work.level is not Level.FIRST else ()
    end = step.end if work.level is Level.END else ()
    return tuple(dict.fromkeys((work.role, *half, *end)))


def sight_of(roles: Collection[Role]) -> Sight:
    """Return which work these roles see, as `seen_by` tells it of one item."""
    wanted = frozenset(roles)
    return Sight(
        roles=tuple(sorted(wanted)),
        from_half=tuple(kind for kind, step in ESCALATION.items() if not wanted.isdisjoint(step.half)),
        at_end=tuple(kind for kind, step in ESCALATION.items() if not wanted.isdisjoint(step.end)),
    )


def escalated(work: Work, now_us: int) -> Work:
    """Return the work at the level that is due; the same object where nothing is to be done.

    Done work and work whose clock stands are left alone. A level is never lowered, so each is reached once.
    """
    if work.done_us or work.paused_us or work.level is Level.END:
        return work
    if now_us >= work.due_us:
        return replace(work, level=Level.END)
    if now_us >= work.half_us and work.level is Level.FIRST:
        return replace(work, level=Level.HALF)
    return work


def tells_overdue(before: Work, after: Work) -> bool:
    """Tell whether this escalation is the one at which the counterpart is told `OVERDUE`."""
    return before.level is not Level.END and after.level is Level.END and ESCALATION[after.kind].tells


def next_alarm_us(work: Work, after_us: int, newest: Body | None) -> int:
    """Return the next alarm of an alert after `after_us`; 0: there is none any more.

    It is alarmed for at the levels of its clock, and from the taking on as often as its newest notice says.

    An alarm is a fixed time, so that a restart or a jump of the clock repeats none that was given. It is given each
    `_LEAST_REPEAT_S` at most, whatever the author wants.
    """
    levels = [time for time in (work.half_us, work.due_us) if time > after_us]
    repeat_s = newest.repeat_s if isinstance(newest, Alert) else 0
    if not repeat_s:
        return min(levels, default=0)
    step = max(repeat_s, _LEAST_REPEAT_S) * SECOND_US
    passed = max(0, after_us - work.opened_us) // step
    return min(*levels, work.opened_us + (passed + 1) * step) if levels else work.opened_us + (passed + 1) * step


def clarified(placed: Iterable[Placed]) -> int:
    """Return how often the owner has asked back in a thread."""
    return sum(one.type is NoticeType.REPLY and one.code == ReplyCode.CLARIFY for one in placed)


def paused(work: Work, now_us: int, times: int) -> Work:
    """Return the work with its clock stopped by a question back; `times` is `clarified` before this question.

    It stops twice at most, and not after the end: then the same object is returned.
    """
    if work.done_us or work.paused_us or times >= _MAX_PAUSES or now_us >= work.due_us:
        return work
    return replace(work, paused_us=now_us)


def resumed(work: Work, now_us: int) -> Work:
    """Return the work with its clock going on; the same object where it was not stopped.

    The deadline moves by the time that it stood, at most by the work's whole time, so that a clock that has jumped
    meanwhile does not put it off for years.
    """
    if not work.paused_us:
        return work
    stood = min(max(0, now_us - work.paused_us), work.due_us - work.opened_us)
    return replace(work, paused_us=0, half_us=work.half_us + stood, due_us=work.due_us + stood)


_OWED = frozenset(
    {
        WorkKind.DECIDE,
        WorkKind.CLARIFY,
        WorkKind.ACKNOWLEDGE,
        WorkKind.COMPLY,
        WorkKind.CORRECT,
        WorkKind.DISTINGUISH,
    }
)
"""The kinds of work whose end the counterpart waits for."""


def answer_by_us(works: Iterable[Work]) -> int:
    """Return when a human should have answered the notice that raised this work; 0 where it asks for no answer."""
    return min((work.due_us for work in works if work.kind in _OWED), default=0)
