"""A node whose exchange log was pruned: it starts, answers, and everything that looks at its log says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import run
from gateway.ports.entries import events
from gateway.storage.keys.keystore import KeyStore
from tests.support.exchange import entries, stopping
from tests.support.forger import eventually_async
from tests.support.nodes import World, build_world
from tests.support.persons import administrator

pytestmark = pytest.mark.timeout(180)

MANY = 300


@pytest.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    """Thailand has logged some hundred entries, Viet Nam has cosigned them, and their content is erased."""
    made = build_world(tmp_path, {}, ("th", "vn"))
    async with stopping(made):
        th, vn = await made.start("th"), await made.start("vn")
        drafts = (events.OWN.draft(officer="th.o.1") for _ in range(MANY))
        await asyncio.gather(*(th.core.writers.exchange.write(draft) for draft in drafts))

        async def covered() -> bool:
            await th.witness.round()
            await vn.witness.round()
            return any(item.log == "exchange/1" and item.covered >= MANY for item in th.witness.standings)

        await eventually_async(covered)
        yield made


async def audit(capsys: pytest.CaptureFixture[str], world: World, *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    home = str(world.home("th"))
    code = await asyncio.to_thread(run, ["audit", arguments[0], "--home", home, *arguments[1:], "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out[out.index("{\n") :]) if "{\n" in out else None


async def test_g20_a_pruned_node_goes_on_and_says_so(own_world: World, capsys: pytest.CaptureFixture[str]) -> None:
    order = ("prune", "--before", "2100-01-01", *administrator(own_world.home("th")), "--reason", "archive law")
    code, _ = await audit(capsys, own_world, *order)
    assert code == 1  # while the node runs
    await own_world.stop("th")
    code, said = await audit(capsys, own_world, *order)
    assert (code, said["logs"][0]["lowest"]) == (1, 0)
    assert "is not erased yet" in said["logs"][0]["kept_by"]
    keys = KeyStore(own_world.home("th") / "keystore")
    for key_id in keys.key_ids():
        if key_id.startswith("nohit/"):
            keys.destroy(key_id)
    code, said = await audit(capsys, own_world, *order[:3], "--dry-run")
    assert (code, said["dry_run"], said["logs"][0]["lowest"]) == (0, True, 256)
    code, said = await audit(capsys, own_world, *order)
    assert (code, said["logs"][0]["lowest"]) == (0, 256)

    th = await own_world.start("th")
    started = [item for item in entries(th, "operations") if item.entry.kind == "start"][-1]
    assert started.private["pruned_below"] == {"exchange/1": 256}
    assert [item.entry.kind for item in entries(th, "operations")].count("pruned") == 1
    code, found = await audit(capsys, own_world, "find", "--kind", "own")
    assert (code, found["count"], found["pruned_below"]) == (0, MANY - 256, {"exchange/1": 256})
    code, report = await audit(capsys, own_world, "verify")
    assert code == 3
    assert any(item["text"].startswith("pruned below 256, as entry") for item in report["findings"])
    assert not any(item["state"] == "contradicted" for item in report["findings"])

    async def cosigned() -> bool:
        """The witness takes the proof from the head that it cosigned before."""
        await th.witness.round()
        return any(item.log == "exchange/1" and item.covered == item.size for item in th.witness.standings)

    await th.core.writers.exchange.write(events.OWN.draft())
    await eventually_async(cosigned)
