"""The sources of published reports: one for each agency of ours, each behind a wall of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gateway.app.resources import Resources
from gateway.desk.reports.asked import PublishedReports, Shelf
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.ports.desk import DeskStore
from gateway.storage.desk.reports import SqlReports


class ReportWalls:
    """The walls of the agencies that sign records here, or have published a report.

    Both lists only grow, at their ends, while other threads go through them: `walls`, and `every`, which has the
    systems of the agencies first.
    """

    def __init__(self, resources: Resources, store: DeskStore, members: Callable[[], Collection[str]]) -> None:
        self._resources = resources
        self._members = members
        self._shelf = Shelf(resources.member, store, SqlReports(resources.database, resources.keystore))
        self._served: list[str] = []
        self.walls: list[Bulkhead] = []
        self.every: list[Bulkhead] = [*resources.walls]
        for agency in sorted(self._signing() | {held.report.author.agency for held in self._shelf.reports()}):
            self._serve(agency)

    def renew(self) -> None:
        """Serve the agencies whose key came since, at once."""
        for agency in sorted(self._signing() - set(self._served)):
            self._serve(agency).start()

    def _signing(self) -> set[str]:
        return {issuer.agency for issuer in list(self._resources.keys.issuers.values())}

    def _serve(self, agency: str) -> Bulkhead:
        source = PublishedReports(self._shelf, agency, self._served, self._resources.clock, self._members)
        wall = Bulkhead(source, self._resources.clock, 1, self._resources.turn)
        self.walls.append(wall)
        self.every.append(wall)
        self._served.append(agency)
        return wall
