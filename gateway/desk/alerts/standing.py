"""Tell the state of alerts of ours at counterparts, and which alerts of counterparts a person may read."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.desk.alerts.values import OwnAddressee, OwnAlert
from gateway.desk.delivery.offices import closed_offices
from gateway.desk.fold import timed
from gateway.model.desk.notices import REACTIONS, Status
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, NoticeRow
from gateway.statements.notices.notice import parse_notice
from gateway.trust.view import TrustView


class Reaction(msgspec.Struct, frozen=True):
    """The answer of a counterpart's duty officer, and the time at which we took it."""

    code: str
    reason: str
    text: str
    time_us: int


class AlertStand(msgspec.Struct, frozen=True):
    """The standing of an alert of ours at one counterpart.

    `closed` are those of the named offices that it has no more.
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
    closed: tuple[str, ...] = ()


def stands(store: DeskStore, trust: TrustView, alerts: Sequence[OwnAlert], now_us: int) -> list[tuple[AlertStand, ...]]:
    """Return the state of alerts of ours at each of their counterparts. It reads the store, once for all of them."""
    keys = [ThreadKey(to.member, to.thread_id) for alert in alerts for to in alert.to]
    threads, sent, said = store.threads_of(keys), store.newest(keys), store.statuses(keys)

    def stand(alert: OwnAlert, to: OwnAddressee) -> AlertStand:
        key = ThreadKey(to.member, to.thread_id)
        thread, last = threads.get(key), sent.get(key)
        closed = closed_offices(trust, to)
        if thread is None:
            return AlertStand(
                to.member, to.offices, ThreadState.NEW.value, "", "", 0, is_unanswered=False, closed=closed
            )
        state = timed(ThreadKind.ALERT, thread.state, now_us, thread.due_us, alert.until_us)
        return AlertStand(
            member=to.member,
            offices=to.offices,
            state=state.value,
            delivery=last.state.value if last is not None else "",
            problem=last.problem if last is not None else "",
            acknowledge_by_us=thread.due_us,
            is_unanswered=state is ThreadState.OVERDUE,
            reactions=_reactions(said.get(key, ())),
            closed=closed,
        )

    return [tuple(stand(alert, to) for to in alert.to) for alert in alerts]


def _reactions(rows: Sequence[NoticeRow]) -> tuple[Reaction, ...]:
    told = [(parse_notice(row.envelope).body, row.time_us) for row in rows if row.envelope]
    return tuple(
        Reaction(body.code.value, body.reason, body.text, time_us)
        for body, time_us in told
        if isinstance(body, Status) and body.code in REACTIONS
    )
