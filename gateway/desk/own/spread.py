"""Make the threads with counterparts follow what is written at home, and let clocks change it there.

The state that an alert, a report, a watch or the like should have is written at home first, in one transaction.
What is missing in a thread is written then, and again in the next round where the process ended in between.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec

from gateway.desk.acting.home import OwnKind, home_key
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.authoring import Also, Post, check_notice
from gateway.desk.delivery.effects import Effects
from gateway.desk.entries import desk_clock
from gateway.errors import LiaisonError, Stale, StorageBroken
from gateway.model.desk.notices import Body, Notice, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer, Requester
from gateway.ports.desk import DeskRows, Thread, Work
from gateway.ports.journal import EntryDraft

LOOKED_AFTER = (ThreadState.NEW, ThreadState.OPEN, ThreadState.PAUSED)
"""The states at home of what is looked after: it waits for its approval, goes on, or is not told to all yet."""

_ATTEMPTS = 8
"""Notices of the other side may come in between so often before the next round goes on."""


class Addressee(Protocol):
    """Whom something of ours is told, in a thread of its own."""

    @property
    def member(self) -> MemberId:
        """The counterpart."""

    @property
    def thread_id(self) -> ExchangeId:
        """The id of the thread with it."""


V = TypeVar("V", bound=msgspec.Struct)
T = TypeVar("T", bound=Addressee)


@dataclass(frozen=True, slots=True)
class Clocked(Generic[V]):
    """Says what a clock makes of what we hold, or its end once all were told. `code` names it in the entry."""

    value: V
    code: str
    state: ThreadState
    works: tuple[Work, ...] = ()


class Telling(ABC, Generic[V, T]):
    """Writes what is missing in the threads with counterparts, one after the other; `T` is one of these.

    One that fails does not keep out the others.
    """

    def __init__(self, desk: DeskParts) -> None:
        self._desk = desk

    @abstractmethod
    def missing(self, value: V, to: T, thread: Thread | None) -> Post | None:
        """Return the notice that brings a thread to where it should stand; None where it stands there."""

    def without(self, value: V, to: T, error: LiaisonError, /) -> V | None:
        """Return it without a counterpart that is left out after this refusal; None: it is tried in the next round."""

    def changed(self) -> Stale:
        """Return the refusal of what was drafted before something else was written."""
        return Stale("the thread has changed meanwhile", code="not-now", where="thread")

    async def tell(self, value: V, to: Iterable[T]) -> tuple[bool, list[tuple[T, LiaisonError]]]:
        """Write what is missing; tell whether nothing is any more, and which counterparts are left out, and why.

        Raises the first other refusal once all were tried.
        """
        left: list[tuple[T, LiaisonError]] = []
        problem: LiaisonError | None = None
        are_told = True
        for one in to:
            try:
                are_told &= await self._one(value, one)
            except StorageBroken:
                raise
            except LiaisonError as error:
                if self.without(value, one, error) is None:
                    problem = problem or error
                else:
                    left.append((one, error))
        if problem is not None:
            raise problem
        return are_told, left

    def post(
        self,
        peer: MemberId,
        body: Body,
        author: Officer,
        approver: Officer | None,
        purpose: Purpose,
        offence: Offence,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Post:
        """Return a notice as an officer says it, and as another one has approved it, under their names for `peer`."""
        return Post(
            body,
            urgency,
            purpose,
            offence,
            self.named(author, peer),
            approver=self.named(approver, peer) if approver is not None else None,
            by=author,
            approved_by=approver,
            agency=author.agency,
            office=author.office,
            officer=author.person,
        )

    def named(self, officer: Officer, peer: MemberId) -> Requester:
        """Return an officer under the name for one pair of countries."""
        return officer.as_requester(self._desk.pseudonym(officer.person, peer))

    async def _one(self, value: V, to: T) -> bool:
        """Write what is missing in one thread, where it is still at the version at which that was found out."""
        key, tries = ThreadKey(to.member, to.thread_id), 0

        def next_post() -> tuple[Post | None, int]:
            thread = self._desk.store.thread(key)
            return self.missing(value, to, thread), thread.version if thread is not None else 0

        while True:
            post, version = await asyncio.to_thread(next_post)
            if post is None or tries == _ATTEMPTS:
                return post is None
            try:
                await self._desk.author.post(key, post, self._at(version))
            except Stale as error:
                # Something came into the thread between reading and writing: what is missing is found out anew.
                if error.code != "not-now":
                    raise
                tries += 1

    def _at(self, version: int) -> Also:
        """Return the check that a thread is still at this version, and that policy allows the notice."""

        def also(before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if (before.version if before is not None else 0) != version:
                raise self.changed()
            check_notice(self._desk.parts, notice, notice.issued_us)
            return Effects()

        return also


class Spread(Telling[V, T]):
    """Brings what stands in threads at home to counterparts, in the call that changes it and in rounds."""

    home: OwnKind[V]
    """How threads at home hold it."""

    remembers: ClassVar[bool] = False
    """Where nothing is missing once all were told, threads are read again only after a change at home, or of them."""

    def __init__(self, desk: DeskParts) -> None:
        super().__init__(desk)
        self._told: dict[ThreadKey, tuple[int, tuple[T, ...]]] = {}
        self._next_us = 0

    # ------------------------------------------------------------ what a kind says

    @abstractmethod
    def to(self, value: V) -> Iterable[T]:
        """Return who is to be told."""

    def due(self, thread: Thread, value: V, now_us: int) -> Clocked[V] | None:
        """Return what a clock makes of it now. It reads the store."""

    def settled(self, thread: Thread, value: V) -> Clocked[V] | None:
        """Return what becomes of it at home once nothing is missing in its threads. It reads the store."""

    def times(self, thread: Thread, value: V) -> Iterable[int] | None:
        """Return the times at which it is looked at again; None: in each round. It reads the store."""

    # ------------------------------------------------------------ what is done with it

    def key(self, name: ExchangeId) -> ThreadKey:
        """Return the key of the thread that holds it at home."""
        return home_key(self._desk.parts.member, name)

    async def bring_up(self, name: ExchangeId) -> None:
        """Write what is missing in the threads of one, now."""
        # Before anything is awaited: a round that runs now must not set a later time over it.
        self._next_us = 0
        await self._follow(self.key(name))

    async def round(self) -> None:
        """Let the clocks change what is due, and write what is missing."""
        now_us = self._desk.parts.clock.now_us()
        if now_us < self._next_us:
            return
        self._next_us = now_us
        alive, times = await asyncio.to_thread(self._alive)
        if self._next_us:  # a call that has changed something meanwhile asks for the next round
            self._next_us = min((time for time in times if time > now_us), default=0)
        # What is looked after no more is forgotten.
        self._told = {one.key: self._told[one.key] for one, _ in alive if one.key in self._told}
        problem: LiaisonError | None = None
        for thread, to in alive:
            try:
                is_changed = await self._clock(thread, lambda now, value: self.due(now, value, self._now_us))
                if is_changed or self._told.get(thread.key) != (thread.version, to):
                    await self._follow(thread.key)
            except StorageBroken:
                raise
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    # ------------------------------------------------------------ parts

    @property
    def _now_us(self) -> int:
        return self._desk.parts.clock.now_us()

    def _alive(self) -> tuple[list[tuple[Thread, tuple[T, ...]]], list[int]]:
        me, times = self._desk.parts.member, list[int]()
        alive: list[tuple[Thread, tuple[T, ...]]] = []
        for thread in self._desk.store.threads(kinds=(self.home.kind,), states=LOOKED_AFTER, peer=me):
            if (value := self.home.of(thread)) is not None:
                alive.append((thread, tuple(self.to(value))))
                times += self.times(thread, value) or ()
        return alive, times

    def _home(self, key: ThreadKey) -> tuple[Thread, V, tuple[T, ...]]:
        thread = self._desk.store.thread(key)
        value = self.home.read(thread, key.thread_id)
        assert thread is not None
        return thread, value, tuple(self.to(value))

    async def _follow(self, key: ThreadKey) -> None:
        """Write what is missing in the threads; once nothing is, let what stands at home be settled."""
        thread, value, to = await asyncio.to_thread(self._home, key)
        are_told, left = await self.tell(value, to)
        if not are_told:
            return

        def settled(now: Thread, what: V) -> Clocked[V] | None:
            # Left out of what stands at home now, which may have other counterparts than when they were told.
            for one, error in left:
                what = self.without(what, one, error) or what
            return self.settled(now, what)

        await self._clock(thread, settled)
        if self.remembers:
            self._told[key] = thread.version, to

    async def _clock(self, seen: Thread, change: Callable[[Thread, V], Clocked[V] | None]) -> bool:
        """Write what a clock makes of what stands at home, where it is still as `seen`; tell whether there was any."""

        def make() -> EntryDraft:
            thread = self._desk.store.thread(seen.key)
            after = change(thread, self.home.read(thread)) if thread is not None else None
            if thread is None or after is None or thread.version != seen.version:
                raise self.changed()
            rows = DeskRows(
                thread=self.home.moved(thread, after.value, after.state, self._now_us),
                before=thread.version,
                works=after.works,
            )
            return desk_clock(thread.key, after.code, rows)

        # Asked for before an order is made: rounds find nothing to write for nearly all threads.
        if await asyncio.to_thread(lambda: change(seen, self.home.read(seen))) is None:
            return False
        await self._desk.pen.write_if_first(self._desk.parts.member, seen.key, make)
        return True
