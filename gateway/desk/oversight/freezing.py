"""Freeze the account of an officer, and free it again: each time one person asks for it and another one approves it.

It is for suspected insiders. A security officer or the head of the desk does either part, never both and never for
their own account. From the approval on each token of the person is refused, as one that the provider has revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from gateway.audit.acts.desk_acts import APPROVES
from gateway.desk.acting.home import approval, decidable, home_key, of_node
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act
from gateway.desk.listing import Slice
from gateway.desk.oversight.frozen import FREEZES, Freeze, FreezeStep, Stage
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
from gateway.ports.desk import DeskRows, Thread, Work
from gateway.ports.journal import EntryDraft

_STANDING = (ThreadState.NEW, ThreadState.PAUSED)
Stages = Mapping[Stage, Stage]
_APPROVED: Stages = {Stage.ASKED: Stage.FROZEN, Stage.LIFTING: Stage.LIFTED}
_DECLINED: Stages = {Stage.ASKED: Stage.DECLINED, Stage.LIFTING: Stage.FROZEN}


class FreezeDesk:
    """The use cases of frozen accounts. `put_in_force` makes what is decided count in this process at once.

    They are written by hand (decision 0140): no counterpart is told, each step is asked for and approved anew, and each
    look is an entry.
    """

    def __init__(self, desk: DeskParts, put_in_force: Callable[[], None]) -> None:
        self._desk = desk
        self._put_in_force = put_in_force

    async def ask(self, actor: Actor, command: AskFreeze, freeze_id: ExchangeId | None = None) -> ExchangeId:
        """Ask that an account is frozen; another person approves it. Return its id; the same `freeze_id` asks once.

        Raises `Forbidden` for one's own account, and `Stale` for one that is frozen, or is to be.
        """
        check_person(actor)
        may(actor.person, Act.FREEZE, Matter(""), self._now_us)
        person = identifier(command.person, "person")
        if person == actor.officer.person:
            raise Forbidden("one does not freeze one's own account", code="own-account", where="person")
        reason = _reason(command.reason)
        name = freeze_id or new_exchange_id()
        now_us = self._now_us
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
            home = of_node(ThreadKind.SERVICE, self._key(name), Urgency.URGENT, now_us)
            return self._drafted(actor, "ask-freeze", replace(home, officer=person), made, now_us)

        await self._write(name, make)
        return name

    async def lift(self, actor: Actor, freeze_id: ExchangeId, reason: str) -> None:
        """Ask that an account is free again; another person approves it, and until then it stays frozen."""
        said = _reason(reason)

        def make() -> EntryDraft:
            thread, freeze, now_us = *FREEZES.found(self._desk, actor, Act.FREEZE, freeze_id), self._now_us
            if freeze.stage is not Stage.FROZEN:
                raise Stale("this account is not frozen now", code="not-now", where="freeze", remedy=_LIST)
            after = freeze.and_then(FreezeStep(Stage.LIFTING, actor.officer.person, now_us, said))
            return self._drafted(actor, "ask-lift", thread, after, now_us)

        await self._write(freeze_id, make)

    async def approve_work(self, actor: Actor, key: ThreadKey, work: str) -> tuple[str, ...]:
        """Approve what another person asked for: it counts at once."""
        await self._decide(actor, key, "approve", _APPROVED, "", work)
        return ()

    async def decline_work(self, actor: Actor, key: ThreadKey, reason: str, work: str) -> None:
        """Decline what another person asked for: everything stays as it is."""
        await self._decide(actor, key, "decline", _DECLINED, _reason(reason), work)

    async def show(self, actor: Actor, freeze_id: ExchangeId) -> Freeze:
        """Return a freezing, once the entry of this look is durable."""
        thread, freeze = await asyncio.to_thread(FREEZES.found, self._desk, actor, Act.FREEZE, freeze_id)
        await self._desk.pen.write(
            self._desk.parts.member, thread.key, lambda: desk_act(actor.officer, "look", thread.key)
        )
        return freeze

    async def all(self, actor: Actor, *, over: bool = False, limit: int, after: str = "") -> Slice[Freeze]:
        """Return the accounts that are frozen or are to be, the newest first; with `over` those that were, too.

        The entry of this look is durable before. The person's own account is never among them.
        """
        check_person(actor)
        may(actor.person, Act.FREEZE, Matter(""), self._now_us)
        states = (*_STANDING, ThreadState.ENDED) if over else _STANDING

        def fits(freeze: Freeze) -> Freeze | None:
            return freeze if freeze.person != actor.person.person else None

        found = await asyncio.to_thread(FREEZES.page, self._desk, states, fits, limit, after)
        key = ThreadKey(self._desk.parts.member, new_exchange_id())
        read = {"freezes": [one.id for one in found.items]}
        await self._desk.pen.write(
            self._desk.parts.member, key, lambda: desk_act(actor.officer, "read-freezes", key, content=read)
        )
        return found

    # ------------------------------------------------------------ parts

    @property
    def _now_us(self) -> int:
        return self._desk.parts.clock.now_us()

    def _key(self, name: ExchangeId) -> ThreadKey:
        return home_key(self._desk.parts.member, name)

    async def _write(self, name: ExchangeId, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, self._key(name), make)

    def _standing(self) -> list[Thread]:
        me = self._desk.parts.member
        return self._desk.store.threads(kinds=(ThreadKind.SERVICE,), states=_STANDING, peer=me)

    def _check_finding(self, work_id: str) -> None:
        work = self._desk.store.work(work_id)
        if work is None or work.kind is not WorkKind.INCIDENT or work.key.peer != self._desk.parts.member:
            raise Unknown(
                "there is no such finding", code="no-such-work", where="work", remedy="liaison review list --all --done"
            )

    async def _decide(self, actor: Actor, key: ThreadKey, act: str, stages: Stages, reason: str, read: str) -> None:
        def make() -> EntryDraft:
            thread, freeze = FREEZES.seen(self._desk, actor, Act.FREEZE, key.thread_id)
            now_us, first = self._now_us, {freeze.steps[-1].by, freeze.person}
            idle = Stale("this was decided before", code="already-decided", where="freeze", remedy=_LIST)
            waiting = approval(self._desk.store, key) if freeze.stage in stages else None
            work = decidable(
                actor,
                Act.FREEZE,
                waiting,
                read,
                lambda one: Matter("", not_by=frozenset({*first, one.not_by})),
                idle,
                now_us,
            )
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
        after = FREEZES.moved(thread, freeze, freeze.state, now_us)
        rows = DeskRows(thread=after, before=thread.version, works=works)
        content = {"person": freeze.person, "finding": freeze.work, **asked}
        reason = freeze.steps[-1].reason
        return desk_act(actor.officer, act, thread.key, work=works[0], reason=reason, content=content, rows=rows)


_LIST = "liaison freeze list"


def _reason(text: str) -> str:
    if not text.strip():
        raise Malformed("say why", code="reason-missing", where="reason")
    return text_value(text.strip(), "reason", MAX_REASON)
