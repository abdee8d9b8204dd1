"""A removed key ends to count at every node while all of them run: at the owner, and at each counterpart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.clock import SystemClock
from gateway.ops.removals.revoke import Removal, revoke
from gateway.signing.keys import load_signing_key
from tests.support.exchange import entries, sample_world, stopping
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.persons import person_key

pytestmark = pytest.mark.asyncio(loop_scope="function")


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    async with stopping(made):
        yield made


async def remove(world: World, member: str, name: str, **more: Any) -> Removal:
    """Remove a key beside the running node, as the command does; the documents go nowhere yet."""
    home = world.home(member)
    return await asyncio.to_thread(revoke, home, name, "laptop stolen", SystemClock(), **more)


def removals(world: World, member: str) -> list[dict[str, Any]]:
    found = entries(world.nodes[member], "operations")
    return [item.private for item in found if item.entry.kind == "key-removed"]


async def test_j11_the_entry_of_a_removal_names_the_person_with_the_node_running(world: World) -> None:
    await world.start("vn")
    key = load_signing_key(person_key(world.home("vn"), "adm"))
    done = await remove(world, "vn", "agency/immigration", keys=[key])
    assert done.is_logged
    (said,) = removals(world, "vn")
    assert said["keys"] == [done.keys[0].key_id]
    assert said["reason"] == "laptop stolen"
    assert said["proof"] == "signatures"
    assert [person["key_id"] for person in said["persons"]] == [key.key_id]


async def test_a_stopped_node_writes_the_entry_when_it_starts(world: World) -> None:
    done = await remove(world, "vn", "log")
    assert not done.is_logged
    await world.start("vn")
    await eventually(lambda: len(removals(world, "vn")) == 1)
    (said,) = removals(world, "vn")
    assert (said["proof"], said["keys"]) == ("unproved", [done.keys[0].key_id])
    assert said["account"]
