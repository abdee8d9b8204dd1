"""What people do at the desk of a node, for the REST API."""

from __future__ import annotations

from gateway.app.core import Core
from gateway.desk.parts import DeskParts
from gateway.desk.worklist.queue import DeskQueue
from gateway.desk.worklist.reading import DeskReading
from gateway.ports.desk_uses import DeskUses


def desk_uses(core: Core, desk: DeskParts) -> DeskUses:
    """Put together what people do at the desk."""
    queue = DeskQueue(desk.parts, desk.store, desk.pen, desk.changes, core.people)
    return DeskUses(queue, DeskReading(desk.parts, desk.store, desk.pen, core.people, queue))
