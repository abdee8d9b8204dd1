"""Measure the desk's reads with many open threads and copies: `python -m tests.bench.desk [threads] [copies]`.

One of a hundred deliveries and items of work is due. Each read is done 200 times; its median and 95th percentile are
printed in milliseconds.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

from gateway.audit.log.log import AuditLog
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import HoldingState, Role
from gateway.model.names import MemberId
from gateway.ports.desk import DeskRows, Holding, WorkFilter
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered
from tests.support.desk_rows import START_US, a_copy, a_delivery, a_notice, a_thread, new_key, some_work

HOUR_US = 3_600_000_000
PEERS = tuple(map(MemberId, ("vn", "la", "kh", "mm", "cn")))
OFFICES = tuple(f"office-{number}" for number in range(70))
AGENCIES = ("police", "customs", "immigration")
DICE = random.Random(70)

Item = TypeVar("Item")


@dataclass
class Sizes:
    """How many rows there are."""

    threads: int
    copies: int


def rows(sizes: Sizes) -> Iterator[DeskRows]:
    """The rows of all threads and copies; those of copies hold a hundred each."""
    for number in range(sizes.threads):
        key, urgency = new_key(PEERS[number % 5]), DICE.choice(list(Urgency))
        notice = a_notice(key, urgency=urgency)
        due_us = START_US + (0 if number % 100 == 0 else HOUR_US + number)
        where: dict[str, Any] = {"agency": DICE.choice(AGENCIES), "office": DICE.choice(OFFICES)}
        thread = a_thread(
            key, kind=DICE.choice(list(ThreadKind)), opened_us=START_US + number, urgency=urgency, **where
        )
        work = some_work(key, half_us=due_us, due_us=due_us + HOUR_US, urgency=urgency, **where)
        yield DeskRows(thread, 0, notice, (a_delivery(notice, due_us=due_us),), (work,))
    for hundred in batched(range(sizes.copies), 100):
        yield DeskRows(holdings=tuple(copy_of(number) for number in hundred))


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def copy_of(number: int) -> Holding:
    """One copy of a record."""
    state = HoldingState.CHANGING if number % 10_000 == 0 else HoldingState.HELD
    return a_copy(f"jti-{number}", holder=PEERS[number % 5], record=f"source/{number // 3}", state=state)


def fill(log: AuditLog, sizes: Sizes) -> float:
    """Write all rows in batches of 64; the CPU milliseconds of a thread."""
    began = time.process_time()
    for batch in batched(rows(sizes), 64):
        log.append([answered(rows=one) for one in batch])
    return (time.process_time() - began) * 1000 / max(1, sizes.threads)


def reads(desk: SqlDeskStore, sizes: Sizes) -> Iterable[tuple[str, Callable[[], object]]]:
    """What is measured."""
    now = START_US + 1
    some = desk.threads(limit=200)

    def any_of() -> ThreadKey:
        return DICE.choice(some).key

    return [
        ("thread", lambda: desk.thread(any_of())),
        ("placed", lambda: desk.placed(any_of())),
        ("envelope", lambda: desk.envelope(any_of().thread_id)),
        ("find_thread", lambda: desk.find_thread(any_of().thread_id)),
        ("threads, 100 newest open", lambda: desk.threads(states=[ThreadState.OPEN], limit=100)),
        ("threads, 100 newest", lambda: desk.threads(limit=100)),
        ("due, 64 of a counterpart", lambda: desk.due(PEERS[0], now, 64)),
        ("due, nothing", lambda: desk.due(PEERS[0], START_US - 1, 64)),
        ("next_due_us", lambda: desk.next_due_us(PEERS[0])),
        ("due_work, 100", lambda: desk.due_work(now, 100)),
        ("works of an office", lambda: desk.works(WorkFilter(agency="police", offices=(OFFICES[3],)))),
        ("works, 100 of an agency", lambda: desk.works(WorkFilter(agency="police", roles=(Role.DUTY,), limit=100))),
        ("works, 100 of all", lambda: desk.works(WorkFilter(limit=100))),
        ("works of a thread", lambda: desk.works(WorkFilter(key=any_of()))),
        ("holdings by jti", lambda: desk.holdings(jti=f"jti-{DICE.randrange(sizes.copies)}")),
        ("holdings by record", lambda: desk.holdings(record=f"source/{DICE.randrange(sizes.copies // 3)}")),
        ("holdings that change", lambda: desk.holdings(direction="out", holder="vn", states=[HoldingState.CHANGING])),
        ("holdings, 100 of a holder", lambda: desk.holdings(direction="out", holder="vn", limit=100)),
    ]


def main(sizes: Sizes) -> None:
    """Fill a database and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = LogHome(Path(folder) / "home")
        with home.database() as database:
            keys = home.keystore
            store = SqlLogStore(database, keys)
            log = AuditLog(store, keys, home.key, home.clock, "th", highwater=home.highwater)
            with closing(log):
                print(f"writing: {fill(log, sizes):.3f} ms of CPU a thread, copies included")
                desk = SqlDeskStore(database, keys)
                for name, read in reads(desk, sizes):
                    times = []
                    for _ in range(200):
                        began = time.perf_counter()
                        read()
                        times.append((time.perf_counter() - began) * 1000)
                    cuts = quantiles(times, n=20)
                    print(f"{name:28} median {cuts[9]:8.2f}  p95 {cuts[18]:8.2f}")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(Sizes(*given) if len(given) == 2 else Sizes(100_000, 1_000_000))
