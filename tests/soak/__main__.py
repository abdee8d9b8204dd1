"""`python -m tests.soak --minutes 60` (`make soak`): prints progress and a table; 1 when a bound is broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.soak.run import Bounds, Plan, Soak, soak

_KIB, _MIB = 1024, 1024 * 1024
_COLUMNS = (
    ("memory MiB", 12), ("grew MiB", 10), ("in use MiB", 12), ("left KiB", 10), ("handles", 9), ("left", 6),
    ("threads", 9), ("left", 6), ("disk KiB/s", 12), ("held p99.9 ms", 15), ("idle loop", 11),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a soak; return 1 when a bound is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--json", action="store_true", help="print what was seen as one JSON document")
    parser.add_argument("--leak", type=float, default=0.0, metavar="KIB", help="let nodes leak so much for each search")
    given = parser.parse_args(arguments)
    plan = Plan(seconds=given.minutes * 60, leak=int(given.leak * 1024))
    with tempfile.TemporaryDirectory(prefix="liaison-soak-") as folder:
        seen = asyncio.run(soak(Path(folder), plan, lambda text: print(text, file=sys.stderr)))
    print(json.dumps(as_json(seen, plan.bounds), indent=2) if given.json else "\n".join(table(seen, plan.bounds)))
    return int(bool(seen.broken))


def as_json(seen: Soak, bounds: Bounds) -> dict[str, object]:
    """Return what was seen as values of JSON."""
    nodes = {
        name: {
            "rss_mib": round(watch.samples[-1].rss / _MIB, 1),
            "at_rest": [
                {
                    "searches": each.searches,
                    "rss_mib": round(each.rss / _MIB, 1),
                    "in_use_mib": round(each.in_use / _MIB, 2),
                }
                for each in watch.samples
                if each.is_quiet
            ],
            "memory_growth_mib": round(watch.growth / _MIB, 2),
            "left_in_use_kib": round(watch.left_in_use / _KIB, 1),
            "leak_found_from_kib": round(bounds.found_from(watch.searches) / _KIB, 1),
            "handles": watch.samples[-1].handles,
            "threads": watch.samples[-1].threads,
            "handles_left": watch.left_behind("handles"),
            "threads_left": watch.left_behind("threads"),
            "disk_kib_per_s": round(watch.disk_per_s / 1024, 1),
            "idle_loop_p999_ms": round(watch.idle_s * 1000, 1),
            "loop_held_p999_ms": round(watch.held_s * 1000, 1),
        }
        for name, watch in seen.watches.items()
    }
    answers = {
        "searches": len(seen.tally.seconds),
        "wrong": len(seen.tally.wrong),
        "unserved": len(seen.tally.unserved),
        "p99_s": round(seen.tally.p99_s, 3),
        "longest_s": round(max(seen.tally.seconds, default=0.0), 3),
        "silent": seen.tally.silent,
        "cut_short": seen.tally.cut_short,
    }
    return {"nodes": nodes, "answers": answers, "attacks": dict(seen.attacks), "restarts": seen.restarts,
            "broken": seen.broken}  # fmt: skip


def table(seen: Soak, bounds: Bounds) -> Iterator[str]:
    """Yield the lines of a table for a reader."""
    yield f"{'node':6}" + "".join(f"{head:>{width}}" for head, width in _COLUMNS)
    for name, watch in seen.watches.items():
        last = watch.samples[-1]
        yield (
            f"{name:6}{last.rss / _MIB:12.1f}{watch.growth / _MIB:10.2f}"
            f"{last.in_use / _MIB:12.1f}{watch.left_in_use / _KIB:10.0f}{last.handles:9}"
            f"{watch.left_behind('handles'):6.0f}{last.threads:9}{watch.left_behind('threads'):6.0f}"
            f"{watch.disk_per_s / 1024:12.1f}{watch.held_s * 1000:15.1f}{watch.idle_s * 1000:11.1f}"
        )
    tally = seen.tally
    yield f"{len(tally.seconds)} searches, {len(tally.wrong)} wrong, {len(tally.unserved)} not served"
    yield f"p99 {tally.p99_s:.2f} s, silent: {tally.silent or 'never'}; {seen.restarts} restarts"
    yield f"not searched, their time was spent while the counterpart was away: {tally.cut_short or 'none'}"
    yield "attacks: " + ", ".join(f"{name} {count}" for name, count in seen.attacks.items())
    searches = min(watch.searches for watch in seen.watches.values())
    yield f"finds a leak from {bounds.found_from(searches) / _KIB:.1f} KiB for each of {searches} searches"
    yield from (f"BROKEN {line}" for line in seen.broken or ())
    yield "a bound is broken" if seen.broken else "all bounds hold"


if __name__ == "__main__":
    sys.exit(main())
