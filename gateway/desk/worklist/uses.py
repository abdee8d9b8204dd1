"""All that people do at the desk of one node, handed in to the REST API by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.desk.alerts.own import OwnAlerts
from gateway.desk.alerts.taken import TakenAlerts
from gateway.desk.originator.changing import Originator
from gateway.desk.originator.holders import HoldersView
from gateway.desk.originator.obeying import Compliance
from gateway.desk.parts import Actor
from gateway.desk.second_step.approval import Approvals
from gateway.desk.second_step.deciding import Decisions
from gateway.desk.second_step.drafting import Drafting
from gateway.desk.second_step.handing import Handing
from gateway.desk.second_step.marking import Marks
from gateway.desk.second_step.packages import Packages
from gateway.desk.worklist.once import OnceKeys
from gateway.model.requester import Officer
from gateway.ports.desk_uses import ThreadReading, WorkQueue


@dataclass(frozen=True, slots=True)
class DeskUses:
    """The use cases of the desk. `actor` returns who acts under a token, with the roles of the lists."""

    queue: WorkQueue
    reading: ThreadReading
    keys: OnceKeys
    actor: Callable[[Officer], Actor]
    drafting: Drafting
    approvals: Approvals
    decisions: Decisions
    packages: Packages
    handing: Handing
    marks: Marks
    own_alerts: OwnAlerts
    taken_alerts: TakenAlerts
    originator: Originator
    compliance: Compliance
    holders: HoldersView
