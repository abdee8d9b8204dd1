"""Let humans act on watches of ours: ask for one, approve or decline it, say again that it is needed, end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.step import OnDuty, as_read, check_person
from gateway.desk.acts import Act
from gateway.desk.ending.works import End, ended_works
from gateway.desk.entries import asked_by, desk_act
from gateway.desk.listing import USUAL_LISTED, Slice, slice_of
from gateway.desk.raising import Raising, for_revalidating, from_draft, work_id
from gateway.desk.roles import Matter, matter_by, matter_of, may, refusal
from gateway.desk.watches.checks import check_command, check_until
from gateway.desk.watches.looking import Looker
from gateway.desk.watches.spread import Spread, moved, state_at_home
from gateway.desk.watches.values import (
    AGAIN_US,
    AHEAD_US,
    USUAL_US,
    WIDENS,
    AddWatch,
    OwnAddressee,
    OwnWatch,
    Renewal,
    Stand,
    asked_of,
    home_key,
    read_own,
)
from gateway.desk.watches.wide import check_count
from gateway.desk.widening import check_alone
from gateway.errors import Forbidden, Stale
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Level, Role, WorkKind
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import DeskRows, ListPlace, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_LIVE = (ThreadState.NEW, ThreadState.OPEN, ThreadState.PAUSED)
Change = Callable[[OwnWatch, int], OwnWatch]


class OwnWatches:
    """The use cases of watches of ours."""

    def __init__(
        self, desk: DeskParts, spread: Spread, looker: Looker, walls: Iterable[Bulkhead], on_duty: OnDuty
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
        key = self._key(name)
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
        key = self._key(watch_id)
        check_person(actor)

        def make() -> EntryDraft:
            thread, now_us = self._desk.store.thread(key), self._now_us
            watch = self._changeable(actor, thread, watch_id)
            assert thread is not None
            if watch.stand is Stand.WAITING or watch.renewal is not None:
                raise _not_now("it waits for its approval already")
            until = until_us or now_us + USUAL_US
            check_until(until, now_us)
            after = replace(watch, renewal=Renewal(until, actor.officer, reason))
            asked = replace(thread, officer=actor.officer.person)
            work = replace(self._to_approve(asked, now_us), id=work_id(thread, WorkKind.APPROVE, new_exchange_id()))
            done = tuple(
                replace(each, done_us=now_us, by=actor.officer.person, result="renewed")
                for each in self._desk.store.works(WorkFilter(key=key, kinds=(WorkKind.REVALIDATE,)))
            )
            return self._acted(actor, "renew-watch", thread, after, reason, (work, *done), now_us)

        await self._desk.pen.write(self._desk.parts.member, key, make)

    async def end(self, actor: Actor, watch_id: ExchangeId, reason: str = "") -> None:
        """End a watch; its recipients are told, and watch no more."""
        key = self._key(watch_id)
        check_person(actor)

        def make() -> EntryDraft:
            thread, now_us = self._desk.store.thread(key), self._now_us
            watch = self._changeable(actor, thread, watch_id)
            assert thread is not None
            done = ended_works(self._desk.store.works(WorkFilter(key=key)), End.WITHDRAWN, now_us)
            after = replace(watch, stand=Stand.ENDED, reason=reason, renewal=None)
            return self._acted(actor, "end-watch", thread, after, reason, done, now_us)

        await self._desk.pen.write(self._desk.parts.member, key, make)
        await self._spread.bring_up(watch_id)

    async def show(self, actor: Actor, watch_id: ExchangeId) -> OwnWatch:
        """Return a watch of ours to a person who may read it."""
        thread = await asyncio.to_thread(self._desk.store.thread, self._key(watch_id))
        watch = read_own(thread, watch_id)
        may(actor.person, Act.SEE, matter_by(watch.author), self._now_us)
        return watch

    async def all(
        self, actor: Actor, *, over: bool = False, alive: bool | None = None, limit: int = USUAL_LISTED, after: str = ""
    ) -> Slice[OwnWatch]:
        """Return watches of ours that this person may read, the newest first; with `over` those that ended, too.

        `alive` tells those that stand, wait or are paused from all others. The page begins behind the place `after`.
        """
        return await asyncio.to_thread(self._slice, actor, over, alive, limit, after)

    def _slice(self, actor: Actor, over: bool, alive: bool | None, limit: int, after: str) -> Slice[OwnWatch]:
        now_us, me, states = self._now_us, self._desk.parts.member, tuple(ThreadState) if over else _LIVE

        def read(behind: ListPlace | None, count: int) -> list[Thread]:
            return self._desk.store.threads(
                kinds=(ThreadKind.WATCH,), states=states, peer=me, behind=behind, limit=count
            )

        def fits(thread: Thread) -> OwnWatch | None:
            watch = read_own(thread) if thread.draft else None
            if watch is None or (alive is not None and watch.is_alive is not alive):
                return None
            return None if refusal(actor.person, Act.SEE, matter_by(watch.author), now_us) else watch

        return slice_of(read, fits, limit, after)

    def acts(self, actor: Actor, watch: OwnWatch) -> tuple[Work | None, frozenset[str]]:
        """Return the work of a watch's approval, and what this person may do with it. It reads the store."""
        now_us, acts = self._now_us, set[str]()
        work = self._spread.approval(self._key(watch.id))
        if work is not None and not refusal(actor.person, Act.APPROVE, self._matter_of(work, now_us), now_us):
            acts |= {"approve", "decline"}
        if watch.is_alive and not refusal(actor.person, Act.CHANGE_WATCH, matter_by(watch.author), now_us):
            acts |= {"end"} if watch.stand is Stand.WAITING or watch.renewal is not None else {"renew", "end"}
        return work, frozenset(acts)

    # ------------------------------------------------------------ parts

    @property
    def _now_us(self) -> int:
        return self._desk.parts.clock.now_us()

    def _key(self, watch_id: ExchangeId) -> ThreadKey:
        return home_key(self._desk.parts.member, watch_id)

    def _changeable(self, actor: Actor, thread: Thread | None, watch_id: ExchangeId) -> OwnWatch:
        watch = read_own(thread, watch_id)
        may(actor.person, Act.CHANGE_WATCH, matter_by(watch.author), self._now_us)
        if not watch.is_alive:
            raise _not_now("this watch is over")
        return watch

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
        thread = Thread(
            key,
            ThreadKind.WATCH,
            opener=True,
            state=ThreadState.NEW,
            urgency=Urgency.ROUTINE,
            version=0,
            opened_us=now_us,
            group_id=watch.id,
            office=officer.office,
            agency=officer.agency,
            officer=officer.person,
        )
        work = self._to_approve(thread, now_us)
        rows = DeskRows(thread=moved(thread, watch, ThreadState.NEW, now_us), works=(work,))
        return desk_act(officer, "add-watch", key, work=work, content=_told(watch), rows=rows)

    def _to_approve(self, thread: Thread, now_us: int) -> Work:
        here = self._on_duty(thread.agency, thread.office, Role.SUPERVISOR, now_us)
        return from_draft(thread, thread.key.thread_id, now_us, given=Raising(on_duty=here))

    def _matter_of(self, work: Work, now_us: int) -> Matter:
        """Return the facts about an approval: at its end the national desk may do it beside a supervisor on duty."""
        here = work.level is not Level.END and self._on_duty(work.agency, work.office, Role.SUPERVISOR, now_us)
        return matter_of(work, supervisor_on_duty=here)

    async def _approval(
        self, actor: Actor, watch_id: ExchangeId, act: str, reason: str, change: Change, read: str
    ) -> None:
        key = self._key(watch_id)
        check_person(actor)

        def make() -> EntryDraft:
            now_us = self._now_us
            thread, work = self._desk.store.thread(key), as_read(self._spread.approval(key), read)
            watch = read_own(thread, watch_id)
            if work is None or thread is None or not watch.is_alive:
                raise _not_now("nothing of this watch waits for an approval")
            may(actor.person, Act.APPROVE, self._matter_of(work, now_us), now_us)
            after = change(watch, now_us)
            done = replace(work, done_us=now_us, by=actor.officer.person, result=act)
            again = self._again(thread, after) if after.renewed != watch.renewed else ()
            asked = asked_by("add-watch", watch.author)
            if watch.renewal is not None:
                asked = asked_by("renew-watch", watch.renewal.by)
            return self._acted(actor, act, thread, after, reason, (done, *again), now_us, asked)

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
        check_alone(act, WIDENS, read_own(thread), watch)
        state = state_at_home(watch, thread.state)
        rows = DeskRows(thread=moved(thread, watch, state, now_us), before=thread.version, works=works)
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
