"""Tell the state of a thread from its notices, when it ends, and what its row says then.

The state is a pure function over one table.

`TABLE` says what each notice does in each state. Both sides merge the notices into the same order, in which order ever
they came, and so find the same state. A notice is admitted by the state *as its author saw it*: after its own notices
before, and after as many of the other side's as its `seen` says. What the table does not have there is refused
`not-now`. So an answer that crossed with a withdrawal is taken, since its author could not know.

Only notices of the other side can be crossed by one of the opener's that they had not seen, since the opener's come
first. A crossed notice moves nothing, with the exception of `CROSSED`: an answer given stands.

`OVERDUE` and `EXPIRED` come from the clock. They are in no row of the table: what may be said while a thread is open
may also be said late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from gateway.clock import SECOND_US
from gateway.desk.clocks import DEFAULTS
from gateway.errors import Forbidden, Malformed, Overloaded, Replayed, Stale
from gateway.model.desk.notices import (
    REACTIONS,
    About,
    Alert,
    Ask,
    Change,
    ChangeCode,
    Notice,
    NoticeType,
    OutcomeCode,
    ReplyCode,
    ServiceCode,
    StatusCode,
)
from gateway.model.desk.reports import Report
from gateway.model.desk.rooms import Room, RoomCode
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.watches import Watch, WatchCode
from gateway.ports.desk import Delivery, Thread

LIMIT = 256
"""So many notices of one side fit into a thread: the fold is done again for each notice that comes."""

RESERVE = 32
"""So many more are kept for notices that move the thread, so that notes cannot keep out an answer or a withdrawal."""

Key = tuple[ThreadKind, ThreadState, NoticeType, str, Side]


class Rule(NamedTuple):
    """In these states a notice of this side, type and code leads to `to`; None: the state stays."""

    states: tuple[ThreadState, ...]
    side: Side
    type: NoticeType
    codes: tuple[str, ...]
    to: ThreadState | None


_NEW, _OPEN, _BACK = (ThreadState.NEW,), (ThreadState.OPEN,), (ThreadState.BACK,)
_GOING = (ThreadState.OPEN, ThreadState.ANSWERED)
_SETTLED = (ThreadState.ANSWERED, ThreadState.REFUSED, ThreadState.ENDED)
_UNDECIDED = (ThreadState.OPEN, ThreadState.BACK)
_LIVE = (*_UNDECIDED, ThreadState.ANSWERED, ThreadState.REFUSED)
_TOLD = (ThreadState.OPEN, ThreadState.ANSWERED, ThreadState.REFUSED)
_ANSWERED, _ENDED = (ThreadState.ANSWERED,), (ThreadState.ENDED,)

_ANY_ABOUT, _ANY_OUTCOME = tuple(About), tuple(OutcomeCode)
_ANY_CHANGE, _ANY_SERVICE = tuple(ChangeCode), tuple(ServiceCode)
_ANSWERS = (ReplyCode.RELEASED, ReplyCode.PARTLY, ReplyCode.NOTHING_HELD, ReplyCode.PASSED_ON)
_REFUSALS = (ReplyCode.REFUSED, ReplyCode.NEEDS_COURT)
_WITHDRAWN = (ChangeCode.WITHDRAWN,)
_AMENDED = tuple(code for code in ChangeCode if code is not ChangeCode.WITHDRAWN)
_GONE = (StatusCode.ERASED, StatusCode.NOT_HELD)
_OBJECTED, _OVERDUE, _ONWARD = (StatusCode.OBJECTED,), (StatusCode.OVERDUE,), (StatusCode.ONWARD,)
_NOT_SAME, _READ = (StatusCode.NOT_SAME,), (StatusCode.READ,)
_WATCHES = (ThreadState.OPEN, ThreadState.ANSWERED, ThreadState.PAUSED)
_NEWS = tuple(code for code in ServiceCode if code is not ServiceCode.RESUMED)

_INVITE, _JOIN, _LEAVE = (RoomCode.INVITE,), (RoomCode.JOIN,), (RoomCode.LEAVE,)
_OVER = (RoomCode.SEAL, RoomCode.CLOSE)

_OPENER, _OTHER = Side.OPENER, Side.OTHER
_TO_OPEN, _TO_ANSWERED, _TO_REFUSED = ThreadState.OPEN, ThreadState.ANSWERED, ThreadState.REFUSED


def _talk(*states: ThreadState, end: tuple[ThreadState, ...] = _ENDED) -> tuple[Rule, ...]:
    """Return the rules for words that both sides may say and that move nothing: notes, and that a notice was opened."""
    return tuple(
        rule
        for side in Side
        for rule in (
            Rule(states, side, NoticeType.NOTE, ("",), None),
            Rule((*states, *end), side, NoticeType.STATUS, _READ, None),
        )
    )


RULES: Mapping[ThreadKind, tuple[Rule, ...]] = {
    ThreadKind.ASK: (
        Rule(_NEW, _OPENER, NoticeType.ASK, _ANY_ABOUT, _TO_OPEN),
        Rule(_BACK, _OPENER, NoticeType.ASK, _ANY_ABOUT, _TO_OPEN),
        Rule(_OPEN, _OTHER, NoticeType.REPLY, (ReplyCode.CLARIFY,), ThreadState.BACK),
        Rule(_OPEN, _OTHER, NoticeType.REPLY, _ANSWERS, _TO_ANSWERED),
        Rule(_OPEN, _OTHER, NoticeType.REPLY, _REFUSALS, _TO_REFUSED),
        Rule(_OPEN, _OTHER, NoticeType.STATUS, _OVERDUE, None),
        Rule(_UNDECIDED, _OPENER, NoticeType.CHANGE, _WITHDRAWN, ThreadState.ENDED),
        Rule((*_LIVE, *_ENDED), _OPENER, NoticeType.STATUS, _NOT_SAME, None),
        Rule(_SETTLED, _OPENER, NoticeType.OUTCOME, _ANY_OUTCOME, ThreadState.ENDED),
        *_talk(*_LIVE),
    ),
    ThreadKind.ALERT: (
        Rule((*_NEW, *_GOING), _OPENER, NoticeType.ALERT, ("",), _TO_OPEN),
        Rule(_GOING, _OPENER, NoticeType.CHANGE, _AMENDED, _TO_OPEN),
        Rule(_GOING, _OPENER, NoticeType.CHANGE, _WITHDRAWN, ThreadState.ENDED),
        Rule((*_GOING, *_ENDED), _OPENER, NoticeType.OUTCOME, _ANY_OUTCOME, ThreadState.ENDED),
        Rule(_GOING, _OTHER, NoticeType.STATUS, REACTIONS, _TO_ANSWERED),
        Rule(_OPEN, _OTHER, NoticeType.STATUS, _OVERDUE, None),
        Rule(_GOING, _OTHER, NoticeType.STATUS, _NOT_SAME, None),
        Rule(_GOING, _OTHER, NoticeType.OUTCOME, _ANY_OUTCOME, _TO_ANSWERED),
        Rule(_ENDED, _OTHER, NoticeType.OUTCOME, _ANY_OUTCOME, None),
        Rule((*_GOING, *_ENDED), _OTHER, NoticeType.STATUS, (*_GONE, *_OBJECTED), None),
        *_talk(*_GOING),
    ),
    ThreadKind.CHANGE: (
        Rule(_NEW, _OPENER, NoticeType.CHANGE, _ANY_CHANGE, _TO_OPEN),
        Rule(_TOLD, _OTHER, NoticeType.STATUS, _GONE, _TO_ANSWERED),
        Rule(_TOLD, _OTHER, NoticeType.STATUS, _OBJECTED, _TO_REFUSED),
        Rule(_TOLD, _OTHER, NoticeType.STATUS, _ONWARD, None),
        Rule(_OPEN, _OTHER, NoticeType.STATUS, _OVERDUE, None),
        *_talk(*_TOLD, end=()),
    ),
    ThreadKind.SERVICE: (
        Rule(_NEW, _OPENER, NoticeType.SERVICE, _ANY_SERVICE, _TO_OPEN),
        Rule(_GOING, _OPENER, NoticeType.SERVICE, _NEWS, _TO_OPEN),
        Rule(_GOING, _OPENER, NoticeType.SERVICE, (ServiceCode.RESUMED,), ThreadState.ENDED),
        Rule(_GOING, _OTHER, NoticeType.STATUS, (StatusCode.ACKNOWLEDGED,), _TO_ANSWERED),
        *_talk(*_GOING),
    ),
    ThreadKind.OUTCOME: (
        Rule((*_NEW, *_ENDED), _OPENER, NoticeType.OUTCOME, _ANY_OUTCOME, ThreadState.ENDED),
        *_talk(*_ENDED, end=()),
    ),
    ThreadKind.REPORT: (
        Rule(_NEW, _OPENER, NoticeType.REPORT, ("",), _TO_ANSWERED),
        Rule(_ANSWERED, _OPENER, NoticeType.CHANGE, _WITHDRAWN, ThreadState.ENDED),
        Rule((*_ANSWERED, *_ENDED), _OTHER, NoticeType.STATUS, _OBJECTED, None),
        *_talk(*_ANSWERED),
    ),
    ThreadKind.ROOM: (
        Rule(_NEW, _OPENER, NoticeType.ROOM, (*_INVITE, *_JOIN), _TO_OPEN),
        Rule(_GOING, _OPENER, NoticeType.ROOM, _INVITE, None),
        Rule(_GOING, _OPENER, NoticeType.ROOM, (*_OVER, *_LEAVE), ThreadState.ENDED),
        Rule(_OPEN, _OTHER, NoticeType.ROOM, _JOIN, _TO_ANSWERED),
        Rule(_GOING, _OTHER, NoticeType.ROOM, _LEAVE, _TO_REFUSED),
        Rule(_OPEN, _OTHER, NoticeType.STATUS, _OVERDUE, None),
        *(
            rule
            for side in Side
            for rule in (
                Rule(_ANSWERED, side, NoticeType.NOTE, ("",), None),
                Rule(_ANSWERED, side, NoticeType.OUTCOME, _ANY_OUTCOME, None),
            )
        ),
    ),
    ThreadKind.WATCH: (
        Rule((*_NEW, *_WATCHES), _OPENER, NoticeType.WATCH, ("", *WatchCode), _TO_OPEN),
        Rule(_GOING, _OPENER, NoticeType.STATUS, (StatusCode.PAUSED,), ThreadState.PAUSED),
        Rule((*_WATCHES, ThreadState.REFUSED), _OPENER, NoticeType.CHANGE, _WITHDRAWN, ThreadState.ENDED),
        Rule(_GOING, _OTHER, NoticeType.STATUS, (StatusCode.ACKNOWLEDGED,), _TO_ANSWERED),
        Rule(_GOING, _OTHER, NoticeType.STATUS, (StatusCode.CANNOT,), _TO_REFUSED),
        Rule(_GOING, _OTHER, NoticeType.REPLY, (ReplyCode.HIT,), None),
        *_talk(*_WATCHES, ThreadState.REFUSED),
    ),
}


def _expanded() -> Iterator[tuple[Key, ThreadState]]:
    for kind, rules in RULES.items():
        for rule in rules:
            for state in rule.states:
                for code in rule.codes:
                    yield (kind, state, rule.type, str(code), rule.side), rule.to or state


TABLE: Mapping[Key, ThreadState] = dict(_expanded())
"""The state that each notice leads to; what is not here is refused `not-now`."""

CROSSED: Mapping[tuple[ThreadKind, ThreadState, NoticeType, str], ThreadState] = {
    (ThreadKind.ASK, ThreadState.ENDED, rule.type, str(code)): rule.to
    for rule in RULES[ThreadKind.ASK]
    for code in rule.codes
    if rule.side is _OTHER and rule.to in (_TO_ANSWERED, _TO_REFUSED)
}
"""What a notice of the other side does although one of the opener's crossed it: an answer to an ask that was being
withdrawn stands. All others do nothing: who acknowledged an alert has not acknowledged its correction."""

_WORDS = (NoticeType.ASK, NoticeType.ALERT, NoticeType.CHANGE, NoticeType.SERVICE, NoticeType.REPORT, NoticeType.WATCH)
"""What an opener says of these types is new to the other side, also where the state stays `open`."""

_RUNS_OUT: Mapping[ThreadKind, tuple[ThreadState, ...]] = {
    ThreadKind.ASK: _UNDECIDED,
    ThreadKind.ALERT: _GOING,
    ThreadKind.WATCH: _WATCHES,
}
"""The states in which a thread of this kind can be over by its own time."""


def merge(placed: Iterable[Placed]) -> list[Placed]:
    """Return the notices in the one order of both sides.

    A notice stands after all that its author had seen. Of two that crossed the opener's stands first.
    """
    return sorted(placed, key=_position)


def _position(notice: Placed) -> tuple[int, int, int]:
    """Return the place in the order: the other side's by their `seq`, the opener's after those that it had seen."""
    return (notice.seen, 1, notice.seq) if notice.side is _OPENER else (notice.seq, 0, 0)


def told(kind: ThreadKind, placed: Iterable[Placed]) -> ThreadState:
    """Return the state that the notices lead to, without a clock: the one that a thread's row holds."""
    state, news = ThreadState.NEW, 0
    ordered = merge(placed)
    for notice in ordered:
        if notice.side is _OTHER and notice.seen < news:
            state = _crossed(kind, state, ordered, notice)
            continue
        to = TABLE.get((kind, state, notice.type, notice.code, notice.side))
        if to is None:
            continue
        if notice.side is _OPENER and (to is not state or notice.type in _WORDS):
            news = notice.seq
        state = to
    return state


