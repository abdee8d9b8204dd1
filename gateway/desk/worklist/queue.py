"""`gateway.ports.desk_uses.WorkQueue` over the desk's rows: list, follow, take, assign.

Each change is an entry `desk-act` with the changed row in its own transaction. It changes the thread's version as well,
so that of two processes that write about one thread at once, one reads again what the other has written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from gateway.desk.changes import Change, Changes
from gateway.desk.delivery.pen import Pen
from gateway.desk.people.bearer import bearer
from gateway.desk.people.directory import People
from gateway.desk.people.persons import Person as Listed
from gateway.desk.roles import Act, Person, matter_of, may
from gateway.desk.worklist.seen import as_item, check_act, is_for, is_visible, sees_everywhere
from gateway.errors import Forbidden, Stale, Unknown
from gateway.exchange.parts import Parts
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import Role
from gateway.model.requester import Officer
from gateway.ports import events
from gateway.ports.desk import DeskRows, DeskStore, Thread, Work, WorkFilter
from gateway.ports.desk_uses import WorkItem, WorkQuery
from gateway.ports.journal import EntryDraft

_READ = 512
"""Rows that are read at once; more, while fewer than wanted of them are for this person."""

_MOST_READ = 65_536
LOOK_S = 2.0
"""Clocks, and what other processes write, are looked for so often by those who follow a list."""

_PAUSE_S = 0.2
"""Seconds between two looks of one who follows, so that a burst of notices costs a few lists and not one each."""


class DeskQueue:
    """The work of one node, for its people."""

    def __init__(self, parts: Parts, store: DeskStore, pen: Pen, changes: Changes, people: People) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._changes = changes
        self._people = people

    async def works(self, officer: Officer, query: WorkQuery) -> list[WorkItem]:
        """Return the work that this person sees, the first due first."""
        return await asyncio.to_thread(self._works, officer, query)

    async def work(self, officer: Officer, work_id: str) -> WorkItem:
        """Return one item of work; raise `Unknown` for one that this person does not see."""
        return await asyncio.to_thread(self._item, officer, work_id)

    async def take(self, officer: Officer, work_id: str) -> WorkItem:
        """Assign work to this person, who may do it; the same again changes nothing."""
        item = await self.work(officer, work_id)
        if item.work.assigned == officer.person:
            return item

        def change(work: Work, thread: Thread | None) -> Work:
            if work.assigned:
                raise Forbidden(
                    "`{person}` has taken this work",
                    code="assigned-to-another",
                    where=work_id,
                    remedy="a supervisor or the desk may assign it: liaison desk assign",
                    person=work.assigned,
                )
            self._check(self._person(officer), work, thread)
            return replace(work, assigned=officer.person)

        return await self._changed(officer, work_id, "take", change)

    async def assign(self, officer: Officer, work_id: str, person: str, reason: str = "") -> WorkItem:
        """Assign work to another person, who may do it."""
        await self.work(officer, work_id)
        listed = self._people.person(person)
        if listed is None:
            raise Unknown(
                "`{person}` is not in the list of persons",
                code="no-such-person",
                where="person",
                remedy="name a person of people/persons.csv",
                person=person[:64],
            )
        other = _as_person(listed)

        def change(work: Work, thread: Thread | None) -> Work:
            may(self._person(officer), Act.ASSIGN, matter_of(work), self._now_us)
            given = replace(work, assigned=person)
            self._check(other, given, thread)
            return given

        return await self._changed(officer, work_id, "assign", change, reason)

    async def follow(self, officer: Officer, query: WorkQuery) -> AsyncIterator[list[WorkItem]]:
        """Yield the list now, and each time that something of it has changed."""
        changes = self._changes.follow()
        newer: asyncio.Future[Change] = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)  # it watches from here on, so that nothing is missed between the list and the first look
        try:
            shown = await self.works(officer, query)
            yield shown
            while True:
                done, _ = await asyncio.wait((newer,), timeout=LOOK_S)
                if done:
                    newer = asyncio.ensure_future(anext(changes))
                found = await self.works(officer, query)
                if found != shown:
                    shown = found
                    yield shown
                if done:
                    await asyncio.sleep(_PAUSE_S)
        finally:
            newer.cancel()
            with suppress(asyncio.CancelledError):
                await newer
            await changes.aclose()

    # ------------------------------------------------------------ parts of it

    @property
    def _now_us(self) -> int:
        return self._parts.clock.now_us()

    def _person(self, officer: Officer) -> Person:
        return bearer(officer, self._people, self._now_us)

    def _is_supervised(self, work: Work) -> bool:
        """Tell whether a supervisor of the work's office is on duty, who is not its author."""
        here = self._people.on_duty(work.agency, work.office, Role.SUPERVISOR, self._now_us)
        return any(one.id != work.not_by for one in here)

    def _check(self, person: Person, work: Work, thread: Thread | None) -> None:
        kind = thread.kind if thread is not None else ThreadKind.SERVICE
        check_act(person, work, kind, self._now_us, supervised=self._is_supervised(work))

    def _works(self, officer: Officer, query: WorkQuery) -> list[WorkItem]:
        person, now_us = self._person(officer), self._now_us
        count = max(_READ, query.limit)
        while True:
            rows = self._store.works(
                WorkFilter(
                    agency="" if sees_everywhere(person) else person.agency,
                    kinds=query.kinds,
                    open_only=not query.done,
                    limit=count,
                )
            )
            fits = is_visible if query.all or query.done else is_for
            seen = [
                row for row in rows if fits(person, row, now_us) and (not query.mine or row.assigned == person.person)
            ]
            if len(seen) >= query.limit or len(rows) < count or count >= _MOST_READ:
                return [self.shown(person, row, now_us) for row in seen[: query.limit]]
            count *= 4

    def _item(self, officer: Officer, work_id: str) -> WorkItem:
        person, now_us = self._person(officer), self._now_us
        work = self._store.work(work_id)
        if work is None or not is_visible(person, work, now_us):
            raise Unknown("there is no such work in your list", code="no-such-work", where=work_id[:200])
        return self.shown(person, work, now_us)

    def shown(self, person: Person, work: Work, now_us: int) -> WorkItem:
        """Return work as this person sees it, with its thread."""
        thread = self._store.thread(work.key)
        return as_item(person, work, thread, now_us, supervised=self._is_supervised(work))

    async def _changed(
        self,
        officer: Officer,
        work_id: str,
        act: str,
        change: Callable[[Work, Thread | None], Work],
        reason: str = "",
    ) -> WorkItem:
        """Write an act on work with its changed row; return the work as it is then."""
        work = await asyncio.to_thread(self._store.work, work_id)
        if work is None:
            raise Unknown("there is no such work in your list", code="no-such-work", where=work_id[:200])
        key = work.key
        await self._pen.write(self._parts.member, key, lambda: self._draft(officer, key, work_id, act, change, reason))
        return await asyncio.to_thread(self._item, officer, work_id)

    def _draft(
        self,
        officer: Officer,
        key: ThreadKey,
        work_id: str,
        act: str,
        change: Callable[[Work, Thread | None], Work],
        reason: str,
    ) -> EntryDraft:
        thread, work = self._store.thread(key), self._store.work(work_id)
        if work is None or work.done_us:
            raise Stale(
                "this work is done",
                code="work-done",
                where=work_id,
                remedy="look at your list again: liaison desk list",
            )
        changed = change(work, thread)
        said: dict[str, Any] = officer.as_json() | {"token": officer.token_hash.hex()}
        said |= {"act": act, "work": work_id, "kind": work.kind.value, "reason": reason}
        if act == "assign":
            said["content"] = {"person": changed.assigned}
        rows = DeskRows(works=(changed,))
        if thread is not None:
            rows = replace(rows, thread=replace(thread, version=thread.version + 1), before=thread.version)
        return events.DESK_ACT.draft(peer=key.peer, exchange_id=key.thread_id, rows=rows, **said)


def _as_person(listed: Listed) -> Person:
    return Person(listed.id, listed.roles, listed.agency, listed.office, listed.training_until_us)
