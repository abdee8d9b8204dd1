"""An alert that is hidden for an operation is in no figure: neither in a pack for a counterpart nor in our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from msgspec.structs import replace

from gateway.clock import DAY_US
from gateway.desk.figures.months import month_at
from gateway.model.desk.work import WorkKind
from gateway.ops.audit.figures import ALL, Wanted, pack_of_home
from gateway.ports.desk import WorkFilter
from gateway.views.pack.files import as_csv, as_value
from tests.support.alerts import author, raising, supervisor, there
from tests.support.approving import approve_waiting
from tests.support.exchange import VN, sample_world
from tests.support.simulator import Simulation, simulated

HOUR_US = 3_600_000_000


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as made:
        yield made


async def figures(world: Simulation, *, exact: bool = False) -> dict[str, Any]:
    """All that packs of these months say, for the counterpart and for the country itself; but for how long it ran."""
    now_us = world.nodes["th"].core.parts.clock.now_us()
    months = {month_at(now_us - ago * DAY_US, "th").name for ago in (0, 30)}
    told: dict[str, Any] = {}
    for month in sorted(months):
        for peer in (VN, ALL):
            wanted = Wanted(peer, month, exact=exact)
            pack = await asyncio.to_thread(pack_of_home, world.home("th"), wanted, lambda _done, _all: None)
            pack = replace(pack, tables=tuple(table for table in pack.tables if table.name != "availability"))
            told[f"{month} {peer}"] = (as_value(pack) | {"made": ""}, as_csv(pack))
    return told


async def test_an_alert_hidden_for_an_operation_changes_no_figure(own_world: Simulation) -> None:
    th = own_world.nodes["th"]
    own = th.desk.alerts.own
    before, exactly = await figures(own_world), await figures(own_world, exact=True)
    hidden_us = th.core.parts.clock.now_us() + 2 * HOUR_US
    for _ in range(6):  # more than are hidden as few
        alert_id = await own.raise_alert(author(), raising(hidden_until_us=hidden_us))
        await approve_waiting(own, supervisor(), alert_id)
        assert await figures(own_world) == before, "while it is hidden"
        await own.lift(author(), alert_id, "found")
        assert await figures(own_world) == before, "after it ended without a word to others"
    assert not th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.OUTCOME,))), "its outcome is asked for"
    after = await figures(own_world, exact=True)
    assert {name: told[0]["tables"] for name, told in after.items()} == {
        name: told[0]["tables"] for name, told in exactly.items()
    }


async def test_one_that_was_told_is_counted(own_world: Simulation) -> None:
    th = own_world.nodes["th"]
    own = th.desk.alerts.own
    before = await figures(own_world, exact=True)
    alert_id = await own.raise_alert(author(), raising())
    await approve_waiting(own, supervisor(), alert_id)
    await there(th, alert_id)
    assert await figures(own_world, exact=True) != before
    await own.lift(author(), alert_id, "found")
    assert th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.OUTCOME,)))
