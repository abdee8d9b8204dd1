"""Measure the exchange at the answering node beside a bare echo, interleaved, in one run (`liaison bench`).

Each pass measures echo, unary and streams one after the other, so that other work on the machine falls on all alike. A
row holds the medians over the passes; its ratio is to the echo of the same passes.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from gateway.bench.echo import METHOD
from gateway.bench.load import Measure, Streams, Target, connect, drive, unary
from gateway.bench.module import KEYS, LANE_KEYS, keys_in_module
from gateway.bench.world import World, build_world, requests_for, start_echo, start_node
from gateway.loop import run as run_loop
from gateway.rpc import methods
from gateway.signing.multi_buffer import crypto_mb

ECHO = "echo (bare unary gRPC, mutual TLS)"
UNARY = "exchange, unary"
STREAMS = "exchange, streams"
NO_HIT = "exchange, streams, no hit"
"""The normal path in this field: nothing is fetched and no record is signed."""
IN_MODULE = "exchange, streams, keys in SoftHSM"
BY_LANE = "exchange, streams, TLS by the lane"
WAYS = {
    "unary": UNARY,
    "no-hit": NO_HIT,
    "streams": STREAMS,
    "hsm": IN_MODULE,
    "lane": BY_LANE,
}
"""The ways of asking by their short names."""

IN_TOKEN = {"hsm": KEYS, "lane": LANE_KEYS}
"""The ways that are measured with keys of the answering node in a security module, and only when they are asked for."""


_USUAL = (UNARY, NO_HIT, STREAMS)


@dataclass(frozen=True, slots=True)
class Plan:
    """The configurations to measure."""

    seconds: float = 2.0
    passes: int = 3
    concurrency: tuple[int, ...] = (1, 16, 64)
    rows: tuple[int, ...] = (1_000, 100_000)
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of one configuration. `ratio_to_echo` is rate over the echo's rate, `cpu_ratio_to_echo` CPU over CPU."""

    name: str
    concurrency: int
    rows: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_us_per_request: float
    ratio_to_echo: float
    cpu_ratio_to_echo: float
    loadgen_cpu_us_per_request: float
    cores_used_by_others: float
    bad_answers: int


Say = Callable[[str], None]


def run(plan: Plan, say: Say) -> list[Row]:
    """Measure all of `plan`; `say` gets texts about progress."""
    found: list[Row] = []
    say(f"signatures are made and verified {crypto_mb.describe()}")
    for rows in plan.rows:
        with tempfile.TemporaryDirectory(prefix="liaison-bench-") as folder:
            say(f"building a federation and a source with {rows:,} rows")
            world = build_world(Path(folder), rows)
            names = IN_TOKEN.get(plan.only or "")
            with keys_in_module(world.answerer, Path(folder) / "module", names) if names else nullcontext():
                found.extend(run_loop(_measure(world, plan, say)))
    return found


async def _measure(world: World, plan: Plan, say: Say) -> list[Row]:
    rows: list[Row] = []
    with start_node(world) as node, start_echo(world, await _answer_size(world, node)) as echo:
        for concurrency in plan.concurrency:
            passes: dict[str, list[Measure]] = {name: [] for name in (ECHO, *WAYS.values())}
            for number in range(plan.passes):
                say(f"{world.rows:,} rows, {concurrency} in flight, pass {number + 1} of {plan.passes}")
                for name, measure in await _pass(world, node, echo, concurrency, plan):
                    passes[name].append(measure)
            rows.extend(_rows(world, concurrency, passes))
    return rows


async def _answer_size(world: World, node: Target) -> int:
    """Return the bytes of one answer, for the echo to answer with as many."""
    channels = connect(node)
    answer = await unary(channels, methods.SUBMIT.path)(requests_for(world, 1)[0])
    await asyncio.gather(*(channel.close() for channel in channels))
    return answer


async def _pass(world: World, node: Target, echo: Target, concurrency: int, plan: Plan) -> list[tuple[str, Measure]]:
    found = []
    for name in (ECHO, *((WAYS[plan.only],) if plan.only else _USUAL)):
        target = echo if name == ECHO else node
        messages = _messages(world, name, plan.seconds)
        channels = connect(target)
        path = METHOD if name == ECHO else methods.SUBMIT.path
        streams = Streams(channels) if name not in (ECHO, UNARY) else None
        ask = streams.ask if streams else unary(channels, path)
        found.append((name, await drive(ask, messages, concurrency, plan.seconds, target.pids)))
        if streams:
            await streams.close()
        await asyncio.gather(*(channel.close() for channel in channels))
    return found


def _messages(world: World, name: str, seconds: float) -> list[bytes]:
    """Return more messages than can be sent in the time; the echo takes one message again and again."""
    if name == ECHO:
        return requests_for(world, 1) * int(seconds * _AT_MOST)
    return requests_for(world, int(seconds * _AT_MOST / 2), present=name != NO_HIT)


_AT_MOST = 20_000
"""Echoes per second of warm-up and measure that no machine of ours reaches; exchanges reach less than half."""


def _rows(world: World, concurrency: int, passes: dict[str, list[Measure]]) -> Iterator[Row]:
    echo = passes[ECHO]
    for name, measures in passes.items():
        if not measures:
            continue
        rate = _median(measures, "requests_per_s")
        cpu = _median(measures, "server_cpu_us_per_request")
        yield Row(
            name=name,
            concurrency=concurrency,
            rows=world.rows,
            requests_per_s=rate,
            p50_ms=_median(measures, "p50_ms"),
            p99_ms=_median(measures, "p99_ms"),
            server_cpu_us_per_request=cpu,
            ratio_to_echo=round(_ratio(measures, echo, "requests_per_s"), 3),
            cpu_ratio_to_echo=round(_ratio(measures, echo, "server_cpu_us_per_request"), 3),
            loadgen_cpu_us_per_request=_median(measures, "loadgen_cpu_us_per_request"),
            cores_used_by_others=_median(measures, "cores_used_by_others"),
            bad_answers=sum(measure.bad_answers for measure in measures),
        )


def _median(measures: Sequence[Measure], name: str) -> float:
    values: list[float] = [getattr(measure, name) for measure in measures]
    return statistics.median(values)


def _ratio(ours: Sequence[Measure], echo: Sequence[Measure], name: str) -> float:
    """Return the median of the ratios pass by pass: interleaving helps only while the pairs stay together."""
    pairs = zip(ours, echo, strict=True)
    ratios: list[float] = [getattr(a, name) / getattr(b, name) for a, b in pairs]
    return statistics.median(ratios)
