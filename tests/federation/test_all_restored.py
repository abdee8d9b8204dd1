"""A federation that was restored as a whole starts, and no node of it signs over a log that is too short (CASE-N228).

Each node is backed up and restored as a new home with the commands; real nodes then start beside each other.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.cli.main import run
from gateway.config import load_settings
from gateway.errors import Contradicted, NotProved
from gateway.ops.acts.unwitnessed_start import waive_start
from gateway.ports.entries import events
from tests.support.exchange import entries, stopping
from tests.support.nodes import World, build_world
from tests.support.persons import person_key

MEMBERS = ("th", "vn", "kh")


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Three members whose nodes have no sources; what each has signed is known to the others."""
    made = build_world(tmp_path, {}, MEMBERS)
    assert run(["backup", "--new-key", str(tmp_path / "offline")]) == 0
    async with stopping(made):
        yield made


def patience(world: World, member: str, seconds: int) -> None:
    """Set how long a node waits for its witnesses."""
    file = world.home(member) / "node.toml"
    text = re.sub(r"\[witness\]\nwait_s = \d+\n", "", file.read_text())
    file.write_text(f"{text}\n[witness]\nwait_s = {seconds}\n")


async def grow_and_settle(world: World) -> None:
    """Let the log of each running node grow, and bring its heads to the others."""
    for node in world.nodes.values():
        await node.core.writers.operations.write(events.ALARM.draft(code="x", detail="more"))
    for _ in range(100):
        for node in world.nodes.values():
            await node.witness.round()
        if all(_known(node) for node in world.nodes.values()):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the heads do not come to all")


def _known(node: Node) -> bool:
    return all(item.covered == item.size for item in node.witness.standings if item.log == "operations/1")


async def liaison(*arguments: object) -> int:
    return await asyncio.to_thread(run, [*map(str, arguments), "--json"])


async def backed_up(world: World, name: str) -> None:
    folder = world.federation.folder
    for member in MEMBERS:
        out = folder / f"{member}-{name}"
        to = folder / "offline" / "backup.pub"
        assert await liaison("backup", "--home", world.home(member), "--to", to, "--out", out) == 0


async def restored(world: World, member: str, name: str) -> None:
    """Put the home aside, and make a new one of a backup and of the keystore: nothing else there knows a newer head."""
    folder, home = world.federation.folder, world.home(member)
    aside = folder / "aside" / member
    if home.exists() and not aside.exists():
        aside.parent.mkdir(exist_ok=True)
        home.rename(aside)
    shutil.rmtree(home, ignore_errors=True)
    key, backup = folder / "offline" / "backup.key", folder / f"{member}-{name}"
    keys = ("--keys", load_settings(aside).keystore, "--fingerprint", world.federation.fingerprint)
    code = await liaison("restore", "--backup", backup, "--key", key, "--home", home, *keys)
    assert code in (0, 3)  # 3: no head tells whether entries are missing


async def test_n228_a_federation_that_was_restored_as_a_whole_starts_and_an_old_log_does_not(world: World) -> None:
    for member in MEMBERS:
        patience(world, member, 45)
        await world.start(member)
    await backed_up(world, "early")
    await grow_and_settle(world)
    await backed_up(world, "late")
    for member in MEMBERS:
        await world.stop(member)
    for member in MEMBERS:
        await restored(world, member, "late")
        patience(world, member, 1 if member == "kh" else 45)

    # one of three is missing, which may know a newer head: no one signs
    with pytest.raises(NotProved) as missing:
        await world.start("kh")
    assert missing.value.code == "unwitnessed-copy"
    patience(world, "kh", 45)

    # all of them find each other, and signed nothing before
    started = await asyncio.gather(*map(world.start, MEMBERS))
    found = [item for item in entries(started[0], "operations") if item.entry.kind == "witness-compared"][-1].private
    assert {item["witness"] for item in found["seen"]} <= {"vn", "kh"}
    assert found["seen"]
    assert not found["waived"]
    await grow_and_settle(world)
    for member in MEMBERS:
        await world.stop(member)

    # an old backup among restored ones is told so by those that wait as it does, and a waiver does not hide that
    for member, name in (("th", "early"), ("vn", "late"), ("kh", "late")):
        await restored(world, member, name)
        patience(world, member, 45 if member == "th" else 15)
    waiver = waive_start(world.home("th"), "no node answers", [person_key(world.home("th"), "adm")])
    refused, *_ = await asyncio.gather(*map(world.start, MEMBERS), return_exceptions=True)
    assert isinstance(refused, Contradicted)
    assert refused.code == "log-ahead"
    assert waiver.exists(), "it is for the end of the wait"
