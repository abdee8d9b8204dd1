"""The flooding member of the bench: the ways in which it floods, and its process."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from gateway.bench.data import number
from gateway.bench.load import Ask, Streams, Target, connect, cpu_s, unary
from gateway.bench.world import ASKER, World, request_of
from gateway.clock import SystemClock
from gateway.exchange.answering.admission import AdmissionLimits
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.values import NameForm
from gateway.rpc import methods
from gateway.signing.keys import load_signing_key
from gateway.throttle import Throttle

ROWS = 1_000
"""Rows in the source of documents."""

_NICE = 10
"""The priority of the flooding process."""

_SETTLE_S = 0.4
_MOST_S = 10.0
_LOOK_S = 0.25
_BARELY = 1.3
"""A flood beyond its rate goes on once no more than this part of its rate is answered: what came back to it while it
paused is used up then."""

_SLICE_S = 0.002
"""A process that only computes does so for a part of each of these times."""

_HAN = 49


@dataclass(frozen=True, slots=True)
class Flood:
    """A way to flood: so many questions in flight, what they ask, and how: on streams, or each by a call of its own.

    `per_s` is the most that it asks in a second; 0 means as many as it can. `beyond` says that this is beyond its rate.
    """

    name: str
    in_flight: int
    ask: Callable[[int], Query]
    per_s: int = 0
    by_calls: bool = False
    beyond: bool = False


def document_question(turn: int) -> Query:
    """Return a question by number that has a hit."""
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
        Flood("by number, within its rate", 64, document_question, per_s=AdmissionLimits().rate_per_member),
        Flood("by number, beyond it", 1_024, document_question, beyond=True),
        Flood("by number, beyond it, in calls", 64, document_question, by_calls=True, beyond=True),
        Flood("by costly names", 64, _costly),
        Flood("by common names", 64, _common),
        Flood("by names beyond the limit", 64, _too_costly, beyond=True),
    )
}


class Flooder:
    """The flooding process: told by lines of text when to begin and to stop."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._heard()

    @property
    def cpu_s(self) -> float:
        """The seconds of CPU that it has used."""
        return cpu_s((self._process.pid,))

    def go(self) -> None:
        """Begin, and wait until what may come at once is used up."""
        self._say("go")
        self._heard()

    def compute(self, share: float) -> None:
        """Ask nothing, and compute for this share of the time."""
        self._say(f"compute {share}")

    def stop(self) -> None:
        """Stop, and wait until the answers to all questions are there."""
        self._say("stop")
        self._heard()

    def counts(self) -> tuple[int, int]:
        """Return how many questions were answered since this was asked last, and how many of them refused."""
        self._say("counts")
        answered, refused = json.loads(self._heard())
        return answered, refused

    def _say(self, word: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def _heard(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


@contextmanager
def flooding(world: World, flood: Flood) -> Iterator[Flooder]:
    """Run the flooding process; it asks nothing until it is told to."""
    command = [sys.executable, "-m", "gateway.bench.attacker", str(world.folder), str(world.port), world.server_name]
    process = subprocess.Popen(
        [*command, flood.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        yield Flooder(process)
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

    async def compute(share: float) -> None:
        while on.is_set():
            until = time.perf_counter() + share * _SLICE_S
            while time.perf_counter() < until:
                pass
            await asyncio.sleep((1 - share) * _SLICE_S)

    async def settle() -> None:
        until = time.monotonic() + _MOST_S
        await asyncio.sleep(_SETTLE_S)
        most = _BARELY * AdmissionLimits().rate_per_member * _LOOK_S
        answered = float("-inf")
        while flood.beyond and counts[True] - answered > most and time.monotonic() < until:
            answered = counts[True]
            await asyncio.sleep(_LOOK_S)

    working: list[asyncio.Task[None]] = []
    _tell("ready")
    while (line := await asyncio.to_thread(sys.stdin.readline)) != "":
        word, *numbers = line.split()
        if word in ("go", "compute"):
            on.set()
        if word == "go":
            counts[True] = counts[False] = 0
            working = [asyncio.create_task(one()) for _ in range(flood.in_flight)]
            await settle()
            _tell("settled")
        elif word == "compute":
            working = [asyncio.create_task(compute(min(1.0, float(numbers[0]))))]
        elif word == "stop":
            on.clear()
            await asyncio.gather(*working)
            _tell("stopped")
        else:
            _tell(json.dumps([sum(counts.values()), counts[False]]))
            counts[True] = counts[False] = 0


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
    world = World(home, ROWS, int(port), int(port), {ASKER: key}, server_name, SystemClock())
    os.nice(_NICE)
    asyncio.run(_flood(world, world.target(ASKER), FLOODS[name]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
