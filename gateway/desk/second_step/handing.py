"""Pass work on to another agency of ours, and end the work of reading something that no one answers."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acting.step import StepParts
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act
from gateway.desk.people.directory import People
from gateway.desk.roles import PASSED_ON, matter_of, may
from gateway.errors import Malformed
from gateway.model.desk.notices import NoticeType
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.basis import MAX_REASON
from gateway.model.names import ExchangeId, identifier
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_OF_DATA = frozenset({WorkKind.CORRECT, WorkKind.DISTINGUISH, WorkKind.COMPLY})
"""The kinds of work that an agency's data officer does."""


class Handing:
    """Passes work on within the country. The counterpart is not told: who decides here is our own matter."""

    def __init__(self, it: StepParts, people: People) -> None:
        self._it = it
        self._people = people

    async def pass_on(self, actor: Actor, work_id: str, agency: str, reason: str) -> Work:
        """Move work to another agency, with its clock as it is; return it. Raises `Forbidden`, `Stale`, `Malformed`.

        A counterpart's thread goes with its last work: while others have open work of it, they keep it, and who has
        such work can read it. A record is released by its own agency only, whichever agency has the work. Where the
        agency has no person of the role, the work goes to the national desk.
        """
        text_value(reason, "reason", MAX_REASON)
        check_person(actor)
        to = identifier(agency, "agency").removeprefix(f"{self._it.desk.parts.member}.")
        work = await asyncio.to_thread(self._it.open_work, work_id, *PASSED_ON)
        may(actor.person, Act.PASS_ON, matter_of(work), self._it.now_us)
        if to == work.agency:
            raise Malformed("the work is this agency's already", code="same-agency", where="agency")
        parts = self._it.desk.parts
        if to not in self._people.agencies and to not in parts.trust().descriptor(parts.member).agencies:
            raise Malformed(
                "there is no such agency here",
                code="no-such-agency",
                where="agency",
                remedy="name one of people/persons.csv, or list a person of it there",
            )
        moved = work

        def draft() -> EntryDraft:
            nonlocal moved
            before = self._it.open_work(work_id, *PASSED_ON)
            role = Role.DATA_OFFICER if before.kind in _OF_DATA else before.role
            if role is Role.NATIONAL_DESK and self._it.on_duty(to, "", Role.DUTY, self._it.now_us):
                role = Role.DUTY
            if role is not Role.CENTRAL_AUTHORITY and self._people.lacks(to, role):  # a form stays its authority's
                role = Role.NATIONAL_DESK
            moved = replace(before, agency=to, office="", assigned="", role=role)
            content = {"from": before.agency, "to": to}
            rows = DeskRows(works=(moved,))
            thread = self._it.desk.store.thread(before.key)
            if thread is not None and not thread.opener and not self._stays(thread, before):
                owned = replace(thread, agency=to, office="", version=thread.version + 1)
                rows = replace(rows, thread=owned, before=thread.version)
            return desk_act(actor.officer, "pass-on", work.key, work=before, reason=reason, content=content, rows=rows)

        await self._it.desk.pen.write(self._it.desk.parts.member, work.key, draft)
        return moved

    def _stays(self, thread: Thread, passed: Work) -> bool:
        """Tell whether a thread stays where it is when one work of it goes to another agency."""
        if thread.agency not in ("", passed.agency):
            return True
        left = self._it.desk.store.works(WorkFilter(key=thread.key))
        return any(each.id != passed.id and thread.agency in ("", each.agency) for each in left)

    async def note_read(self, actor: Actor, work_id: str) -> Work:
        """End the work of looking at a note, a word or an undelivered notice; a package is opened instead.

        Raises `Forbidden`, `Stale`, and `Malformed` for an answer that is not opened yet.
        """
        it = self._it
        work, thread = await asyncio.to_thread(self._reading, work_id)
        await asyncio.to_thread(it.check, actor, work, thread)
        ended = work

        def draft() -> EntryDraft:
            nonlocal ended
            before = it.open_work(work_id, WorkKind.READ)
            ended = done(before, actor, "read", it.now_us)
            return desk_act(actor.officer, "read", work.key, work=before, rows=DeskRows(works=(ended,)))

        await it.desk.pen.write(it.desk.parts.member, work.key, draft)
        return ended

    def _reading(self, work_id: str) -> tuple[Work, Thread | None]:
        work = self._it.open_work(work_id, WorkKind.READ)
        thread = self._it.desk.store.thread(work.key)
        row = self._it.desk.store.notice(work.key.peer, ExchangeId(work.notice_id)) if thread is not None else None
        if thread is not None and row is not None and row.placed.type is NoticeType.REPLY and not row.is_ours(thread):
            raise Malformed(
                "an answer is opened, so that its owner is told",
                code="not-opened",
                where="work",
                remedy="open it: `liaison desk open`",
            )
        return work, thread
