"""The parts of a node that write, send and take reports, with their rounds."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.rounds import UPKEEP, UPKEEP_S, Round
from gateway.desk.acting.parts import DeskParts
from gateway.desk.reports.library import Library
from gateway.desk.reports.own import OwnReports
from gateway.desk.reports.spread import ReportSpread
from gateway.model.desk.threads import ThreadKind
from gateway.storage.desk.reports import SqlReports


@dataclass(frozen=True, slots=True)
class Reports(Brought):
    """The use cases of reports."""

    own: OwnReports
    library: Library


def build_reports(desk: DeskParts, core: Core) -> Reports:
    """Put together the reports' parts."""
    spread, resources = ReportSpread(desk), core.resources
    own = OwnReports(
        desk,
        spread,
        core.people.is_anybody_on_duty,
        lambda: resources.walls,
    )
    library = Library(desk, SqlReports(resources.database, resources.keystore))
    rounds = [Round("reports", UPKEEP_S, spread.round, line=UPKEEP)]
    return Reports(own, library, rounds=rounds, decides={ThreadKind.REPORT: own})
