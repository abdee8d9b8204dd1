"""`gateway.ports.desk_uses.ThreadReading` over the desk's rows: threads with their notices.

Reading a thread is an entry, durable before its content leaves: what somebody has seen, an auditor finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec.structs import replace

from gateway.audit.acts.desk_acts import needs_of
from gateway.desk.acting.persons import may_read, readable_at, thread_item
from gateway.desk.acting.step import own_matter
from gateway.desk.acts import Act
from gateway.desk.alerts.issuing import verified
from gateway.desk.changes import Change as Changed
from gateway.desk.changes import Changes
from gateway.desk.fold import state_by_clock
from gateway.desk.holdings.ledger import Ledger
from gateway.desk.listing import first_fitting
from gateway.desk.pen import Pen
from gateway.desk.people.directory import People, bearer
from gateway.desk.roles import PASSED_ON, Person, note_shown, refusal
from gateway.desk.second_step.approval import draft_of
from gateway.desk.second_step.proposals import proposal_of
from gateway.desk.watches.standing import is_quiet
from gateway.desk.worklist.queue import DeskQueue
from gateway.errors import LiaisonError, Malformed, Stale, Unknown
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Alert, Change, Notice
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.model.names import MemberId, exchange_id, member_id
from gateway.model.requester import Officer
from gateway.ports.desk import DeskStore, Thread, WorkFilter
from gateway.ports.desk_uses import DraftItem, NoticeItem, ProposedItem, ThreadContent, ThreadItem, ThreadQuery
from gateway.ports.entries import events
from gateway.records.claims import claims_of, disclosed
from gateway.statements.notices.notice import parse_notice

_READ = 128
_LOOK_S = 5.0
_MOST_READ = 16_384


class DeskReading:
    """The threads of one node, for its people."""

    def __init__(
        self,
        parts: Parts,
        store: DeskStore,
        pen: Pen,
        people: People,
        queue: DeskQueue,
        ledger: Ledger,
        changes: Changes,
    ) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._people = people
        self._queue = queue
        self._ledger = ledger
        self._changes = changes

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

    def sees(self, officer: Officer, key: ThreadKey) -> bool:
        """Tell whether this person may read a thread now, which is still there. It reads the database."""
        now_us, thread = self._parts.clock.now_us(), self._store.thread(key)
        return thread is not None and self._may_read(bearer(officer, self._people, now_us), thread, now_us)

    async def follow(self, key: ThreadKey) -> AsyncIterator[None]:
        """Yield each time that something about a thread has changed: notices, deliveries, work, and copies given.

        What another process wrote, and what the clock changed, is seen within some seconds.
        """
        concerns, look = partial(_concerns, key=key), partial(self._mark, key)
        async for _ in self._changes.looks(concerns, look, _LOOK_S):
            yield None

    def _mark(self, key: ThreadKey) -> tuple[int, str]:
        thread = self._store.thread(key)
        if thread is None:
            return 0, ""
        return thread.version, state_by_clock(thread, self._parts.clock.now_us()).value

    async def after(self, key: ThreadKey) -> ThreadItem:
        """Return a thread as it stands after an act, without content. Raises `Unknown`."""
        thread = await asyncio.to_thread(self._store.thread, key)
        if thread is None:
            raise Unknown("there is no such thread for you", code="no-such-thread", where=key.thread_id)
        note_shown(thread=key)
        return thread_item(thread, self._parts.clock.now_us())

    async def note(self, officer: Officer, key: ThreadKey, act: str) -> None:
        """Write the entry of a reading, durable when this returns. Raises `Forbidden` for an act of no table."""
        needs_of(act)
        said: dict[str, Any] = officer.as_json() | {"token": officer.token_hash.hex(), "act": act}
        draft = events.DESK_ACT.draft(peer=key.peer, exchange_id=key.thread_id, **said)
        await self._pen.write(self._parts.member, key, lambda: draft)

    # ------------------------------------------------------------ in a thread of its own

    def _threads(self, officer: Officer, query: ThreadQuery) -> list[ThreadItem]:
        now_us = self._parts.clock.now_us()
        person = bearer(officer, self._people, now_us)
        agencies, offices = readable_at(person)
        found = {row.key: row for row in self._readable(person, query, now_us, agencies, offices)}
        if offices and len(found) < query.limit:  # own matters from an office at which the person was before
            rows = self._store.threads(
                kinds=query.kinds, states=query.states, agencies=agencies, group_id=query.group_id, limit=_READ
            )
            found |= {row.key: row for row in rows if self._may_list(person, row, now_us)}
        newest = sorted(found.values(), key=lambda row: (-row.opened_us, row.key.thread_id, row.key.peer))
        return [thread_item(row, now_us) for row in newest[: query.limit]]

    def _readable(
        self, person: Person, query: ThreadQuery, now_us: int, agencies: Sequence[str], offices: Sequence[str]
    ) -> list[Thread]:
        """Return the newest threads of these agencies and offices that a person may read."""

        def read(count: int) -> list[Thread]:
            return self._store.threads(
                kinds=query.kinds,
                states=query.states,
                agencies=agencies,
                offices=offices,
                group_id=query.group_id,
                limit=count,
            )

        return first_fitting(read, lambda row: not may_read(person, row, now_us), query.limit, _MOST_READ)

    def _one(self, officer: Officer, thread_id: str, peer: str) -> Thread:
        """Return the thread of this name that the officer may read; to others it does not exist."""
        now_us = self._parts.clock.now_us()
        person = bearer(officer, self._people, now_us)
        wanted = member_id(peer) if peer else None
        rows = [
            row
            for row in self._store.find_thread(exchange_id(thread_id))
            if (wanted is None or row.key.peer == wanted) and self._may_read(person, row, now_us)
        ]
        if not rows:
            raise Unknown("there is no such thread for you", code="no-such-thread", where=thread_id[:64])
        if len(rows) > 1:
            raise Malformed("two counterparts have used this id", code="which-peer", where="peer", remedy="name one")
        note_shown(thread=rows[0].key)
        return rows[0]

    def _may_list(self, person: Person, row: Thread, now_us: int) -> bool:
        """Tell whether a list shows a thread to a person; a counterpart's watch may be for no person at all."""
        if may_read(person, row, now_us):
            return False
        return row.kind is not ThreadKind.WATCH or row.opener or not is_quiet(self._store.placed(row.key))

    def _may_read(self, person: Person, row: Thread, now_us: int) -> bool:
        """Tell whether a person may read a thread: by the roles, since work of it was passed on to the person's agency,
        or since its owner's change is told to this person."""
        code = may_read(person, row, now_us)
        if row.kind is ThreadKind.WATCH:
            return self._may_list(person, row, now_us)
        if code == "outside-reach" and not row.opener:
            passed = self._store.works(WorkFilter(key=row.key, agency=person.agency, kinds=PASSED_ON))
            theirs = (replace(row, agency=work.agency, office=work.office) for work in passed)
            if any(not may_read(person, each, now_us) for each in theirs):
                return True
        if code != "outside-reach" or row.kind is not ThreadKind.CHANGE:
            return not code
        told = self._store.works(WorkFilter(key=row.key, kinds=(WorkKind.READ,), open_only=False))
        return any(work.assigned == person.person for work in told)

    def _fields(self, notice: Notice, at_us: int) -> dict[str, Any] | None:
        """Return the fields of the record of an alert or a correction; None for another notice, where it does not
        verify, and where it may not be shown any more."""
        head, body = notice.head, notice.body
        if isinstance(body, Change):
            return self._corrected(head.sender, body) if head.recipient == self._parts.member else None
        if not isinstance(body, Alert):
            return None
        with suppress(LiaisonError):
            return verified(self._parts, body.record, head.sender, head.recipient, head.thread_id, at_us).fields
        return None

    def _corrected(self, owner: MemberId, change: Change) -> dict[str, Any] | None:
        """Return the fields of a record that was verified when the change that brought it was taken."""
        stands = next(filter(None, (self._ledger.replaced(owner, jti) for jti in change.records)), None)
        claims = claims_of(change.record) if change.record else None
        if stands is None or claims is None or stands.jti != claims.jti:
            return None
        is_over = self._parts.clock.now_us() >= stands.expires_us
        return None if is_over or self._ledger.hidden({owner: (claims.jti,)}) else disclosed(change.record)

    def _content(self, officer: Officer, thread_id: str, peer: str) -> ThreadContent:
        thread = self._one(officer, thread_id, peer)
        now_us = self._parts.clock.now_us()
        deliveries = {row.notice_id: row for row in self._store.deliveries(tuple(DeliveryState), key=thread.key)}
        notices = []
        for row in self._store.notices(thread.key):
            ours = (row.placed.side is Side.OPENER) == thread.opener
            late = not ours and thread.opener and bool(thread.due_us) and row.time_us > thread.due_us
            notice = _read(row.envelope)
            fields = self._fields(notice, row.time_us) if notice is not None else None
            notices.append(NoticeItem(row, ours, notice, deliveries.get(row.notice_id), late, fields))
        person = bearer(officer, self._people, now_us)
        rows = self._store.works(WorkFilter(key=thread.key, open_only=False))
        works = [self._queue.shown(person, row, now_us) for row in rows if row.opened_us <= now_us]
        return ThreadContent(
            thread_item(thread, now_us),
            tuple(notices),
            tuple(works),
            _draft(thread),
            self._proposed(thread, now_us),
            _acts(person, thread, now_us),
        )

    def _proposed(self, thread: Thread, now_us: int) -> ProposedItem | None:
        with suppress(Stale):
            found = proposal_of(thread, self._parts.policy().hash, now_us)
            first = found.given[0].officer.person if found.given else ""
            return ProposedItem(found.written.notice.code, found.author, first)
        return None