def _crossed(kind: ThreadKind, state: ThreadState, ordered: Sequence[Placed], notice: Placed) -> ThreadState:
    """Return the state after a notice of the other side that had not seen the opener's newest word."""
    to = CROSSED.get((kind, state, notice.type, notice.code))
    if to is None or _as_seen(kind, ordered, notice) is None:
        return state
    return to


def _as_seen(kind: ThreadKind, placed: Iterable[Placed], new: Placed) -> ThreadState | None:
    """Return the state that `new` leads to from the one that its author saw; None where the table has none."""
    seen = [old for old in placed if (old.seq < new.seq if old.side is new.side else old.seq <= new.seen)]
    return TABLE.get((kind, told(kind, seen), new.type, new.code, new.side))


def timed(kind: ThreadKind, state: ThreadState, now_us: int, due_us: int = 0, expires_us: int = 0) -> ThreadState:
    """Return the state that the clock makes of a thread's own one; 0 stands for no time.

    An ask that was taken (`due_us` is set, or the other side asked back) does not run out at the end of its delivery:
    it is overdue, and a late answer is welcome. It runs out where the asker wanted it for longer than the clock and
    that time is over, too.
    """
    if state in _RUNS_OUT.get(kind, ()) and 0 < expires_us <= now_us:
        untaken = not due_us and state is ThreadState.OPEN
        if kind is not ThreadKind.ASK or untaken or 0 < due_us < expires_us:
            return ThreadState.EXPIRED
    if due_us and now_us >= due_us and state is ThreadState.OPEN:
        return ThreadState.OVERDUE
    return state


