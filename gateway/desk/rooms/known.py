"""Read rooms: what their owner says of them, what is at home, and how the thread with each member stands."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.home import Stand
from gateway.desk.rooms.values import ROOMS, HomeRoom, home_key, pair_key
from gateway.model.desk.notices import Head, Notice, NoticeType
from gateway.model.desk.rooms import Room, RoomCode, RoomMember, RoomRole, Standing, owner_of
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, NoticeRow, Thread
from gateway.statements.notices.notice import parse_notice

OVER = (ThreadState.ENDED, ThreadState.EXPIRED)
_STANDINGS = {ThreadState.ANSWERED: Standing.JOINED, ThreadState.REFUSED: Standing.LEFT}


class Told(msgspec.Struct, frozen=True):
    """The words of a room's owner to us: the newest invitation with its head, and the word that ended the room."""

    head: Head
    invite: Room
    thread: Thread
    end: Room | None = None
    end_us: int = 0

    def member(self, name: str) -> RoomMember | None:
        """Return a member by its name, None for one that was not invited."""
        return next((one for one in self.invite.members if one.member == name), None)


class Known(msgspec.Struct, frozen=True):
    """A room as this node knows it: `home` where we own it or have joined, `told` where another member owns it."""

    id: str
    home: HomeRoom | None
    told: Told | None

    @property
    def owner(self) -> MemberId:
        """The member that owns it."""
        return owner_of(self.id)

    @property
    def end_us(self) -> int:
        """Return when it seals itself."""
        return self.told.invite.end_us if self.told is not None else self._own.end_us

    @property
    def own(self) -> RoomMember:
        """Our own member in it, as the owner has it."""
        if self.told is not None and (own := self.told.member(self.told.head.recipient)) is not None:
            return own
        return self._own.own

    @property
    def others(self) -> tuple[RoomMember, ...]:
        """The other members, as the owner has them."""
        if self.told is None:
            return self._own.to
        return tuple(one for one in self.told.invite.members if one.member != self.told.head.recipient)

    def stand(self, now_us: int) -> Stand | None:
        """Return its state here; None: we are invited, and have neither joined nor left."""
        if self.home is not None and self.home.stand not in (Stand.ON, Stand.WAITING):
            return self.home.stand
        if self.told is not None and self.told.end is not None:
            return Stand.SEALED if self.told.end.code is RoomCode.SEAL else Stand.CALLED_OFF
        if now_us >= self.end_us:
            return Stand.OVER
        if self.told is not None and self.told.thread.state is ThreadState.REFUSED:
            return Stand.LEFT
        return self.home.stand if self.home is not None else None

    @property
    def _own(self) -> HomeRoom:
        assert self.home is not None
        return self.home


class RoomBook:
    """The rooms of one node. It reads the desk's store, and blocks."""

    def __init__(self, store: DeskStore, me: MemberId) -> None:
        self._store = store
        self._me = me

    def room(self, room_id: str) -> Known | None:
        """Return a room; None where its owner has not invited us, and we do not own it."""
        home = self._store.thread(home_key(self._me, room_id))
        told = self.told(room_id) if owner_of(room_id) != self._me else None
        own = ROOMS.of(home)
        if told is None and (own is None or owner_of(room_id) != self._me):
            return None
        return Known(room_id, own, told)

    def told(self, room_id: str) -> Told | None:
        """Return what the owner of a room has told us."""
        owner = owner_of(room_id)
        thread = self._store.thread(pair_key(self._me, owner, room_id))
        if thread is None or thread.kind is not ThreadKind.ROOM:
            return None
        heads: list[tuple[Head, Room]] = []
        end, end_us = None, 0
        for row in self._store.notices(thread.key):
            if row.is_ours(thread) or row.placed.type is not NoticeType.ROOM or not row.envelope:
                continue
            notice = parse_notice(row.envelope)
            assert isinstance(notice.body, Room)
            if notice.body.code is RoomCode.INVITE:
                heads.append((notice.head, notice.body))
            elif end is None and notice.body.code in (RoomCode.SEAL, RoomCode.CLOSE):
                end, end_us = notice.body, row.time_us
        return Told(*heads[-1], thread, end, end_us) if heads else None

    def is_listed(self, thread: Thread) -> bool:
        """Tell whether a room has its place in a list by this thread: at home if it is ours, else with its owner."""
        owner = owner_of(thread.group_id)
        is_own = owner == self._me
        return thread.key == (
            home_key(self._me, thread.group_id) if is_own else pair_key(self._me, owner, thread.group_id)
        )

    def pair(self, room_id: str, peer: MemberId) -> Thread | None:
        """Return the thread with another member of a room."""
        return self._store.thread(pair_key(self._me, peer, room_id))

    def roster(self, room: HomeRoom) -> tuple[RoomMember, ...]:
        """Return the members of a room of ours, each as the thread with it stands."""
        return (room.own, *(self._standing(room.id, one) for one in room.to))

    def _standing(self, room_id: str, one: RoomMember) -> RoomMember:
        thread = self.pair(room_id, one.member)
        if thread is None:
            return one
        if thread.state in OVER:
            rows = self._store.placed(thread.key)
            codes = {row.code for row in rows if row.side is thread.side(ours=False)}
            has_left = RoomCode.LEAVE in codes
            standing = Standing.LEFT if has_left else Standing.JOINED if RoomCode.JOIN in codes else Standing.INVITED
            return replace(one, standing=standing)
        return replace(one, standing=_STANDINGS.get(thread.state, Standing.INVITED))

    def invited(self, thread: Thread) -> Room | None:
        """Return the newest invitation of ours in a thread."""
        rows = [row for row in self._store.notices(thread.key) if row.placed.code == RoomCode.INVITE and row.envelope]
        body = parse_notice(rows[-1].envelope).body if rows else None
        return body if isinstance(body, Room) else None

    def entries(self, thread: Thread) -> list[tuple[NoticeRow, Notice | None]]:
        """Return the entries of the other side of a thread; None stands for one whose content is erased."""
        return [
            (row, parse_notice(row.envelope) if row.envelope else None)
            for row in self._store.notices(thread.key)
            if not row.is_ours(thread) and row.placed.type in (NoticeType.NOTE, NoticeType.OUTCOME)
        ]


def writes(members: Iterable[RoomMember], member: str) -> bool:
    """Tell whether a member may write into a room."""
    return any(one.member == member and one.role is not RoomRole.OBSERVER for one in members)
