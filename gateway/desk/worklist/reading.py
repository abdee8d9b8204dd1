"""`gateway.ports.desk_uses.ThreadReading` over the desk's rows: threads with their notices.

Reading a thread is an entry, durable before its content leaves: what somebody has seen, an auditor finds.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from gateway.desk.alerts.issuing import verified
from gateway.desk.delivery.pen import Pen
from gateway.desk.people.bearer import bearer
from gateway.desk.people.directory import People
from gateway.desk.second_step.unapproved import draft_of
from gateway.desk.worklist.queue import DeskQueue
from gateway.desk.worklist.seen import may_read, state_of, thread_item
from gateway.errors import LiaisonError, Malformed, Unknown
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Alert, Notice
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind
from gateway.model.desk.work import DeliveryState
from gateway.model.names import exchange_id, member_id
from gateway.model.requester import Officer
from gateway.ports import events
from gateway.ports.desk import DeskStore, Thread, WorkFilter
from gateway.ports.desk_uses import DraftItem, NoticeItem, ThreadContent, ThreadItem, ThreadQuery
from gateway.statements.notices.notice import parse_notice

_READ = 256
_MOST_READ = 16_384


class DeskReading:
    """The threads of one node, for its people."""

    def __init__(self, parts: Parts, store: DeskStore, pen: Pen, people: People, queue: DeskQueue) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._people = people
        self._queue = queue

    async def threads(self, officer: Officer, query: ThreadQuery) -> list[ThreadItem]:
        """Return the threads that this person may read, the newest first."""
        return await asyncio.to_thread(self._threads, officer, query)

    async def thread(self, officer: Officer, thread_id: str, peer: str = "") -> ThreadContent:
        """Return a thread with its notices, once the entry of this reading is durable.

        Raises `Unknown` for one that this person may not read, and `Malformed` where two members have used the id.
        """
        thread = await asyncio.to_thread(self._one, officer, thread_id, peer)
        await self.note(officer, thread.key, "read")
        return await asyncio.to_thread(self._content, officer, thread_id, thread.key.peer)

    async def key(self, officer: Officer, thread_id: str, peer: str = "") -> ThreadKey:
        """Return the key of a thread that this person may read; raise as `thread` does."""
        return (await asyncio.to_thread(self._one, officer, thread_id, peer)).key

    async def state(self, key: ThreadKey) -> str:
        """Return the state of a thread by the clock; an empty text where there is none yet."""
        thread = await asyncio.to_thread(self._store.thread, key)
        return state_of(thread, self._parts.clock.now_us()).value if thread is not None else ""

    async def after(self, key: ThreadKey) -> ThreadItem:
        """Return a thread as it stands after an act, without content. Raises `Unknown`."""
        thread = await asyncio.to_thread(self._store.thread, key)
        if thread is None:
            raise Unknown("there is no such thread for you", code="no-such-thread", where=key.thread_id)
        return thread_item(thread, self._parts.clock.now_us())

    async def note(self, officer: Officer, key: ThreadKey, act: str) -> None:
        """Write the entry of a reading, durable when this returns."""
        said: dict[str, Any] = officer.as_json() | {"token": officer.token_hash.hex(), "act": act}
        draft = events.DESK_ACT.draft(peer=key.peer, exchange_id=key.thread_id, **said)
        await self._pen.write(self._parts.member, key, lambda: draft)

    # ------------------------------------------------------------ in a thread of its own

    def _threads(self, officer: Officer, query: ThreadQuery) -> list[ThreadItem]:
        now_us = self._parts.clock.now_us()
        person, count = bearer(officer, self._people, now_us), max(_READ, query.limit)
        while True:
            rows = self._store.threads(kinds=query.kinds, states=query.states, group_id=query.group_id, limit=count)
            found = [row for row in rows if not may_read(person, row, now_us)]
            if len(found) >= query.limit or len(rows) < count or count >= _MOST_READ:
                return [thread_item(row, now_us) for row in found[: query.limit]]
            count *= 4

    def _one(self, officer: Officer, thread_id: str, peer: str) -> Thread:
        """Return the thread of this name that the officer may read; to others it does not exist."""
        now_us = self._parts.clock.now_us()
        person = bearer(officer, self._people, now_us)
        wanted = member_id(peer) if peer else None
        rows = [
            row
            for row in self._store.find_thread(exchange_id(thread_id))
            if (wanted is None or row.key.peer == wanted) and not may_read(person, row, now_us)
        ]
        if not rows:
            raise Unknown("there is no such thread for you", code="no-such-thread", where=thread_id[:64])
        if len(rows) > 1:
            raise Malformed("two counterparts have used this id", code="which-peer", where="peer", remedy="name one")
        return rows[0]

    def _fields(self, notice: Notice, at_us: int) -> dict[str, Any] | None:
        """Return the fields of the record of an alert; None for another notice, or where it does not verify."""
        head, body = notice.head, notice.body
        if not isinstance(body, Alert):
            return None
        with suppress(LiaisonError):
            return verified(self._parts, body.record, head.sender, head.recipient, head.thread_id, at_us).fields
        return None

    def _content(self, officer: Officer, thread_id: str, peer: str) -> ThreadContent:
        thread = self._one(officer, thread_id, peer)
        now_us = self._parts.clock.now_us()
        deliveries = {row.notice_id: row for row in self._store.deliveries(tuple(DeliveryState), key=thread.key)}
        notices = []
        for row in self._store.notices(thread.key):
            ours = (row.placed.side is Side.OPENER) == thread.opener
            late = not ours and bool(thread.due_us) and row.time_us > thread.due_us
            notice = _read(row.envelope)
            fields = self._fields(notice, row.time_us) if notice is not None else None
            notices.append(NoticeItem(row, ours, notice, deliveries.get(row.notice_id), late, fields))
        person = bearer(officer, self._people, now_us)
        rows = self._store.works(WorkFilter(key=thread.key, open_only=False))
        works = [self._queue.shown(person, row, now_us) for row in rows if row.opened_us <= now_us]
        return ThreadContent(thread_item(thread, now_us), tuple(notices), tuple(works), _draft(thread))


def _draft(thread: Thread) -> DraftItem | None:
    """Return the ask that waits in a thread for its approval, if one does."""
    if not thread.draft or thread.kind is not ThreadKind.ASK:
        return None
    draft = draft_of(thread)
    return DraftItem(
        draft.ask,
        draft.urgency,
        draft.purpose,
        draft.offence,
        draft.case,
        draft.ticket,
        draft.to_office,
        draft.lapses_us,
    )


def _read(envelope: bytes) -> Notice | None:
    """Return the notice in an envelope of our own rows; None where it is erased or of a kind that we do not know."""
    if not envelope:
        return None
    try:
        return parse_notice(envelope)
    except LiaisonError:
        return None
