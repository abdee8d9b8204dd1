"""Freeze the account of an officer, and free it again: each time one person asks for it and another one approves it.

It is for suspected insiders. A security officer or the head of the desk does either part, never both and never for
their own account. From the approval on each token of the person is refused, as one that the provider has revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.audit.acts.desk_acts import APPROVES
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.step import as_read, check_person, done
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act
from gateway.desk.listing import Slice, slice_of
from gateway.desk.oversight.frozen import Freeze, FreezeStep, Stage, freeze_of, read_freeze
from gateway.desk.oversight.values import at_home, moved
from gateway.desk.raising import for_freezing
from gateway.desk.roles import Matter, may
from gateway.errors import Forbidden, Malformed, Stale, Unknown
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.basis import MAX_REASON
from gateway.model.handed.freezes import AskFreeze
from gateway.model.names import ExchangeId, identifier, new_exchange_id
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, ListPlace, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_STANDING = (ThreadState.NEW, ThreadState.PAUSED)
Stages = Mapping[Stage, Stage]
_APPROVED: Stages = {Stage.ASKED: Stage.FROZEN, Stage.LIFTING: Stage.LIFTED}
_DECLINED: Stages = {Stage.ASKED: Stage.DECLINED, Stage.LIFTING: Stage.FROZEN}


class FreezeDesk:
    """The use cases of frozen accounts. `put_in_force` makes what is decided count in this process at once."""

    def __init__(self, desk: DeskParts, put_in_force: Callable[[], None]) -> None:
        self._desk = desk
        self._put_in_force = put_in_force

    async def ask(self, actor: Actor, command: AskFreeze, freeze_id: ExchangeId | None = None) -> ExchangeId:
        """Ask that an account is frozen; another person approves it. Return its id; the same `freeze_id` asks once.

        Raises `Forbidden` for one's own account, and `Stale` for one that is frozen, or is to be.
        """
        check_person(actor)
        person = identifier(command.person, "person")
        self._check(actor)
        if person == actor.officer.person:
            raise Forbidden("one does not freeze one's own account", code="own-account", where="person")
        reason = _reason(command.reason)
        name = freeze_id or new_exchange_id()
        now_us = self._desk.parts.clock.now_us()
        made = Freeze(name, person, (FreezeStep(Stage.ASKED, actor.officer.person, now_us, reason),), command.work)
        if await asyncio.to_thread(self._desk.store.thread, self._key(name)) is not None:
            return name

        def make() -> EntryDraft:
            if command.work:
                self._check_finding(command.work)
            if any(row.officer == person for row in self._standing()):
                raise Stale(
                    "the account of `{person}` is frozen, or is to be",
                    code="already-frozen",
                    where="person",
                    remedy="liaison freeze list",
                    person=person,
                )
            home = at_home(self._desk.parts.member, name, b"", now_us, Urgency.URGENT)
            return self._drafted(actor, "ask-freeze", replace(home, officer=person), made, now_us)

        await self._write(name, make)
        return name

    async def lift(self, actor: Actor, freeze_id: ExchangeId, reason: str) -> None:
        """Ask that an account is free again; another person approves it, and until then it stays frozen."""
        check_person(actor)
        said = _reason(reason)

        def make() -> EntryDraft:
            thread, freeze, now_us = *self._found(actor, freeze_id), self._desk.parts.clock.now_us()
            if freeze.stage is not Stage.FROZEN:
                raise Stale("this account is not frozen now", code="not-now", where="freeze", remedy=_LIST)
            after = freeze.and_then(FreezeStep(Stage.LIFTING, actor.officer.person, now_us, said))
            return self._drafted(actor, "ask-lift", thread, after, now_us)

        await self._write(freeze_id, make)

    async def approve(self, actor: Actor, key: ThreadKey, work: str) -> None:
        """Approve what another person asked for: it counts at once."""
        await self._decide(actor, key, "approve", _APPROVED, "", work)

    async def decline(self, actor: Actor, key: ThreadKey, reason: str, work: str) -> None:
        """Decline what another person asked for: everything stays as it is."""
        await self._decide(actor, key, "decline", _DECLINED, _reason(reason), work)

    async def show(self, actor: Actor, freeze_id: ExchangeId) -> Freeze:
        """Return a freezing, once the entry of this look is durable."""
        check_person(actor)
        thread, freeze = await asyncio.to_thread(self._found, actor, freeze_id)
        await self._desk.pen.write(
            self._desk.parts.member, thread.key, lambda: desk_act(actor.officer, "look", thread.key)
        )
        return freeze

    async def all(self, actor: Actor, *, over: bool = False, limit: int, after: str = "") -> Slice[Freeze]:
        """Return the accounts that are frozen or are to be, the newest first; with `over` those that were, too.

        The entry of this look is durable before. The person's own account is never among them.
        """
        check_person(actor)
        self._check(actor)
        found = await asyncio.to_thread(self._slice, actor, over, limit, after)
        key = ThreadKey(self._desk.parts.member, new_exchange_id())
        read = {"freezes": [one.id for one in found.items]}
        await self._desk.pen.write(
            self._desk.parts.member, key, lambda: desk_act(actor.officer, "read-freezes", key, content=read)
        )
        return found

    # ------------------------------------------------------------ parts

    def _key(self, name: ExchangeId) -> ThreadKey:
        return ThreadKey(self._desk.parts.member, name)

    def _check(self, actor: Actor, *not_by: str) -> None:
        matter = Matter("", not_by=frozenset(filter(None, not_by)))
        may(actor.person, Act.FREEZE, matter, self._desk.parts.clock.now_us())

    async def _write(self, name: ExchangeId, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, self._key(name), make)

    def _standing(self) -> list[Thread]:
        me = self._desk.parts.member
        return self._desk.store.threads(kinds=(ThreadKind.SERVICE,), states=_STANDING, peer=me)

    def _found(self, actor: Actor, freeze_id: ExchangeId) -> tuple[Thread, Freeze]:
        """Return a freezing of another person's account; for whom it is about, it does not exist."""
        self._check(actor)
        thread = self._desk.store.thread(self._key(freeze_id))
        freeze = read_freeze(thread, freeze_id)
        if freeze.person == actor.person.person:
            read_freeze(None, freeze_id)
        assert thread is not None
        return thread, freeze

    def _check_finding(self, work_id: str) -> None:
        work = self._desk.store.work(work_id)
        if work is None or work.kind is not WorkKind.INCIDENT or work.key.peer != self._desk.parts.member:
            raise Unknown(
                "there is no such finding", code="no-such-work", where="work", remedy="liaison review list --all --done"
            )

    def _waiting(self, key: ThreadKey) -> Work | None:
        return next(iter(self._desk.store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))), None)

    async def _decide(self, actor: Actor, key: ThreadKey, act: str, stages: Stages, reason: str, read: str) -> None:
        check_person(actor)

        def make() -> EntryDraft:
            thread, freeze = self._found(actor, key.thread_id)
            work, now_us = as_read(self._waiting(key), read), self._desk.parts.clock.now_us()
            if work is None or freeze.stage not in stages:
                raise Stale("this was decided before", code="already-decided", where="freeze", remedy=_LIST)
            self._check(actor, work.not_by, freeze.steps[-1].by, freeze.person)
            after = freeze.and_then(FreezeStep(stages[freeze.stage], actor.officer.person, now_us, reason))
            name = "freeze" if freeze.stage is Stage.ASKED else "lift"
            asked = {APPROVES: {"act": f"ask-{name}", "officer": freeze.steps[-1].by}} if act == "approve" else {}
            ended = done(work, actor, act, now_us)
            return self._drafted(actor, f"{act}-{name}", thread, after, now_us, ended, asked)

        await self._write(key.thread_id, make)
        await asyncio.to_thread(self._put_in_force)

    def _drafted(
        self,
        actor: Actor,
        act: str,
        thread: Thread,
        freeze: Freeze,
        now_us: int,
        ended: Work | None = None,
        asked: Mapping[str, Any] = MappingProxyType({}),
    ) -> EntryDraft:
        """Return the entry of a step with its rows; a step that another person must approve raises the work of that."""
        works: tuple[Work, ...] = (ended,) if ended is not None else ()
        if freeze.waits:
            works = (for_freezing(thread, f"{freeze.id}.{len(freeze.steps)}", actor.officer.person, now_us),)
            freeze = replace(freeze, approval=works[0].id)
        is_over = freeze.state is ThreadState.ENDED
        after = replace(moved(thread, now_us, draft=msgspec.json.encode(freeze), is_over=is_over), state=freeze.state)
        rows = DeskRows(thread=after, before=thread.version, works=works)
        content = {"person": freeze.person, "finding": freeze.work, **asked}
        reason = freeze.steps[-1].reason
        return desk_act(actor.officer, act, thread.key, work=works[0], reason=reason, content=content, rows=rows)

    def _slice(self, actor: Actor, over: bool, limit: int, after: str) -> Slice[Freeze]:
        me, states = self._desk.parts.member, (*_STANDING, ThreadState.ENDED) if over else _STANDING

        def read(behind: ListPlace | None, count: int) -> list[Thread]:
            return self._desk.store.threads(
                kinds=(ThreadKind.SERVICE,), states=states, peer=me, behind=behind, limit=count
            )

        def fits(thread: Thread) -> Freeze | None:
            found = freeze_of(thread)
            return found if found is not None and found.person != actor.person.person else None

        return slice_of(read, fits, limit, after)


_LIST = "liaison freeze list"


def _reason(text: str) -> str:
    if not text.strip():
        raise Malformed("say why", code="reason-missing", where="reason")
    return text_value(text.strip(), "reason", MAX_REASON)
