"""Measure the delivery of notices between two nodes, each a process of its own, at a fixed rate.

`gateway.bench.author` is the node that writes them. It is done once on loopback, and once with 20 ms of round trip that
a relay between them adds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.bench.author import Delivered
from gateway.bench.world import World, build_world, process_of, start_node, wait_for_port
from gateway.errors import Unavailable

RATE = 500.0
ROUND_TRIP_MS = 20.0
_ROWS = 10
_ALERTS = 200
_MOST_S = 300.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """Medians over the passes. CPU is that of the node that takes, and of the one that writes, for each notice."""

    name: str
    offered_per_s: float
    notices_per_s: float
    p50_ms: float
    p99_ms: float
    taker_cpu_us_per_notice: float
    author_cpu_us_per_notice: float
    listed_p50_ms: float
    listed_p95_ms: float
    undelivered: int


def run_notices(seconds: float, passes: int, say: Say, rate: float = RATE, alerts: int = _ALERTS) -> list[NoticeRow]:
    """Measure both links, in turns."""
    links = {"notices, loopback": 0.0, f"notices, {ROUND_TRIP_MS:.0f} ms of round trip": ROUND_TRIP_MS}
    found: dict[str, list[Delivered]] = {name: [] for name in links}
    for number in range(passes):
        for name, delay_ms in links.items():
            say(f"{name}: {rate:,.0f} a second, pass {number + 1} of {passes}")
            found[name].append(_measure(delay_ms, rate, seconds, alerts))
    return [_row(name, rate, measures) for name, measures in found.items()]


def _measure(round_trip_ms: float, rate: float, seconds: float, alerts: int) -> Delivered:
    with tempfile.TemporaryDirectory(prefix="liaison-notices-") as folder:
        world = build_world(Path(folder), _ROWS, link=round_trip_ms > 0)
        with start_node(world) as node, _link(world, round_trip_ms):
            arguments = (world.asker, world.answerer, ",".join(map(str, node.pids)), rate, seconds, alerts)
            command = [sys.executable, "-m", "gateway.bench.author", *map(str, arguments)]
            with process_of(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as author:
                printed, said = author.communicate(timeout=_MOST_S)
            if author.returncode:
                raise Unavailable("the node that writes notices failed", where=said.decode(errors="replace")[-500:])
    return Delivered(**json.loads(printed))


@contextmanager
def _link(world: World, round_trip_ms: float) -> Iterator[None]:
    """Put a relay between the nodes that delays each direction by half of the time; none for 0."""
    if not round_trip_ms:
        yield
        return
    command = [sys.executable, "-m", "gateway.bench.relay"]
    log = world.folder / "relay.log"
    arguments = (world.port, world.listens, round_trip_ms / 2)
    with log.open("wb") as errors, process_of([*command, *map(str, arguments)], stderr=errors) as relay:
        wait_for_port(relay, world.port, log)
        yield


def _row(name: str, rate: float, measures: list[Delivered]) -> NoticeRow:
    def median(key: str) -> float:
        values: list[float] = [getattr(measure, key) for measure in measures]
        return statistics.median(values)

    return NoticeRow(
        name=name,
        offered_per_s=rate,
        notices_per_s=median("rate"),
        p50_ms=median("p50_ms"),
        p99_ms=median("p99_ms"),
        taker_cpu_us_per_notice=median("taker_cpu_us"),
        author_cpu_us_per_notice=median("author_cpu_us"),
        listed_p50_ms=median("listed_p50_ms"),
        listed_p95_ms=median("listed_p95_ms"),
        undelivered=sum(measure.undelivered for measure in measures),
    )
