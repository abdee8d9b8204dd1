"""Hold a room as one member has it at home: what it is about, its standing, and the entries that were written here."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from gateway.clock import DAY_US
from gateway.desk.acting.home import Home, Stand
from gateway.desk.entries import asked_by
from gateway.desk.widening import (
    ASKED,
    CONTENT,
    ENDS,
    GROUND,
    HANDLING,
    WHO,
    Way,
    Widens,
    begins,
    later,
    reads_more,
    sooner,
)
from gateway.errors import Unknown
from gateway.model.desk.notices import Note, OutcomeReport, Urgency
from gateway.model.desk.rooms import Room, RoomMember, home_id, owner_of
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer

LONGEST_US = 180 * DAY_US
"""The latest end of a room, from its opening on."""

AFTER_US = 7 * DAY_US
"""Entries that were written in time are delivered and taken for so long after the end."""

MOST_ENTRIES = 200
"""Entries of one member in one room: a thread takes not many more."""


class Entry(msgspec.Struct, frozen=True):
    """An entry that was written here: a note (with the values of the room's template) or an outcome."""

    by: Officer
    note: Note | None = None
    outcome: OutcomeReport | None = None

    @property
    def body(self) -> Note | OutcomeReport:
        """The body of the notice that brings it to the other members."""
        body = self.note or self.outcome
        assert body is not None
        return body


LIVE = frozenset({Stand.WAITING, Stand.ON})


class Invites(msgspec.Struct, frozen=True):
    """An officer's request that more members are invited, which has no effect before it is approved."""

    to: tuple[RoomMember, ...]
    by: Officer


class HomeRoom(msgspec.Struct, frozen=True):
    """A room as its thread at home holds it: at its owner, and at a member that has joined.

    `by` has opened it, or joined it here. `to` are the others, at the owner only; their standing is that of the
    threads with them.
    """

    id: str
    title: str
    template: str
    purpose: Purpose
    offence: Offence
    case: str
    ticket: str
    urgency: Urgency
    start_us: int
    end_us: int
    by: Officer
    opened_us: int
    stand: Stand
    own: RoomMember
    to: tuple[RoomMember, ...] = ()
    approver: Officer | None = None
    entries: tuple[Entry, ...] = ()
    text: str = ""
    invites: Invites | None = None

    @property
    def is_owned(self) -> bool:
        """Tell whether we are its owner."""
        return owner_of(self.id) == self.own.member

    @property
    def asked_for(self) -> dict[str, Any]:
        """The member of an approval's content that says what it approves, and who asked for it."""
        if self.invites is not None:
            return asked_by("invite", self.invites.by)
        return asked_by("open-room", self.by)

    def decided(self, by: Officer, stand: Stand) -> HomeRoom:
        """Return the room as approved (`stand` is ON) or declined by somebody; one that goes on keeps whom it has.

        Where the one who opened it approves what a colleague asked for, the colleague is the second person beside them.
        """
        if (asked := self.invites) is None:
            return msgspec.structs.replace(self, stand=stand, approver=by if stand is Stand.ON else None)
        if stand is not Stand.ON:
            return msgspec.structs.replace(self, invites=None)
        second = by if by.person != self.by.person else asked.by
        return msgspec.structs.replace(self, to=(*self.to, *asked.to), approver=second, invites=None)


WIDENS: Widens = {
    **GROUND,
    "id": CONTENT,
    "title": CONTENT,
    "template": CONTENT,
    "ticket": HANDLING,
    "urgency": HANDLING,
    "start_us": (Way.LONGER, sooner),
    "end_us": (Way.LONGER, later),
    "by": CONTENT,
    "opened_us": CONTENT,
    "stand": (Way.IN_FORCE, begins),
    "own": (Way.READERS, lambda before, after: reads_more((before,), (after,))),
    "to": (Way.READERS, reads_more),
    "approver": WHO,
    "entries": "each member writes its own, for those who were approved",
    "text": ENDS,
    "invites": ASKED,
}
"""Tells what two persons approve of an operation, by field (`gateway.desk.widening`)."""


def home_key(me: MemberId, room_id: str) -> ThreadKey:
    """Return the key of the thread that holds a room at home."""
    return ThreadKey(me, home_id(room_id))


def pair_key(me: MemberId, peer: MemberId, room_id: str) -> ThreadKey:
    """Return the key of the thread between two members of a room; both know its id without a word."""
    names = " ".join(sorted((me, peer)))
    return ThreadKey(peer, ExchangeId(hashlib.sha256(f"liaison.room {room_id} {names}".encode()).hexdigest()[:32]))


def opens_pair(me: MemberId, peer: MemberId, room_id: str) -> bool:
    """Tell whether we open the thread between us and `peer`: its owner does, else the first of both names."""
    owner = owner_of(room_id)
    return me == owner or (peer != owner and me < peer)


def no_room(_: str = "") -> Unknown:
    """Return the error for a room that is not there for a person."""
    return Unknown(
        "there is no such operation for you",
        code="no-such-operation",
        where="operation",
        remedy="`liaison operation list` shows yours",
    )


ROOMS = Home(kind=ThreadKind.ROOM, value=HomeRoom, unknown=no_room)
"""Rooms at home: ours, and those of others that we have joined. What a person may read of one `rooms.acts` says."""


def invitation(room: HomeRoom, members: tuple[RoomMember, ...], code_room: Room) -> Room:
    """Return a notice of the owner with what its invitation says."""
    return msgspec.structs.replace(
        code_room,
        title=room.title,
        template=room.template,
        members=members,
        start_us=room.start_us,
        end_us=room.end_us,
    )
