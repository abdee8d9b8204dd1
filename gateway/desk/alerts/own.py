"""Let humans act on alerts of ours: raise, approve or decline, renew, lift, close with an outcome, look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.desk.alerts.checks import check_command, check_fields, readable_until
from gateway.desk.alerts.issuing import issued_for
from gateway.desk.alerts.spread import Spread, moved
from gateway.desk.alerts.standing import AlertStand, stands
from gateway.desk.alerts.values import (
    USUAL_US,
    OwnAddressee,
    OwnAlert,
    RaiseAlert,
    Stand,
    home_key,
    read_own,
)
from gateway.desk.entries import desk_act
from gateway.desk.parts import Actor, DeskParts
from gateway.desk.raising import Raising, from_draft
from gateway.desk.roles import Act, Matter, matter_of, may
from gateway.desk.second_step.parts import check_person
from gateway.errors import LiaisonError, Stale
from gateway.model.desk.notices import OutcomeReport
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Level, Role
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import DeskRows, Thread, Work
from gateway.ports.journal import EntryDraft

OnDuty = Callable[[str, str, Role, int], bool]
"""Tells whether somebody is on duty for an agency, an office and a role at a time."""


class OwnAlerts:
    """The use cases of alerts of ours."""

    def __init__(self, desk: DeskParts, spread: Spread, on_duty: OnDuty) -> None:
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
        may(actor.person, Act.RAISE_ALERT, Matter(officer.agency, officer.office, officer=officer.person), now_us)
        name = alert_id or new_exchange_id()
        key = self._key(name)
        first = await asyncio.to_thread(self._desk.store.thread, key)
        if first is not None and first.officer == officer.person:
            return name
        alert = await asyncio.to_thread(self._made, actor, command, name, now_us)
        await self._write(key, lambda: self._raised(key, actor, alert, now_us))
        await self._spread.bring_up(alert.id)
        return alert.id

    async def approve(self, actor: Actor, alert_id: ExchangeId, reason: str = "") -> None:
        """Approve an alert: from now on it counts, and is sent. Its author can never do this."""
        await self._approval(actor, alert_id, "approve-alert", reason, _approved)

    async def decline(self, actor: Actor, alert_id: ExchangeId, reason: str) -> None:
        """Decline an alert; one that was sent before it was approved is withdrawn."""
        await self._approval(actor, alert_id, "decline-alert", reason, _declined)

    async def renew(self, actor: Actor, alert_id: ExchangeId, until_us: int, reason: str = "") -> None:
        """Keep an alert in force for longer, or end it sooner."""

        def change(alert: OwnAlert, now_us: int) -> OwnAlert:
            readable_until(until_us, alert.hidden_until_us, now_us)
            return self._signed(replace(alert, until_us=until_us))

        await self._change(actor, alert_id, "renew-alert", reason, change)

    async def lift(self, actor: Actor, alert_id: ExchangeId, reason: str) -> None:
        """Withdraw an alert from all who have it."""
        await self._change(
            actor, alert_id, "lift-alert", reason, lambda alert, _: replace(alert, stand=Stand.LIFTED, reason=reason)
        )

    async def close(self, actor: Actor, alert_id: ExchangeId, outcome: OutcomeReport) -> None:
        """End an alert with what came of it, and tell all who have it."""
        await self._change(
            actor,
            alert_id,
            "close-alert",
            outcome.code.value,
            lambda alert, _: replace(alert, stand=Stand.CLOSED, outcome=outcome),
        )

    async def show(self, actor: Actor, alert_id: ExchangeId) -> OwnAlert:
        """Return an alert of ours to a person who may read it."""
        thread = await asyncio.to_thread(self._desk.store.thread, self._key(alert_id))
        alert = read_own(thread, alert_id)
        may(actor.person, Act.SEE, _matter(alert), self._desk.parts.clock.now_us())
        return alert

    async def standing(self, actor: Actor, alert_id: ExchangeId) -> tuple[AlertStand, ...]:
        """Return how an alert of ours stands at each counterpart: delivered, answered and how, or not answered."""
        alert = await self.show(actor, alert_id)
        return await asyncio.to_thread(stands, self._desk.store, alert, self._desk.parts.clock.now_us())

    async def all(self, actor: Actor, *, over: bool = False) -> list[OwnAlert]:
        """Return the alerts of ours that this person may read, the newest first; with `over` those that ended, too."""
        states = () if over else (ThreadState.NEW, ThreadState.OPEN)
        found = await asyncio.to_thread(self._desk.store.threads, kinds=(ThreadKind.ALERT,), states=states)
        me, now_us = self._desk.parts.member, self._desk.parts.clock.now_us()
        alerts = [read_own(thread) for thread in found if thread.key.peer == me and thread.draft]
        return [alert for alert in alerts if _is_allowed(actor, Act.SEE, _matter(alert), now_us)]

    # ------------------------------------------------------------ parts

    def _key(self, alert_id: ExchangeId) -> ThreadKey:
        return home_key(self._desk.parts.member, alert_id)

    async def _write(self, key: ThreadKey, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, key, make)

    def _made(self, actor: Actor, command: RaiseAlert, name: ExchangeId, now_us: int) -> OwnAlert:
        parts = self._desk.parts
        fields = check_fields(command.fields)
        agreements = check_command(parts, actor.officer, command, now_us)
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
            until_us=command.until_us or now_us + USUAL_US,
            repeat_s=command.repeat_s,
            to_life=command.to_life,
            hidden_until_us=command.hidden_until_us,
            record="",
            signed_us=now_us,
            stand=Stand.ON if command.to_life else Stand.WAITING,
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
        thread = Thread(
            key,
            ThreadKind.ALERT,
            opener=True,
            state=state,
            urgency=alert.urgency,
            version=0,
            opened_us=now_us,
            group_id=alert.id,
            office=officer.office,
            agency=officer.agency,
            officer=officer.person,
        )
        given = Raising(on_duty=self._on_duty(officer.agency, officer.office, Role.SUPERVISOR, now_us))
        work = from_draft(thread, alert.id, now_us, to_life=alert.to_life, given=given)
        rows = DeskRows(thread=moved(thread, alert, state, now_us), works=(work,))
        return desk_act(officer, "raise-alert", key, work=work, content=_told(alert), rows=rows)

    async def _approval(
        self,
        actor: Actor,
        alert_id: ExchangeId,
        act: str,
        reason: str,
        change: Callable[[OwnAlert, Actor, str], OwnAlert],
    ) -> None:
        key = self._key(alert_id)
        check_person(actor)

        def make() -> EntryDraft:
            now_us = self._desk.parts.clock.now_us()
            thread, work = self._desk.store.thread(key), self._spread.approval(key)
            alert = read_own(thread, alert_id)
            if work is None or thread is None:
                raise _not_now("nothing of this alert waits for an approval")
            here = work.level is not Level.END and self._on_duty(work.agency, work.office, Role.SUPERVISOR, now_us)
            may(actor.person, Act.APPROVE_ALERT, matter_of(work, supervisor_on_duty=here), now_us)
            after = change(alert, actor, reason)
            done = replace(work, done_us=now_us, by=actor.officer.person, result=act)
            return self._acted(actor, act, thread, after, reason, (done,), now_us)

        await self._write(key, make)
        await self._spread.bring_up(alert_id)

    async def _change(
        self,
        actor: Actor,
        alert_id: ExchangeId,
        act: str,
        reason: str,
        change: Callable[[OwnAlert, int], OwnAlert],
    ) -> None:
        key = self._key(alert_id)
        check_person(actor)

        def make() -> EntryDraft:
            now_us = self._desk.parts.clock.now_us()
            thread = self._desk.store.thread(key)
            alert = read_own(thread, alert_id)
            may(actor.person, Act.CHANGE_ALERT, _matter(alert), now_us)
            if thread is None or alert.stand not in (Stand.WAITING, Stand.ON):
                raise _not_now("this alert is over")
            after = change(alert, now_us)
            work = self._spread.approval(key)
            is_over = after.stand not in (Stand.WAITING, Stand.ON)
            done = (replace(work, done_us=now_us, by=actor.officer.person, result=act),) if work and is_over else ()
            return self._acted(actor, act, thread, after, reason, done, now_us)

        await self._write(key, make)
        await self._spread.bring_up(alert_id)

    def _acted(
        self,
        actor: Actor,
        act: str,
        thread: Thread,
        alert: OwnAlert,
        reason: str,
        works: tuple[Work, ...],
        now_us: int,
    ) -> EntryDraft:
        state = ThreadState.OPEN if alert.stand is Stand.ON else thread.state
        rows = DeskRows(thread=moved(thread, alert, state, now_us), before=thread.version, works=works)
        work = works[0] if works else None
        return desk_act(actor.officer, act, thread.key, work=work, reason=reason, content=_told(alert), rows=rows)


def _approved(alert: OwnAlert, actor: Actor, _reason: str) -> OwnAlert:
    return replace(alert, stand=Stand.ON, approver=actor.officer)


def _declined(alert: OwnAlert, _actor: Actor, reason: str) -> OwnAlert:
    """Return the alert as declined; what was sent before is lifted, so that those who have it are told."""
    return replace(alert, stand=Stand.LIFTED if alert.stand is Stand.ON else Stand.DECLINED, reason=reason)


def _matter(alert: OwnAlert) -> Matter:
    author = alert.author
    return Matter(author.agency, author.office, officer=author.person)


def _is_allowed(actor: Actor, act: Act, matter: Matter, now_us: int) -> bool:
    try:
        may(actor.person, act, matter, now_us)
    except LiaisonError:
        return False
    return True


def _told(alert: OwnAlert) -> dict[str, Any]:
    """Return what the entry of an act says of an alert."""
    plain: dict[str, Any] = msgspec.to_builtins(alert)
    return {name: plain[name] for name in ("id", "to", "fields", "until_us", "hidden_until_us", "to_life", "stand")}


def _not_now(text: str) -> Stale:
    return Stale(text, code="not-now", where="alert", remedy="read it again: `liaison desk list`")
