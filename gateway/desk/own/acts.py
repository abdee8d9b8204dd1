"""Let humans act on what is ours at home: hand it in once, approve or decline it, change it, list and show it.

Each act is one entry with the rows that it changes. What a kind allows and what it changes, the kind says in its hooks,
which no page, command or call can go round.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from gateway.desk.acting.home import Handed, OwnKind, home_key, written_by
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, check_person, done
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act
from gateway.desk.listing import USUAL_LISTED, Slice
from gateway.desk.own.spread import LOOKED_AFTER
from gateway.desk.raising import Raising, from_draft
from gateway.desk.roles import Matter, matter_by, may, refusal
from gateway.desk.widening import Widens, check_alone
from gateway.errors import Stale
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import Role
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import DeskRows, ReportRow, Thread, Work
from gateway.ports.journal import EntryDraft

Kept = TypeVar("Kept", bound=Handed)
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Changed(Generic[Kept]):
    """Says what an act makes of what is ours: `works` are raised or ended by it, `told` is what else its entry says.

    `act` names the entry where the act turns out to be another one than was asked for, `result` is what ends the work
    of a decision where that is not the act's name, `reason` is the entry's where that is not as it was handed in.
    `closed` are the offices that have closed since it was asked for, and get nothing.
    """

    value: Kept
    works: Sequence[Work] = ()
    reports: tuple[ReportRow, ...] = ()
    told: Mapping[str, Any] = NOTHING
    act: str = ""
    result: str = ""
    reason: str = ""
    closed: tuple[str, ...] = ()


class OwnActs(ABC, Generic[Kept]):
    """The use cases of one kind. `follow` lets what depends on one follow what is at home, after each act."""

    widens: Widens
    raising: ClassVar[tuple[Act, str]]
    """The act of who hands it in, and the name of its entry."""
    changing: ClassVar[Act]
    approving: ClassVar[Act] = Act.APPROVE
    tells: ClassVar[tuple[str, ...]]
    """The fields that the entries of its acts tell."""
    looks: ClassVar[str] = ""
    """Names them in the entries of looks, where each look is an entry; empty: it is none."""

    def __init__(
        self, desk: DeskParts, own: OwnKind[Kept], on_duty: OnDuty, follow: Callable[[ExchangeId], Awaitable[None]]
    ) -> None:
        self.own = own
        self._desk = desk
        self._on_duty = on_duty
        self._follow = follow

    # ------------------------------------------------------------ what a kind says

    @abstractmethod
    def state(self, value: Kept, thread: Thread) -> ThreadState:
        """Return the state of its thread at home after an act."""

    @abstractmethod
    def decided(self, actor: Actor, value: Kept, *, approves: bool, reason: str) -> Changed[Kept]:
        """Return what a second person's decision makes of it; `told` names who asked for it. It reads the store."""

    @abstractmethod
    def not_now(self, text: str = "") -> Stale:
        """Return the refusal of an act that is not possible now; without a text: of a decision for which none waits."""

    @abstractmethod
    def open_to(self, value: Kept) -> set[str]:
        """Return the changes that are possible now."""

    def begun(self, thread: Thread, made: Changed[Kept]) -> tuple[Thread, Changed[Kept]]:
        """Return a new one with the work of its approval, and its thread at home. It reads the store."""
        return thread, made

    # ------------------------------------------------------------ what people do

    async def approve(self, actor: Actor, name: ExchangeId, reason: str, work: str) -> tuple[str, ...]:
        """Approve what another person asked for: it counts from now on. Who asked for it can never do this.

        Return the offices that have closed since it was asked for, which get nothing.
        """
        return (await self._decide(actor, name, reason, work, approves=True)).closed

    async def decline(self, actor: Actor, name: ExchangeId, reason: str, work: str) -> None:
        """Decline what another person asked for; `work` is the approval that this person has read."""
        await self._decide(actor, name, reason, work, approves=False)

    async def approve_work(self, actor: Actor, key: ThreadKey, work: str) -> tuple[str, ...]:
        """Approve what this work asks for, as `approve` does."""
        return await self.approve(actor, key.thread_id, "", work)

    async def decline_work(self, actor: Actor, key: ThreadKey, reason: str, work: str) -> None:
        """Decline what this work asks for."""
        await self.decline(actor, key.thread_id, reason, work)

    async def show(self, actor: Actor, name: ExchangeId) -> Kept:
        """Return one to a person who may read it."""
        value = (await asyncio.to_thread(self.own.found, self._desk, actor, self.own.see, name))[1]
        if self.looks:
            await self._write(name, lambda: desk_act(actor.officer, "look", self._key(name)))
        return value

    async def all(
        self,
        actor: Actor,
        *,
        over: bool = False,
        alive: bool | None = None,
        limit: int = USUAL_LISTED,
        after: str = "",
    ) -> Slice[Kept]:
        """Return those that this person may read, the newest first, behind the place `after`; with `over` ended ones.

        `alive` tells those that go on or wait from all others.
        """
        states, now_us = tuple(ThreadState) if over else LOOKED_AFTER, self._now_us
        if self.looks:
            check_person(actor)
            may(actor.person, self.own.see, Matter(""), now_us)

        def fits(value: Kept) -> Kept | None:
            is_meant = alive is None or value.is_alive is alive
            return value if is_meant and self.own.sees(actor.person, value, now_us) else None

        found: Slice[Kept] = await asyncio.to_thread(self.own.page, self._desk, states, fits, limit, after)
        if self.looks:
            look, read = new_exchange_id(), {self.looks: [one.id for one in found.items]}
            await self._write(
                look, lambda: desk_act(actor.officer, f"read-{self.looks}", self._key(look), content=read)
            )
        return found

    def acts(self, actor: Actor, value: Kept) -> tuple[Work | None, frozenset[str]]:
        """Return the work of its approval, and what this person may do with it. It reads the store."""
        work, decides = self.own.decides(self._desk, actor.person, self.approving, value.id, self._on_duty)
        refused = refusal(actor.person, self.changing, self.own.matter(value), self._now_us)
        return work, frozenset(
            ({"approve", "decline"} if decides else set()) | (set() if refused else self.open_to(value))
        )

    # ------------------------------------------------------------ parts

    @property
    def _now_us(self) -> int:
        return self._desk.parts.clock.now_us()

    def _key(self, name: ExchangeId) -> ThreadKey:
        return home_key(self._desk.parts.member, name)

    async def _write(self, name: ExchangeId, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, self._key(name), make)

    def _may_raise(self, actor: Actor) -> None:
        check_person(actor)
        may(actor.person, self.raising[0], matter_by(actor.officer), self._now_us)

    async def _raise(
        self,
        actor: Actor,
        name: ExchangeId | None,
        make: Callable[[ExchangeId], Awaitable[Changed[Kept]]],
        urgency: Urgency = Urgency.ROUTINE,
        *,
        to_life: bool = False,
    ) -> ExchangeId:
        """Write one down for its approval; return its id. One of this officer under the same name stays as it is."""
        self._may_raise(actor)
        name = name or new_exchange_id()
        first = await asyncio.to_thread(self._desk.store.thread, self._key(name))
        value = self.own.of(first)
        # The name is made of the person and the call's key: one that is there was written by this call before.
        if value is None or value.asker != actor.officer.person:
            made = await make(name)
            await self._write(name, lambda: self._raised(actor, self._key(name), made, urgency, to_life=to_life))
        # Here too: a call that was broken off may have written it and told nobody.
        await self._follow(name)
        return name

    def _raised(
        self, actor: Actor, key: ThreadKey, made: Changed[Kept], urgency: Urgency, *, to_life: bool
    ) -> EntryDraft:
        now_us, officer = self._now_us, actor.officer
        thread = written_by(officer, self.own.kind, key, urgency, now_us)
        work = self._to_approve(thread, now_us, to_life=to_life)
        thread, made = self.begun(thread, replace(made, works=(work,)))
        after = self.own.moved(thread, made.value, self.state(made.value, thread), now_us)
        rows = DeskRows(thread=after, works=tuple(made.works))
        return desk_act(
            officer, self.raising[1], key, work=made.works[0], reason=made.reason, content=self._told(made), rows=rows
        )

    def _to_approve(self, thread: Thread, now_us: int, *, to_life: bool = False) -> Work:
        here = self._on_duty(thread.agency, thread.office, Role.SUPERVISOR, now_us)
        return from_draft(thread, thread.key.thread_id, now_us, to_life=to_life, given=Raising(on_duty=here))

    async def _decide(self, actor: Actor, name: ExchangeId, reason: str, read: str, *, approves: bool) -> Changed[Kept]:
        act, made = f"{'approve' if approves else 'decline'}-{self.own.kind}", list[Changed[Kept]]()

        def make() -> EntryDraft:
            thread, value, work = self.own.to_decide(
                self._desk, actor, self.approving, name, read, self._on_duty, self.not_now()
            )
            after = self.decided(actor, value, approves=approves, reason=reason)
            made.append(after)
            said = after.act or act
            ended = done(work, actor, after.result or said, self._now_us)
            return self._acted(actor, said, thread, after, reason, ended)

        await self._write(name, make)
        await self._follow(name)
        # The writer drafts anew where another process was first: the last draft is the one that was written.
        return made[-1]

    async def _change(
        self, actor: Actor, name: ExchangeId, act: str, reason: str, change: Callable[[Kept, Thread], Changed[Kept]]
    ) -> None:
        """Let `change` make another value of one that this person may change, and bring that to counterparts."""

        def make() -> EntryDraft:
            thread, value = self.own.found(self._desk, actor, self.changing, name)
            after = change(value, thread)
            return self._acted(actor, after.act or act, thread, after, reason)

        await self._write(name, make)
        await self._follow(name)

    def _acted(
        self, actor: Actor, act: str, thread: Thread, after: Changed[Kept], reason: str, *ended: Work
    ) -> EntryDraft:
        check_alone(act, self.widens, self.own.read(thread), after.value)
        moved = self.own.moved(thread, after.value, self.state(after.value, thread), self._now_us)
        works = (*ended, *after.works)
        rows = DeskRows(thread=moved, before=thread.version, works=works, reports=after.reports)
        work, said = works[0] if works else None, after.reason or reason
        return desk_act(actor.officer, act, thread.key, work=work, reason=said, content=self._told(after), rows=rows)

    def _told(self, after: Changed[Kept]) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(after.value)
        return {field: plain[field] for field in self.tells} | dict(after.told)
