"""Make the threads of a room follow what stands at home: invitations, joining, entries in their order, and the end.

How a room stands here is written at home first, in one transaction. What is missing in a thread is written then, and
again in the next round where the process ended in between, or where a counterpart has joined meanwhile. A pair that has
no agreement, or is suspended, misses its own part, and keeps out nobody else's.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.authoring import Post
from gateway.desk.entries import desk_clock
from gateway.desk.own.spread import Telling
from gateway.desk.raising import End, ended_works
from gateway.desk.rooms.known import OVER, Known, RoomBook
from gateway.desk.rooms.pairs import Pairs
from gateway.desk.rooms.values import (
    AFTER_US,
    ROOMS,
    Entry,
    HomeRoom,
    home_key,
    invitation,
    opens_pair,
    pair_key,
)
from gateway.errors import LiaisonError, Stale
from gateway.model.desk.notices import Body, NoticeType
from gateway.model.desk.rooms import Room, RoomCode, RoomMember, Standing
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_SCAN_US = 30_000_000
"""All rooms are looked at so often, beside those of which a row has changed."""

_GOING = (ThreadState.OPEN, ThreadState.ANSWERED)
_STATES = (ThreadState.NEW, *_GOING, ThreadState.REFUSED)
_ENTRIES = (NoticeType.NOTE, NoticeType.OUTCOME)
_ENDS = {Stand.SEALED: RoomCode.SEAL, Stand.CALLED_OFF: RoomCode.CLOSE}


@dataclass(frozen=True, slots=True)
class _Step:
    """The next notice in the thread with a member, and who says it."""

    body: Body
    by: Officer


@dataclass(frozen=True, slots=True)
class _Pair:
    """A member of a room, and the thread with it."""

    one: RoomMember
    thread_id: ExchangeId

    @property
    def member(self) -> MemberId:
        """The member's name."""
        return self.one.member


