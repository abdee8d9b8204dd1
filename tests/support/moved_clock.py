"""Real node processes whose time a test moves on: each reads the offset from a small file that all of them map.

After a turn of the clock no source is fresh any more, so none is searched until it was looked at again. A node that
makes its rounds does so by itself (`were_looked_at` waits for it); another does it when told (`look_at_sources`).
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from gateway.app import core, gossip_parts
from gateway.app.run.node import Node
from gateway.clock import DAY_US, SECOND_US, Clock, SystemClock, steady_ns, to_us
from gateway.ops.sources.status import source_status

NAME = "ahead"
_NUMBER = struct.Struct("<q")
_UPKEEP_S = 0.5
"""Seconds between two rounds of upkeep: minutes pass faster, too."""

_EVENING_US = 5 * 60 * SECOND_US
"""A test that counts by day takes less of it."""


class Ahead:
    """How far the time of the nodes is ahead, in nanoseconds, in the file `ahead` of a folder."""

    def __init__(self, folder: Path) -> None:
        file = folder / NAME
        if not file.exists():
            file.write_bytes(_NUMBER.pack(0))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), _NUMBER.size)

    @property
    def ns(self) -> int:
        """The nanoseconds by which the time is ahead."""
        return int(_NUMBER.unpack(self._map[:])[0])

    def move(self, by: timedelta) -> None:
        """Move the time of all nodes on at once."""
        self._map[:] = _NUMBER.pack(self.ns + by // timedelta(microseconds=1) * 1_000)

    def to_a_whole_day(self) -> None:
        """Move on to the next day (UTC) where this one is nearly over: what is counted by day begins anew there."""
        left_us = DAY_US - (time.time_ns() + self.ns) // 1_000 % DAY_US
        if left_us < _EVENING_US:
            self.move(timedelta(microseconds=left_us))

    def moved(self, clock: Callable[[], int]) -> Callable[[], int]:
        """Return a clock in nanoseconds that is so far ahead of another."""
        return lambda: clock() + self.ns

    def clock(self) -> SystemClock:
        """Return a clock of this time."""
        return SystemClock(self.moved(time.time_ns), self.moved(steady_ns))


async def look_at_sources(*nodes: Node) -> None:
    """Let nodes look at their sources now, as their rounds do."""
    for node in nodes:
        for source in node.resources.refreshers:
            await node.core.upkeep.refresh(source)


def were_looked_at(home: Path, since_us: int, clock: Clock) -> bool:
    """Tell whether each source of a home was looked at since a time, to the second."""
    said = [each["as_of"] for each in source_status(home, "", clock)]
    return all(each and to_us(datetime.fromisoformat(each)) // SECOND_US >= since_us // SECOND_US for each in said)


def serve(home: str) -> int:
    """Run `liaison serve --home HOME` in the time of the folder that the home is in."""
    from gateway.cli.main import run

    ahead = Ahead(Path(home).parent)
    SystemClock.__init__.__defaults__ = ahead.moved(time.time_ns), ahead.moved(steady_ns)
    for module in (core, gossip_parts):
        vars(module)["UPKEEP_S"] = _UPKEEP_S
    return run(["serve", "--home", home])
