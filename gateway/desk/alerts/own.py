"""Let humans act on alerts of ours: raise, approve or decline, renew, lift, close with an outcome, look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval, home_key, written_by
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, check_person, done
from gateway.desk.acts import Act
from gateway.desk.alerts.checks import check_command, check_fields, readable_until
from gateway.desk.alerts.hidden import hidden_until_us
from gateway.desk.alerts.issuing import issued_for
from gateway.desk.alerts.renewing import approved, asked_for, declined, to_renew
from gateway.desk.alerts.spread import AlertSpread
from gateway.desk.alerts.values import (
    ALERTS,
    USUAL_US,
    WIDENS,
    OwnAddressee,
    OwnAlert,
    Preview,
    Reader,
    Renewal,
)
from gateway.desk.delivery.offices import closed_offices
from gateway.desk.entries import desk_act
from gateway.desk.listing import USUAL_LISTED, Slice
from gateway.desk.raising import Raising, from_draft, from_opening
from gateway.desk.roles import matter_by, may, refusal
from gateway.desk.rooms.known import RoomBook
from gateway.desk.widening import check_alone
from gateway.errors import Malformed, Stale
from gateway.model.desk.codes import LiftReason
from gateway.model.desk.notices import OutcomeReport
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.alerts import RaiseAlert
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_LIVE = (ThreadState.NEW, ThreadState.OPEN)
_ALIVE = (Stand.WAITING, Stand.ON)
_UNTOLD = (*_ALIVE, Stand.OVER, Stand.LIFTED)
"""The stands of an alert whose outcome may still be told."""
_READ = 256
_MOST_READ = 16_384


class OwnAlerts:
    """The use cases of alerts of ours."""

    def __init__(self, desk: DeskParts, spread: AlertSpread, on_duty: OnDuty) -> None:
        self._desk = desk
        self._spread = spread
        self._on_duty = on_duty

    async def raise_alert(self, actor: Actor, command: RaiseAlert, alert_id: ExchangeId | None = None) -> ExchangeId:
        """Write an alert down for its approval; return its id. With danger to life it is sent at once.

        An `alert_id` that this officer has used names the first alert, which stays as it is.
        """
        now_us = self._desk.parts.clock.now_us()
        officer = actor.officer
        check_person(actor)
        may(actor.person, Act.RAISE_ALERT, matter_by(officer), now_us)
        name = alert_id or new_exchange_id()
        key = home_key(self._desk.parts.member, name)
        first = await asyncio.to_thread(self._desk.store.thread, key)
        if first is not None and first.officer == officer.person:
            return name
        alert = await asyncio.to_thread(self._made, actor, command, name, now_us)
        await self._write(key, lambda: self._raised(key, actor, alert, now_us))
        await self._spread.bring_up(alert.id)
        return alert.id

    async def preview(self, actor: Actor, command: RaiseAlert) -> Preview:
        """Return an alert as each counterpart would read it. Nothing is written; raises as `raise_alert` does."""
        now_us, officer = self._desk.parts.clock.now_us(), actor.officer
        check_person(actor)
        may(actor.person, Act.RAISE_ALERT, matter_by(officer), now_us)
        return await asyncio.to_thread(self._preview, actor, command, now_us)

    async def approve(self, actor: Actor, alert_id: ExchangeId, reason: str, work: str) -> tuple[str, ...]:
        """Approve an alert, or that it stands for longer: it counts from now on. Who asked for it can never do this.

        Return the offices that have closed since it was asked for, which get nothing.
        """
        await self._approval(actor, alert_id, "approve-alert", reason, self._approved, work)
        alert = await self.show(actor, alert_id)
        return tuple(office for to in alert.to for office in closed_offices(self._desk.parts.trust(), to))

    async def decline(self, actor: Actor, alert_id: ExchangeId, reason: str, work: str) -> None:
        """Decline an alert; one that was sent before it was approved is withdrawn. Only longer declined, it goes on."""
        await self._approval(actor, alert_id, "decline-alert", reason, declined, work)

    async def renew(self, actor: Actor, alert_id: ExchangeId, until_us: int, reason: str = "") -> None:
        """Ask that an alert stands for longer, which another person approves; or end it sooner, at once.

        Raises `Stale` for a longer time while anything of the alert waits for its approval.
        """
        key = home_key(self._desk.parts.member, alert_id)

        def make() -> EntryDraft:
            thread, alert, now_us = self._changeable(actor, alert_id, _ALIVE)
            readable_until(until_us, alert.hidden_until_us, now_us)
            waiting = approval(self._desk.store, key)
            if until_us > alert.until_us:
                if waiting is not None:
                    raise _not_now("it waits for its approval already")
                after = replace(alert, renewal=Renewal(until_us, actor.officer, reason))
                here = self._on_duty(thread.agency, thread.office, Role.SUPERVISOR, now_us)
                work = to_renew(thread, after, now_us, on_duty=here)
                return self._acted(actor, "renew-alert", thread, after, reason, (work,), now_us)
            after = self._signed(replace(alert, until_us=until_us, renewal=None))
            ended = (done(waiting, actor, "shorten-alert", now_us),) if waiting is not None and alert.renewal else ()
            return self._acted(actor, "shorten-alert", thread, after, reason, ended, now_us)

        await self._write(key, make)
        await self._spread.bring_up(alert_id)

    async def lift(self, actor: Actor, alert_id: ExchangeId, reason: str, text: str = "") -> None:
        """Withdraw an alert from all who have it. `reason` is a code (`LiftReason`), `text` words; they are told both.

        Raises `Malformed` for another code.
        """
        if reason not in list(LiftReason):
            codes = ", ".join(LiftReason)
            raise Malformed(
                "this is no reason", code="unknown-code", where="reason", remedy="one of {codes}", codes=codes
            )
        await self._change(
            actor,
            alert_id,
            "lift-alert",
            reason,
            lambda alert: replace(alert, stand=Stand.LIFTED, reason=reason, text=text),
        )

    async def close(self, actor: Actor, alert_id: ExchangeId, outcome: OutcomeReport) -> None:
        """End an alert with what came of it, and tell all who have it; one that has ended is told it later."""
        await self._change(
            actor,
            alert_id,
            "close-alert",
            outcome.code.value,
            lambda alert: replace(alert, stand=Stand.CLOSED, outcome=outcome),
            _UNTOLD,
        )

    async def show(self, actor: Actor, alert_id: ExchangeId) -> OwnAlert:
        """Return an alert of ours to a person who may read it."""
        return (await asyncio.to_thread(ALERTS.found, self._desk, actor, Act.SEE, alert_id))[1]

    async def all(
        self, actor: Actor, *, over: bool = False, limit: int = USUAL_LISTED, after: str = ""
    ) -> Slice[OwnAlert]:
        """Return alerts of ours that this person may read, the newest first; with `over` those that ended, too.

        The page begins behind the place `after`.
        """
        states, now_us = tuple(ThreadState) if over else _LIVE, self._desk.parts.clock.now_us()

        def fits(alert: OwnAlert) -> OwnAlert | None:
            return alert if ALERTS.sees(actor.person, alert, now_us) else None

        return await asyncio.to_thread(ALERTS.page, self._desk, states, fits, limit, after)

    async def alive(self, actor: Actor) -> list[OwnAlert]:
        """Return all alerts of ours that stand or wait, as far as this person may read them, the newest first."""
        found = await asyncio.to_thread(self._desk.store.threads, kinds=(ThreadKind.ALERT,), states=_LIVE)
        return self._readable(actor, found)

    async def ended(self, actor: Actor, most: int) -> list[OwnAlert]:
        """Return the alerts of ours that ended last, so many at most, as far as this person may read them."""
        count = _READ
        while True:
            found = await asyncio.to_thread(
                self._desk.store.threads, kinds=(ThreadKind.ALERT,), states=(ThreadState.ENDED,), limit=count
            )
            alerts = self._readable(actor, found)
            if len(alerts) >= most or len(found) < count or count >= _MOST_READ:
                return alerts[:most]
            count *= 4

    def acts(self, actor: Actor, alert: OwnAlert) -> tuple[Work | None, frozenset[str]]:
        """Return the work of an alert's approval, and what this person may do with the alert. It reads the store."""
        now_us, acts = self._desk.parts.clock.now_us(), set[str]()
        work, decides = ALERTS.decides(self._desk, actor.person, Act.APPROVE_ALERT, alert.id, self._on_duty)
        if decides:
            acts |= {"approve", "decline"}
        if not refusal(actor.person, Act.CHANGE_ALERT, matter_by(alert.author), now_us):
            acts |= {"renew", "lift"} if alert.stand in _ALIVE else set()
            acts |= {"close"} if alert.stand in _UNTOLD else set()
        return work, frozenset(acts)

    # ------------------------------------------------------------ parts

    async def _write(self, key: ThreadKey, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, key, make)

    def _readable(self, actor: Actor, found: Iterable[Thread]) -> list[OwnAlert]:
        me, now_us = self._desk.parts.member, self._desk.parts.clock.now_us()
        alerts = (ALERTS.of(thread) for thread in found if thread.key.peer == me)
        return [alert for alert in alerts if alert is not None and ALERTS.sees(actor.person, alert, now_us)]

    def _preview(self, actor: Actor, command: RaiseAlert, now_us: int) -> Preview:
        alert = self._made(actor, command, new_exchange_id(), now_us)
        readers = []
        for to in alert.to:
            _, record = issued_for(self._desk.parts, alert, to.member, to.thread_id, to.offices)
            readers.append(Reader(to.member, to.offices, record.fields, record.marking))
        return Preview(alert, tuple(readers))

    def _made(self, actor: Actor, command: RaiseAlert, name: ExchangeId, now_us: int) -> OwnAlert:
        parts = self._desk.parts
        fields = check_fields(command.fields)
        agreements = check_command(parts, actor.officer, command, now_us)
        hidden_us = hidden_until_us(RoomBook(self._desk.store, parts.member), command, now_us)
        until_us = command.until_us or now_us + USUAL_US
        readable_until(until_us, hidden_us, now_us)
        alert = OwnAlert(
            id=name,
            author=actor.officer,
            to=tuple(
                OwnAddressee(to.member, to.offices, new_exchange_id(), agreement)
                for to, agreement in zip(command.to, agreements, strict=True)
            ),
            fields=fields,
            purpose=command.purpose,
            offence=command.offence,
            case=command.case,
            ticket=command.ticket,
            urgency=command.urgency,
            raised_us=now_us,
            until_us=until_us,
            repeat_s=command.repeat_s,
            to_life=command.to_life,
            hidden_until_us=hidden_us,
            record="",
            signed_us=now_us,
            stand=Stand.ON if command.to_life else Stand.WAITING,
            operation=command.operation,
            attachments=command.attachments,
        )
        return self._signed(alert)

    def _signed(self, alert: OwnAlert) -> OwnAlert:
        """Return the alert with the record by which it is found at home; raise where no record can be made of it."""
        parts = self._desk.parts
        compact, _ = issued_for(parts, alert, parts.member, alert.id, ())
        return replace(alert, record=compact, signed_us=parts.clock.now_us())

    def _raised(self, key: ThreadKey, actor: Actor, alert: OwnAlert, now_us: int) -> EntryDraft:
        officer = actor.officer
        state = ThreadState.OPEN if alert.stand is Stand.ON else ThreadState.NEW
        thread = written_by(officer, ThreadKind.ALERT, key, alert.urgency, now_us)
        given = Raising(on_duty=self._on_duty(officer.agency, officer.office, Role.SUPERVISOR, now_us))
        work = from_draft(thread, alert.id, now_us, to_life=alert.to_life, given=given)
        rows = DeskRows(thread=ALERTS.moved(thread, alert, state, now_us), works=(work,))
        return desk_act(officer, "raise-alert", key, work=work, content=_told(alert), rows=rows)

    async def _approval(
        self,
        actor: Actor,
        alert_id: ExchangeId,
        act: str,
        reason: str,
        change: Callable[[OwnAlert, Actor, str], OwnAlert],
        read: str,
    ) -> None:
        key = home_key(self._desk.parts.member, alert_id)

        def make() -> EntryDraft:
            now_us = self._desk.parts.clock.now_us()
            idle = _not_now("nothing of this alert waits for an approval")
            thread, alert, work = ALERTS.to_decide(
                self._desk, actor, Act.APPROVE_ALERT, alert_id, read, self._on_duty, idle
            )
            after = change(alert, actor, reason)
            ended = (done(work, actor, act, now_us),)
            return self._acted(actor, act, thread, after, reason, ended, now_us, asked_for(self._desk.parts, alert))

        await self._write(key, make)
        await self._spread.bring_up(alert_id)

    async def _change(
        self,
        actor: Actor,
        alert_id: ExchangeId,
        act: str,
        reason: str,
        change: Callable[[OwnAlert], OwnAlert],
        where: tuple[Stand, ...] = _ALIVE,
    ) -> None:
        key = home_key(self._desk.parts.member, alert_id)

        def make() -> EntryDraft:
            thread, alert, now_us = self._changeable(actor, alert_id, where)
            after = replace(change(alert), renewal=None)
            works = self._ended(actor, act, thread, now_us) if after.stand not in _ALIVE else ()
            if alert.stand is Stand.ON and after.stand is Stand.LIFTED and not alert.is_hidden(now_us):
                works += from_opening(thread, alert_id, alert.author.person, now_us)
            return self._acted(actor, act, thread, after, reason, works, now_us)

        await self._write(key, make)
        await self._spread.bring_up(alert_id)

    def _changeable(self, actor: Actor, alert_id: ExchangeId, where: tuple[Stand, ...]) -> tuple[Thread, OwnAlert, int]:
        """Return an alert that this person may change, its thread and our time. Raises `Stale` for one elsewhere."""
        thread, alert = ALERTS.found(self._desk, actor, Act.CHANGE_ALERT, alert_id)
        if alert.stand not in where:
            raise _not_now("this alert is over")
        return thread, alert, self._desk.parts.clock.now_us()

    def _approved(self, alert: OwnAlert, actor: Actor, _reason: str) -> OwnAlert:
        after = approved(self._desk.parts, alert, actor.officer)
        return self._signed(after) if after.until_us != alert.until_us else after

    def _ended(self, actor: Actor, act: str, thread: Thread, now_us: int) -> tuple[Work, ...]:
        """Return the approval and the questions for an outcome that wait at home, as done by the end of the alert."""
        waiting = self._desk.store.works(WorkFilter(key=thread.key, kinds=(WorkKind.APPROVE, WorkKind.OUTCOME)))
        return tuple(done(work, actor, act, now_us) for work in waiting)

    def _acted(
        self,
        actor: Actor,
        act: str,
        thread: Thread,
        alert: OwnAlert,
        reason: str,
        works: tuple[Work, ...],
        now_us: int,
        asked: Mapping[str, Any] = MappingProxyType({}),
    ) -> EntryDraft:
        """Draft an act; `asked` names who asked for what it approves.

        An alert that ends with an outcome after its end is open until all who had it are told.
        """
        check_alone(act, WIDENS, ALERTS.read(thread), alert)
        again = alert.stand is Stand.CLOSED and thread.state is ThreadState.ENDED
        state = ThreadState.OPEN if alert.stand is Stand.ON or again else thread.state
        rows = DeskRows(thread=ALERTS.moved(thread, alert, state, now_us), before=thread.version, works=works)
        work = works[0] if works else None
        content = _told(alert) | dict(asked)
        return desk_act(actor.officer, act, thread.key, work=work, reason=reason, content=content, rows=rows)


def _told(alert: OwnAlert) -> dict[str, Any]:
    """Return what the entry of an act says of an alert."""
    plain: dict[str, Any] = msgspec.to_builtins(alert)
    names = ("id", "to", "fields", "until_us", "hidden_until_us", "to_life", "stand", "renewal")
    return {name: plain[name] for name in names}


def _not_now(text: str) -> Stale:
    return Stale(text, code="not-now", where="alert", remedy="read it again: `liaison desk list`")
