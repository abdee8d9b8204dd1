"""What a node takes from its machine, sample by sample: memory, handles, threads, disk, and the delay of its loop."""

from __future__ import annotations

import os
import re
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from gateway.storage.database.engine import SqliteSettings
from tests.soak.ground import Seat
from tests.soak.held import Held, told
from tests.soak.idle import delay_s

_HELD = re.compile(r'^liaison_loop_held_seconds\{[^}]*quantile="0\.999"[^}]*\} (\S+)', re.MULTILINE)
_DATABASE = SqliteSettings()
CACHES = 1024 * (_DATABASE.cache_kib + 2 * _DATABASE.reading_cache_kib)
"""Bytes of all page caches of a node when they are full, each connection to its database with one of its own."""

_START_S = 60.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process.

    `held_s` is by how much the 99.9th percentile of the times in which its loop was held, in the last minute, is beyond
    the delays of an idle loop (`idle_s`). Its own wait for a processor is not in it; what another thread of the process
    waited, while it held the interpreter, is as long as the idle loop's at most. `disk` are the bytes of the home.

    `rss` is resident memory without the database's page caches, as far as these may fill. `in_use` is what the
    allocators have given out (`tests.soak.held`), without those and without claims that are still held. Both are judged
    where it `is_quiet`; elsewhere `rss` has the page caches in it, and `in_use` is 0.
    `searches` is how many were answered by then.
    """

    at: float
    searches: int
    rss: int
    in_use: int
    handles: int
    threads: int
    disk: int
    held_s: float
    idle_s: float
    is_quiet: bool


@dataclass(slots=True)
class Watch:
    """The samples of one node. A node that was started anew begins anew."""

    seat: Seat
    idle: Path
    samples: list[Sample] = field(default_factory=list)

    def look(self, searches: int, *, is_quiet: bool) -> None:
        """Take a sample. `is_quiet`: the attackers have gone, so that what is still open was left behind."""
        process, idle_s, held_s = Path(f"/proc/{self.seat.pid}"), delay_s(self.idle), _held(self.seat.metrics)
        held = told(self.seat.pid) if is_quiet else Held(0, 0, 0)
        pages = min(held.sqlite, CACHES)
        self.samples.append(
            Sample(
                at=time.monotonic(),
                searches=searches,
                rss=int((process / "statm").read_text().split()[1]) * _PAGE - pages,
                in_use=held.python + held.library - pages - held.claims,
                handles=_count(process / "fd"),
                threads=_count(process / "task"),
                disk=_size(self.seat.home),
                held_s=max(0.0, held_s - idle_s),
                idle_s=idle_s,
                is_quiet=is_quiet,
            )
        )

    @property
    def late(self) -> list[Sample]:
        """The second half of the time: caches are warm by then."""
        middle = (self.samples[0].at + self.samples[-1].at) / 2
        return [sample for sample in self.samples if sample.at >= middle]

    @property
    def seconds(self) -> float:
        """The seconds from the first sample to the last."""
        return self.samples[-1].at - self.samples[0].at

    @property
    def rests(self) -> list[Sample]:
        """The quiet moments of the second half, and the one before it."""
        quiet = [sample for sample in self.samples if sample.is_quiet]
        return quiet[(len(quiet) - 1) // 2 :]

    @property
    def searches(self) -> int:
        """How many searches were answered between the first and the last of `rests`."""
        return self.rests[-1].searches - self.rests[0].searches

    @property
    def growth(self) -> float:
        """The bytes by which resident memory grew over `rests`, by the straight line that fits best."""
        return slope([(sample.at, sample.rss) for sample in self.rests]) * (self.rests[-1].at - self.rests[0].at)

    @property
    def left_in_use(self) -> float:
        """The bytes that came into use over `rests` and stayed, by the line over the searches that fits best."""
        return slope([(sample.searches, sample.in_use) for sample in self.rests]) * self.searches

    @property
    def disk_per_s(self) -> float:
        """The bytes that the home grew in a second, over the second half."""
        return slope([(sample.at, sample.disk) for sample in self.late])

    @property
    def held_s(self) -> float:
        """The longest time for which the loop was held, without the minute of the start when it lasted longer.

        A node that has just started loads its tables, and a sample tells of the minute before it.
        """
        begun = self.samples[0].at
        started = [sample for sample in self.samples if sample.at - begun > _START_S] or self.samples[-1:]
        return max(sample.held_s for sample in started)

    @property
    def idle_s(self) -> float:
        """The largest delay of an idle loop in all samples."""
        return max(sample.idle_s for sample in self.samples)

    def left_behind(self, what: str) -> float:
        """How many more handles or threads are open at quiet moments of the second half than of the first."""
        quiet: list[int] = [getattr(sample, what) for sample in self.samples if sample.is_quiet]
        middle = len(quiet) // 2
        return median(quiet[middle:]) - median(quiet[: middle or 1])


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the straight line with the least squares; 0 for a single moment."""
    across, along = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - across) ** 2 for x, _ in points)
    return sum((x - across) * (y - along) for x, y in points) / spread if spread else 0.0


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def _held(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = _HELD.search(answer.read().decode())
    assert found, "the node has no metric of its loop"
    return float(found[1])


def _size(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).lstat().st_size
            except FileNotFoundError:  # a temporary file that is gone again
                continue
    return total
