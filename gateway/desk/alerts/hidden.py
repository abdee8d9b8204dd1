"""Hide alerts for an operation of ours: until it ends, and for as long as any alert may be hidden at most."""

from __future__ import annotations

from gateway.desk.alerts.values import HIDDEN_US
from gateway.desk.rooms.known import RoomBook
from gateway.desk.rooms.values import LIVE
from gateway.errors import Malformed
from gateway.model.desk.rooms import is_room_id
from gateway.model.handed.alerts import RaiseAlert


def hidden_until_us(book: RoomBook, command: RaiseAlert, now_us: int) -> int:
    """Return until when an alert is hidden. Raises `Malformed` for an operation that is not ours, or is over."""
    if not command.operation:
        return command.hidden_until_us
    if command.to_life or command.hidden_until_us:
        raise Malformed(
            "an operation alone says until when its alerts are hidden", code="bad-alert", where="hidden_until"
        )
    if not goes_on(book, command.operation, now_us):
        raise Malformed(
            "no operation of ours with this id is open",
            code="no-such-operation",
            where="operation",
            remedy="`liaison operation list` shows yours",
        )
    room = book.room(command.operation)
    assert room is not None
    return min(room.end_us, now_us + HIDDEN_US)


def goes_on(book: RoomBook, operation: str, now_us: int) -> bool:
    """Tell whether an operation of ours has not ended."""
    room = book.room(operation) if is_room_id(operation) else None
    return room is not None and room.home is not None and room.home.is_owned and room.stand(now_us) in LIVE
