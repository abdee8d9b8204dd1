"""Show rooms: the entries of all members in one list, the results, how each pair stands, and where the evidence is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import Annotated

import msgspec

from gateway.desk.acting.home import Stand
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.changes import Change
from gateway.desk.entries import desk_act
from gateway.desk.listing import USUAL_LISTED, Slice, slice_of
from gateway.desk.rooms.acts import Rooms
from gateway.desk.rooms.known import Known, RoomBook
from gateway.desk.rooms.pairs import Pairs, Part
from gateway.desk.rooms.values import home_key
from gateway.model.desk.notices import Note, OutcomeReport
from gateway.model.desk.rooms import RoomCode, RoomMember
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.faces import fields
from gateway.model.names import MemberId
from gateway.ports.desk import ListPlace, NoticeRow, Thread

LOOK_S = 2.0
_LISTED = 200
_LIVE = (ThreadState.NEW, ThreadState.OPEN, ThreadState.ANSWERED)


class RoomLine(msgspec.Struct, frozen=True):
    """A room in a list. `stand` None: we are invited."""

    id: str
    owner: MemberId
    title: str
    stand: Stand | None
    members: tuple[MemberId, ...]
    start_us: int
    end_us: int
    urgency: str


class Said(msgspec.Struct, frozen=True):
    """One entry: author, country, time and content; `body` is None once its content is erased here.

    `late` tells that its author wrote it after the owner had sealed the room, and had not heard of that.
    """

    member: MemberId
    office: str
    author: str
    at_us: int
    body: Note | OutcomeReport | None
    late: bool = False


class Result(msgspec.Struct, frozen=True):
    """A line of the table of results: what came of it at one member, summed up."""

    member: MemberId
    code: Annotated[str, fields.Said(name="outcome")]
    substance: str
    times: int
    grams: int
    units: int
    persons: int


class Evidence(msgspec.Struct, frozen=True):
    """A notice of the room, as the formal way needs it: the exchange, its hash, and its entry in our log."""

    member: MemberId
    ours: bool
    says: str
    at_us: int
    exchange_id: Annotated[str, fields.Said(name="exchange")]
    thread: str
    payload_hash: str
    log: str
    index: Annotated[int, fields.Said(name="entry")]


class RoomPage(msgspec.Struct, frozen=True):
    """A room with all that this node has of it; `acts` are those of this person."""

    line: RoomLine
    template: str
    purpose: str
    offence: str
    case: str
    own: RoomMember
    parts: tuple[Part, ...]
    said: tuple[Said, ...]
    results: tuple[Result, ...]
    evidence: tuple[Evidence, ...]
    acts: frozenset[str]
    text: str
    owner_missing: str
    """Why the owner is out of reach, as a code: then no one else seals it, and it seals itself at its end."""
    opened_by: str = ""
    approved_by: str = ""
    invites: tuple[MemberId, ...] = ()
    """The members that are to be invited, as `invites_by` asks: another person must approve it."""
    invites_by: str = ""


class RoomPages:
    """The rooms as people read and follow them."""

    def __init__(self, desk: DeskParts, rooms: Rooms) -> None:
        self._desk = desk
        self._rooms = rooms
        self._book = RoomBook(desk.store, desk.parts.member)
        self._pairs = Pairs(desk.parts)

    async def all(
        self, actor: Actor, *, over: bool = False, limit: int = USUAL_LISTED, after: str = ""
    ) -> Slice[RoomLine]:
        """Return rooms that this person may read, the newest first, behind a place; with `over` those that ended."""
        return await asyncio.to_thread(self._slice, actor, over, limit, after)

    async def read(self, actor: Actor, room_id: str) -> RoomPage:
        """Return a room to a person who may read it, once the entry of that is durable. Raises `Unknown`."""
        await asyncio.to_thread(self._rooms.find, actor, room_id)
        me = self._desk.parts.member
        key = home_key(me, room_id)
        await self._desk.pen.write(me, key, lambda: desk_act(actor.officer, "read-room", key))
        return await asyncio.to_thread(self._page, actor, room_id)

    async def follow(self, room_id: str = "") -> AsyncGenerator[None, None]:
        """Yield each time that a room has changed, or any with no id; also where another process has written."""
        concerns, look = partial(_concerns, room_id=room_id), partial(self._seen, room_id)
        async for _ in self._desk.changes.looks(concerns, look, LOOK_S):
            yield None

    # ------------------------------------------------------------ in a thread of its own

    def _seen(self, room_id: str) -> object:
        threads = self._desk.store.threads(kinds=(ThreadKind.ROOM,), group_id=room_id, limit=_LISTED)
        return [(thread.key, thread.version) for thread in threads]

    def _slice(self, actor: Actor, over: bool, limit: int, after: str) -> Slice[RoomLine]:
        states = tuple(ThreadState) if over else _LIVE

        def read(behind: ListPlace | None, count: int) -> list[Thread]:
            return self._desk.store.threads(kinds=(ThreadKind.ROOM,), states=states, behind=behind, limit=count)

        def fits(thread: Thread) -> RoomLine | None:
            room = self._book.room(thread.group_id) if self._book.is_listed(thread) else None
            if room is None or not self._rooms.sees(actor, room):
                return None
            line = self._line(room)
            return line if over or line.stand in (None, Stand.WAITING, Stand.ON) else None

        return slice_of(read, fits, limit, after)

    def _line(self, room: Known) -> RoomLine:
        about = room.told.invite if room.told is not None else room.home
        assert about is not None
        urgency = room.told.head.urgency if room.told is not None else room.home.urgency if room.home else None
        return RoomLine(
            room.id,
            room.owner,
            about.title,
            room.stand(self._desk.parts.clock.now_us()),
            (room.own.member, *(one.member for one in room.others)),
            about.start_us,
            about.end_us,
            urgency.value if urgency is not None else "",
        )

    def _page(self, actor: Actor, room_id: str) -> RoomPage:
        room = self._rooms.find(actor, room_id)
        pairs = [(one, self._book.pair(room_id, one.member)) for one in room.others]
        said = [
            *self._own(room),
            *(each for _, thread in pairs if thread is not None for each in self._said(room, thread)),
        ]
        said.sort(key=lambda each: each.at_us)
        counts = {one.member: sum(each.member == one.member for each in said) for one, _ in pairs}
        parts = tuple(
            self._pairs.part(self._desk.store, room, one, thread, counts[one.member]) for one, thread in pairs
        )
        about = room.told.head if room.told is not None else room.home
        invite = room.told.invite if room.told is not None else room.home
        assert about is not None
        assert invite is not None
        end = room.told.end if room.told is not None else None
        home = room.home if room.home is not None and room.home.is_owned else None
        asked = home.invites if home is not None else None
        return RoomPage(
            self._line(room),
            invite.template,
            about.purpose.value,
            about.offence.value,
            about.case or about.ticket,
            room.own,
            parts,
            tuple(said),
            results(said),
            tuple(each for _, thread in pairs if thread is not None for each in self._evidence(thread)),
            self._rooms.acts(actor, room),
            end.text if end is not None else room.home.text if room.home is not None else "",
            next((part.missing for part in parts if part.member == room.owner), ""),
            home.by.person if home is not None else "",
            home.approver.person if home is not None and home.approver is not None else "",
            tuple(one.member for one in asked.to) if asked is not None else (),
            asked.by.person if asked is not None else "",
        )

    def _own(self, room: Known) -> Iterable[Said]:
        me = self._desk.parts.member
        for entry in room.home.entries if room.home is not None else ():
            yield Said(me, entry.by.office, entry.by.person, entry.body.at_us, entry.body)

    def _said(self, room: Known, thread: Thread) -> Iterable[Said]:
        sealed_us = self._sealed_us(room)
        for row, notice in self._book.entries(thread):
            said = notice.body if notice is not None else None
            body = said if isinstance(said, Note | OutcomeReport) else None
            at_us = body.at_us if body is not None else row.placed.issued_us
            who = notice.head.requester if notice is not None else None
            yield Said(
                thread.key.peer,
                who.office if who is not None else "",
                who.pseudonym if who is not None else "",
                at_us,
                body,
                late=0 < sealed_us < at_us,
            )

    def _sealed_us(self, room: Known) -> int:
        """Return when the owner sealed a room, as far as we know; 0 while it has not."""
        if room.told is not None:
            return room.told.end_us
        sealed = [
            row.time_us
            for one in room.others
            if (thread := self._book.pair(room.id, one.member)) is not None
            for row in self._desk.store.notices(thread.key)
            if row.is_ours(thread) and row.placed.code in (RoomCode.SEAL, RoomCode.CLOSE)
        ]
        return min(sealed, default=0)

    def _evidence(self, thread: Thread) -> Iterable[Evidence]:
        for row in self._desk.store.notices(thread.key):
            if row.placed.seq:  # one that was refused is no part of the thread
                yield _evidence(row, thread)


def _evidence(row: NoticeRow, thread: Thread) -> Evidence:
    return Evidence(
        thread.key.peer,
        row.is_ours(thread),
        f"{row.placed.type.value} {row.placed.code}".strip(),
        row.time_us,
        row.notice_id,
        thread.key.thread_id,
        row.payload_hash.hex(),
        row.log,
        row.index,
    )


def results(said: Iterable[Said]) -> tuple[Result, ...]:
    """Return the table of results: the outcomes of each member, summed up by code and substance."""
    found: dict[tuple[MemberId, str, str], Result] = {}
    for each in said:
        if not isinstance(each.body, OutcomeReport):
            continue
        body = each.body
        key = (each.member, body.code.value, body.substance)
        old = found.get(key, Result(*key, 0, 0, 0, 0))
        found[key] = Result(
            *key, old.times + 1, old.grams + body.grams, old.units + body.units, old.persons + body.persons
        )
    return tuple(found[key] for key in sorted(found))


def _concerns(change: Change, room_id: str) -> bool:
    thread = change.rows.thread
    is_room = thread is not None and thread.kind is ThreadKind.ROOM
    return change.missed or (is_room and room_id in ("", thread.group_id if thread is not None else ""))
