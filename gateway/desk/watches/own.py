"""Let humans act on watches of ours: ask for one, approve or decline it, say again that it is needed, end it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from msgspec.structs import replace

from gateway.desk.acting.home import Stand
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, done
from gateway.desk.acts import Act
from gateway.desk.entries import asked_by, desk_act
from gateway.desk.own.acts import Changed, OwnActs
from gateway.desk.raising import End, ended_works, for_revalidating, work_id
from gateway.desk.watches.checks import check_command, check_until
from gateway.desk.watches.looking import Looker
from gateway.desk.watches.spread import WatchSpread, state_at_home
from gateway.desk.watches.values import (
    AGAIN_US,
    AHEAD_US,
    USUAL_US,
    WIDENS,
    OwnAddressee,
    OwnWatch,
    Renewal,
    asked_of,
)
from gateway.desk.watches.wide import check_count
from gateway.errors import Forbidden, Stale
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.watches import AddWatch
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import Thread, Work, WorkFilter


class OwnWatches(OwnActs[OwnWatch]):
    """The use cases of watches of ours."""

    widens = WIDENS
    raising: ClassVar = (Act.RAISE_WATCH, "add-watch")
    changing: ClassVar = Act.CHANGE_WATCH
    tells: ClassVar = (
        *("id", "to", "kind", "asked", "case", "until_us", "revalidate_by_us", "no_tip_off", "stand", "renewal"),
    )

    def __init__(
        self, desk: DeskParts, spread: WatchSpread, looker: Looker, walls: Iterable[Bulkhead], on_duty: OnDuty
    ) -> None:
        super().__init__(desk, spread.home, on_duty, spread.bring_up)
        self._looker = looker
        self._walls = tuple(walls)

    async def add(self, actor: Actor, command: AddWatch, watch_id: ExchangeId | None = None) -> ExchangeId:
        """Write a watch down for its approval; return its id. Raises `Forbidden` with `too-wide`, and how wide it is.

        A `watch_id` that this officer has used names the first watch, which stays as it is.
        """

        async def make(name: ExchangeId) -> Changed[OwnWatch]:
            made = Changed(await asyncio.to_thread(self._made, actor, command, name, self._now_us))
            count, capped = await self._looker.count(command.subject, command.purpose, self._walls, actor.officer)
            try:
                check_count(count, capped=capped)
            except Forbidden:  # how wide it is, is told: so it is an entry, as what stands is
                content = self._told(made) | {"count": count, "capped": capped}
                await self._write(
                    name, lambda: desk_act(actor.officer, "watch-too-wide", self._key(name), content=content)
                )
                raise
            return made

        return await self._raise(actor, watch_id, make)

    async def renew(self, actor: Actor, watch_id: ExchangeId, until_us: int = 0, reason: str = "") -> None:
        """Say that a watch is still needed, until a time; a supervisor must approve it."""

        def change(watch: OwnWatch, thread: Thread) -> Changed[OwnWatch]:
            self._check_alive(watch)
            if "renew" not in self.open_to(watch):
                raise self.not_now("it waits for its approval already")
            now_us = self._now_us
            until = until_us or now_us + USUAL_US
            check_until(until, now_us)
            asked = replace(thread, officer=actor.officer.person)
            work = replace(self._to_approve(asked, now_us), id=work_id(thread, WorkKind.APPROVE, new_exchange_id()))
            said = self._desk.store.works(WorkFilter(key=thread.key, kinds=(WorkKind.REVALIDATE,)))
            ended = (done(each, actor, "renewed", now_us) for each in said)
            return Changed(replace(watch, renewal=Renewal(until, actor.officer, reason)), (work, *ended))

        await self._change(actor, watch_id, "renew-watch", reason, change)

    async def end(self, actor: Actor, watch_id: ExchangeId, reason: str = "") -> None:
        """End a watch; its recipients are told, and watch no more."""

        def change(watch: OwnWatch, thread: Thread) -> Changed[OwnWatch]:
            self._check_alive(watch)
            ended = ended_works(self._desk.store.works(WorkFilter(key=thread.key)), End.WITHDRAWN, self._now_us)
            return Changed(replace(watch, stand=Stand.ENDED, reason=reason, renewal=None), ended)

        await self._change(actor, watch_id, "end-watch", reason, change)

    # ------------------------------------------------------------ what a kind says

    def state(self, value: OwnWatch, thread: Thread) -> ThreadState:
        """Return the state of the thread at home."""
        return state_at_home(value, thread.state)

    def not_now(self, text: str = "") -> Stale:
        """Return the refusal of an act that is not possible now."""
        text = text or "nothing of this watch waits for an approval"
        return Stale(text, code="not-now", where="watch", remedy="read it again: `liaison watch show`")

    def open_to(self, value: OwnWatch) -> set[str]:
        """Return the changes that are possible now: one that waits is not renewed."""
        if not value.is_alive:
            return set()
        return {"end"} if value.stand is Stand.WAITING or value.renewal is not None else {"renew", "end"}

    def decided(self, actor: Actor, value: OwnWatch, *, approves: bool, reason: str) -> Changed[OwnWatch]:
        """Return a watch as declined, or as approved: it counts, or counts for longer, and is to be said again."""
        asked = value.renewal
        told = asked_by("add-watch", value.author) if asked is None else asked_by("renew-watch", asked.by)
        if not approves:
            is_new = value.stand is Stand.WAITING
            after = replace(value, stand=Stand.DECLINED, reason=reason) if is_new else replace(value, renewal=None)
            return Changed(after, told=told)
        until_us = asked.until_us if asked is not None else value.until_us
        is_author = actor.officer.person == value.author.person
        after = replace(
            value,
            stand=Stand.ON,
            approver=asked.by if asked is not None and is_author else actor.officer,
            until_us=until_us,
            revalidate_by_us=min(until_us, self._now_us + AGAIN_US),
            renewal=None,
            renewed=value.renewed + 1,
            watched=None,
            reason="",
        )
        return Changed(after, self._again(after), told=told)

    # ------------------------------------------------------------ parts

    def _check_alive(self, watch: OwnWatch) -> None:
        if not watch.is_alive:
            raise self.not_now("this watch is over")

    def _made(self, actor: Actor, command: AddWatch, name: ExchangeId, now_us: int) -> OwnWatch:
        agreements = check_command(self._desk.parts, actor.officer, command, now_us)
        until_us = command.until_us or now_us + USUAL_US
        check_until(until_us, now_us)
        kind, asked = asked_of(command.subject)
        return OwnWatch(
            id=name,
            author=actor.officer,
            to=tuple(
                OwnAddressee(to, new_exchange_id(), agreement)
                for to, agreement in zip(command.to, agreements, strict=True)
            ),
            kind=kind,
            asked=asked,
            purpose=command.purpose,
            offence=command.offence,
            case=command.case,
            raised_us=now_us,
            until_us=until_us,
            revalidate_by_us=min(until_us, now_us + AGAIN_US),
            no_tip_off=command.no_tip_off,
            stand=Stand.WAITING,
        )

    def _again(self, watch: OwnWatch) -> tuple[Work, ...]:
        """Return the work of saying again that a watch is needed; none where its own time ends it before."""
        thread = self._desk.store.thread(self._key(watch.id))
        if thread is None or watch.until_us <= watch.revalidate_by_us:
            return ()
        by_us = watch.revalidate_by_us
        return (for_revalidating(thread, f"{watch.id}.{watch.renewed}", by_us - AHEAD_US, by_us),)
