"""Make the threads with counterparts follow an alert of ours: send it, renew it, end it.

How an alert should stand is written at home first, in one transaction. What is missing in a thread is written then, and
again in the next round where the process ended in between. So an alert that was hidden for an operation is sent when
its time is over, also by a node that was down meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval, home_key
from gateway.desk.alerts.hidden import goes_on
from gateway.desk.alerts.issuing import issued_for
from gateway.desk.alerts.values import ALERTS, SOURCE, UNSENT, OwnAddressee, OwnAlert
from gateway.desk.delivery.authoring import Also, Author, Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.offices import closed_offices, is_reached
from gateway.desk.delivery.permission import check_notice
from gateway.desk.ending.works import End, ended_works
from gateway.desk.entries import desk_clock
from gateway.desk.fold import runs_until_us
from gateway.desk.pen import Pen
from gateway.desk.raising import from_opening
from gateway.desk.rooms.known import RoomBook
from gateway.errors import LiaisonError, Stale
from gateway.exchange.parts import Parts
from gateway.model.desk.codes import LiftReason
from gateway.model.desk.notices import Alert, Body, Change, ChangeCode, Notice, NoticeType
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer, Requester
from gateway.ports.desk import DeskRows, DeskStore, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_SCAN_US = 30_000_000
"""All alerts of ours are looked at so often, beside the times that are known to come."""

_ATTEMPTS = 8
_LIVE = (ThreadState.NEW, ThreadState.OPEN)
NOT_APPROVED = "not-approved"


@dataclass(frozen=True, slots=True)
class _Step:
    """The next notice in the thread of one addressee: it is written where the thread is still at this version."""

    to: OwnAddressee
    body: Body
    version: int


class Spread:
    """Brings alerts of ours to counterparts. `pseudonym` makes an officer's name for one pair of countries."""

    def __init__(
        self, parts: Parts, store: DeskStore, pen: Pen, author: Author, pseudonym: Callable[[str, str], str]
    ) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._author = author
        self._pseudonym = pseudonym
        self._next_us = 0

    # ------------------------------------------------------------ one alert

    async def bring_up(self, alert_id: ExchangeId) -> None:
        """Write what is missing in the threads of one alert; one addressee that fails does not keep out the others."""
        self._next_us = 0
        key = home_key(self._parts.member, alert_id)
        thread = await asyncio.to_thread(self._store.thread, key)
        alert = ALERTS.read(thread, alert_id)
        problem: LiaisonError | None = None
        stands = True
        for to in alert.to:
            try:
                stands &= await self._one(alert, to)
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem
        if stands and thread is not None and thread.state in _LIVE and self._is_over(alert):
            await self._pen.write_if_first(self._parts.member, key, lambda: self._ended(key))

    async def _one(self, alert: OwnAlert, to: OwnAddressee) -> bool:
        """Write what is missing in one thread; tell whether it stands where it should.

        A notice of the other side may come in between: then it is looked at again.
        """
        for _ in range(_ATTEMPTS):
            step = await asyncio.to_thread(self._missing, alert, to)
            if step is None:
                return True
            key = ThreadKey(to.member, to.thread_id)
            try:
                await self._author.post(key, self._post(alert, step), self._at(step.version))
            except Stale as error:
                if error.code != "not-now":
                    raise
        return await asyncio.to_thread(self._missing, alert, to) is None

    def _at(self, version: int) -> Also:
        """Return the check that the thread is still at this version, and that policy allows the notice."""

        def also(before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if (before.version if before is not None else 0) != version:
                raise _moved()
            check_notice(self._parts, notice, notice.issued_us)
            return Effects()

        return also

    def _missing(self, alert: OwnAlert, to: OwnAddressee) -> _Step | None:
        """Return the notice that brings a thread to where the alert should stand; None where it stands there."""
        key, now_us = ThreadKey(to.member, to.thread_id), self._parts.clock.now_us()
        thread = self._store.thread(key)
        version = thread.version if thread is not None else 0
        if alert.is_told(now_us):
            if not is_reached(self._parts.trust(), to):
                return None
            if thread is not None and thread.state is ThreadState.ENDED:
                return None
            if thread is not None and runs_until_us(ThreadKind.ALERT, self._store.placed(key)) == alert.until_us:
                return None
            return _Step(to, self._alert(alert, to), version)
        ends = self._is_over(alert) and alert.stand not in UNSENT
        if thread is None or not ends:
            return None
        if alert.outcome is not None and not self._is_outcome_told(key):
            return _Step(to, alert.outcome, version)
        if thread.state is ThreadState.ENDED:
            return None
        held = self._store.holdings(record=f"{SOURCE}/{alert.id}", holder=to.member)
        records = tuple(holding.jti for holding in held)
        change = Change(ChangeCode.WITHDRAWN, records, of=to.thread_id, reason=_code(alert.reason), text=alert.text)
        return _Step(to, change, version)

    def _is_outcome_told(self, key: ThreadKey) -> bool:
        placed = self._store.placed(key)
        return any(one.type is NoticeType.OUTCOME and one.side is Side.OPENER for one in placed)

    def _alert(self, alert: OwnAlert, to: OwnAddressee) -> Alert:
        closed = closed_offices(self._parts.trust(), to)
        offices = tuple(office for office in to.offices if office not in closed)
        record, _ = issued_for(self._parts, alert, to.member, to.thread_id, offices)
        return Alert(record, alert.action, alert.until_us, offices, alert.repeat_s, alert.to_life)

    def _post(self, alert: OwnAlert, step: _Step) -> Post:
        author, approver, peer = alert.author, alert.approver, step.to.member
        return Post(
            step.body,
            alert.urgency,
            alert.purpose,
            alert.offence,
            self._named(author, peer),
            case=alert.case,
            ticket=alert.ticket,
            agreement=step.to.agreement,
            expires_us=alert.until_us if isinstance(step.body, Alert) else 0,
            group_id=alert.id,
            approver=self._named(approver, peer) if approver is not None else None,
            by=author,
            approved_by=approver,
            agency=author.agency,
            office=author.office,
            officer=author.person,
            attachments=() if step.version else alert.attachments,
        )

    def _named(self, officer: Officer, peer: MemberId) -> Requester:
        return officer.as_requester(self._pseudonym(officer.person, peer))

    @staticmethod
    def _is_over(alert: OwnAlert) -> bool:
        return alert.stand not in (Stand.WAITING, Stand.ON)

    def _ended(self, key: ThreadKey) -> EntryDraft:
        """Return the entry of an alert whose threads all stand where they should: the one at home is closed."""
        thread = self._store.thread(key)
        alert = ALERTS.read(thread, key.thread_id)
        if thread is None or thread.state is ThreadState.ENDED:
            raise _moved()
        return self._clocked(thread, alert, ThreadState.ENDED, f"alert-{alert.stand}")

    # ------------------------------------------------------------ the clock

    async def round(self) -> None:
        """Look after the alerts whose time has come: hidden until now, not approved in time, or over."""
        now_us = self._parts.clock.now_us()
        if now_us < self._next_us:
            return
        self._next_us = now_us + _SCAN_US
        problem: LiaisonError | None = None
        for alert, work in await asyncio.to_thread(self._alive):
            self._next_us = min(self._next_us, *self._times(alert, work, now_us), now_us + _SCAN_US)
            try:
                await self._look(alert, work, now_us)
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    async def _look(self, alert: OwnAlert, work: Work | None, now_us: int) -> None:
        key = home_key(self._parts.member, alert.id)
        if work is not None and work.due_us <= now_us:
            await self._pen.write_if_first(self._parts.member, key, lambda: self._lapsed(key, work, now_us))
        elif alert.stand in (Stand.WAITING, Stand.ON) and alert.until_us <= now_us:
            await self._pen.write_if_first(self._parts.member, key, lambda: self._over(key))
        elif alert.operation and alert.hidden_until_us > now_us and await asyncio.to_thread(self._is_freed, alert):
            await self._pen.write_if_first(self._parts.member, key, lambda: self._freed(key))
        await self.bring_up(alert.id)
        self._next_us = now_us + _SCAN_US

    def _alive(self) -> list[tuple[OwnAlert, Work | None]]:
        me = self._parts.member
        live = self._store.threads(kinds=(ThreadKind.ALERT,), states=_LIVE, peer=me)
        return [(ALERTS.read(one), approval(self._store, one.key)) for one in live if one.draft]

    @staticmethod
    def _times(alert: OwnAlert, work: Work | None, now_us: int) -> list[int]:
        times = (alert.hidden_until_us, alert.until_us, work.due_us if work is not None else 0)
        return [time for time in times if time > now_us] or [now_us + _SCAN_US]

    def _lapsed(self, key: ThreadKey, work: Work, now_us: int) -> EntryDraft:
        """Return the entry of an alert that was not approved in time: one that was sent is withdrawn.

        One for which a longer time was asked stands for the one that was approved.
        """
        thread, now = self._store.thread(key), self._store.work(work.id)
        if now is None or now.done_us or thread is None:
            raise _moved()
        alert = ALERTS.read(thread)
        stand = Stand.LIFTED if alert.stand is Stand.ON else Stand.LAPSED
        after = replace(alert, stand=stand, reason=NOT_APPROVED)
        if alert.renewal is not None:
            after = replace(alert, renewal=None)
        done = replace(now, done_us=now_us, result="lapsed")
        return self._clocked(thread, after, thread.state, "draft-lapsed", (done,))

    def _is_freed(self, alert: OwnAlert) -> bool:
        """Tell whether the operation has ended for which an alert is hidden."""
        book = RoomBook(self._store, self._parts.member)
        return not goes_on(book, alert.operation, self._parts.clock.now_us())

    def _freed(self, key: ThreadKey) -> EntryDraft:
        """Return the entry of an alert that is hidden no longer, since its operation has ended."""
        thread, now_us = self._store.thread(key), self._parts.clock.now_us()
        alert = ALERTS.read(thread, key.thread_id)
        if thread is None or alert.hidden_until_us <= now_us:
            raise _moved()
        return self._clocked(thread, replace(alert, hidden_until_us=now_us), thread.state, "operation-over")

    def _over(self, key: ThreadKey) -> EntryDraft:
        """Return the entry of an alert whose time ran out."""
        thread = self._store.thread(key)
        alert = ALERTS.read(thread, key.thread_id)
        now_us = self._parts.clock.now_us()
        if thread is None or alert.until_us > now_us:
            raise _moved()
        ended = ended_works(self._store.works(WorkFilter(key=key)), End.EXPIRED, now_us)
        told = alert.stand is Stand.ON and not alert.is_hidden(now_us)
        asked = from_opening(thread, alert.id, alert.author.person, now_us) if told else ()
        return self._clocked(
            thread, replace(alert, stand=Stand.OVER, renewal=None), thread.state, "alert-over", (*ended, *asked)
        )

    def _clocked(
        self, thread: Thread, alert: OwnAlert, state: ThreadState, code: str, works: tuple[Work, ...] = ()
    ) -> EntryDraft:
        after = ALERTS.moved(thread, alert, state, self._parts.clock.now_us())
        return desk_clock(thread.key, code, DeskRows(thread=after, before=thread.version, works=works))


def _moved() -> Stale:
    return Stale("the alert has changed meanwhile", code="not-now", where="alert", remedy="read it again")


def _code(reason: str) -> str:
    """Return a reason where it is a code; an older version kept an approver's words here, which no notice can hold."""
    return reason if reason in {NOT_APPROVED, *LiftReason} else LiftReason.OTHER.value
