"""Put together the use cases of people at the desk, for the REST API and the console."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.app.core import Core
from gateway.app.desks.alerts import Alerts
from gateway.app.desks.attachments import Files
from gateway.app.desks.originator import OriginatorDesk
from gateway.app.desks.oversight import Oversight
from gateway.app.desks.reports import Reports
from gateway.app.desks.rooms import RoomDesk
from gateway.app.desks.second_step import SecondStep
from gateway.app.desks.watches import Watches
from gateway.desk.acting.once import OnceKeys
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.alerts.board import AlertBoard
from gateway.desk.misuse.checking import TokenCheck
from gateway.desk.people.directory import bearer
from gateway.desk.worklist.phoning import Phoning
from gateway.desk.worklist.queue import DeskQueue
from gateway.desk.worklist.reading import DeskReading
from gateway.desk.worklist.uses import DeskUses, SecondPerson
from gateway.model.desk.threads import ThreadKind
from gateway.model.requester import Officer


def desk_uses(
    core: Core,
    desk: DeskParts,
    decides: Mapping[ThreadKind, SecondPerson],
    step: SecondStep,
    alerts: Alerts,
    owner: OriginatorDesk,
    oversight: Oversight,
    reports: Reports,
    rooms: RoomDesk,
    watches: Watches,
    files: Files,
) -> DeskUses:
    """Put together what people do at the desk."""
    parts, people = desk.parts, core.people
    queue = DeskQueue(parts, desk.store, desk.pen, desk.changes, people, shared=core.resources.database.shared)
    reading = DeskReading(parts, desk.store, desk.pen, people, queue, desk.ledger, desk.changes)

    def actor(officer: Officer) -> Actor:
        return Actor(officer, bearer(officer, people, parts.clock.now_us()))

    return DeskUses(
        decides,
        queue,
        reading,
        OnceKeys(parts.documents, parts.clock, reading.sees, queue.sees),
        actor,
        step.drafting,
        step.approvals,
        step.decisions,
        step.packages,
        step.handing,
        step.marks,
        step.outcomes,
        alerts.own,
        alerts.taken,
        owner.originator,
        owner.compliance,
        owner.holders,
        owner.holding,
        Phoning(desk.store, parts.trust, people.who, parts.clock.now_us),
        AlertBoard(desk, alerts.own, alerts.taken, alerts.gate),
        oversight.incidents,
        oversight.freezes,
        oversight.reviews,
        oversight.misuse,
        TokenCheck(desk),
        reports.own,
        reports.library,
        rooms.rooms,
        rooms.pages,
        watches.own,
        watches.standing,
        files.bringing,
        files.opening,
    )
