"""Put together the use cases of people at the desk, for the REST API."""

from __future__ import annotations

from gateway.app.core import Core
from gateway.app.desks.alerts import Alerts
from gateway.app.desks.originator import OriginatorDesk
from gateway.app.desks.second_step import SecondStep
from gateway.desk.parts import Actor, DeskParts
from gateway.desk.people.bearer import bearer
from gateway.desk.worklist.once import OnceKeys
from gateway.desk.worklist.queue import DeskQueue
from gateway.desk.worklist.reading import DeskReading
from gateway.desk.worklist.uses import DeskUses
from gateway.model.requester import Officer


def desk_uses(core: Core, desk: DeskParts, step: SecondStep, alerts: Alerts, owner: OriginatorDesk) -> DeskUses:
    """Put together what people do at the desk."""
    parts, people = desk.parts, core.people
    queue = DeskQueue(parts, desk.store, desk.pen, desk.changes, people)

    def actor(officer: Officer) -> Actor:
        return Actor(officer, bearer(officer, people, parts.clock.now_us()))

    return DeskUses(
        queue,
        DeskReading(parts, desk.store, desk.pen, people, queue),
        OnceKeys(parts.documents, parts.clock),
        actor,
        step.drafting,
        step.approvals,
        step.decisions,
        step.packages,
        step.handing,
        step.marks,
        alerts.own,
        alerts.taken,
        owner.originator,
        owner.compliance,
        owner.holders,
    )
