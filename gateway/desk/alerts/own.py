"""Let humans act on alerts of ours: raise, approve or decline, renew, lift, close with an outcome, look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval
from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import done
from gateway.desk.acts import Act
from gateway.desk.alerts.checks import check_command, check_fields, readable_until
from gateway.desk.alerts.hidden import hidden_until_us
from gateway.desk.alerts.issuing import issued_for
from gateway.desk.alerts.renewing import approved, asked_for, declined, to_renew
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
from gateway.desk.own.acts import Changed, OwnActs
from gateway.desk.own.spread import LOOKED_AFTER
from gateway.desk.raising import from_opening
from gateway.desk.rooms.known import RoomBook
from gateway.errors import Malformed, Stale
from gateway.model.desk.codes import LiftReason
from gateway.model.desk.notices import OutcomeReport
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.alerts import RaiseAlert
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import Thread, Work, WorkFilter

_ALIVE = (Stand.WAITING, Stand.ON)
_UNTOLD = (*_ALIVE, Stand.OVER, Stand.LIFTED)
"""The stands of an alert whose outcome may still be told."""
_READ = 256
_MOST_READ = 16_384


class OwnAlerts(OwnActs[OwnAlert]):
    """The use cases of alerts of ours."""

    widens = WIDENS
    raising: ClassVar = (Act.RAISE_ALERT, "raise-alert")
    changing: ClassVar = Act.CHANGE_ALERT
    approving: ClassVar = Act.APPROVE_ALERT
    tells: ClassVar = ("id", "to", "fields", "until_us", "hidden_until_us", "to_life", "stand", "renewal")

    async def raise_alert(self, actor: Actor, command: RaiseAlert, alert_id: ExchangeId | None = None) -> ExchangeId:
        """Write an alert down for its approval; return its id. With danger to life it is sent at once.

        An `alert_id` that this officer has used names the first alert, which stays as it is.
        """

        async def make(name: ExchangeId) -> Changed[OwnAlert]:
            return Changed(await asyncio.to_thread(self._made, actor, command, name, self._now_us))

        return await self._raise(actor, alert_id, make, command.urgency, to_life=command.to_life)

    async def preview(self, actor: Actor, command: RaiseAlert) -> Preview:
        """Return an alert as each counterpart would read it. Nothing is written; raises as `raise_alert` does."""
        self._may_raise(actor)
        return await asyncio.to_thread(self._preview, actor, command, self._now_us)

    async def renew(self, actor: Actor, alert_id: ExchangeId, until_us: int, reason: str = "") -> None:
        """Ask that an alert stands for longer, which another person approves; or end it sooner, at once.

        Raises `Stale` for a longer time while anything of the alert waits for its approval.
        """

        def change(alert: OwnAlert, thread: Thread) -> Changed[OwnAlert]:
            self._check(alert, _ALIVE)
            now_us, waiting = self._now_us, approval(self._desk.store, thread.key)
            readable_until(until_us, alert.hidden_until_us, now_us)
            if until_us <= alert.until_us:
                after = self._signed(replace(alert, until_us=until_us, renewal=None))
                is_asked = waiting is not None and alert.renewal is not None
                ended = (done(waiting, actor, "shorten-alert", now_us),) if waiting is not None and is_asked else ()
                return Changed(after, ended, act="shorten-alert")
            if waiting is not None:
                raise self.not_now("it waits for its approval already")
            after = replace(alert, renewal=Renewal(until_us, actor.officer, reason))
            here = self._on_duty(thread.agency, thread.office, Role.SUPERVISOR, now_us)
            return Changed(after, (to_renew(thread, after, now_us, on_duty=here),))

        await self._change(actor, alert_id, "renew-alert", reason, change)

    async def lift(self, actor: Actor, alert_id: ExchangeId, reason: str, text: str = "") -> None:
        """Withdraw an alert from all who have it. `reason` is a code (`LiftReason`), `text` words; they are told both.

        Raises `Malformed` for another code.
        """
        if reason not in list(LiftReason):
            codes = ", ".join(LiftReason)
            raise Malformed(
                "this is no reason", code="unknown-code", where="reason", remedy="one of {codes}", codes=codes
            )

        def change(alert: OwnAlert, thread: Thread) -> Changed[OwnAlert]:
            self._check(alert, _ALIVE)
            works = self._ended(actor, "lift-alert", thread)
            if alert.stand is Stand.ON and not alert.is_hidden(self._now_us):
                works += from_opening(thread, alert_id, alert.author.person, self._now_us)
            return Changed(replace(alert, stand=Stand.LIFTED, reason=reason, text=text, renewal=None), works)

        await self._change(actor, alert_id, "lift-alert", reason, change)

    async def close(self, actor: Actor, alert_id: ExchangeId, outcome: OutcomeReport) -> None:
        """End an alert with what came of it, and tell all who have it; one that has ended is told it later."""

        def change(alert: OwnAlert, thread: Thread) -> Changed[OwnAlert]:
            self._check(alert, _UNTOLD)
            after = replace(alert, stand=Stand.CLOSED, outcome=outcome, renewal=None)
            return Changed(after, self._ended(actor, "close-alert", thread))

        await self._change(actor, alert_id, "close-alert", outcome.code.value, change)

    async def alive(self, actor: Actor) -> list[OwnAlert]:
        """Return all alerts of ours that stand or wait, as far as this person may read them, the newest first."""
        found = await asyncio.to_thread(self._desk.store.threads, kinds=(ThreadKind.ALERT,), states=LOOKED_AFTER)
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

    # ------------------------------------------------------------ what a kind says

    def state(self, value: OwnAlert, thread: Thread) -> ThreadState:
        """Return the state at home; one that has an outcome after its end is open until all who had it are told."""
        again = value.stand is Stand.CLOSED and thread.state is ThreadState.ENDED
        return ThreadState.OPEN if value.stand is Stand.ON or again else thread.state

    def not_now(self, text: str = "") -> Stale:
        """Return the refusal of an act that is not possible now."""
        text = text or "nothing of this alert waits for an approval"
        return Stale(text, code="not-now", where="alert", remedy="read it again: `liaison desk list`")

    def open_to(self, value: OwnAlert) -> set[str]:
        """Return the changes that are possible now."""
        return ({"renew", "lift"} if value.is_alive else set()) | ({"close"} if value.stand in _UNTOLD else set())

    def decided(self, actor: Actor, value: OwnAlert, *, approves: bool, reason: str) -> Changed[OwnAlert]:
        """Return an alert as approved, signed anew for a longer time, or as declined."""
        after = approved(self._desk.parts, value, actor.officer) if approves else declined(value, reason)
        after = self._signed(after) if after.until_us != value.until_us else after
        closed = tuple(office for to in after.to for office in closed_offices(self._desk.parts.trust(), to))
        return Changed(after, told=asked_for(self._desk.parts, value), closed=closed)

    # ------------------------------------------------------------ parts

    def _check(self, alert: OwnAlert, where: tuple[Stand, ...]) -> None:
        if alert.stand not in where:
            raise self.not_now("this alert is over")

    def _ended(self, actor: Actor, act: str, thread: Thread) -> tuple[Work, ...]:
        """Return the approval and the questions for an outcome that wait at home, as done by the end of the alert."""
        waiting = self._desk.store.works(WorkFilter(key=thread.key, kinds=(WorkKind.APPROVE, WorkKind.OUTCOME)))
        return tuple(done(work, actor, act, self._now_us) for work in waiting)

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
        fields = check_fields(command.fields | {"offence": command.offence.value})
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
