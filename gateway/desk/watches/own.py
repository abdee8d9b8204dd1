"""Let humans act on watches of ours: ask for one, approve or decline it, say again that it is needed, end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.home import Stand, home_key, written_by
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, check_person, done
from gateway.desk.acts import Act
from gateway.desk.ending.works import End, ended_works
from gateway.desk.entries import asked_by, desk_act
from gateway.desk.listing import USUAL_LISTED, Slice
from gateway.desk.raising import Raising, for_revalidating, from_draft, work_id
from gateway.desk.roles import matter_by, may, refusal
from gateway.desk.watches.checks import check_command, check_until
from gateway.desk.watches.looking import Looker
from gateway.desk.watches.spread import WatchSpread, state_at_home
from gateway.desk.watches.values import (
    AGAIN_US,
    AHEAD_US,
    USUAL_US,
    WATCHES,
    WIDENS,
    AddWatch,
    OwnAddressee,
    OwnWatch,
    Renewal,
    asked_of,
)
from gateway.desk.watches.wide import check_count
from gateway.desk.widening import check_alone
from gateway.errors import Forbidden, Stale
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_LIVE = (ThreadState.NEW, ThreadState.OPEN, ThreadState.PAUSED)
Change = Callable[[OwnWatch, int], OwnWatch]


class OwnWatches:
    """The use cases of watches of ours."""

    def __init__(
        self, desk: DeskParts, spread: WatchSpread, looker: Looker, walls: Iterable[Bulkhead], on_duty: OnDuty
    ) -> None:
        self._desk = desk
        self._spread = spread
        self._looker = looker
        self._walls = tuple(walls)
        self._on_duty = on_duty

    async def add(self, actor: Actor, command: AddWatch, watch_id: ExchangeId | None = None) -> ExchangeId:
        """Write a watch down for its approval; return its id. Raises `Forbidden` with `too-wide`, and how wide it is.

        A `watch_id` that this officer has used names the first watch, which stays as it is.
        """
        now_us, officer = self._now_us, actor.officer
        check_person(actor)
        may(actor.person, Act.RAISE_WATCH, matter_by(officer), now_us)
        name = watch_id or new_exchange_id()
        key = home_key(self._desk.parts.member, name)
        first = await asyncio.to_thread(self._desk.store.thread, key)
        if first is not None and first.officer == officer.person:
            return name
        watch = await asyncio.to_thread(self._made, actor, command, name, now_us)
        count, capped = await self._looker.count(command.subject, command.purpose, self._walls, officer)
        try:
            check_count(count, capped=capped)
        except Forbidden:  # how wide it is, is told: so it is an entry, as what stands is
            content = _told(watch) | {"count": count, "capped": capped}
            draft = desk_act(officer, "watch-too-wide", key, content=content)
            await self._desk.pen.write(self._desk.parts.member, key, lambda: draft)
            raise
        await self._desk.pen.write(self._desk.parts.member, key, lambda: self._raised(key, actor, watch, now_us))
        return name

    async def approve(self, actor: Actor, watch_id: ExchangeId, reason: str, work: str) -> None:
        """Approve a watch, or that it goes on: never one's own."""
        await self._approval(actor, watch_id, "approve-watch", reason, _approved(actor), work)

    async def decline(self, actor: Actor, watch_id: ExchangeId, reason: str, work: str) -> None:
        """Decline a watch. One that stands goes on until its own times end it."""
        await self._approval(actor, watch_id, "decline-watch", reason, _declined(reason), work)

    async def renew(self, actor: Actor, watch_id: ExchangeId, until_us: int = 0, reason: str = "") -> None:
        """Say that a watch is still needed, until a time; a supervisor must approve it."""
        key = home_key(self._desk.parts.member, watch_id)

        def make() -> EntryDraft:
            (thread, watch), now_us = self._changeable(actor, watch_id), self._now_us
            if watch.stand is Stand.WAITING or watch.renewal is not None:
                raise _not_now("it waits for its approval already")
            until = until_us or now_us + USUAL_US
            check_until(until, now_us)
            after = replace(watch, renewal=Renewal(until, actor.officer, reason))
            asked = replace(thread, officer=actor.officer.person)
            work = replace(self._to_approve(asked, now_us), id=work_id(thread, WorkKind.APPROVE, new_exchange_id()))
            said = self._desk.store.works(WorkFilter(key=key, kinds=(WorkKind.REVALIDATE,)))
            ended = (done(each, actor, "renewed", now_us) for each in said)
            return self._acted(actor, "renew-watch", thread, after, reason, (work, *ended), now_us)

        await self._desk.pen.write(self._desk.parts.member, key, make)

    async def end(self, actor: Actor, watch_id: ExchangeId, reason: str = "") -> None:
        """End a watch; its recipients are told, and watch no more."""
        key = home_key(self._desk.parts.member, watch_id)

        def make() -> EntryDraft:
            (thread, watch), now_us = self._changeable(actor, watch_id), self._now_us
            ended = ended_works(self._desk.store.works(WorkFilter(key=key)), End.WITHDRAWN, now_us)
            after = replace(watch, stand=Stand.ENDED, reason=reason, renewal=None)
            return self._acted(actor, "end-watch", thread, after, reason, ended, now_us)

        await self._desk.pen.write(self._desk.parts.member, key, make)
        await self._spread.bring_up(watch_id)

    async def show(self, actor: Actor, watch_id: ExchangeId) -> OwnWatch:
        """Return a watch of ours to a person who may read it."""
        return (await asyncio.to_thread(WATCHES.found, self._desk, actor, Act.SEE, watch_id))[1]

    async def all(
        self, actor: Actor, *, over: bool = False, alive: bool | None = None, limit: int = USUAL_LISTED, after: str = ""
    ) -> Slice[OwnWatch]:
        """Return watches of ours that this person may read, the newest first; with `over` those that ended, too.

        `alive` tells those that stand, wait or are paused from all others. The page begins behind the place `after`.
        """
        now_us, states = self._now_us, tuple(ThreadState) if over else _LIVE

        def fits(watch: OwnWatch) -> OwnWatch | None:
            is_meant = alive is None or watch.is_alive is alive
            return watch if is_meant and WATCHES.sees(actor.person, watch, now_us) else None

        return await asyncio.to_thread(WATCHES.page, self._desk, states, fits, limit, after)

    def acts(self, actor: Actor, watch: OwnWatch) -> tuple[Work | None, frozenset[str]]:
        """Return the work of a watch's approval, and what this person may do with it. It reads the store."""
        now_us, acts = self._now_us, set[str]()
        work, decides = WATCHES.decides(self._desk, actor.person, Act.APPROVE, watch.id, self._on_duty)
        if decides:
            acts |= {"approve", "decline"}
        if watch.is_alive and not refusal(actor.person, Act.CHANGE_WATCH, matter_by(watch.author), now_us):
            acts |= {"end"} if watch.stand is Stand.WAITING or watch.renewal is not None else {"renew", "end"}
        return work, frozenset(acts)

    # ------------------------------------------------------------ parts

    @property
    def _now_us(self) -> int:
        return self._desk.parts.clock.now_us()

    def _changeable(self, actor: Actor, watch_id: ExchangeId) -> tuple[Thread, OwnWatch]:
        thread, watch = WATCHES.found(self._desk, actor, Act.CHANGE_WATCH, watch_id)
        if not watch.is_alive:
            raise _not_now("this watch is over")
        return thread, watch

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

    def _raised(self, key: ThreadKey, actor: Actor, watch: OwnWatch, now_us: int) -> EntryDraft:
        officer = actor.officer
        thread = written_by(officer, ThreadKind.WATCH, key, Urgency.ROUTINE, now_us)
        work = self._to_approve(thread, now_us)
        rows = DeskRows(thread=WATCHES.moved(thread, watch, ThreadState.NEW, now_us), works=(work,))
        return desk_act(officer, "add-watch", key, work=work, content=_told(watch), rows=rows)

    def _to_approve(self, thread: Thread, now_us: int) -> Work:
        here = self._on_duty(thread.agency, thread.office, Role.SUPERVISOR, now_us)
        return from_draft(thread, thread.key.thread_id, now_us, given=Raising(on_duty=here))

    async def _approval(
        self, actor: Actor, watch_id: ExchangeId, act: str, reason: str, change: Change, read: str
    ) -> None:
        key = home_key(self._desk.parts.member, watch_id)

        def make() -> EntryDraft:
            idle, now_us = _not_now("nothing of this watch waits for an approval"), self._now_us
            thread, watch, work = WATCHES.to_decide(self._desk, actor, Act.APPROVE, watch_id, read, self._on_duty, idle)
            after = change(watch, now_us)
            again = self._again(thread, after) if after.renewed != watch.renewed else ()
            asked = asked_by("add-watch", watch.author)
            if watch.renewal is not None:
                asked = asked_by("renew-watch", watch.renewal.by)
            return self._acted(
                actor, act, thread, after, reason, (done(work, actor, act, now_us), *again), now_us, asked
            )

        await self._desk.pen.write(self._desk.parts.member, key, make)
        await self._spread.bring_up(watch_id)

    def _again(self, thread: Thread, watch: OwnWatch) -> tuple[Work, ...]:
        """Return the work of saying again that a watch is needed; none where its own time ends it before."""
        if watch.until_us <= watch.revalidate_by_us:
            return ()
        by_us = watch.revalidate_by_us
        return (for_revalidating(thread, f"{watch.id}.{watch.renewed}", by_us - AHEAD_US, by_us),)

    def _acted(
        self,
        actor: Actor,
        act: str,
        thread: Thread,
        watch: OwnWatch,
        reason: str,
        works: tuple[Work, ...],
        now_us: int,
        asked: Mapping[str, Any] = MappingProxyType({}),
    ) -> EntryDraft:
        """Draft an act; `asked` names who asked for what it approves."""
        check_alone(act, WIDENS, WATCHES.read(thread), watch)
        state = state_at_home(watch, thread.state)
        rows = DeskRows(thread=WATCHES.moved(thread, watch, state, now_us), before=thread.version, works=works)
        work = works[0] if works else None
        content = _told(watch) | dict(asked)
        return desk_act(actor.officer, act, thread.key, work=work, reason=reason, content=content, rows=rows)


