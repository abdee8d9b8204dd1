"""The ledger of copies: what it costs grows with the copies, not with their square."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from gateway.audit.log.log import AuditLog
from gateway.desk.originator.holders import Holders, HoldersView
from gateway.model.names import MemberId
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.log.log_store import SqlLogStore
from tests.bench.desk import Sizes, fill
from tests.support.audit_logs import LogHome

FEW, MANY = 600, 6_000
TH = MemberId("th")


def pages(view: HoldersView, limit: int = 500) -> list[Holders]:
    """The whole ledger, page by page; each says how many copies are left."""
    found: list[Holders] = []
    page = view.listed(None, 0, "", limit)
    while True:
        found += page.found
        if not page.next:
            return found
        after, left = page.next, page.left
        page = view.listed(None, 0, after, limit)
        assert left == (page.left or 0) + min(limit, left or 0)


def cost_s(folder: Path, copies: int) -> float:
    """The CPU seconds of reading the whole ledger of a home, the least of three times."""
    home = LogHome(folder)
    with home.database() as database:
        store = SqlLogStore(database, home.keystore)
        with closing(AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)) as log:
            fill(log, Sizes(0, copies))
            view = HoldersView(TH, SqlDeskStore(database, home.keystore), lambda member: True, lambda source: "police")
            times = []
            for _ in range(3):
                began = time.thread_time()
                found = pages(view)
                times.append(time.thread_time() - began)
            assert sum(len(each.copies) for each in found) == copies
            return min(times)


@pytest.mark.timed
def test_the_whole_ledger_costs_in_proportion_to_its_copies(tmp_path: Path) -> None:
    assert cost_s(tmp_path / "many", MANY) < 3 * MANY / FEW * cost_s(tmp_path / "few", FEW)
