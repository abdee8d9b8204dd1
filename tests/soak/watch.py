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
from tests.soak.idle import delay_s

_HELD = re.compile(r'^liaison_loop_held_seconds\{[^}]*quantile="0\.999"[^}]*\} (\S+)', re.MULTILINE)
_DATABASE = SqliteSettings()
CACHES = tuple(kib * 1024 for kib in (_DATABASE.cache_kib, _DATABASE.reading_cache_kib, _DATABASE.reading_cache_kib))
"""Bytes of the page caches of a node, each connection to its database with one of its own."""

_START_S = 60.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process.

    `held_s` is by how much the 99.9th percentile of the times in which its loop was held, in the last minute, is beyond
    the delays of an idle loop (`idle_s`). Its own wait for a processor is not in it; what another thread of the process
    waited, while it held the interpreter, is as long as the idle loop's at most. `pages` are the bytes of the database,
    without its log, `disk` those of the whole home.
    """

    at: float
    rss: int
    handles: int
    threads: int
    disk: int
    pages: int
    held_s: float
    idle_s: float
    is_quiet: bool


@dataclass(slots=True)
class Watch:
    """The samples of one node. A node that was started anew begins anew."""

    seat: Seat
    idle: Path
    samples: list[Sample] = field(default_factory=list)

    def look(self, *, is_quiet: bool) -> None:
        """Take a sample. `is_quiet`: the attackers have gone, so that what is still open was left behind."""
        process, idle_s, held_s = Path(f"/proc/{self.seat.pid}"), delay_s(self.idle), _held(self.seat.metrics)
        self.samples.append(
            Sample(
                at=time.monotonic(),
                rss=int((process / "statm").read_text().split()[1]) * _PAGE,
                handles=_count(process / "fd"),
                threads=_count(process / "task"),
                disk=_size(self.seat.home),
                pages=(self.seat.home / "node.sqlite").stat().st_size,
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
    def growth(self) -> float:
        """The bytes by which memory grew over the second half, by the straight line that fits best."""
        late = self.late
        return slope([(sample.at, sample.rss) for sample in late]) * (late[-1].at - late[0].at)

    @property
    def filling(self) -> float:
        """The bytes that page caches of the database take in the second half: the pages that it gets, if there is room.

        Key indexes and the log of the database, which a home gets within seconds, fill none of them.
        """
        before, after = self.late[0].pages, self.late[-1].pages
        return float(sum(max(0, min(cache, after) - min(cache, before)) for cache in CACHES))

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
