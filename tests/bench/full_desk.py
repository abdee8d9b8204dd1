"""Measure what a full desk costs searches: `python -m tests.bench.full_desk [threads] [copies] [passes]`.

Two nodes of processes of their own answer the same questions in turns: one has open threads, with work and notices,
and a ledger of copies; the other one has nothing. Each pass also waits, to see what the periodic work of each costs.
The ratios are medians over the passes.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from gateway.bench.load import Measure, Streams, Target, connect, cpu_s, drive
from gateway.bench.world import World, build_world, requests_for, start_node
from gateway.config import load_settings
from gateway.loop import run
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.ports.content_keys import EncryptedContent
from gateway.ports.desk import DeskRows
from gateway.ports.log_store import NewEntry
from gateway.storage.database.open import open_node_database
from gateway.storage.desk.desk_writer import DeskWriter
from gateway.storage.keys.keystore import KeyStore
from tests.bench.desk import AGENCIES, HOUR_US, OFFICES, PEERS, Sizes, batched, copy_of
from tests.support.desk_rows import a_delivery, a_notice, a_thread, new_key, some_work

ROWS = 1_000
IN_FLIGHT = 16
SETTLE_S, IDLE_S, SEARCH_S = 20.0, 4.0, 3.0
Resting = dict[str, list[float]]
Found = dict[tuple[str, bool], list[Measure]]
_NOTHING = EncryptedContent("", b"", b"", b"", b"")
_KINDS = (ThreadKind.ASK, ThreadKind.ASK, ThreadKind.ASK, ThreadKind.CHANGE)
_WORK = (WorkKind.DECIDE, WorkKind.OUTCOME, WorkKind.READ, WorkKind.CORRECT)
_RARE = (WorkKind.ACKNOWLEDGE, WorkKind.COMPLY)


def open_rows(sizes: Sizes, now_us: int) -> Iterator[DeskRows]:
    """The rows of open threads, each with a notice that was taken and work that is due later, and of copies."""
    for number in range(sizes.threads):
        key = new_key(PEERS[number % len(PEERS)])
        notice = a_notice(key)
        where: dict[str, Any] = {"agency": AGENCIES[number % len(AGENCIES)], "office": OFFICES[number % len(OFFICES)]}
        due_us = now_us + 48 * HOUR_US + number
        yield DeskRows(
            a_thread(key, kind=_KINDS[number % len(_KINDS)], opened_us=now_us - number, due_us=due_us, **where),
            0,
            notice,
            (a_delivery(notice, state=DeliveryState.TAKEN),),
            (some_work(key, kind=_kind(number), half_us=due_us, due_us=due_us + HOUR_US, **where),),
        )
    for hundred in batched(range(sizes.copies), 100):
        yield DeskRows(holdings=tuple(copy_of(number) for number in hundred))


def _kind(number: int) -> WorkKind:
    """One of fifty items of work is an alert that no one has acknowledged, or a change that waits to be obeyed."""
    return _RARE[number // 50 % len(_RARE)] if number % 50 == 0 else _WORK[number % len(_WORK)]


def fill(home: Path, sizes: Sizes) -> None:
    """Write the rows into the database of a home whose node does not run."""
    settings, now_us = load_settings(home), time.time_ns() // 1000
    database = open_node_database(settings)
    writer = DeskWriter(database, KeyStore(settings.keystore))
    for batch in batched(open_rows(sizes, now_us), 512):
        with database.write("fill") as connection:
            entries = [
                NewEntry(place, b"", b"", "", "", "", now_us, "", None, _NOTHING, None, rows)
                for place, rows in enumerate(batch)
            ]
            writer.write(connection, "exchange", entries)
    database.close()


async def search(world: World, node: Target, *, present: bool) -> Measure:
    """Ask a node over streams."""
    messages = requests_for(world, int(SEARCH_S * 1_500), present=present)
    channels = connect(node)
    streams = Streams(channels)
    measure = await drive(streams.ask, messages, IN_FLIGHT, SEARCH_S, node.pids)
    await streams.close()
    await asyncio.gather(*(channel.close() for channel in channels))
    return measure


async def idle(node: Target) -> float:
    """The CPU milliseconds that a node uses in a second in which no one asks."""
    before = cpu_s(node.pids)
    await asyncio.sleep(IDLE_S)
    return (cpu_s(node.pids) - before) * 1000 / IDLE_S


async def measure(worlds: dict[str, World], nodes: dict[str, Target], passes: int) -> tuple[Resting, Found]:
    """Let both nodes rest and answer, in turns."""
    await asyncio.sleep(SETTLE_S)
    resting: Resting = {kind: [] for kind in worlds}
    found: Found = {(kind, hit): [] for kind in worlds for hit in (True, False)}
    for number in range(passes):
        for kind in sorted(worlds, reverse=number % 2 == 1):
            resting[kind].append(await idle(nodes[kind]))
            for hit in (True, False):
                found[kind, hit].append(await search(worlds[kind], nodes[kind], present=hit))
    return resting, found


def main(sizes: Sizes, passes: int) -> None:
    """Fill one home, run both nodes and print the figures."""
    with tempfile.TemporaryDirectory(prefix="liaison-full-") as name, ExitStack() as stack:
        worlds = {kind: build_world(Path(name) / kind, ROWS) for kind in ("empty", "full")}
        began = time.perf_counter()
        fill(worlds["full"].answerer, sizes)
        print(f"{sizes.threads:,} threads, {sizes.copies:,} copies: filled in {time.perf_counter() - began:.0f} s")
        nodes = {}
        for kind, world in worlds.items():
            began = time.perf_counter()
            nodes[kind] = stack.enter_context(start_node(world))
            print(f"{kind}: started in {time.perf_counter() - began:.1f} s")
        resting, found = run(measure(worlds, nodes, passes))
        print(f"idle, CPU ms a second: empty {median(resting['empty']):.1f}, full {median(resting['full']):.1f}")
        for hit, word in ((True, "hit"), (False, "no hit")):
            empty, full = found["empty", hit], found["full", hit]
            for what in ("server_cpu_us_per_request", "requests_per_s", "p50_ms", "p99_ms"):
                pairs = [(getattr(a, what), getattr(b, what)) for a, b in zip(empty, full, strict=True)]
                ratio = median(b / a for a, b in pairs)
                print(
                    f"{word}, {what:28} empty {median(a for a, _ in pairs):9.1f}"
                    f"  full {median(b for _, b in pairs):9.1f}  ratio {ratio:.3f}"
                )
            assert not any(measure.bad_answers for measure in (*empty, *full))


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(Sizes(*given[:2]) if len(given) >= 2 else Sizes(100_000, 1_000_000), given[2] if len(given) > 2 else 3)
