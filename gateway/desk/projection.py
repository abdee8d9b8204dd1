"""The projection of a thread: how a notice changes its row."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from gateway.desk.fold import told
from gateway.desk.times import OVER, ends_us
from gateway.errors import Forbidden
from gateway.model.desk.notices import Notice, NoticeType
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.ports.desk import Thread

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
