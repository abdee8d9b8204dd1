"""The way from a home to its statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.statistics.statistics import collect
from gateway.clock import SystemClock, rfc3339
from gateway.ops.homes.open_home import open_home
from gateway.views.statistics import Statistics, statistics_of


def statistics_of_home(
    folder: Path, since_us: int, until_us: int, progress: Callable[[int, int], None] | None, *, exact: bool
) -> Statistics:
    """Count the entries of a home; its node may be running. Raises `Misconfigured`, `Contradicted`."""
    with open_home(folder) as evidence:
        stats = collect(HomeLogs(evidence.store, evidence.keys), since_us, until_us, progress)
    made = rfc3339(SystemClock().now_us() // 1_000_000 * 1_000_000)
    return statistics_of(stats, evidence.member, made, exact=exact)
