"""Measure what one member's flood costs another one: the quiet member's latencies without and with it, in turn.

The flood runs in a process of its own. Windows without and with it alternate, so that other work on the machine falls
on both alike. The ratio of a row is the median over pairs of neighbouring windows for p50, and of all windows together
for p99.
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
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.bench.data import number
from gateway.bench.load import Streams, Target, connect, one_by_one
from gateway.bench.scale import person
from gateway.bench.world import ASKER, OTHER, World, build_world, request_of, start_node
from gateway.clock import SystemClock
from gateway.loop import run as run_loop
from gateway.model.exchange import Answer, Outcome
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.values import NameForm, PartialDate
from gateway.rpc import methods
from gateway.signing.keys import load_signing_key
from gateway.statements.answer import ANSWER_KIND

ROWS, PEOPLE = 1_000, 20_000
"""Rows in the source of documents, and in that of persons."""

_EACH_S = 0.02
"""The quiet member's pause between two questions."""

_HAN = 49

Say = Callable[[str], None]
Submit = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Flood:
    """A way to flood: so many questions in flight, and what they ask."""

    name: str
    in_flight: int
    ask: Callable[[int], Query]


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
        Flood("by number, within its limits", 64, _document),
        Flood("by number, beyond them", 1_024, _document),
        Flood("by costly names", 64, _costly),
        Flood("by common names", 64, _common),
        Flood("by names beyond the limit", 64, _too_costly),
    )
}


@dataclass(frozen=True, slots=True)
class FloodRow:
    """What one kind of flood costs another member; `wrong` counts its answers that were not the right ones."""

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


@dataclass(slots=True)
class _Windows:
    """The latencies of the quiet member's windows, in seconds, and its wrong answers."""

    quiet: list[list[float]] = field(default_factory=list)
    flooded: list[list[float]] = field(default_factory=list)
    wrong: int = 0


def run_flood(seconds: float, passes: int, say: Say) -> list[FloodRow]:
    """Measure each kind of flood in so many pairs of windows of so many seconds."""
    with tempfile.TemporaryDirectory(prefix="liaison-flood-") as folder:
        say(f"building a federation of three, sources of {ROWS:,} documents and {PEOPLE:,} persons")
        world = build_world(Path(folder), ROWS, others=(OTHER,), people=PEOPLE)
        with start_node(world):
            return [run_loop(_measure(world, flood, seconds, passes, say)) for flood in FLOODS.values()]


async def _measure(world: World, flood: Flood, seconds: float, passes: int, say: Say) -> FloodRow:
    windows = _Windows()
    channels = connect(world.target(OTHER))
    ask = one_by_one(channels[0], methods.SUBMIT.path)
    with _flooder(world, flood) as flooder:
        await _window(world, ask, seconds, windows)  # connections and caches are warm from here on
        windows.wrong = 0
        for turn in range(passes):
            say(f"flood {flood.name}, pass {turn + 1} of {passes}")
            windows.quiet.append(await _window(world, ask, seconds, windows))
            flooder.go()
            windows.flooded.append(await _window(world, ask, seconds, windows))
            await asyncio.to_thread(flooder.stop)
        sent, refused = await asyncio.to_thread(flooder.end)
    await asyncio.gather(*(channel.close() for channel in channels))
    return _row(flood, windows, sent / (passes * seconds), refused / max(1, sent))


async def _window(world: World, ask: Submit, seconds: float, windows: _Windows) -> list[float]:
    """Ask one question after another; return the latencies."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        message = request_of(world, next(_QUIET), OTHER)
        begun = time.perf_counter()
        reply = await ask(message)
        latencies.append(time.perf_counter() - begun)
        answer = ANSWER_KIND.open(methods.SUBMIT.answer.read(reply).envelope)
        windows.wrong += not _is_right(ANSWER_KIND.content(answer.unsealed.payload, answer.message))
        await asyncio.sleep(max(0.0, _EACH_S - latencies[-1]))
    return latencies


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
    quiet = sorted(itertools.chain.from_iterable(windows.quiet))
    flooded = sorted(itertools.chain.from_iterable(windows.flooded))
    pairs = zip(windows.quiet, windows.flooded, strict=True)
    p50 = statistics.median(statistics.median(after) / statistics.median(before) for before, after in pairs)
    return FloodRow(
        name=f"flood {flood.name}",
        quiet_p50_ms=_ms(quiet, 0.5),
        quiet_p99_ms=_ms(quiet, 0.99),
        flood_p50_ms=_ms(flooded, 0.5),
        flood_p99_ms=_ms(flooded, 0.99),
        p50_ratio=round(p50, 2),
        p99_ratio=round(_ms(flooded, 0.99) / _ms(quiet, 0.99), 2),
        questions=len(quiet) + len(flooded),
        wrong=windows.wrong,
        flood_per_s=round(per_s, 1),
        flood_refused=round(refused, 3),
    )


def _ms(ordered: list[float], share: float) -> float:
    return round(ordered[int((len(ordered) - 1) * share)] * 1e3, 2)


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
    streams, turns = Streams(channels), itertools.count(os.getpid())
    on, counts = asyncio.Event(), {True: 0, False: 0}

    async def one() -> None:
        while on.is_set():
            size = await streams.ask(request_of(world, flood.ask(next(turns))))
            counts[bool(size)] += 1

    working: list[asyncio.Task[None]] = []
    _tell("ready")
    while (word := (await asyncio.to_thread(sys.stdin.readline)).strip()) not in ("end", ""):
        if word == "go":
            on.set()
            working = [asyncio.create_task(one()) for _ in range(flood.in_flight)]
        else:
            on.clear()
            await asyncio.gather(*working)
            _tell("stopped")
    _tell(json.dumps([sum(counts.values()), counts[False]]))


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _main(folder: str, port: str, server_name: str, name: str) -> None:
    home = Path(folder)
    key = load_signing_key(home / ASKER / "keys" / "statement.key")
    world = World(home, ROWS, int(port), {ASKER: key}, server_name, SystemClock())
    asyncio.run(_flood(world, world.target(ASKER), FLOODS[name]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
