"""The way from a home to its statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.audit.opened import HomeLogs
from gateway.audit.stats import collect
from gateway.cli.evidence import open_home
from gateway.cli.statistics_text import Statistics, statistics_of
from gateway.clock import SystemClock, rfc3339


def statistics_of_home(
    folder: Path, since_us: int, until_us: int, progress: Callable[[int, int], None] | None, *, exact: bool
) -> Statistics:
    """Count the entries of a home; its node may be running. Raises `Misconfigured`, `Contradicted`."""
    with open_home(folder) as evidence:
        stats = collect(HomeLogs(evidence.store, evidence.keys), since_us, until_us, progress)
    made = rfc3339(SystemClock().now_us() // 1_000_000 * 1_000_000)
    return statistics_of(stats, evidence.member, made, exact=exact)
