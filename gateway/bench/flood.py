"""Measure what one member's flood costs another one: the quiet member's latencies without and with it, in turn.

The node has the limits that a node has by default. The flood runs in a process of its own, of lower priority. It is on
the node's machine all the same, which no flood of a counterpart is: so in a third kind of window the flooding process
asks nothing, and only computes for as much of the time as it did while it flooded. What its flood adds to that is the
node's part. Windows of the three kinds alternate, so that other work on the machine falls on all alike, and each is
short, so that a disturbance spoils few of them. A figure of a row is the median over its windows.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.bench.attacker import FLOODS, ROWS, Flood, document_question, flooding
from gateway.bench.load import Target, connect, cpu_s, one_by_one
from gateway.bench.scale import person
from gateway.bench.world import OTHER, World, build_world, request_of, start_node
from gateway.loop import run as run_loop
from gateway.model.exchange import Answer, Outcome
from gateway.model.query import PersonQuery, Query
from gateway.model.values import NameForm, PartialDate
from gateway.rpc import methods
from gateway.statements.answer import read_signed

PEOPLE = 20_000
"""Rows in the source of persons."""

_EACH_S = 0.01
"""The quiet member's pause between two questions."""

_WINDOW_S = 1.0
_LEAST = 3
"""The windows have this length where that makes at least so many pairs of them."""

Say = Callable[[str], None]
Submit = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class FloodRow:
    """The cost of one kind of flood to another member; `wrong` counts its answers that were not the right ones.

    `own_p99_ratio` is p99 beside a process that computes as much as the flooding one over the quiet p99, and
    `node_p99_ratio` p99 under flood over that. `quiet_cpu` and `flood_cpu` are the processors that the node uses
    without and with the flood, `flooder_cpu` those of the flooding process.
    """

    name: str
    quiet_p50_ms: float
    quiet_p99_ms: float
    flood_p50_ms: float
    flood_p99_ms: float
    p50_ratio: float
    p99_ratio: float
    own_p99_ms: float
    own_p99_ratio: float
    node_p99_ratio: float
    questions: int
    wrong: int
    flood_per_s: float
    flood_refused: float
    quiet_cpu: float
    flood_cpu: float
    flooder_cpu: float


@dataclass(slots=True)
class _Windows:
    """The quiet member's windows of each kind, its wrong answers, and the processors of the flooding process."""

    quiet: list[_Window] = field(default_factory=list)
    flooded: list[_Window] = field(default_factory=list)
    beside: list[_Window] = field(default_factory=list)
    flooder: list[float] = field(default_factory=list)
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class _Window:
    """The latencies of one window in seconds, in order of size, and the node's processors meanwhile."""

    latencies: list[float]
    cpu: float

    def at(self, share: float) -> float:
        """Return the latency that this share of the questions does not exceed."""
        return self.latencies[int((len(self.latencies) - 1) * share)]


def run_flood(seconds: float, passes: int, say: Say) -> list[FloodRow]:
    """Measure each kind of flood, in all for so many passes of so many seconds without it and as many with it."""
    count = max(_LEAST, round(seconds * passes / _WINDOW_S))
    with tempfile.TemporaryDirectory(prefix="liaison-flood-") as folder:
        say(f"building a federation of three, sources of {ROWS:,} documents and {PEOPLE:,} persons")
        world = build_world(Path(folder), ROWS, others=(OTHER,), people=PEOPLE, rates=True)
        rows: list[FloodRow] = []
        with start_node(world) as node:
            for flood in FLOODS.values():
                name = f"flood {flood.name}"
                say(f"{name}, {count} pairs of windows")
                rows.append(run_loop(_measure(world, node, flood, name, seconds * passes / count, count)))
        return rows


