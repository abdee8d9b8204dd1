"""A node that was stopped has no file of its sources and indexes open, also where it runs on in a process of tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.model.exchange import Outcome
from tests.support.exchange import answer_of, caller, sample_world, sealed
from tests.support.open_files import open_in


async def test_a_stop_closes_all_sources_also_under_their_refresh(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    node = await world.start("vn")
    assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT
    assert open_in(tmp_path / "sources")
    assert open_in(world.home("vn") / "index")
    refreshing = asyncio.gather(
        *(asyncio.to_thread(each) for each in node.resources.refreshers.values() for _ in range(5))
    )
    await world.stop("vn")
    await asyncio.gather(refreshing, return_exceptions=True)
    assert open_in(tmp_path / "sources") == []
    assert open_in(world.home("vn") / "index") == []
