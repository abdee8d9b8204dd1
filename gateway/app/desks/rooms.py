"""The parts of a node that open rooms, bring them to their members and take part in those of others."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.rounds import WATCH_S, Round
from gateway.desk.acting.parts import DeskParts
from gateway.desk.rooms.acts import Rooms
from gateway.desk.rooms.page import RoomPages
from gateway.desk.rooms.spread import RoomSpread
from gateway.model.desk.threads import ThreadKind


@dataclass(frozen=True, slots=True)
class RoomDesk(Brought):
    """The use cases of rooms, what people see of them, and their round."""

    rooms: Rooms
    pages: RoomPages


def build_rooms(core: Core, desk: DeskParts) -> RoomDesk:
    """Put together the parts of rooms."""
    spread = RoomSpread(desk)
    rooms = Rooms(desk, spread, core.people.is_anybody_on_duty)
    rounds = [Round("operations", WATCH_S, spread.round)]
    return RoomDesk(rooms, RoomPages(desk, rooms), rounds=rounds, decides={ThreadKind.ROOM: rooms})
