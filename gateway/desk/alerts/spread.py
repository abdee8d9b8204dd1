"""Make the threads with counterparts follow an alert of ours: send it, renew it, end it.

An alert that was hidden for an operation is sent when its time is over, also by a node that was down meanwhile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval
from gateway.desk.alerts.hidden import goes_on
from gateway.desk.alerts.issuing import issued_for
from gateway.desk.alerts.values import ALERTS, SOURCE, UNSENT, OwnAddressee, OwnAlert
from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.offices import closed_offices, is_reached
from gateway.desk.fold import runs_until_us
from gateway.desk.own.spread import LOOKED_AFTER, Clocked, Spread
from gateway.desk.raising import End, ended_works, from_opening
from gateway.desk.rooms.known import RoomBook
from gateway.errors import Stale
from gateway.model.desk.codes import LiftReason
from gateway.model.desk.notices import Alert, Body, Change, ChangeCode, NoticeType
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind, ThreadState
from gateway.ports.desk import Thread, WorkFilter

NOT_APPROVED = "not-approved"
_SCAN_US = 30_000_000
"""An alert is looked at so often, beside the times at which a clock changes it."""


class AlertSpread(Spread[OwnAlert, OwnAddressee]):
    """Brings alerts of ours to counterparts."""

    home = ALERTS

    def changed(self) -> Stale:
        """Return the refusal of what was drafted before the alert changed."""
        return Stale("the alert has changed meanwhile", code="not-now", where="alert", remedy="read it again")

    def to(self, value: OwnAlert) -> Iterable[OwnAddressee]:
        """Return the addressees, of whom two may be of one counterpart."""
        return value.to

    def missing(self, value: OwnAlert, to: OwnAddressee, thread: Thread | None) -> Post | None:
        """Return the next notice to one addressee; the files of an alert go with the first one only."""
        body = self._body(value, to, thread)
        if body is None:
            return None
        post = self.post(
            to.member, body, value.author, value.approver, value.purpose, value.offence, urgency=value.urgency
        )
        return dataclasses.replace(
            post,
            case=value.case,
            ticket=value.ticket,
            agreement=to.agreement,
            expires_us=value.until_us if isinstance(body, Alert) else 0,
            group_id=value.id,
            attachments=() if thread is not None else value.attachments,
        )

    def _body(self, alert: OwnAlert, to: OwnAddressee, thread: Thread | None) -> Body | None:
        key, store, trust = ThreadKey(to.member, to.thread_id), self._desk.store, self._desk.parts.trust()
        if alert.is_told(self._now_us):
            if not is_reached(trust, to) or (thread is not None and thread.state is ThreadState.ENDED):
                return None
            if thread is not None and runs_until_us(ThreadKind.ALERT, store.placed(key)) == alert.until_us:
                return None
            closed = closed_offices(trust, to)
            offices = tuple(office for office in to.offices if office not in closed)
            record, _ = issued_for(self._desk.parts, alert, to.member, to.thread_id, offices)
            return Alert(record, alert.action, alert.until_us, offices, alert.repeat_s, alert.to_life)
        if thread is None or not _is_over(alert) or alert.stand in UNSENT:
            return None
        if alert.outcome is not None and not any(
            one.type is NoticeType.OUTCOME and one.side is Side.OPENER for one in store.placed(key)
        ):
            return alert.outcome
        if thread.state is ThreadState.ENDED:
            return None
        records = tuple(held.jti for held in store.holdings(record=f"{SOURCE}/{alert.id}", holder=to.member))
        return Change(ChangeCode.WITHDRAWN, records, of=to.thread_id, reason=_code(alert.reason), text=alert.text)

    def settled(self, thread: Thread, value: OwnAlert) -> Clocked[OwnAlert] | None:
        """Close the thread at home of an alert that is over, and of which all know that."""
        if thread.state not in LOOKED_AFTER or not _is_over(value):
            return None
        return Clocked(value, f"alert-{value.stand}", ThreadState.ENDED)

    def times(self, thread: Thread, value: OwnAlert) -> Iterable[int]:
        """Return when it is hidden no longer, over, and not approved in time; all alerts are looked at now and then."""
        work = approval(self._desk.store, thread.key)
        due_us = work.due_us if work is not None else 0
        return value.hidden_until_us, value.until_us, due_us, self._now_us + _SCAN_US

    def due(self, thread: Thread, value: OwnAlert, now_us: int) -> Clocked[OwnAlert] | None:
        """Return what a clock makes of an alert: not approved in time, over, or hidden no longer.

        One that was sent before its approval is withdrawn; one for which a longer time was asked stands as approved.
        """
        work = approval(self._desk.store, thread.key)
        if work is not None and work.due_us <= now_us:
            after = replace(value, stand=Stand.LIFTED if value.stand is Stand.ON else Stand.LAPSED, reason=NOT_APPROVED)
            if value.renewal is not None:
                after = replace(value, renewal=None)
            done = replace(work, done_us=now_us, result="lapsed")
            return Clocked(after, "draft-lapsed", thread.state, (done,))
        if not _is_over(value) and value.until_us <= now_us:
            ended = ended_works(self._desk.store.works(WorkFilter(key=thread.key)), End.EXPIRED, now_us)
            told = value.stand is Stand.ON and not value.is_hidden(now_us)
            asked = from_opening(thread, value.id, value.author.person, now_us) if told else ()
            after = replace(value, stand=Stand.OVER, renewal=None)
            return Clocked(after, "alert-over", thread.state, (*ended, *asked))
        if value.operation and value.is_hidden(now_us):
            book = RoomBook(self._desk.store, self._desk.parts.member)
            if not goes_on(book, value.operation, now_us):
                return Clocked(replace(value, hidden_until_us=now_us), "operation-over", thread.state)
        return None


def _is_over(alert: OwnAlert) -> bool:
    return alert.stand not in (Stand.WAITING, Stand.ON)


def _code(reason: str) -> str:
    """Return a reason where it is a code; an older version kept an approver's words here, which no notice can hold."""
    return reason if reason in {NOT_APPROVED, *LiftReason} else LiftReason.OTHER.value
