"""Say what approving and declining make of a room, of one that is new and of one into which more are to be invited."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.desk.entries import asked_by
from gateway.desk.rooms.values import HomeRoom, Stand
from gateway.model.requester import Officer


def asked_for(room: HomeRoom) -> dict[str, Any]:
    """Return the member of an approval's content that says what it approves, and who asked for it."""
    if room.invites is not None:
        return asked_by("invite", room.invites.by)
    return asked_by("open-room", room.by)


def decided(room: HomeRoom, by: Officer, stand: Stand) -> HomeRoom:
    """Return a room that somebody has approved (`stand` is ON) or declined; one that goes on keeps whom it has.

    Where the one who opened it approves what a colleague asked for, the colleague is the second person beside them.
    """
    if (asked := room.invites) is None:
        return replace(room, stand=stand, approver=by if stand is Stand.ON else None)
    if stand is not Stand.ON:
        return replace(room, invites=None)
    second = by if by.person != room.by.person else asked.by
    return replace(room, to=(*room.to, *asked.to), approver=second, invites=None)