def _approved(actor: Actor) -> Change:
    """Return what an approval does: the watch stands, or stands for longer, and is to be said again to be needed."""

    def change(watch: OwnWatch, now_us: int) -> OwnWatch:
        asked = watch.renewal
        until_us = asked.until_us if asked is not None else watch.until_us
        is_author = actor.officer.person == watch.author.person
        return replace(
            watch,
            stand=Stand.ON,
            approver=asked.by if asked is not None and is_author else actor.officer,
            until_us=until_us,
            revalidate_by_us=min(until_us, now_us + AGAIN_US),
            renewal=None,
            renewed=watch.renewed + 1,
            watched=None,
            reason="",
        )

    return change


def _declined(reason: str) -> Change:
    def change(watch: OwnWatch, _now_us: int) -> OwnWatch:
        if watch.stand is Stand.WAITING:
            return replace(watch, stand=Stand.DECLINED, reason=reason)
        return replace(watch, renewal=None)

    return change


def _told(watch: OwnWatch) -> dict[str, Any]:
    """Return what the entry of an act says of a watch."""
    plain: dict[str, Any] = msgspec.to_builtins(watch)
    names = ("id", "to", "kind", "asked", "case", "until_us", "revalidate_by_us", "no_tip_off", "stand", "renewal")
    return {name: plain[name] for name in names}


def _not_now(text: str) -> Stale:
    return Stale(text, code="not-now", where="watch", remedy="read it again: `liaison watch show`")
