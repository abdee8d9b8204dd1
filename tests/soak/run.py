"""One soak: rounds of attacks with moments of rest between, officers who work all the time, and the judgement."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak import held
from tests.soak.attacks import ATTACKS
from tests.soak.ground import HOSTILE, Ground, prepare
from tests.soak.officers import Away, Officers, Tally, lures, questions
from tests.soak.watch import Watch
from tests.support.zygote import Zygote

RESTARTED = "kh"
"""The counterpart that is stopped and killed by turns (CASE-M20); it may be silent meanwhile."""

_KIB, _MIB = 1024, 1024 * 1024
_START_S = 5.0
_ROUNDS = 10
_TURNS = 10
"""About as often a search waits for a turn of a loop, each time as long as this machine lets an idle loop wait."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a node may take. Memory, handles and threads are what the second half adds to the first.

    Memory may grow by `memory` or `memory_share` at most, however long it goes on. What is in use may also grow by no
    more than `memory_noise` (what is at work while one looks) and `memory_per_search` for each search.

    No search may be left unserved, but `stalled_share` of them while the machine stands still: an idle loop is late by
    `stalled_s`, so that the three seconds of a question are over before its answer gets a processor.
    """

    memory: int = 16 * _MIB
    memory_share: float = 0.06
    memory_noise: int = 1_280 * _KIB
    memory_per_search: int = 1_536
    handles: int = 16
    threads: int = 6
    disk_per_s: int = 256 * _KIB
    disk_per_search: int = 96 * _KIB
    held_s: float = 0.05
    search_s: float = 3.5
    unserved_share: float = 0.0
    stalled_s: float = 0.5
    stalled_share: float = 0.02

    def in_use(self, searches: int) -> float:
        """Return the bytes of memory that so many searches may leave in use."""
        return min(self.memory, self.memory_noise + self.memory_per_search * searches)

    def found_from(self, searches: int) -> float:
        """Return the bytes for each of so many searches from which on a leak is found, whatever the noise hides."""
        return (self.in_use(searches) + self.memory_noise) / max(1, searches)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a soak lasts, and how it is divided.

    It goes on beyond `seconds`, for `_ROUNDS` rounds at most, until there were so many searches and each attack acted.
    A short one on a busy machine would judge nothing. `leak` bytes are leaked by each node for each search, to see that
    it is found.
    """

    seconds: float = 3600.0
    searches: int = 2_100
    attack_s: float = 20.0
    rest_s: float = 10.0
    officers: int = 8
    every_s: float = 2.0
    leak: int = 0
    bounds: Bounds = Bounds()


@dataclass(slots=True)
class Soak:
    """What was seen: the samples of each node, the officers' tally, and how often each attack did something."""

    watches: dict[str, Watch]
    tally: Tally
    attacks: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


async def soak(folder: Path, plan: Plan, say: Say) -> Soak:
    """Run a soak in a new folder, and judge it."""
    ground = prepare(folder)
    away = Away()
    officers = Officers(ground, plan.officers, away, questions())
    lured = Officers(ground, 1, Away({HOSTILE}), lures())
    idle = folder / "idle.txt"
    seen = Soak({name: Watch(seat, idle) for name, seat in ground.seats.items() if name != RESTARTED}, officers.tally)
    async with Zygote() as zygote:
        await zygote.fork("tests.soak.idle:main", str(idle))
        for seat in ground.seats.values():
            await seat.start(zygote, held.SERVE, str(plan.leak))
        await asyncio.sleep(_START_S)  # until counterparts have found each other
        work = asyncio.gather(officers.work(), lured.work())
        try:
            await _rounds(ground, zygote, plan, seen, away, say)
            assert not work.done(), f"the officers ended: {work}"
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        for name, seat in ground.seats.items():
            seen.codes[name] = await seat.end(signal.SIGTERM)
    seen.tally.wrong += lured.tally.wrong
    seen.broken = list(judge(seen, plan.bounds))
    return seen


async def _rounds(ground: Ground, zygote: Zygote, plan: Plan, seen: Soak, away: Away, say: Say) -> None:
    until = time.monotonic() + plan.seconds
    number = 0
    while time.monotonic() < until or (number < _ROUNDS and not _is_enough(seen, plan)):
        number += 1
        output = ground.world.federation.folder / f"attacks-{number}.json"
        arguments = (str(ground.world.federation.folder), str(plan.attack_s), str(output))
        log = output.with_suffix(".txt")
        enemy = await zygote.fork("tests.soak.attacks:main", *arguments, output=log)
        restart = asyncio.create_task(_restart(ground, zygote, plan, number, seen, away))
        while enemy.alive:
            await _look(seen, plan.every_s, is_quiet=False)
        assert await enemy.ended() == 0, f"the attackers failed: {log.read_text(encoding='utf-8')[-2000:]}"
        seen.attacks.update(json.loads(output.read_text(encoding="utf-8")))
        await restart
        await asyncio.sleep(plan.rest_s)
        await _look(seen, 0.0, is_quiet=True)
        left = max(0.0, until - time.monotonic())
        told = f"{len(seen.tally.wrong)} wrong, {len(seen.tally.unserved)} not served"
        say(f"round {number}: {len(seen.tally.seconds)} searches, {told}, {left:.0f} s to go")


