"""Approve and decline drafts: a second human at the author's, and never the author."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acting.step import StepParts, own_matter
from gateway.desk.acts import Act
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.permission import check_notice
from gateway.desk.entries import desk_act
from gateway.desk.raising import for_reading
from gateway.desk.roles import may
from gateway.desk.second_step.unapproved import Draft, draft_of
from gateway.errors import Stale
from gateway.model.desk.notices import Notice
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.basis import MAX_REASON
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft


class Approvals:
    """Approve a draft, so that it leaves, or end it."""

    def __init__(self, it: StepParts) -> None:
        self._it = it

    async def approve_work(self, actor: Actor, _key: ThreadKey, work: str) -> tuple[str, ...]:
        """Approve the draft that this work asks for."""
        await self.approve(actor, work)
        return ()

    async def decline_work(self, actor: Actor, _key: ThreadKey, reason: str, work: str) -> None:
        """Decline the draft that this work asks for."""
        await self.decline(actor, work, reason)

    async def approve(self, actor: Actor, work_id: str) -> ThreadKey:
        """Send a draft as its author wrote it; return its thread.

        Raises `Forbidden` for its author, for another office and for a person without the role; `Stale` for a draft
        that was decided on, or whose time is over.
        """
        work, thread, draft = await asyncio.to_thread(self._draft, actor, work_id)
        it, now_us = self._it, self._it.now_us
        clocks = it.raising(draft.agreement, True).clocks
        post = draft.post(now_us, clocks, it.requester(actor, work.key.peer), actor.officer)

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            still = it.open_work(work_id, WorkKind.APPROVE)
            check_notice(it.desk.parts, notice, notice.issued_us)
            return Effects(works=(done(still, actor, "approved", notice.issued_us),))

        await it.desk.author.post(thread.key, post, also)
        return thread.key

    async def decline(self, actor: Actor, work_id: str, reason: str) -> ThreadKey:
        """End a draft; its author sees why. Raises like `approve`."""
        text_value(reason, "reason", MAX_REASON)
        work, thread, _ = await asyncio.to_thread(self._draft, actor, work_id)
        await self._end(actor, thread.key, "decline", "declined", reason, work_id)
        return work.key

    async def take_back(self, actor: Actor, key: ThreadKey, reason: str) -> None:
        """End a draft of one's own that is not wanted any more. Raises `Forbidden`, `Stale`."""
        text_value(reason, "reason", MAX_REASON)
        check_person(actor)
        thread = await asyncio.to_thread(self._it.thread, key)
        may(actor.person, Act.WITHDRAW_ASK, own_matter(thread), self._it.now_us)
        draft_of(thread)
        await self._end(actor, key, "take-back", "taken-back", reason)

    async def _end(self, actor: Actor, key: ThreadKey, act: str, result: str, reason: str, work_id: str = "") -> None:
        it = self._it

        def draft() -> EntryDraft:
            thread, now_us = it.thread(key), it.now_us
            draft_of(thread)
            waiting = it.desk.store.works(WorkFilter(kinds=(WorkKind.APPROVE,), key=key))
            if work_id:
                it.open_work(work_id, WorkKind.APPROVE)
            works = tuple(done(each, actor, result, now_us) for each in waiting)
            if thread.officer != actor.officer.person:
                works = (*works, for_reading(thread, key.thread_id, now_us, it.raising("", True)))
            rows = ended_draft(thread, now_us, works)
            return desk_act(actor.officer, act, key, work=next(iter(waiting), None), reason=reason, rows=rows)

        await it.desk.pen.write(it.desk.parts.member, key, draft)

    def _draft(self, actor: Actor, work_id: str) -> tuple[Work, Thread, Draft]:
        """Return a draft that this person may decide on."""
        work = self._it.open_work(work_id, WorkKind.APPROVE)
        thread = self._it.thread(work.key)
        draft = draft_of(thread)
        self._it.check(actor, work, thread)
        if self._it.now_us >= draft.lapses_us:
            raise Stale("the time of this draft is over", code="draft-lapsed", where="work", remedy="draft it anew")
        return work, thread, draft


def ended_draft(thread: Thread, now_us: int, works: tuple[Work, ...]) -> DeskRows:
    """Return the rows that end a draft: nothing of its content is kept in the desk."""
    ended = replace(thread, state=ThreadState.ENDED, draft=b"", closed_us=now_us, version=thread.version + 1)
    return DeskRows(thread=ended, before=thread.version, works=works)