def fold(kind: ThreadKind, placed: Sequence[Placed], now_us: int, due_us: int = 0) -> ThreadState:
    """Return the state of a thread at `now_us`.

    `due_us` is when the other side should have acted: the receipt's `answer_by`, 0 where there is none (yet).
    """
    return timed(kind, told(kind, placed), now_us, due_us, runs_until_us(kind, placed))


def runs_until_us(kind: ThreadKind, placed: Iterable[Placed]) -> int:
    """Return when the thread runs out by its opener's newest ask, alert or watch; 0: never."""
    own = [notice for notice in placed if notice.side is _OPENER and notice.type.value == kind.value]
    return max(own, key=lambda notice: notice.seq).expires_us if own and kind in _RUNS_OUT else 0


def admits(kind: ThreadKind, placed: Sequence[Placed], new: Placed) -> ThreadState:
    """Return the thread's state with `new` in it; raise where it may not come.

    `placed` are all notices of the thread that this node has, without gaps. The codes are `seq-taken` (a fork of the
    thread), `gap`, `seen-beyond` (it says that its author has what the other side never sent), `seen-back`,
    `thread-full` and `not-now`.
    """
    own = [notice for notice in placed if notice.side is new.side]
    _check_place(own, len(placed) - len(own), new)
    if _as_seen(kind, placed, new) is None:
        raise Stale(
            "the thread does not stand so that its {side} may say {what} now",
            code="not-now",
            where="notice",
            remedy="read the thread first: `liaison desk show`",
            side=new.side.value,
            what=f"{new.type.value} {new.code}".strip(),
        )
    merged = told(kind, [*placed, new])
    _check_room(len(own), moves=merged is not told(kind, placed) or new.type in _WORDS or new.type is NoticeType.REPLY)
    return merged


