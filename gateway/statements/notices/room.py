"""Words about rooms: invitations, joining and leaving, sealing and closing."""

from __future__ import annotations

from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.rooms import MAX_TITLE, Room, RoomCode, RoomMember, RoomRole, Standing, is_room_id
from gateway.model.names import identifier, member_id
from gateway.model.values import text_value
from gateway.statements.fields import timestamp
from gateway.statements.notices.texts import (
    free_text,
    listed,
    many,
    number,
    optional_code,
    optional_text,
    optional_time,
)

MAX_MEMBERS = 32
MAX_OFFICES = 64
MAX_LIFE_US = 366 * 86_400_000_000
"""The longest time for which a room is open."""

_OF_OWNER = frozenset({RoomCode.INVITE, RoomCode.SEAL, RoomCode.CLOSE})
_TIMED = frozenset({RoomCode.INVITE, RoomCode.JOIN})


def write_room(message: pb.RoomNotice, room: Room) -> None:
    """Write a word about a room into its payload."""
    message.code, message.title, message.template, message.text = room.code.value, room.title, room.template, room.text
    for one in room.members:
        message.members.add(
            member=one.member,
            offices=one.offices,
            role=one.role.value,
            standing=one.standing.value,
            entries=one.entries,
        )
    if room.start_us:
        message.start_time.CopyFrom(timestamp(room.start_us))
    if room.end_us:
        message.end_time.CopyFrom(timestamp(room.end_us))


def read_room(message: pb.RoomNotice) -> Room:
    """Return the word about a room in a parsed payload, or raise `Malformed`."""
    head, what = message.head, listed(RoomCode, message.code, "code")
    if not is_room_id(head.group_id):
        raise _bad("a room is named by its owner and a number", "group_id")
    if len(message.members) > MAX_MEMBERS:
        raise Malformed("more than {limit} items", code="too-many", where="members", limit=MAX_MEMBERS)
    room = Room(
        code=what,
        title=text_value(free_text(message.title, "title"), "title", MAX_TITLE) if message.title else "",
        template=optional_code(message.template, "template"),
        members=tuple(map(_read_member, message.members)),
        start_us=optional_time(message.start_time, "start_time", present=message.HasField("start_time")),
        end_us=optional_time(message.end_time, "end_time", present=message.HasField("end_time")),
        text=optional_text(message.text, "text"),
    )
    _check_times(room)
    _check_members(room, head.sender, head.recipient)
    return room


def _read_member(message: pb.RoomMember) -> RoomMember:
    return RoomMember(
        member=member_id(message.member),
        role=listed(RoomRole, message.role, "role"),
        offices=many(message.offices, MAX_OFFICES, "offices", identifier),
        standing=listed(Standing, message.standing, "standing"),
        entries=number(message.entries, "entries"),
    )


def _check_times(room: Room) -> None:
    if room.code in _TIMED:
        if not 0 < room.end_us - room.start_us <= MAX_LIFE_US:
            raise Malformed("a room is open for 366 days at most", code="bad-time", where="end_time")
    elif room.start_us or room.end_us:
        raise _bad("the times stand with an invitation", "end_time")


def _check_members(room: Room, sender: str, recipient: str) -> None:
    """Raise unless the members stand where they belong: each once, the owner as the lead, the recipient among them."""
    names = [one.member for one in room.members]
    if room.code not in _OF_OWNER:
        if names or room.title or room.template:
            raise _bad("what a room is stands with an invitation", "members")
        return
    if len(set(names)) != len(names):
        raise Malformed("an item is listed twice", code="listed-twice", where="members")
    if any((one.role is RoomRole.LEAD) != (one.member == sender) for one in room.members):
        raise _bad("the owner leads a room, and no other member does", "members")
    if room.code is RoomCode.INVITE and not (room.title and {sender, recipient} <= set(names)):
        raise _bad("an invitation names what it is for, the owner and who is invited", "members")


def _bad(text: str, where: str) -> Malformed:
    return Malformed(text, code="bad-room", where=where)
