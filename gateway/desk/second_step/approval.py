"""Keep drafts of asks, and approve or decline them: a second human at the author's, and never the author.

What an officer wrote lies sealed with its thread until then.
"""

from __future__ import annotations

import asyncio

import msgspec
from msgspec.structs import replace

from gateway.clock import SECOND_US
from gateway.conversion import converter
from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acting.step import StepParts, own_matter
from gateway.desk.acts import Act
from gateway.desk.clocks import Clocks
from gateway.desk.delivery.authoring import Post, check_notice
from gateway.desk.delivery.effects import Effects
from gateway.desk.entries import desk_act
from gateway.desk.raising import for_reading
from gateway.desk.roles import may
from gateway.errors import Stale
from gateway.model.desk.notices import About, Notice, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.basis import MAX_REASON
from gateway.model.requester import Officer, Requester
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.desk_uses import DraftItem
from gateway.ports.journal import EntryDraft

URGENCY_REASON = "urgency-reason"
"""The code of the value of an ask that says why it is so urgent."""


class Draft(DraftItem, frozen=True, kw_only=True):
    """An ask that nobody has approved yet, with whose it is and under which agreement."""

    agreement: str
    officer: Officer
    requester: Requester

    def encoded(self) -> bytes:
        """Return the bytes that a thread's row keeps."""
        return msgspec.json.encode(self)

    def post(
        self, now_us: int, clocks: Clocks, approver: Requester | None = None, approved_by: Officer | None = None
    ) -> Post:
        """Return the notice that is written when it is approved. It is delivered until its clock is over, at least."""
        whole_us = clocks.answer_s(self.urgency, hit=self.ask.about is About.HIT) * SECOND_US
        return Post(
            self.ask,
            self.urgency,
            self.purpose,
            self.offence,
            self.requester,
            case=self.case,
            ticket=self.ticket,
            agreement=self.agreement,
            expires_us=max(now_us + whole_us, self.ask.held_until_us),
            to_office=self.to_office,
            approver=approver,
            by=self.officer,
            approved_by=approved_by,
            agency=self.officer.agency,
            office=self.officer.office,
            officer=self.officer.person,
            attachments=self.attachments,
        )


_read = converter(Draft)


def draft_of(thread: Thread) -> Draft:
    """Return the draft of a thread. Raises `Stale` where it has none any more, or where no ask of ours waits in it.

    Threads of other kinds keep what waits in them in the same place: an alert, a report, a watch, an operation.
    """
    if not thread.draft or thread.kind is not ThreadKind.ASK or not thread.opener:
        raise Stale("there is no draft any more", code="no-draft", where="thread", remedy="liaison desk show")
    return _read(msgspec.json.decode(thread.draft))


def lapses_us(urgency: Urgency, about: About, held_until_us: int, now_us: int, clocks: Clocks) -> int:
    """Return when a draft lapses: at the end of its class's clock, or when the person is held no longer.

    It never lapses before the time for its approval is over.
    """
    hit = about is About.HIT
    end_us = now_us + clocks.answer_s(urgency, hit=hit) * SECOND_US
    least_us = now_us + clocks.approve_s(urgency, hit=hit) * SECOND_US
    return max(least_us, min(end_us, held_until_us or end_us))


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