def _check_place(own: Sequence[Placed], others: int, new: Placed) -> None:
    """Raise where `new` does not follow its author's notices `own`, or lies about the other side's."""
    if new.seq <= len(own):
        raise Replayed(
            "notice {seq} of this side stands already: this is a fork of the thread",
            code="seq-taken",
            where="head.seq",
            seq=new.seq,
        )
    if new.seq > len(own) + 1:
        raise Stale(
            "notice {seq} came before notice {missing} of its side",
            code="gap",
            where="head.seq",
            seq=new.seq,
            missing=len(own) + 1,
        )
    if new.seen > others:
        raise Malformed(
            "it says that {seen} notices were taken, and only {sent} were sent",
            code="seen-beyond",
            where="head.seen",
            seen=new.seen,
            sent=others,
        )
    if own and new.seen < max(notice.seen for notice in own):
        raise Malformed(
            "it says that {seen} notices were taken, which is less than its author said before",
            code="seen-back",
            where="head.seen",
            seen=new.seen,
        )


def _check_room(count: int, *, moves: bool) -> None:
    if count >= LIMIT + (RESERVE if moves else 0):
        raise Overloaded(
            "the thread has {count} notices of this side, and takes no more",
            code="thread-full",
            where="thread",
            remedy="open another thread",
            count=count,
        )


