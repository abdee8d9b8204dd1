"""Real node processes whose time a test moves on: each reads the offset from a small file that all of them map."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from gateway.app import gossip_parts
from gateway.clock import SystemClock, steady_ns

NAME = "ahead"
_NUMBER = struct.Struct("<q")
_UPKEEP_S = 0.5
"""Seconds between two rounds of upkeep: minutes pass faster, too."""


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

    def moved(self, clock: Callable[[], int]) -> Callable[[], int]:
        """Return a clock in nanoseconds that is so far ahead of another."""
        return lambda: clock() + self.ns

    def clock(self) -> SystemClock:
        """Return a clock of this time."""
        return SystemClock(self.moved(time.time_ns), self.moved(steady_ns))


def serve(home: str) -> int:
    """Run `liaison serve --home HOME` in the time of the folder that the home is in."""
    from gateway.cli.main import run

    ahead = Ahead(Path(home).parent)
    SystemClock.__init__.__defaults__ = ahead.moved(time.time_ns), ahead.moved(steady_ns)
    vars(gossip_parts)["UPKEEP_S"] = _UPKEEP_S
    return run(["serve", "--home", home])
