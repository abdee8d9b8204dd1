"""Operations for tests with desks in running nodes."""

from __future__ import annotations

from typing import Any

from gateway.app.run.node import Node
from gateway.clock import DAY_US
from gateway.desk.acting.parts import Actor
from gateway.desk.rooms.page import RoomPage
from gateway.desk.rooms.values import home_key
from gateway.model.desk.notices import Note
from gateway.model.desk.rooms import RoomRole
from gateway.model.desk.work import Role
from gateway.model.handed.operations import Invited, OpenRoom
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from tests.support.alerts import actor
from tests.support.approving import approve_waiting
from tests.support.exchange import CLOCK
from tests.support.waiting import until


def opening(*to: str, observers: tuple[str, ...] = (), **changes: Any) -> OpenRoom:
    """An operation of these members."""
    first: dict[str, Any] = {
        "to": tuple(
            Invited(MemberId(one), (), RoomRole.OBSERVER if one in observers else RoomRole.PARTNER) for one in to
        ),
        "title": "Mekong night",
        "end_us": CLOCK.now_us() + 30 * DAY_US,
        "purpose": Purpose.INVESTIGATION,
        "offence": Offence.NARC,
        "template": "joint-operation",
        "case": "TH-2026-0417",
    }
    return OpenRoom(**(first | changes))


def desk_of(member: str) -> Actor:
    """The national desk of a member."""
    return actor(member, Role.NATIONAL_DESK, person="21")


def note(text: str, **values: str) -> Note:
    """A note with values of the template."""
    return Note("en", text, tuple(values.items()))


async def opened(node: Node, *to: str, **changes: Any) -> str:
    """Open and approve an operation; return its id."""
    rooms = node.desk.rooms.rooms
    me = node.core.parts.member
    room_id = await rooms.open(actor(me, Role.OFFICER), opening(*to, **changes))
    await approve_waiting(rooms, actor(me, Role.SUPERVISOR, person="7"), home_key(me, room_id))
    return room_id


async def joined(node: Node, room_id: str) -> None:
    """Join an operation once its invitation has come."""
    rooms, me = node.desk.rooms.rooms, node.core.parts.member
    await until(lambda: rooms._book.room(room_id), "the invitation has come")
    await rooms.join(desk_of(me), room_id)


async def page(node: Node, room_id: str) -> RoomPage:
    """Read an operation as the national desk."""
    return await node.desk.rooms.pages.read(desk_of(node.core.parts.member), room_id)


def said(node: Node, room_id: str) -> list[tuple[str, str]]:
    """Return the entries of an operation as a node has them: the member and the text."""
    found = node.desk.rooms.pages._page(desk_of(node.core.parts.member), room_id).said
    return [(each.member, each.body.text if each.body is not None else "") for each in found]
