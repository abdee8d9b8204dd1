"""`gateway.ports.desk_uses.ThreadReading` over the desk's rows: threads with their notices, and the ledger of copies.

Reading a thread is an entry, durable before its content leaves: what somebody has seen, an auditor finds.
"""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.desk.delivery.pen import Pen
from gateway.desk.people.bearer import bearer
from gateway.desk.people.directory import People
from gateway.desk.roles import Act, Matter, may
from gateway.desk.worklist.queue import DeskQueue
from gateway.desk.worklist.seen import may_read, thread_item
from gateway.errors import LiaisonError, Malformed, Unknown
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Notice
from gateway.model.desk.threads import Side
from gateway.model.desk.work import DeliveryState
from gateway.model.names import exchange_id, member_id
from gateway.model.requester import Officer
from gateway.ports import events
from gateway.ports.desk import DeskStore, Thread, WorkFilter
from gateway.ports.desk_uses import Holders, NoticeItem, ThreadContent, ThreadItem, ThreadQuery
from gateway.statements.notices.notice import parse_notice

_READ = 256
_MOST_READ = 16_384


class DeskReading:
    """The threads and copies of one node, for its people."""

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
        said: dict[str, Any] = officer.as_json() | {
            "token": officer.token_hash.hex(),
            "act": "read",
            "kind": thread.kind.value,
        }
        draft = events.DESK_ACT.draft(peer=thread.key.peer, exchange_id=thread.key.thread_id, **said)
        await self._pen.write(self._parts.member, thread.key, lambda: draft)
        return await asyncio.to_thread(self._content, officer, thread_id, thread.key.peer)

    async def holders(self, officer: Officer, *, record: str = "", holder: str = "", limit: int = 1000) -> Holders:
        """Return the copies of a record (its `jti` or the owner's own key), or of all records; without content."""
        return await asyncio.to_thread(self._holders, officer, record, holder, limit)

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

    def _content(self, officer: Officer, thread_id: str, peer: str) -> ThreadContent:
        thread = self._one(officer, thread_id, peer)
        now_us = self._parts.clock.now_us()
        deliveries = {row.notice_id: row for row in self._store.deliveries(tuple(DeliveryState), key=thread.key)}
        notices = []
        for row in self._store.notices(thread.key):
            ours = (row.placed.side is Side.OPENER) == thread.opener
            late = not ours and bool(thread.due_us) and row.time_us > thread.due_us
            notices.append(NoticeItem(row, ours, _read(row.envelope), deliveries.get(row.notice_id), late))
        person = bearer(officer, self._people, now_us)
        rows = self._store.works(WorkFilter(key=thread.key, open_only=False))
        works = [self._queue.shown(person, row, now_us) for row in rows if row.opened_us <= now_us]
        return ThreadContent(thread_item(thread, now_us), tuple(notices), tuple(works))

    def _holders(self, officer: Officer, record: str, holder: str, limit: int) -> Holders:
        now_us = self._parts.clock.now_us()
        person = bearer(officer, self._people, now_us)
        may(person, Act.HOLDERS, Matter(agency=person.agency, office=person.office), now_us)
        found = self._store.holdings(jti=record, holder=holder, limit=limit)
        if record and not found:
            found = self._store.holdings(record=record, holder=holder, limit=limit)
        return Holders(tuple(found), frozenset(self._parts.trust().members))


def _read(envelope: bytes) -> Notice | None:
    """Return the notice in an envelope of our own rows; None where it is erased or of a kind that we do not know."""
    if not envelope:
        return None
    try:
        return parse_notice(envelope)
    except LiaisonError:
        return None