_OF_ASKER = frozenset({Act.WITHDRAW_ASK, Act.READ, Act.CLARIFY, Act.OUTCOME})


def _acts(person: Person, thread: Thread, now_us: int) -> dict[str, str]:
    """Return what can be done to a thread as a whole, each with the code of why this person may not."""
    matter = own_matter(thread)
    return {
        act.value: "not-the-asker" if act in _OF_ASKER and not thread.opener else refusal(person, act, matter, now_us)
        for act in (*sorted(_OF_ASKER), Act.NOTE)
    }


def _concerns(change: Changed, key: ThreadKey) -> bool:
    """Tell whether a change is about a thread; one of the counterpart's copies can be, and its notice is read then."""
    rows = change.rows
    about = [each.key for each in rows.works] + [each.key for each in rows.deliveries]
    about += [rows.thread.key] if rows.thread is not None else []
    return change.missed or key in about or any(key.peer in (each.holder, each.owner) for each in rows.holdings)


def _draft(thread: Thread) -> DraftItem | None:
    """Return the ask of ours that waits in a thread for its approval, if one does."""
    if not thread.draft or thread.kind is not ThreadKind.ASK or not thread.opener:
        return None
    return draft_of(thread)


def _read(envelope: bytes) -> Notice | None:
    """Return the notice in an envelope of our own rows; None where it is erased or of a kind that we do not know."""
    if not envelope:
        return None
    try:
        return parse_notice(envelope)
    except LiaisonError:
        return None
