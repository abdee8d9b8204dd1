"""Measure what one member's flood costs another one: the quiet member's latencies without and with it, in turn.

The node has the limits that a node has by default. The flood runs in a process of its own, of lower priority: its own
work is not what is measured. Windows without and with it alternate, so that other work on the machine falls on both
alike, and each is short, so that a disturbance spoils few of them. A figure of a row is the median over its windows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from gateway.bench.data import number
from gateway.bench.load import Ask, Streams, Target, connect, cpu_s, one_by_one, unary
from gateway.bench.scale import person
from gateway.bench.world import ASKER, OTHER, World, build_world, request_of, start_node
from gateway.clock import SystemClock
from gateway.exchange.answering.admission import AdmissionLimits
from gateway.loop import run as run_loop
from gateway.model.exchange import Answer, Outcome
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.values import NameForm, PartialDate
from gateway.rpc import methods
from gateway.signing.keys import load_signing_key
from gateway.statements.answer import read_signed
from gateway.throttle import Throttle

ROWS, PEOPLE = 1_000, 20_000
"""Rows in the source of documents, and in that of persons."""

_EACH_S = 0.01
"""The quiet member's pause between two questions."""

_WINDOW_S = 1.0
_LEAST = 3
"""The windows have this length where that makes at least so many pairs of them."""

_NICE = 10
"""The priority of the flooding process."""

_SETTLE_S = 0.4
"""The seconds in which a flood uses up what came back to it while it paused."""

_BURST_S = 5.0
"""The seconds in which a flood uses up what may come at once."""

_HAN = 49

Say = Callable[[str], None]
Submit = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Flood:
    """A way to flood: so many questions in flight, what they ask, and how: on streams, or each by a call of its own.

    `per_s` is the most that it asks in a second; 0 means as many as it can.
    """

    name: str
    in_flight: int
    ask: Callable[[int], Query]
    per_s: int = 0
    by_calls: bool = False


def _document(turn: int) -> Query:
    return DocumentQuery(number(1 + turn * 7919 % ROWS), "VNM")


def _costly(turn: int) -> Query:
    """Return a question with as many Chinese characters as it may have."""
    letters = (chr(0x4E00 + (turn * 8_191 + place * 7_919) % 0x4000) for place in range(4 * _HAN))
    names = ["".join(itertools.islice(letters, _HAN)) for _ in range(4)]
    return PersonQuery(tuple(map(NameForm, names)))


def _too_costly(turn: int) -> Query:
    signs = "".join(chr(0x4E00 + (turn * 8_191 + place) % 0x4000) for place in range(250))
    return PersonQuery((NameForm(signs),) * 8)


def _common(turn: int) -> Query:
    """Return a question by name that as many rows as possible must be compared with."""
    return PersonQuery((NameForm(f"Nguyen Van {chr(97 + turn % 26)}n"), NameForm("Nguyễn Văn An")))


FLOODS = {
    each.name: each
    for each in (
        Flood("by number, within its rate", 64, _document, per_s=AdmissionLimits().rate_per_member),
        Flood("by number, beyond it", 1_024, _document),
        Flood("by number, beyond it, in calls", 64, _document, by_calls=True),
        Flood("by costly names", 64, _costly),
        Flood("by common names", 64, _common),
        Flood("by names beyond the limit", 64, _too_costly),
    )
}


@dataclass(frozen=True, slots=True)
class FloodRow:
    """The cost of one kind of flood to another member; `wrong` counts its answers that were not the right ones.

    `quiet_cpu` and `flood_cpu` are the processors that the node uses without and with the flood.
    """

    name: str
    quiet_p50_ms: float
    quiet_p99_ms: float
    flood_p50_ms: float
    flood_p99_ms: float
    p50_ratio: float
    p99_ratio: float
    questions: int
    wrong: int
    flood_per_s: float
    flood_refused: float
    quiet_cpu: float
    flood_cpu: float


@dataclass(slots=True)
class _Windows:
    """The quiet member's windows, and its wrong answers."""

    quiet: list[_Window] = field(default_factory=list)
    flooded: list[_Window] = field(default_factory=list)
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
        with start_node(world) as node:
            measures = (_measure(world, node, flood, seconds * passes / count, count, say) for flood in FLOODS.values())
            return [run_loop(measure) for measure in measures]


async def _measure(world: World, node: Target, flood: Flood, seconds: float, count: int, say: Say) -> FloodRow:
    windows = _Windows()
    channels = connect(world.target(OTHER, *node.pids))
    ask = one_by_one(channels[0], methods.SUBMIT.path)
    say(f"flood {flood.name}, {count} pairs of windows")
    with _flooder(world, flood) as flooder:
        await _spend_burst(flooder, flood)
        await _window(world, node, ask, seconds, windows)  # connections and caches are warm from here on
        windows.wrong = 0
        for _ in range(count):
            windows.quiet.append(await _window(world, node, ask, seconds, windows))
            flooder.go()
            await asyncio.sleep(_SETTLE_S)
            windows.flooded.append(await _window(world, node, ask, seconds, windows))
            await asyncio.to_thread(flooder.stop)
        sent, refused = await asyncio.to_thread(flooder.end)
    await asyncio.gather(*(channel.close() for channel in channels))
    return _row(flood, windows, sent / (count * (seconds + _SETTLE_S)), refused / max(1, sent))


