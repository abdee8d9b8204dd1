"""`gateway.ports.desk_uses.WorkQueue` over the desk's rows: list, follow, take, assign.

Each change is an entry `desk-act` with the changed row in its own transaction. It changes the thread's version as well,
so that of two processes that write about one thread at once, one reads again what the other has written.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from msgspec.structs import replace

from gateway.audit.acts.desk_acts import needs_of
from gateway.desk.acting.persons import as_item, check_act, is_about, is_for, is_visible, wanted_of
from gateway.desk.acts import Act
from gateway.desk.changes import PAUSE_S, Change, Changes
from gateway.desk.listing import Slice
from gateway.desk.pen import Pen
from gateway.desk.people.directory import People, bearer
from gateway.desk.people.persons import Person as Listed
from gateway.desk.roles import PASSED_ON, Person, matter_of, may, note_shown, refusal
from gateway.desk.worklist.paging import page_of
from gateway.errors import Forbidden, Stale, Unknown
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Urgency
from gateway.model.desk.order import WorkPlace
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import Role
from gateway.model.requester import Officer
from gateway.ports.desk import DeskRows, DeskStore, Thread, Work
from gateway.ports.desk_uses import Hands, Tally, WorkItem, WorkPage, WorkQuery
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

QUIET_S = 60.0
"""Those who follow a list look so often for what no change of a row tells: work that begins, and who is on duty."""

SHARED_S = 2.0
"""What other processes of the node write, where there are any, is looked for so often."""

_TOGETHER_PER_S = 10.0
"""All who follow look no more often than that together, unless work of theirs has changed in this process."""

_PASSED_TO = frozenset({Role.DUTY, Role.DATA_OFFICER})
"""The roles of which an agency has somebody on duty, where work can be passed on to it."""


class DeskQueue:
    """The work of one node, for its people. `shared` tells whether other processes write to the same database."""

    def __init__(
        self, parts: Parts, store: DeskStore, pen: Pen, changes: Changes, people: People, *, shared: bool = False
    ) -> None:
        self._look_s = SHARED_S if shared else QUIET_S
        self._followers = 0
        self._parts = parts
        self._store = store
        self._pen = pen
        self._changes = changes
        self._people = people

    async def works(self, officer: Officer, query: WorkQuery) -> list[WorkItem]:
        """Return the items of the first page."""
        return list((await self.page(officer, query)).items)

    async def page(self, officer: Officer, query: WorkQuery) -> WorkPage:
        """Return a page of the work that this person sees: first what a human is waited for, then the first due."""
        return await asyncio.to_thread(self._page, officer, query)

    async def tally(self, officer: Officer, query: WorkQuery) -> Tally:
        """Return how much work of each kind stands in the whole list, `query.limit` items at most."""
        return await asyncio.to_thread(self._tally, officer, query)

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

    async def hands(self, officer: Officer, work_id: str) -> Hands:
        """Return who is on duty and may do this work, and which agencies it could be passed on to."""
        await self.work(officer, work_id)
        return await asyncio.to_thread(self._hands, officer, work_id)

    async def follow(self, officer: Officer, query: WorkQuery) -> AsyncIterator[list[WorkItem]]:
        """Yield the list now, and each time that something of it has changed."""
        changes, loop = self._changes.follow(), asyncio.get_running_loop()
        newer: asyncio.Future[Change] = asyncio.ensure_future(anext(changes))
        self._followers += 1
        await asyncio.sleep(0)  # it watches from here on, so that nothing is missed between the list and the first look
        try:
            shown = await self.works(officer, query)
            yield shown
            next_look = loop.time() + self._pause
            while True:
                done, _ = await asyncio.wait((newer,), timeout=max(0.0, next_look - loop.time()))
                if done:
                    change, newer = newer.result(), asyncio.ensure_future(anext(changes))
                    if not self._concerns(officer, change, shown):
                        continue
                found = await self.works(officer, query)
                next_look = loop.time() + self._pause
                if found != shown:
                    shown = found
                    yield shown
                if done:
                    await asyncio.sleep(PAUSE_S)
        finally:
            self._followers -= 1
            newer.cancel()
            with suppress(asyncio.CancelledError):
                await newer
            await changes.aclose()

    # ------------------------------------------------------------ parts of it

    @property
    def _pause(self) -> float:
        """The seconds until the next look of one who follows."""
        return max(self._look_s, self._followers / _TOGETHER_PER_S)

    def _concerns(self, officer: Officer, change: Change, shown: list[WorkItem]) -> bool:
        """Tell whether a change may be one of the list that is shown to this person."""
        person, now_us = self._person(officer), self._now_us
        rows, keys = change.rows, {item.work.key for item in shown}
        return (
            change.missed
            or (rows.thread is not None and rows.thread.key in keys)
            or any(work.key in keys or is_visible(person, work, now_us) for work in rows.works)
        )

    @property
    def _now_us(self) -> int:
        return self._parts.clock.now_us()

    def _person(self, officer: Officer) -> Person:
        return bearer(officer, self._people, self._now_us)

    def _is_supervised(self, work: Work) -> bool:
        """Tell whether a supervisor of the work's office is on duty, who is not its author."""
        return self._is_supervised_at(work.agency, work.office, work.not_by, self._now_us)

    def _is_supervised_at(self, agency: str, office: str, author: str, now_us: int) -> bool:
        return any(one.id != author for one in self._people.on_duty(agency, office, Role.SUPERVISOR, now_us))

    def _hands(self, officer: Officer, work_id: str) -> Hands:
        work, now_us = self._store.work(work_id), self._now_us
        if work is None:
            return Hands((), ())
        thread = self._store.thread(work.key)
        kind = thread.kind if thread is not None else ThreadKind.SERVICE
        supervised, person, matter = self._is_supervised(work), self._person(officer), matter_of(work)
        on_duty = self._people.all_on_duty(now_us)
        persons = []
        if not refusal(person, Act.ASSIGN, matter, now_us):
            for one in on_duty:
                with suppress(Forbidden):
                    check_act(_as_person(one), replace(work, assigned=one.id), kind, now_us, supervised=supervised)
                    persons.append(one.id)
        others = tuple(name for name in persons if name not in (officer.person, work.assigned))
        if work.kind not in PASSED_ON or refusal(person, Act.PASS_ON, matter, now_us):
            return Hands(others, ())
        agencies = {one.agency for one in on_duty if one.roles & _PASSED_TO} - {work.agency}
        return Hands(others, tuple(sorted(agencies)))

    def _check(self, person: Person, work: Work, thread: Thread | None) -> None:
        kind = thread.kind if thread is not None else ThreadKind.SERVICE
        check_act(person, work, kind, self._now_us, supervised=self._is_supervised(work))

    def _tally(self, officer: Officer, query: WorkQuery) -> Tally:
        person = self._person(officer)
        found = self._listed(person, replace(query, kinds=(), after=""))
        first = [works[0] for works in found.items]
        at_home = self._store.threads_of({work.key for work in first if work.key.peer == self._parts.member})
        works = [work for work in first if not is_about(person, at_home.get(work.key))]
        mine = [work for work in works if work.assigned == person.person]
        pressing, mine_pressing = (any(one.urgency is Urgency.FLASH for one in each) for each in (works, mine))
        return Tally(Counter(work.kind for work in works), len(mine), pressing, mine_pressing, bool(found.next))

    def _page(self, officer: Officer, query: WorkQuery) -> WorkPage:
        person, now_us = self._person(officer), self._now_us
        found = self._listed(person, query)
        folded = {first.id: tuple(each.id for each in others) for first, *others in found.items}
        items = self._shown(person, [first for first, *_ in found.items], now_us)
        return WorkPage(tuple(replace(item, folded=folded[item.work.id]) for item in items), found.next)

    def _listed(self, person: Person, query: WorkQuery) -> Slice[tuple[Work, ...]]:
        """Return the rows of a page; work on a matter of oversight about this very person is still among them."""
        now_us = self._now_us
        every = query.all or query.done
        seen = wanted_of(person, every=every, mine=query.mine)
        wanted = replace(seen, kinds=query.kinds, open_only=not query.done, ranked=True)
        is_seen = is_visible if every else is_for

        def fits(row: Work) -> bool:
            return is_seen(person, row, now_us) and (not query.mine or row.assigned == person.person)

        def read(behind: WorkPlace | None, count: int) -> list[Work]:
            return self._store.works(replace(wanted, behind=behind, limit=count))

        return page_of(read, fits, query.limit, query.after, folded=query.folded)

    def _shown(self, person: Person, works: Sequence[Work], now_us: int) -> list[WorkItem]:
        """Return work as this person sees it, with the threads read together, and each office looked at once.

        Work on a matter of oversight that is about this person is left out.
        """
        threads, supervised = self._store.threads_of({work.key for work in works}), cache(self._is_supervised_at)
        return [
            as_item(
                person,
                work,
                threads.get(work.key),
                now_us,
                supervised=supervised(work.agency, work.office, work.not_by, now_us),
            )
            for work in works
            if not is_about(person, threads.get(work.key))
        ]

    def _item(self, officer: Officer, work_id: str) -> WorkItem:
        person, now_us = self._person(officer), self._now_us
        work = self._store.work(work_id)
        found = self._shown(person, [work], now_us) if work is not None and is_visible(person, work, now_us) else []
        if not found:
            raise Unknown(
                "there is no such work in your list",
                code="no-such-work",
                where=work_id[:200],
                remedy="look at your list again: liaison desk list",
            )
        note_shown(work=work_id)
        return found[0]

    def sees(self, officer: Officer, work_id: str) -> bool:
        """Tell whether this person sees an item of work now. It reads the database."""
        with suppress(Unknown):
            return bool(self._item(officer, work_id))
        return False

    def shown(self, person: Person, work: Work, now_us: int) -> WorkItem:
        """Return work as this person sees it, with its thread."""
        return self._shown(person, [work], now_us)[0]

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
            raise Unknown(
                "there is no such work in your list",
                code="no-such-work",
                where=work_id[:200],
                remedy="look at your list again: liaison desk list",
            )
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
        needs_of(act)
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
