"""At 64 concurrent exchanges at least 16 entries share one durable commit, on both engines.

`make test` looks at a short run; `LIAISON_GROUP_ROUNDS=200` at a long one, with `-s` for the figures.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.model.query import DocumentQuery
from gateway.statements.request import REQUEST_KIND
from gateway.storage.database.open import open_storage
from gateway.storage.log.log_store import SqlLogStore
from gateway.telemetry import NO_TRACE
from tests.federation.test_several_processes import on_postgres, serve
from tests.support import schemas
from tests.support.databases import server
from tests.support.exchange import VN, request, sample_world
from tests.support.nodes import World
from tests.support.zygote import Zygote

CONCURRENT, AT_LEAST = 64, 16
ROUNDS = int(os.environ.get("LIAISON_GROUP_ROUNDS", "12"))


def written(home: Path) -> tuple[int, int]:
    """Entries of the exchange log, and commits: each stores the head of the one before."""
    database = open_storage(load_settings(home), read_only=True)
    store = SqlLogStore(database)
    state = store.state("exchange/1")
    assert state
    found = state.size, len(store.checkpoints("exchange/1"))
    database.close()
    return found


async def ask(world: World, rounds: int) -> None:
    """`CONCURRENT` askers, each with one exchange after another in flight, over streams."""
    key, peers = world.federation["th"].key("statement"), world.nodes["th"].core.peers
    envelopes = [
        REQUEST_KIND.build(request(query=DocumentQuery(f"B{number:07d}", "VNM")), key).envelope
        for number in range(CONCURRENT * rounds)
    ]

    async def one() -> None:
        while envelopes:
            await peers.exchange(VN, envelopes.pop(), 30.0, NO_TRACE)

    await asyncio.gather(*(one() for _ in range(CONCURRENT)))


@pytest.mark.parametrize("engine", schemas.ENGINES)
async def test_at_64_concurrent_exchanges_16_entries_share_a_commit(tmp_path: Path, engine: str) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    home = world.home("vn")
    file = home / "node.toml"
    # A long run asks more, at full speed, than a counterpart may.
    file.write_text(file.read_text().replace("[limits]", f"[limits]\nburst_per_member = {10**7}"))
    if engine == "postgresql":
        server("postgresql")
        on_postgres(world, "vn")
    async with Zygote() as zygote:
        await serve(zygote, home)
        await world.start("th")
        try:
            await ask(world, 2)
            entries, commits = written(home)
            await ask(world, ROUNDS)
            entries, commits = (now - then for now, then in zip(written(home), (entries, commits), strict=True))
        finally:
            await world.stop("th")
    print(f"{engine}: {entries} entries in {commits} commits, {entries / commits:.1f} each")
    assert entries == CONCURRENT * ROUNDS
    assert entries / commits >= AT_LEAST