async def _measure(world: World, node: Target, flood: Flood, name: str, seconds: float, count: int) -> FloodRow:
    windows, sent, refused, asked_s = _Windows(), 0, 0, 0.0
    channels = connect(world.target(OTHER, *node.pids))
    ask = one_by_one(channels[0], methods.SUBMIT.path)
    with flooding(world, flood) as flooder:
        await asyncio.to_thread(flooder.go)
        await asyncio.to_thread(flooder.stop)
        await _window(world, node, ask, seconds, windows)  # connections and caches are warm from here on
        windows.wrong = 0
        for _ in range(count):
            windows.quiet.append(await _window(world, node, ask, seconds, windows))
            await asyncio.to_thread(flooder.go)
            await asyncio.to_thread(flooder.counts)
            cpu, begun = flooder.cpu_s, time.perf_counter()
            windows.flooded.append(await _window(world, node, ask, seconds, windows))
            windows.flooder.append((flooder.cpu_s - cpu) / (time.perf_counter() - begun))
            counts = await asyncio.to_thread(flooder.counts)
            sent, refused, asked_s = sent + counts[0], refused + counts[1], asked_s + time.perf_counter() - begun
            await asyncio.to_thread(flooder.stop)
            flooder.compute(windows.flooder[-1])
            windows.beside.append(await _window(world, node, ask, seconds, windows))
            await asyncio.to_thread(flooder.stop)
    await asyncio.gather(*(channel.close() for channel in channels))
    return _row(name, windows, sent / asked_s, refused / max(1, sent))


async def _window(world: World, node: Target, ask: Submit, seconds: float, windows: _Windows) -> _Window:
    """Ask one question after another; return the latencies."""
    latencies: list[float] = []
    start, cpu = time.perf_counter(), cpu_s(node.pids)
    while time.perf_counter() < start + seconds:
        message = request_of(world, next(_QUIET), OTHER)
        begun = time.perf_counter()
        reply = await ask(message)
        latencies.append(time.perf_counter() - begun)
        windows.wrong += not _is_right(read_signed(methods.SUBMIT.answer.read(reply).envelope))
        await asyncio.sleep(max(0.0, _EACH_S - latencies[-1]))
    return _Window(sorted(latencies), (cpu_s(node.pids) - cpu) / (time.perf_counter() - start))


def _is_right(answer: Answer) -> bool:
    return answer.outcome is Outcome.HIT and not answer.missing


def _quiet() -> Iterator[Query]:
    """Yield questions that have a hit each: three documents, then a person."""
    for turn in itertools.count(1):
        family, middle, given, birth, _, _ = person(1 + turn * 7_919 % PEOPLE)
        if turn % 4 or not birth:
            yield document_question(turn)
        else:
            yield PersonQuery((NameForm(f"{family} {middle} {given}"),), PartialDate(birth))


_QUIET = _quiet()


def _row(name: str, windows: _Windows, per_s: float, refused: float) -> FloodRow:
    def each(figure: Callable[[_Window], float]) -> list[float]:
        """Return the medians of a figure without the flood, with it, and beside a process that computes as much."""
        kinds = (windows.quiet, windows.flooded, windows.beside)
        return [statistics.median(map(figure, kind)) for kind in kinds]

    quiet_p50, flood_p50, _ = each(lambda window: window.at(0.5) * 1e3)
    quiet_p99, flood_p99, own_p99 = each(lambda window: window.at(0.99) * 1e3)
    quiet_cpu, flood_cpu, _ = each(lambda window: window.cpu)
    return FloodRow(
        name=name,
        quiet_p50_ms=round(quiet_p50, 2),
        quiet_p99_ms=round(quiet_p99, 2),
        flood_p50_ms=round(flood_p50, 2),
        flood_p99_ms=round(flood_p99, 2),
        p50_ratio=round(flood_p50 / quiet_p50, 2),
        p99_ratio=round(flood_p99 / quiet_p99, 2),
        own_p99_ms=round(own_p99, 2),
        own_p99_ratio=round(own_p99 / quiet_p99, 2),
        node_p99_ratio=round(flood_p99 / own_p99, 2),
        questions=sum(len(window.latencies) for window in (*windows.quiet, *windows.flooded)),
        wrong=windows.wrong,
        flood_per_s=round(per_s, 1),
        flood_refused=round(refused, 3),
        quiet_cpu=round(quiet_cpu, 2),
        flood_cpu=round(flood_cpu, 2),
        flooder_cpu=round(statistics.median(windows.flooder), 2),
    )
