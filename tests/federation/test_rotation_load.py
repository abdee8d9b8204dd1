"""Each key is rotated in turn by its command, between two processes that exchange all the time at a fixed rate.

Thailand's node runs in this process, Viet Nam's in one of its own. The questions are signed with Thailand's key of the
moment and go over its own streams; of each answer the signature, the entry, the head, the proof and the record are
verified, as before an officer sees it. Descriptors travel by gossip alone, and each node switches by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from certs.keyfiles import key_id, public_key, spki
from gateway.app.run.node import Node
from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.config import Home, load_settings
from gateway.exchange.asking.ask import send, show_line
from gateway.exchange.asking.check_answer import check_answer
from gateway.model.exchange import Outcome
from gateway.ops.keys.files import file_of_use
from gateway.ops.keys.rotation import Rotations
from gateway.statements.request import REQUEST_KIND
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.telemetry import NO_TRACE
from tests.support.exchange import PASSPORT, VN, request, sample_world, stopping
from tests.support.nodes import World
from tests.support.processes import NodeProcess
from tests.support.waiting import until
from tests.support.zygote import Zygote

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.timeout(900)]

RATE = int(os.environ.get("LIAISON_ROTATION_RATE", "0"))
"""Exchanges that begin in a second; `make rotation` has 500, and rotates all keys."""

FEW_PER_S = 40
PER_S = RATE or FEW_PER_S
FEW = {"vn": ("statement", "tls", "agency/immigration", "log"), "th": ("statement", "tls")}
ALL = {
    "vn": (*FEW["vn"], "witness", "witness-mldsa", "status", "token"),
    "th": (*FEW["th"], "log", "witness", "witness-mldsa", "status", "token", "client/cli"),
}
WITHOUT_ENTRY = ("status", "client/cli")
"""Keys that are not held by a running node: it has no entry of using another one."""

_SILENT_S = 3.0
"""The seconds for which an officer waits."""

_SWITCHED_S = 60.0
_AFTER_S = 1.0
_TICK_S = 0.005
_LEAST = 0.95
"""The share of the rate that has passed; where a machine cannot, the figure is of another rate."""


class Load:
    """Questions of Thailand to Viet Nam, of which so many begin in each second, whatever becomes of those before."""

    def __init__(self, node: Node) -> None:
        self.failed: list[str] = []
        self.took: list[float] = []
        self._node = node
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stopped: asyncio.Event) -> None:
        """Ask until told to stop, then wait for the last answers."""
        begun = time.monotonic()
        for number in itertools.count():
            while (due := begun + number / PER_S) > time.monotonic():
                if stopped.is_set():
                    await asyncio.gather(*self._tasks)
                    return
                await asyncio.sleep(max(_TICK_S, due - time.monotonic()))
            task = asyncio.create_task(self._ask())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self) -> None:
        parts, begun = self._node.core.parts, time.monotonic()
        asked = request()
        try:
            sealed = REQUEST_KIND.build(asked, parts.key)
            peers = self._node.core.peers
            message = await send(peers, VN, sealed.envelope, budget_s=_SILENT_S, late_s=_SILENT_S, trace=NO_TRACE)
            line = show_line(parts, check_answer(parts, asked, sealed.payload_hash, message), 0, PASSPORT)
        except Exception as error:  # noqa: BLE001 - a refusal, a silence, an answer that does not verify
            self.failed.append(f"{type(error).__name__}: {error}")
            return
        if line.outcome is not Outcome.HIT or [hit.rules for hit in line.hits if hit.record is None] or line.missing:
            self.failed.append(f"{line.outcome}: {line}")
        self.took.append(time.monotonic() - begun)


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    for member in ("th", "vn"):
        file = made.home(member) / "node.toml"
        limits = f"[limits]\nrate_per_member = {20 * PER_S}\nburst_per_member = {40 * PER_S}\n"
        file.write_text(file.read_text().replace("[limits]\n", limits))
    async with stopping(made):
        await made.start("th")
        yield made


@asynccontextmanager
async def load(node: Node) -> AsyncIterator[Load]:
    made, stopped = Load(node), asyncio.Event()
    running = asyncio.create_task(made.run(stopped))
    try:
        yield made
    finally:
        stopped.set()
        await running


def taken_up(home: Path) -> set[str]:
    """The ids of the keys that the node at this home says to be in use."""
    settings = load_settings(home)
    database, keys = open_storage(settings, read_only=True), KeyStore(settings.keystore)
    try:
        store = SqlLogStore(database)
        log = "operations/1"
        state = store.state(log)
        found = set()
        for stored in store.entries(log, 0, state.size if state else 0):
            if parse_entry(stored.body).kind == "key" and stored.content is not None:
                private = decode_private(keys.open_content(log, stored.index, stored.content)[0])
                if private["step"] == "in use":
                    found.add(private["key"])
        return found
    finally:
        database.close()


async def rotate(world: World, member: str, use: str, zygote: Zygote) -> None:
    """Run `liaison cert rotate`, and wait until the node has switched by itself and uses the new key."""
    made = world.federation[member]
    output = made.home.parent / "command.log"
    arguments = ("cert", "rotate", use, "--home", str(made.home), "--authority", str(made.authority))
    child = await zygote.fork("tests.support.zygote:command", *arguments, output=output)
    assert await child.ended(_SWITCHED_S) == 0, output.read_text()
    home, file = Home(made.home), file_of_use(Home(made.home), use)

    def switched() -> bool:
        found = Rotations(home).of(file)
        return found is None or bool(found.switched_us)

    await until(switched, f"the switch of `{use}`")
    if use not in WITHOUT_ENTRY:
        new = key_id(spki(public_key(home.key(file))))
        await until(lambda: new in taken_up(made.home), "its entry")


async def test_no_exchange_fails_while_each_key_is_rotated_in_turn(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Zygote() as zygote, NodeProcess(own_world.home("vn"), own_world.ports["vn"]):
        async with load(own_world.nodes["th"]) as going:
            await asyncio.sleep(_AFTER_S)
            begun = time.monotonic()
            going.took.clear()  # the first connection is made, and caches are warm
            for member, uses in (ALL if RATE else FEW).items():
                for use in uses:
                    await rotate(own_world, member, use, zygote)
                    await asyncio.sleep(_AFTER_S)
                    assert going.failed == [], f"while the key `{use}` of `{member}` was rotated"
            seconds = time.monotonic() - begun
        took = sorted(going.took)
    with capsys.disabled():
        print(
            f"\n{len(took)} exchanges, {len(took) / seconds:.0f} a second, {len(going.failed)} failed,"
            f" p50 {took[len(took) // 2] * 1e3:.0f} ms, p99 {took[len(took) * 99 // 100] * 1e3:.0f} ms"
        )
    assert going.failed == []
    assert len(took) >= _LEAST * PER_S * seconds
