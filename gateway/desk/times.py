"""Tell when a thread ends: by a notice at once, or by the clock at a time that its row holds from its last notice on.

- an ask that was not taken, or that is wanted for longer than the owner's clock: at its own end
- an ask that was taken and is not answered: `UNANSWERED_US` after the time for its answer
- an ask that is answered or refused: once an outcome was asked for the last time
- an alert or a watch: at its own end
- a change: when its holder has confirmed it; one that leaves copies hidden is confirmed by its receipt
- a report: when it may not be kept any more
- a word of a node itself: as an ask that is answered
- a room: at its own end, which its owner's invitation tells

Each later notice sets the time anew, so that a late answer is welcome while the thread is kept.
"""

from __future__ import annotations

from gateway.clock import SECOND_US
from gateway.desk.clocks import DEFAULTS
from gateway.desk.fold import timed
from gateway.model.desk.notices import Alert, Ask, Change, ChangeCode, Notice, NoticeType
from gateway.model.desk.reports import Report
from gateway.model.desk.rooms import Room
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.watches import Watch
from gateway.ports.desk import Delivery, Thread

OVER = (ThreadState.ENDED, ThreadState.EXPIRED)
"""The states of rows whose thread is over; a notice that comes all the same opens it again."""

SETTLED_US = (DEFAULTS.outcome[-1] + DEFAULTS.outcome_answer) * SECOND_US
UNANSWERED_US = DEFAULTS.outcome[-1] * SECOND_US
UNTOLD_US = DEFAULTS.outcome_answer * SECOND_US
"""The question for the outcome of a hit that has no thread stays open for so long after its time."""

_SHOWN_US = DEFAULTS.comply * SECOND_US
"""A change that leaves copies hidden stands in the lists for so long."""

KEPT = frozenset({ChangeCode.CONTESTED, ChangeCode.CUT})
"""The changes that leave copies with their holder, hidden."""

_SETTLED = (ThreadState.ANSWERED, ThreadState.REFUSED)
_RUN_OUT = {
    ThreadKind.ASK: (ThreadState.OPEN, ThreadState.BACK),
    ThreadKind.ALERT: (ThreadState.OPEN, ThreadState.ANSWERED),
    ThreadKind.WATCH: (ThreadState.OPEN, ThreadState.ANSWERED, ThreadState.PAUSED),
}


def ends_us(before: Thread | None, after: Thread, notice: Notice, now_us: int) -> int:
    """Return when a thread ends that stands as `after` since this notice; 0: only another notice ends it."""
    body, earlier_us = notice.body, before.closed_us if before is not None else 0
    if after.state in OVER:
        return earlier_us if before is not None and before.state in OVER else now_us
    if after.kind is ThreadKind.SERVICE or (after.kind is ThreadKind.ASK and after.state in _SETTLED):
        return now_us + SETTLED_US
    if isinstance(body, Ask):
        return _open_until_us(after.due_us, notice.head.expires_us)
    if isinstance(body, Alert | Watch):
        return notice.head.expires_us
    if isinstance(body, Report):
        return body.until_us
    if isinstance(body, Room) and body.end_us:
        return body.end_us
    if after.kind is not ThreadKind.CHANGE:
        return earlier_us
    if after.state is ThreadState.ANSWERED:
        return earlier_us or now_us
    if isinstance(body, Change) and not after.opener and body.code in KEPT:
        return now_us + _SHOWN_US
    return earlier_us if after.state is ThreadState.OPEN else 0


def taken_until_us(thread: Thread, delivery: Delivery, code: str, now_us: int) -> int:
    """Return when a thread of ours ends since a notice of it with this code was taken."""
    if delivery.type is NoticeType.ASK and thread.state in _RUN_OUT[ThreadKind.ASK]:
        return _open_until_us(thread.due_us, delivery.expires_us)
    if delivery.type is NoticeType.CHANGE and thread.kind is ThreadKind.CHANGE and code in KEPT:
        return now_us + _SHOWN_US
    return thread.closed_us


def _open_until_us(due_us: int, expires_us: int) -> int:
    if not due_us or expires_us > due_us:
        return expires_us
    return due_us + UNANSWERED_US


def state_when_over(kind: ThreadKind, state: ThreadState) -> ThreadState:
    """Return the state of a thread that its clock has ended: `expired` where something was still waited for."""
    return ThreadState.EXPIRED if state in _RUN_OUT.get(kind, ()) else ThreadState.ENDED


def state_by_clock(thread: Thread, now_us: int) -> ThreadState:
    """Return the state of a thread as the clock makes it."""
    if thread.state in OVER:
        return thread.state
    if 0 < thread.closed_us <= now_us:
        return state_when_over(thread.kind, thread.state)
    return timed(thread.kind, thread.state, now_us, thread.due_us)
