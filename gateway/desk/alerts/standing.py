"""Tell how alerts of ours stand at counterparts, and which alerts of counterparts a person may read."""

from __future__ import annotations

import msgspec

from gateway.desk.alerts.values import REACTIONS, OwnAlert
from gateway.desk.fold import timed
from gateway.model.desk.notices import NoticeType, Status
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, Thread
from gateway.statements.notices.notice import parse_notice


class Reaction(msgspec.Struct, frozen=True):
    """The answer of a counterpart's duty officer, and the time at which we took it."""

    code: str
    reason: str
    text: str
    time_us: int


class AlertStand(msgspec.Struct, frozen=True):
    """The standing of an alert of ours at one counterpart.

    `delivery` is that of the newest notice; empty while none has left. `acknowledge_by_us` is when a duty officer there
    should have answered. `is_unanswered` tells that this time is over, whether they said so or not.
    """

    member: MemberId
    offices: tuple[str, ...]
    state: str
    delivery: str
    problem: str
    acknowledge_by_us: int
    is_unanswered: bool
    reactions: tuple[Reaction, ...] = ()


def stands(store: DeskStore, alert: OwnAlert, now_us: int) -> tuple[AlertStand, ...]:
    """Return how an alert of ours stands at each of its counterparts. It reads the store."""
    found = []
    for to in alert.to:
        key = ThreadKey(to.member, to.thread_id)
        thread = store.thread(key)
        if thread is None:
            found.append(AlertStand(to.member, to.offices, ThreadState.NEW.value, "", "", 0, is_unanswered=False))
        else:
            found.append(_stand(store, alert, to.offices, thread, now_us))
    return tuple(found)


def _stand(store: DeskStore, alert: OwnAlert, offices: tuple[str, ...], thread: Thread, now_us: int) -> AlertStand:
    sent = sorted(store.deliveries(tuple(DeliveryState), key=thread.key), key=lambda each: each.seq)
    state = timed(ThreadKind.ALERT, thread.state, now_us, thread.due_us, alert.until_us)
    last = sent[-1] if sent else None
    return AlertStand(
        member=thread.key.peer,
        offices=offices,
        state=state.value,
        delivery=last.state.value if last is not None else "",
        problem=last.problem if last is not None else "",
        acknowledge_by_us=thread.due_us,
        is_unanswered=state is ThreadState.OVERDUE,
        reactions=_reactions(store, thread.key),
    )


def _reactions(store: DeskStore, key: ThreadKey) -> tuple[Reaction, ...]:
    rows = [
        row
        for row in store.notices(key)
        if row.placed.side is Side.OTHER and row.placed.type is NoticeType.STATUS and row.envelope
    ]
    told = [(parse_notice(row.envelope).body, row.time_us) for row in rows]
    return tuple(
        Reaction(body.code.value, body.reason, body.text, time_us)
        for body, time_us in told
        if isinstance(body, Status) and body.code in REACTIONS
    )
