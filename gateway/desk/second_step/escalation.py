"""Escalate work whose clock has run: to the national desk at half, and beyond it, with word to the counterpart, at the
end. A clock never releases anything.

Each level is reached once, however the clock jumps and however long the node was down. Before a draft lapses its author
has work that says so: whom to phone stands in the duty list. The alarms of an alert that is not acknowledged are steps
of its clock, too: those that came due while the node was down are one alarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from gateway.desk.clocks import escalated, next_alarm_us, tells_overdue
from gateway.desk.delivery.authoring import Author, Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.pen import Pen
from gateway.desk.raising import for_reading
from gateway.desk.second_step.approval import Draft, draft_of, ended_draft
from gateway.errors import LiaisonError, Refused, Stale, StorageBroken
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Body, Notice, NoticeType, Status, StatusCode
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Level, WorkKind
from gateway.model.names import ExchangeId
from gateway.model.requester import node_itself
from gateway.ports.desk import DeskRows, DeskStore, NoticeRow, Thread, Work, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.notice import parse_notice

PHONE = "phone"
"""Ends the id of work that tells an author to phone somebody, since a draft is about to lapse."""

LAPSED = "lapsed"
ALARM = "alarm"
PLANNED = "alarm-planned"
_AT_ONCE = 200


class Escalation:
    """The round of the leader that looks at all clocks."""

    def __init__(self, parts: Parts, store: DeskStore, pen: Pen, author: Author) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._author = author
        self._is_planned = False

    async def round(self) -> None:
        """Escalate what is due. An error with one item of work is raised after all others were looked at."""
        await self._plan_anew()
        due = await asyncio.to_thread(self._store.due_work, self._parts.clock.now_us(), _AT_ONCE)
        problem: LiaisonError | None = None
        for work in due:
            try:
                await self._escalate(work)
            except Stale:
                continue  # another process, or the human, was first
            except StorageBroken:
                raise
            except LiaisonError as error:
                problem = error
        if problem is not None:
            raise problem

    async def _plan_anew(self) -> None:
        """Plan alarms anew after a start: the clock may have been ahead before. While a process runs it goes on."""
        if self._is_planned:
            return
        self._is_planned = True
        for work in await asyncio.to_thread(self._store.works, WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,))):
            with suppress(Stale):
                await self._pen.write(self._parts.member, work.key, self._planned(work.id))

    async def _escalate(self, work: Work) -> None:
        after = escalated(work, self._parts.clock.now_us())
        is_first = not work.not_by  # the second of two persons has the same clock, of which the counterpart knows
        told = is_first and tells_overdue(work, after) and await self._tell(work)
        await self._pen.write(self._parts.member, work.key, self._draft(work, told=told))

    # ------------------------------------------------------------ the counterpart

    async def _tell(self, work: Work) -> bool:
        """Tell the counterpart `OVERDUE` with the new level of the work; return False where it is not to be told."""
        post = await asyncio.to_thread(self._overdue, work)
        if post is None:
            return False

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            return Effects(works=(self._due(work.id, notice.issued_us),))

        try:
            await self._author.post(work.key, post, also)
        except Refused:
            return False  # the thread has ended, or takes no more: the work is escalated at home all the same
        return True

    def _overdue(self, work: Work) -> Post | None:
        of = self._store.notice(work.key.peer, ExchangeId(work.notice_id))
        if of is None or not of.envelope or self._is_told(of):
            return None
        head = parse_notice(of.envelope).head
        overdue = Status(of.notice_id, StatusCode.OVERDUE)
        return Post.under(head, overdue, node_itself(self._parts.member, work.agency))

    def _is_told(self, of: NoticeRow) -> bool:
        """Tell whether the counterpart was told of this notice already, for another office of ours."""
        placed = self._store.placed(of.key)
        overdue = (each for each in placed if each.side is not of.placed.side and each.code == StatusCode.OVERDUE)
        return any(each.seen >= of.placed.seq for each in overdue)

    # ------------------------------------------------------------ at home

    def _due(self, work_id: str, now_us: int) -> Work:
        """Return the work at its new level, with its next alarm. Raises `Stale` where it was done, or another process
        was first."""
        work = self._store.work(work_id)
        after = escalated(work, now_us) if work is not None else None
        if work is None or after is None:
            raise _looked_at()
        if work.alarm_us and not work.done_us and work.alarm_us <= now_us:
            return replace(after, alarm_us=next_alarm_us(work, now_us, self._newest(work)))
        if after is work:
            raise _looked_at()
        return after

    def _newest(self, work: Work) -> Body | None:
        """Return what the newest alert of its thread says, which tells how often it is alarmed for."""
        rows = self._store.notices(work.key)
        alerts = [row for row in rows if row.placed.type is NoticeType.ALERT and row.envelope]
        return parse_notice(alerts[-1].envelope).body if alerts else None

    def _planned(self, work_id: str) -> Callable[[], EntryDraft]:
        def draft() -> EntryDraft:
            now_us, work = self._parts.clock.now_us(), self._store.work(work_id)
            if work is None or work.done_us or work.alarm_us <= now_us:
                raise _looked_at()
            next_us = next_alarm_us(work, now_us, self._newest(work))
            if not 0 < next_us < work.alarm_us or now_us < work.opened_us:
                raise _looked_at()
            made = events.DESK_CLOCK.draft(
                peer=work.key.peer,
                exchange_id=work.key.thread_id,
                work=work.id,
                kind=work.kind.value,
                level=work.level.value,
                code=PLANNED,
            )
            made.rows = DeskRows(works=(replace(work, alarm_us=next_us),))
            return made

        return draft

    def _draft(self, work: Work, *, told: bool) -> Callable[[], EntryDraft]:
        def draft() -> EntryDraft:
            now_us = self._parts.clock.now_us()
            after = escalated(work, now_us) if told else self._due(work.id, now_us)
            rows = DeskRows() if told else self._rows(after, now_us)
            made = events.DESK_CLOCK.draft(
                peer=work.key.peer,
                exchange_id=work.key.thread_id,
                work=work.id,
                kind=work.kind.value,
                level=after.level.value,
                notice=work.notice_id,
                code=LAPSED if rows.thread is not None else ALARM if work.alarm_us else "",
                due_us=work.due_us,
            )
            made.rows = rows
            return made

        return draft

    def _rows(self, work: Work, now_us: int) -> DeskRows:
        """Return the rows of an escalation: those of a draft warn its author, and end it in the end."""
        thread = self._store.thread(work.key)
        if thread is None or not thread.draft or not thread.opener or thread.kind is not ThreadKind.ASK:
            return DeskRows(works=(work,))
        draft = draft_of(thread)
        if work.kind is WorkKind.APPROVE:
            return DeskRows(works=(work, *self._warning(thread, draft, now_us)))
        if work.kind is WorkKind.READ and work.id.endswith(PHONE) and work.level is Level.END:
            waiting = self._store.works(WorkFilter(key=work.key, kinds=(WorkKind.APPROVE,)))
            ended = tuple(replace(each, done_us=now_us, result=LAPSED) for each in waiting)
            return ended_draft(thread, now_us, (replace(work, result=LAPSED), *ended))
        return DeskRows(works=(work,))

    def _warning(self, thread: Thread, draft: Draft, now_us: int) -> tuple[Work, ...]:
        """Return the author's work to phone somebody before the draft lapses, where it was not raised before."""
        work = for_reading(thread, thread.key.thread_id, now_us)
        work = replace(work, id=f"{work.id}.{PHONE}", urgency=draft.urgency, half_us=draft.lapses_us)
        work = replace(work, due_us=draft.lapses_us, result=PHONE)
        return (work,) if self._store.work(work.id) is None else ()


def _looked_at() -> Stale:
    return Stale("this clock was looked at before", code="clock-moved", where="work")
