"""All that people do at the desk of one node, handed in to the REST API by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.desk.acting.once import OnceKeys
from gateway.desk.acting.parts import Actor
from gateway.desk.alerts.board import AlertBoard
from gateway.desk.alerts.own import OwnAlerts
from gateway.desk.alerts.taken import TakenAlerts
from gateway.desk.attachments.bringing import Bringing
from gateway.desk.attachments.opening import Opening
from gateway.desk.misuse.checking import TokenCheck
from gateway.desk.misuse.issuing import MisuseDesk
from gateway.desk.originator.changing import Originator
from gateway.desk.originator.holders import HoldersView
from gateway.desk.originator.obeying import Compliance
from gateway.desk.originator.withdrawn import HoldingBack
from gateway.desk.outcomes.telling import HitOutcomes
from gateway.desk.oversight.freezing import FreezeDesk
from gateway.desk.oversight.incidents import IncidentDesk
from gateway.desk.oversight.reviewing import ReviewDesk
from gateway.desk.reports.library import Library
from gateway.desk.reports.own import OwnReports
from gateway.desk.rooms.acts import Rooms
from gateway.desk.rooms.page import RoomPages
from gateway.desk.second_step.approval import Approvals
from gateway.desk.second_step.deciding import Decisions
from gateway.desk.second_step.drafting import Drafting
from gateway.desk.second_step.handing import Handing
from gateway.desk.second_step.marking import Marks
from gateway.desk.second_step.packages import Packages
from gateway.desk.watches.own import OwnWatches
from gateway.desk.watches.standing import Standing
from gateway.desk.worklist.phoning import Phoning
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.requester import Officer
from gateway.ports.desk_uses import ThreadReading, WorkItem, WorkQueue


class SecondPerson(Protocol):
    """Decides on things of one kind that wait for a second person; `work` is the approval that the person has read."""

    async def approve_work(self, actor: Actor, key: ThreadKey, work: str, /) -> tuple[str, ...]:
        """Approve what this work asks for; return the offices that have closed and get nothing."""

    async def decline_work(self, actor: Actor, key: ThreadKey, reason: str, work: str, /) -> None:
        """Decline what this work asks for."""


@dataclass(frozen=True, slots=True)
class DeskUses:
    """The use cases of the desk. `actor` returns who acts under a token, with the roles of the lists.

    `decides` has who decides what waits for a second person, for each kind that no draft is of (`approvals`).
    """

    decides: Mapping[ThreadKind, SecondPerson]
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
    outcomes: HitOutcomes
    own_alerts: OwnAlerts
    taken_alerts: TakenAlerts
    originator: Originator
    compliance: Compliance
    holders: HoldersView
    holding: HoldingBack
    phoning: Phoning
    alerts: AlertBoard
    incidents: IncidentDesk
    freezes: FreezeDesk
    reviews: ReviewDesk
    misuse: MisuseDesk
    tokens: TokenCheck
    own_reports: OwnReports
    library: Library
    rooms: Rooms
    room_pages: RoomPages
    watches: OwnWatches
    watch_standing: Standing
    bringing: Bringing
    files: Opening

    async def approve(self, actor: Actor, item: WorkItem) -> tuple[str, ...]:
        """Approve what this work asks for, and it leaves; return the offices that have closed and do not get it.

        Raises `Forbidden` for its author, and `Stale` for work that is done, also where other work of the same thread
        waits by now.
        """
        return await self._second_person(item).approve_work(actor, item.work.key, item.work.id)

    async def decline(self, actor: Actor, item: WorkItem, reason: str) -> None:
        """Decline what waits for a second person. Raises as `approve` does."""
        await self._second_person(item).decline_work(actor, item.work.key, reason, item.work.id)

    def _second_person(self, item: WorkItem) -> SecondPerson:
        return self.approvals if item.kind is None else self.decides.get(item.kind, self.approvals)