async def _spend_burst(flooder: _Flooder, flood: Flood) -> None:
    """Let a flood beyond the rate use up first what may come at once: what is measured is a flood that goes on."""
    if not flood.per_s:
        flooder.go()
        await asyncio.sleep(_BURST_S)
        await asyncio.to_thread(flooder.stop)
        await asyncio.to_thread(flooder.forget)


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
            yield _document(turn)
        else:
            yield PersonQuery((NameForm(f"{family} {middle} {given}"),), PartialDate(birth))


_QUIET = _quiet()


def _row(flood: Flood, windows: _Windows, per_s: float, refused: float) -> FloodRow:
    def both(figure: Callable[[_Window], float]) -> tuple[float, float]:
        """Return the medians of a figure without and with the flood."""
        return statistics.median(map(figure, windows.quiet)), statistics.median(map(figure, windows.flooded))

    quiet_p50, flood_p50 = both(lambda window: window.at(0.5) * 1e3)
    quiet_p99, flood_p99 = both(lambda window: window.at(0.99) * 1e3)
    quiet_cpu, flood_cpu = both(lambda window: window.cpu)
    return FloodRow(
        name=f"flood {flood.name}",
        quiet_p50_ms=round(quiet_p50, 2),
        quiet_p99_ms=round(quiet_p99, 2),
        flood_p50_ms=round(flood_p50, 2),
        flood_p99_ms=round(flood_p99, 2),
        p50_ratio=round(flood_p50 / quiet_p50, 2),
        p99_ratio=round(flood_p99 / quiet_p99, 2),
        questions=sum(len(window.latencies) for window in (*windows.quiet, *windows.flooded)),
        wrong=windows.wrong,
        flood_per_s=round(per_s, 1),
        flood_refused=round(refused, 3),
        quiet_cpu=round(quiet_cpu, 2),
        flood_cpu=round(flood_cpu, 2),
    )


# ---------------------------------------------------------------- the flood, a process of its own


class _Flooder:
    """The flooding process: told by lines of text when to begin and to stop."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._heard()

    def go(self) -> None:
        """Begin."""
        self._say("go")

    def stop(self) -> None:
        """Stop, and wait until the answers to all questions are there."""
        self._say("stop")
        self._heard()

    def forget(self) -> None:
        """Count from here on only."""
        self._say("forget")
        self._heard()

    def end(self) -> tuple[int, int]:
        """End the process; return how many questions it sent and how many of them were refused."""
        self._say("end")
        sent, refused = json.loads(self._heard())
        return sent, refused

    def _say(self, word: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def _heard(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


@contextmanager
def _flooder(world: World, flood: Flood) -> Iterator[_Flooder]:
    command = [sys.executable, "-m", "gateway.bench.flood", str(world.folder), str(world.port), world.server_name]
    process = subprocess.Popen(
        [*command, flood.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        yield _Flooder(process)
    finally:
        process.kill()
        process.wait(30)


async def _flood(world: World, target: Target, flood: Flood) -> None:
    channels = connect(target)
    ask: Ask = _calls(channels) if flood.by_calls else Streams(channels).ask
    turns, pace = itertools.count(os.getpid()), Throttle(flood.per_s, 0.0) if flood.per_s else None
    on, counts = asyncio.Event(), {True: 0, False: 0}

    async def one() -> None:
        while on.is_set():
            if pace is not None and (due := pace.reserve(time.monotonic(), float("inf"))) is not None:
                await asyncio.sleep(due - time.monotonic())
            size = await ask(request_of(world, flood.ask(next(turns))))
            counts[bool(size)] += 1

    working: list[asyncio.Task[None]] = []
    _tell("ready")
    while (word := (await asyncio.to_thread(sys.stdin.readline)).strip()) not in ("end", ""):
        if word == "go":
            on.set()
            working = [asyncio.create_task(one()) for _ in range(flood.in_flight)]
        elif word == "stop":
            on.clear()
            await asyncio.gather(*working)
            _tell("stopped")
        else:
            counts[True] = counts[False] = 0
            _tell("forgotten")
    _tell(json.dumps([sum(counts.values()), counts[False]]))


def _calls(channels: Sequence[grpc.aio.Channel]) -> Ask:
    """Return a sender that makes one call for each message; a refused call counts as an answer of size 0."""
    call = unary(channels, methods.SUBMIT.path)

    async def ask(message: bytes) -> int:
        try:
            return await call(message)
        except grpc.aio.AioRpcError:
            return 0

    return ask


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _main(folder: str, port: str, server_name: str, name: str) -> None:
    home = Path(folder)
    key = load_signing_key(home / ASKER / "keys" / "statement.key")
    world = World(home, ROWS, int(port), {ASKER: key}, server_name, SystemClock())
    os.nice(_NICE)
    asyncio.run(_flood(world, world.target(ASKER), FLOODS[name]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