def _is_enough(seen: Soak, plan: Plan) -> bool:
    """Tell whether there was enough to judge; what grows is seen between two rests at least."""
    is_compared = all(len(watch.rests) > 1 for watch in seen.watches.values())
    return is_compared and len(seen.tally.seconds) >= plan.searches and all(seen.attacks[each.name] for each in ATTACKS)


async def _look(seen: Soak, pause: float, *, is_quiet: bool) -> None:
    for watch in seen.watches.values():
        assert watch.seat.child
        if not watch.seat.child.alive:
            raise AssertionError(f"`{watch.seat.member}` ended with {watch.seat.child.code}")
        await asyncio.to_thread(watch.look, len(seen.tally.seconds), is_quiet=is_quiet)
    await asyncio.sleep(pause)


async def _restart(ground: Ground, zygote: Zygote, plan: Plan, number: int, seen: Soak, away: Away) -> None:
    """Stop one counterpart, or kill it, and start it again."""
    seat = ground.seats[RESTARTED]
    away.leaves(RESTARTED)
    await seat.end(signal.SIGKILL if number % 2 else signal.SIGTERM)
    await seat.start(zygote, held.SERVE, str(plan.leak))
    away.listens(RESTARTED)
    await asyncio.sleep(_START_S)
    away.found(RESTARTED)
    seen.restarts += 1


def judge(seen: Soak, bounds: Bounds) -> Iterator[str]:
    """Yield a sentence for each bound that is broken."""
    for name, watch in seen.watches.items():
        at_most = max(bounds.memory, bounds.memory_share * watch.rests[0].rss)
        if watch.growth > at_most:
            yield f"{name}: memory grew by {watch.growth / _MIB:.1f} MiB, {at_most / _MIB:.1f} are allowed"
        allowed = bounds.in_use(watch.searches)
        if watch.left_in_use > allowed:
            yield (
                f"{name}: {watch.searches} searches left {watch.left_in_use / _KIB:.0f} KiB of memory in use, "
                f"{allowed / _KIB:.0f} are allowed"
            )
        for what, most in (("handles", bounds.handles), ("threads", bounds.threads)):
            if watch.left_behind(what) > most:
                yield f"{name}: {watch.left_behind(what):.0f} more {what} at rest, {most} are allowed"
        grew = watch.disk_per_s - bounds.disk_per_search * len(seen.tally.seconds) / watch.seconds
        if grew > bounds.disk_per_s:
            yield f"{name}: beside searches the home grew by {grew / _KIB:.0f} KiB/s"
        if watch.held_s > bounds.held_s:
            held_ms, most_ms = watch.held_s * 1000, bounds.held_s * 1000
            yield f"{name}: the loop was held for {held_ms:.0f} ms, {most_ms:.0f} are allowed"
    yield from _judge_answers(seen, bounds)


def _judge_answers(seen: Soak, bounds: Bounds) -> Iterator[str]:
    if not seen.tally.seconds:
        yield "no search was answered"
    if seen.tally.wrong:
        kinds = Counter(seen.tally.wrong).most_common(3)
        yield f"{len(seen.tally.wrong)} wrong answers: " + "; ".join(f"{count} × {text}" for text, count in kinds)
    idle_s = max(watch.idle_s for watch in seen.watches.values())
    share = max(bounds.unserved_share, bounds.stalled_share if idle_s > bounds.stalled_s else 0.0)
    if len(seen.tally.unserved) > share * len(seen.tally.seconds):
        kinds = Counter(seen.tally.unserved).most_common(3)
        yield f"{len(seen.tally.unserved)} not served: " + "; ".join(f"{count} × {text}" for text, count in kinds)
    most_s = bounds.search_s + _TURNS * idle_s
    slow = [seconds for seconds in seen.tally.seconds if seconds > most_s]
    if slow:
        yield f"{len(slow)} searches took more than {most_s:.1f} s, the longest {max(slow):.1f} s"
    for attack in ATTACKS:
        if not seen.attacks[attack.name]:
            yield f"the attack `{attack.name}` ({attack.case}) did nothing"
    for name, code in seen.codes.items():
        if code:
            yield f"{name} ended with {code} when it was asked to stop"