class RoomSpread(Telling[Known, _Pair]):
    """Brings rooms to their members."""

    def __init__(self, desk: DeskParts) -> None:
        super().__init__(desk)
        self._parts = desk.parts
        self._store = desk.store
        self._book = RoomBook(desk.store, desk.parts.member)
        self._pairs = Pairs(desk.parts)
        self._seen: dict[str, tuple[tuple[ThreadKey, int], ...]] = {}
        self._next_us = 0

    # ------------------------------------------------------------ one room

    async def bring_up(self, room_id: str) -> None:
        """Write what is missing in the threads of one room."""
        room = await asyncio.to_thread(self._book.room, room_id)
        if room is not None and room.home is not None:
            keys = [(one, pair_key(self._parts.member, one.member, room_id)) for one in room.others]
            await self.tell(room, [_Pair(one, key.thread_id) for one, key in keys])

    def without(self, value: Known, _to: _Pair, _error: LiaisonError) -> Known:
        """Return a room as it is: its page says how the part of a pair stands that has missed something."""
        return value

    def changed(self) -> Stale:
        """Return the refusal of what was drafted before the room changed."""
        return Stale("the room has changed meanwhile", code="not-now", where="operation", remedy="read it again")

    def missing(self, value: Known, to: _Pair, thread: Thread | None) -> Post | None:
        """Return the next notice to a member; None where all is told, or no agreement covers it."""
        step = self._missing(value, to.one, thread)
        return self._post(value, to.member, step) if step is not None else None

    def _missing(self, room: Known, one: RoomMember, thread: Thread | None) -> _Step | None:
        """Return the notice that brings the thread with a member to where the room stands; None where it is there."""
        home = room.home
        assert home is not None
        stand = room.stand(self._parts.clock.now_us())
        if thread is None or thread.state is ThreadState.NEW:
            body = self._opening(room, home, one) if stand is Stand.ON else None
            return _Step(body, home.by) if body is not None else None
        if thread.state not in _GOING:
            return None
        if not thread.opener and thread.state is ThreadState.OPEN and stand is Stand.ON:
            return _Step(self._joining(room), home.by)
        if home.is_owned and stand is Stand.ON and (news := self._news(home, thread)) is not None:
            return _Step(news, home.by)
        if stand in (Stand.ON, *_ENDS) and (entry := self._unsent(home, thread)) is not None:
            return _Step(entry.body, entry.by)
        end = self._end(home, stand)
        return _Step(end, home.by) if end is not None else None

    def _opening(self, room: Known, home: HomeRoom, one: RoomMember) -> Room | None:
        """Return the word that opens the thread with a member; None where the other side opens it."""
        if not opens_pair(self._parts.member, one.member, room.id) or one.standing is Standing.LEFT:
            return None
        if home.is_owned:
            return invitation(home, self._book.roster(home), Room(RoomCode.INVITE))
        return self._joining(room)

    @staticmethod
    def _joining(room: Known) -> Room:
        assert room.told is not None
        invite = room.told.invite
        return Room(RoomCode.JOIN, start_us=invite.start_us, end_us=invite.end_us)

    def _news(self, home: HomeRoom, thread: Thread) -> Room | None:
        """Return an invitation anew where a member has joined or left, or was invited, since the newest in a thread."""
        wanted = invitation(home, self._book.roster(home), Room(RoomCode.INVITE))
        return wanted if self._book.invited(thread) != wanted else None

    def _unsent(self, home: HomeRoom, thread: Thread) -> Entry | None:
        """Return the first entry of ours that was not written into a thread. One that was refused there stays out."""
        if thread.state is not ThreadState.ANSWERED:
            return None
        sent = self._store.deliveries(tuple(DeliveryState), key=thread.key)
        count = sum(one.type in _ENTRIES for one in sent)
        return home.entries[count] if count < len(home.entries) else None

    def _end(self, home: HomeRoom, stand: Stand | None) -> Room | None:
        """Return the word with which our part in a room ends; by its clock it ends everywhere without one."""
        if stand is Stand.LEFT and not home.is_owned:
            return Room(RoomCode.LEAVE, text=home.text)
        if not home.is_owned or stand not in _ENDS:
            return None
        counts = {one.member: self._count(home.id, one.member) for one in home.to}
        roster = tuple(
            replace(one, entries=counts.get(one.member, len(home.entries))) for one in self._book.roster(home)
        )
        return Room(_ENDS[stand], members=roster, text=home.text)

    def _count(self, room_id: str, member: MemberId) -> int:
        thread = self._book.pair(room_id, member)
        return len(self._book.entries(thread)) if thread is not None else 0

    def _post(self, room: Known, peer: MemberId, step: _Step) -> Post | None:
        """Return a notice to a member; None where no agreement covers it."""
        home = room.home
        assert home is not None
        agreement = self._pairs.agreement(home, peer)
        if not agreement:
            return None
        approver = home.approver if isinstance(step.body, Room) else None
        post = self.post(peer, step.body, step.by, approver, home.purpose, home.offence, urgency=home.urgency)
        return dataclasses.replace(
            post,
            case=home.case,
            ticket=home.ticket,
            agreement=agreement,
            expires_us=room.end_us + AFTER_US,
            group_id=room.id,
            agency=home.by.agency,
            office=home.by.office,
            officer=home.by.person,
        )

    # ------------------------------------------------------------ the clock

    async def round(self) -> None:
        """Look after the rooms of which something has changed: members that joined, words of owners, ends."""
        now_us = self._parts.clock.now_us()
        seen = await asyncio.to_thread(self._rows)
        every = now_us >= self._next_us
        for room_id, rows in seen.items():
            if every or self._seen.get(room_id) != rows:
                await self._look(room_id, now_us)
        self._seen = seen
        if every:
            self._next_us = now_us + _SCAN_US

    def _rows(self) -> dict[str, tuple[tuple[ThreadKey, int], ...]]:
        """Return the versions of all threads of rooms that go on."""
        found: dict[str, list[tuple[ThreadKey, int]]] = {}
        for key, room_id, version in self._store.versions((ThreadKind.ROOM,), _STATES):
            found.setdefault(room_id, []).append((key, version))
        return {room_id: tuple(rows) for room_id, rows in found.items()}

    async def _look(self, room_id: str, now_us: int) -> None:
        key = home_key(self._parts.member, room_id)
        thread = await asyncio.to_thread(self._store.thread, key)
        if thread is None or not thread.draft or thread.state in OVER:
            return
        waiting = await asyncio.to_thread(approval, self._store, key)
        if waiting is not None and waiting.due_us <= now_us:
            await self._desk.pen.write_if_first(self._parts.member, key, lambda: self._lapsed(key, waiting))
        await self.bring_up(room_id)
        room = await asyncio.to_thread(self._book.room, room_id)
        if room is not None and room.home is not None and await asyncio.to_thread(self._is_over, room, now_us):
            await self._desk.pen.write_if_first(self._parts.member, key, lambda: self._ended(key, room_id))

    def _is_over(self, room: Known, now_us: int) -> bool:
        """Tell whether a room has ended, and every thread that can be told has been told."""
        if room.stand(now_us) in (None, Stand.WAITING, Stand.ON):
            return False
        threads = ((one, self._book.pair(room.id, one.member)) for one in room.others)
        return now_us >= room.end_us or all(self._missing(room, one, thread) is None for one, thread in threads)

    # ------------------------------------------------------------ in the pen

    def _lapsed(self, key: ThreadKey, work: Work) -> EntryDraft:
        """Return the entry of a room, or of invitations into one that goes on, that were not approved in time."""
        thread, now = self._store.thread(key), self._store.work(work.id)
        now_us = self._parts.clock.now_us()
        if now is None or now.done_us or thread is None:
            raise self.changed()
        room, works = ROOMS.read(thread), (replace(now, done_us=now_us, result="lapsed"),)
        if room.invites is None:
            return self._clocked(thread, replace(room, stand=Stand.LAPSED), "draft-lapsed", works)
        return self._clocked(thread, replace(room, invites=None), "draft-lapsed", works, thread.state)

    def _ended(self, key: ThreadKey, room_id: str) -> EntryDraft:
        """Return the entry of a room that is over here: by its clock, by its owner's word, or since we left it."""
        thread, room = self._store.thread(key), self._book.room(room_id)
        now_us = self._parts.clock.now_us()
        if thread is None or thread.state in OVER or room is None or room.home is None:
            raise self.changed()
        stand = room.stand(now_us)
        if stand in (None, Stand.WAITING, Stand.ON):
            raise self.changed()
        ended = ended_works(self._store.works(WorkFilter(key=key)), End.EXPIRED, now_us)
        return self._clocked(thread, replace(room.home, stand=stand, invites=None), f"room-{stand}", ended)

    def _clocked(
        self,
        thread: Thread,
        room: HomeRoom,
        code: str,
        works: tuple[Work, ...],
        state: ThreadState = ThreadState.ENDED,
    ) -> EntryDraft:
        after = ROOMS.moved(thread, room, state, self._parts.clock.now_us())
        return desk_clock(thread.key, code, DeskRows(thread=after, before=thread.version, works=works))
