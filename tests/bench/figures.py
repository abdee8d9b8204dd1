"""Measure what the figures of a month cost in a long log: `python -m tests.bench.figures [entries]`.

The month has all entries of the log, each with statements that both sides signed. CPU seconds are printed, of one pass
over the log and of the tables that are made of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.statistics.statistics import collect
from gateway.desk.figures.from_log import Scope, add_log, entries_of, with_peer
from gateway.desk.figures.months import month_at
from gateway.desk.figures.pack import MINUTES_BY_HAND, Tables
from gateway.desk.figures.published import Publisher
from gateway.desk.figures.tally import Tally
from gateway.storage.log.log_store import SqlLogStore
from tests.support.big_log import make_big_world


def main(entries: int) -> None:
    """Make a log and print what a pack of its month costs."""
    with tempfile.TemporaryDirectory(prefix="liaison-figures-") as name:
        began = time.process_time()
        home = make_big_world(Path(name), entries).home
        print(f"{entries:,} entries: made in {time.process_time() - began:.0f} s of CPU")
        month = month_at(home.clock.now_us(), "th")
        database = home.open(read_only=True)
        store = SqlLogStore(database)
        for peer in ("vn", "la", ""):
            scope = Scope(peer)
            logs = HomeLogs(store, home.keystore, with_peer(scope))
            began, at = time.process_time(), time.perf_counter()
            stats, tally = collect(logs, month.since_us, month.until_us, None, entries_of(scope)), Tally()
            counted = time.process_time()
            add_log(tally, stats)
            tables = Tables(tally, Publisher(exact=False), own=not peer)
            made = tables.all(stats.uptime.whole(month.name), MINUTES_BY_HAND)
            assert made
            assert sum(stats.sizes.values()) >= entries
            cpu_s, in_all_s = counted - began, time.perf_counter() - at
            each = f"{cpu_s * 1e6 / entries:.1f} µs an entry"
            print(f"with {peer or 'all'}: {cpu_s:.2f} s of CPU ({each}), {in_all_s:.1f} s in all")
        database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
