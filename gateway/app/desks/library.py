"""The sources of published reports: one for each agency of ours, each behind a wall of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gateway.app.resources import Resources
from gateway.desk.reports.asked import PublishedReports, Shelf
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.ports.desk import DeskStore
from gateway.storage.desk.reports import SqlReports


def report_walls(resources: Resources, store: DeskStore, members: Callable[[], Collection[str]]) -> list[Bulkhead]:
    """Return the walls of the agencies that sign records here, or have published a report; none of them runs yet."""
    me = resources.member
    shelf = Shelf(me, store, SqlReports(resources.database, resources.keystore))
    signing = {name.removeprefix(f"{me}.") for name in resources.keys.issuers}
    agencies = sorted(signing | {held.report.author.agency for held in shelf.reports()})
    sources = [PublishedReports(shelf, agency, agencies, resources.clock, members) for agency in agencies]
    return [Bulkhead(source, resources.clock, 1, resources.turn) for source in sources]