# ------------------------------------------------------------ the end of a thread
# A notice ends a thread at once, or the clock at a time that its row holds from its last notice on:
#
# - an ask that was not taken, or that is wanted for longer than the owner's clock: at its own end
# - an ask that was taken and is not answered: `UNANSWERED_US` after the time for its answer
# - an ask that is answered or refused: once an outcome was asked for the last time
# - an alert or a watch: at its own end
# - a change: when its holder has confirmed it; one that leaves copies hidden is confirmed by its receipt
# - a report: when it may not be kept any more
# - a word of a node itself: as an ask that is answered
# - a room: at its own end, which its owner's invitation tells
#
# Each later notice sets the time anew, so that a late answer is welcome while the thread is kept.


OVER = (ThreadState.ENDED, ThreadState.EXPIRED)
"""The states of rows whose thread is over; a notice that comes all the same opens it again."""

SETTLED_US = (DEFAULTS.outcome[-1] + DEFAULTS.outcome_answer) * SECOND_US
UNANSWERED_US = DEFAULTS.outcome[-1] * SECOND_US
UNTOLD_US = DEFAULTS.outcome_answer * SECOND_US
"""The question for the outcome of a hit that has no thread stays open for so long after its time."""

_SHOWN_US = DEFAULTS.comply * SECOND_US
"""A change that leaves copies hidden stands in the lists for so long."""

