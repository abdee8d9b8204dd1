"""The parts of a node that open rooms, bring them to their members and take part in those of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.app.core import Core
from gateway.app.rounds import WATCH_S, Round
from gateway.desk.acting.parts import DeskParts
from gateway.desk.rooms.acts import Rooms
from gateway.desk.rooms.page import RoomPages
from gateway.desk.rooms.spread import RoomSpread


@dataclass(frozen=True, slots=True)
class RoomDesk:
    """The use cases of rooms, what people see of them, and their round."""

    rooms: Rooms
    pages: RoomPages
    rounds: Sequence[Round]


def build_rooms(core: Core, desk: DeskParts) -> RoomDesk:
    """Put together the parts of rooms."""
    spread = RoomSpread(desk)
    rooms = Rooms(desk, spread, core.people.is_anybody_on_duty)
    return RoomDesk(rooms, RoomPages(desk, rooms), [Round("operations", WATCH_S, spread.round)])
