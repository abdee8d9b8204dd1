"""Measure the cost of an entry as the audit log grows, and the time to open a long log.

Each batch has 64 entries of the usual sizes and is durable before the next begins, as at a node under load. On
PostgreSQL the CPU is that of the node alone, and the time is of both.

`python -m tests.bench.history ENTRIES [postgresql://…]` (`make history`) prints a line for each row and the growth of
the cost; it ends with 1 where an entry costs a tenth more at the end than at the beginning.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.log.log import AuditLog
from gateway.clock import Clock, SystemClock
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, ReplayClaim
from gateway.signing.keys import SigningKey
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.database.postgres import open_postgres
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore

BATCH = 64
_PEERS = (MemberId("vn"), MemberId("kh"))
_REQUEST, _ANSWER = 700, 900
_ROUND = 1_000_000
_CLAIM_US = 120_000_000
_SAMPLES = 12
_GROWTH = 1.1


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """`append`: CPU and time of an entry in a log of about `entries`; `open`: those of opening the whole log."""

    name: str
    entries: int
    cpu_us_per_entry: float
    wall_us_per_entry: float

    def as_json(self) -> str:
        """Return the row as one line."""
        return json.dumps(asdict(self))


Say = Callable[[str], None]


def measure_history(folder: Path, entries: int, say: Say = print, url: str = "") -> list[HistoryRow]:
    """Append `entries` entries to a new log in the empty `folder`, then open it again; `say` gets each row as JSON.

    With `url` the log is in that empty database of PostgreSQL.
    """
    key, clock = SigningKey(Ed25519PrivateKey.generate()), SystemClock()
    rows: list[HistoryRow] = []

    def add(row: HistoryRow) -> None:
        rows.append(row)
        say(row.as_json())

    with _log(folder, key, clock, url) as log:
        _append(log, clock, _SAMPLES * BATCH)
        while log.size < entries:
            count = min(max(entries // _SAMPLES, BATCH), entries - log.size)
            add(_measure("append", log.size, count, lambda count=count: _append(log, clock, count)))  # type: ignore[misc]
    started = _now()
    with _log(folder, key, clock, url) as log:
        add(_row("open", log.size, log.size, started))
    return rows


@contextlib.contextmanager
def _log(folder: Path, key: SigningKey, clock: Clock, url: str) -> Iterator[AuditLog]:
    database = open_postgres(url) if url else open_database(folder / "node.sqlite")
    try:
        migrate(database)
        store, keystore = SqlLogStore(database), KeyStore(folder / "keystore")
        log = AuditLog(store, keystore, key, clock, "th", highwater=folder / "highwater")
        try:
            yield log
        finally:
            log.close()
    finally:
        database.close()


def _append(log: AuditLog, clock: Clock, count: int) -> None:
    for first in range(0, count, BATCH):
        log.append([_draft(clock.now_us(), number) for number in range(min(BATCH, count - first))])


def _draft(now_us: int, number: int) -> EntryDraft:
    peer, exchange_id = _PEERS[number % len(_PEERS)], ExchangeId(os.urandom(16).hex())
    request_hash = os.urandom(32)
    return events.ANSWERED.draft_of(
        {"outcome": "no_hit", "case": "VN-2026-0007", "purpose": "narcotics", "agreement": "0" * 24},
        peer=peer,
        exchange_id=exchange_id,
        request_hash=request_hash,
        answer_hash=os.urandom(32),
        channel=f"in:{peer}",
        request=os.urandom(_REQUEST),
        answer=os.urandom(_ANSWER),
        claim=ReplayClaim(peer, exchange_id, request_hash, now_us + _CLAIM_US),
    )


def _measure(name: str, size: int, count: int, work: Callable[[], None]) -> HistoryRow:
    started = _now()
    work()
    return _row(name, size + count, count, started)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _row(name: str, entries: int, count: int, started: tuple[float, float]) -> HistoryRow:
    cpu, wall = ((now - then) * _ROUND / count for now, then in zip(_now(), started, strict=True))
    return HistoryRow(name, entries, round(cpu, 1), round(wall, 1))


def growth(rows: Sequence[HistoryRow]) -> tuple[float, float]:
    """Return the ratio of an entry's cost in the last quarter to that in the first: CPU, and time (medians)."""
    appended = [row for row in rows if row.name == "append"]
    quarter = max(1, len(appended) // 4)
    first, last = appended[:quarter], appended[-quarter:]
    return (
        median(row.cpu_us_per_entry for row in last) / median(row.cpu_us_per_entry for row in first),
        median(row.wall_us_per_entry for row in last) / median(row.wall_us_per_entry for row in first),
    )


def main(arguments: Sequence[str]) -> int:
    """Measure with the arguments of the command line."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure_history(Path(folder), int(arguments[0]), url=arguments[1] if len(arguments) > 1 else "")
    cpu, wall = growth(rows)
    print(json.dumps({"growth_of_cpu": round(cpu, 3), "growth_of_time": round(wall, 3)}))
    return int(min(cpu, wall) > _GROWTH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