_KEPT = frozenset({ChangeCode.CONTESTED, ChangeCode.CUT})
"""The changes that leave copies with their holder, hidden."""

_DECIDED = (ThreadState.ANSWERED, ThreadState.REFUSED)
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
    if after.kind is ThreadKind.SERVICE or (after.kind is ThreadKind.ASK and after.state in _DECIDED):
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
    if isinstance(body, Change) and not after.opener and body.code in _KEPT:
        return now_us + _SHOWN_US
    return earlier_us if after.state is ThreadState.OPEN else 0


def taken_until_us(thread: Thread, delivery: Delivery, code: str, now_us: int) -> int:
    """Return when a thread of ours ends since a notice of it with this code was taken."""
    if delivery.type is NoticeType.ASK and thread.state in _RUN_OUT[ThreadKind.ASK]:
        return _open_until_us(thread.due_us, delivery.expires_us)
    if delivery.type is NoticeType.CHANGE and thread.kind is ThreadKind.CHANGE and code in _KEPT:
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


# ------------------------------------------------------------ the row of a thread


_OPENERS = {
    NoticeType.ASK: ThreadKind.ASK,
    NoticeType.ALERT: ThreadKind.ALERT,
    NoticeType.CHANGE: ThreadKind.CHANGE,
    NoticeType.SERVICE: ThreadKind.SERVICE,
    NoticeType.OUTCOME: ThreadKind.OUTCOME,
    NoticeType.REPORT: ThreadKind.REPORT,
    NoticeType.ROOM: ThreadKind.ROOM,
    NoticeType.WATCH: ThreadKind.WATCH,
}


def kind_opened_by(notice: Notice) -> ThreadKind:
    """Return the kind of the thread that a notice opens; raise `Forbidden` for a type that opens none."""
    kind = _OPENERS.get(notice.type)
    if kind is None:
        raise Forbidden("a notice of this type opens no thread", code="not-now", where="thread_id")
    return kind


def placed_notice(notice: Notice, *, opener: bool) -> Placed:
    """Return what the fold reads of a notice; `opener` tells whether its author opened the thread."""
    head = notice.head
    side = Side.OPENER if opener else Side.OTHER
    return Placed(side, head.seq, head.seen, notice.type, notice.code, head.issued_us, head.expires_us, head.urgency)


def thread_after(
    before: Thread | None,
    key: ThreadKey,
    notice: Notice,
    payload_hash: bytes,
    state: ThreadState,
    *,
    ours: bool,
    now_us: int,
) -> Thread:
    """Return the thread with one more notice, in its new state."""
    head = notice.head
    thread = before or Thread(
        key,
        kind_opened_by(notice),
        ours,
        state,
        head.urgency,
        0,
        now_us,
        group_id=head.group_id,
        office=head.to_office,
    )
    counts = (
        {"ours": thread.ours + 1, "our_last": payload_hash}
        if ours
        else {"theirs": thread.theirs + 1, "their_last": payload_hash}
    )
    after = replace(thread, state=state, version=thread.version + 1, draft=b"", **counts)
    return replace(after, closed_us=ends_us(before, after, notice, now_us))


def thread_without(thread: Thread, placed: Sequence[Placed], notice: Notice, now_us: int) -> Thread:
    """Return the thread without our newest notice, which the counterpart has refused; `placed` are all its notices.

    The next notice of ours takes its place. A thread whose first notice was refused is over: its id is used.
    """
    side, seq = thread.side(ours=True), notice.head.seq
    left = [one for one in placed if one.side is not side or one.seq < seq]
    state = told(thread.kind, left) if left else ThreadState.ENDED
    closed_us = now_us if state in OVER and thread.state not in OVER else thread.closed_us
    return replace(
        thread,
        state=state,
        version=thread.version + 1,
        closed_us=closed_us,
        ours=seq - 1,
        our_last=notice.head.previous,
    )
