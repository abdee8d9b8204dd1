"""Rooms: operations of several members, between each two of whom one thread holds what they tell each other.

A room is known by its owner and a number: `th.5f0c…`. So no one can invite into the room of another member.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

import msgspec

from gateway.model.names import ExchangeId, MemberId

_ROOM_ID = re.compile(r"[a-z]{2}\.[0-9a-f]{32}", re.ASCII)


MAX_TITLE = 200
"""The most characters of the name of a room."""


class RoomCode(StrEnum):
    """Word about a room."""

    INVITE = "INVITE"
    JOIN = "JOIN"
    LEAVE = "LEAVE"
    SEAL = "SEAL"
    """It is over, and is only read from now on."""
    CLOSE = "CLOSE"
    """It was called off."""


class RoomRole(StrEnum):
    """The role of a member in a room. An observer reads, and writes nothing."""

    LEAD = "LEAD"
    PARTNER = "PARTNER"
    OBSERVER = "OBSERVER"


class Standing(StrEnum):
    """The standing of a member in a room."""

    INVITED = "INVITED"
    JOINED = "JOINED"
    LEFT = "LEFT"


class RoomMember(msgspec.Struct, frozen=True):
    """A member of a room, with its offices that take part (none: all) and its role.

    `entries` counts those that the owner has of it as the room is sealed.
    """

    member: MemberId
    role: RoomRole
    offices: tuple[str, ...] = ()
    standing: Standing = Standing.INVITED
    entries: int = 0


class Room(msgspec.Struct, frozen=True):
    """Word about a room.

    An invitation says what it is about (`title`), which form its entries have (`template`, empty for none), who takes
    part and from when until when. A JOIN repeats the times. `text` says why, in words.
    """

    code: RoomCode
    title: str = ""
    template: str = ""
    members: tuple[RoomMember, ...] = ()
    start_us: int = 0
    end_us: int = 0
    text: str = ""


def is_room_id(text: str) -> bool:
    """Tell whether a text has the form of a room's id."""
    return _ROOM_ID.fullmatch(text) is not None


def owner_of(room_id: str) -> MemberId:
    """Return the member that owns a room."""
    return MemberId(room_id.partition(".")[0])


def home_id(room_id: str) -> ExchangeId:
    """Return the id of the thread that holds a room at home, at each of its members; no counterpart takes part."""
    return ExchangeId(hashlib.sha256(f"liaison.room {room_id}".encode()).hexdigest()[:32])
