"""Measure an auditor's search in a long log: `python -m tests.bench.finding FOLDER ENTRIES`.

A home with a real log of three years is made in `FOLDER` (statements and heads signed, content encrypted), and its
index is built. Each kind of question is asked through the command itself, as a process of its own: the time is the
auditor's wait, program start included. Where `FOLDER` has such a home already it is filled up to `ENTRIES`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from gateway.audit.log.log import AuditLog
from gateway.clock import ManualClock
from gateway.config import load_settings
from gateway.model.names import MemberId
from gateway.ops.homes.found_node import found
from gateway.signing.keys import load_signing_key
from gateway.storage.database.engine import open_database
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.bench.questions import Pools, Questions

ROUNDS = 3
_START = datetime(2024, 1, 1, tzinfo=UTC)
_YEARS = timedelta(days=3 * 365)
_BATCH = 64
_SYLLABLES = ("som", "chai", "nguyen", "van", "an", "sok", "dara", "min", "thi", "lan", "phong", "kham", "bou", "vanh")
_CODES = ("no-agreement", "quota", "purpose-not-covered", "unknown-office")


@dataclass(frozen=True, slots=True)
class FindRow:
    """The cost of one question: seconds of a whole command, the number of matching entries, and of all in the log."""

    name: str
    entries: int
    found: int
    wall_s: float
    cpu_s: float

    def as_json(self) -> str:
        """Return the row as one line."""
        return json.dumps(asdict(self))


Say = Callable[[str], None]


def measure_finding(
    folder: Path, entries: int, say: Say = print, rounds: int = ROUNDS, most: int | None = None
) -> list[FindRow]:
    """Make the log, build the index, ask the first `most` questions. `say` gets each row as JSON."""
    home = folder / "th"
    _fill(home, folder / "authority", entries)
    pools = _pools()
    rows = []

    def add(name: str, *arguments: str, times: int = rounds) -> None:
        row = _row(name, entries, arguments, times)
        rows.append(row)
        say(row.as_json())

    add("index", "index", "--home", str(home), times=1)
    find = ("find", "--home", str(home))
    questions = (
        ("what did officer O do", ("--officer", pools.officers[7])),
        ("all uses of agreement A", ("--agreement", pools.agreements[0])),
        ("refusals by reason", ("--refused", _CODES[1])),
        ("refusals, counted by reason", ("--refused",)),
        ("a case", ("--case", pools.cases[11])),
        ("hits of one counterpart", ("--outcome", "hit", "--peer", pools.peers[0])),
        ("one month of an officer", ("--officer", pools.officers[3], "--since", "2025-03-01", "--until", "2025-04-01")),
        ("nobody", ("--officer", "th.o.nobody")),
    )
    for name, arguments in questions[:most]:
        add(name, *find, *arguments)
    return rows


def _row(name: str, entries: int, arguments: tuple[str, ...], times: int) -> FindRow:
    walls, cpus, count = [], [], 0
    for _ in range(times):
        started, cpu = time.perf_counter(), _children_cpu()
        program = [sys.executable, "-m", "gateway.cli", "audit", *arguments, "--json"]
        ran = subprocess.run(program, capture_output=True, check=True)
        walls.append(time.perf_counter() - started)
        cpus.append(_children_cpu() - cpu)
        value = json.loads(ran.stdout)
        count = value.get("count", value.get("added", 0))
    return FindRow(name, entries, count, round(statistics.median(walls), 3), round(statistics.median(cpus), 3))


def _children_cpu() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fill(home: Path, authority: Path, entries: int) -> None:
    clock = ManualClock(_START)
    found(home, authority, "th", clock)
    settings = load_settings(home)
    database = open_database(settings.database_file)
    try:
        key, store = load_signing_key(home / "keys" / "log.key"), SqlLogStore(database)
        log = AuditLog(store, KeyStore(settings.keystore), key, clock, "th", highwater=home / "highwater")
        try:
            _append(log, clock, entries)
        finally:
            log.close()
    finally:
        database.close()


def _append(log: AuditLog, clock: ManualClock, entries: int) -> None:
    questions = Questions(_pools(), seed=log.size)
    clock.advance(_YEARS * (log.size / max(1, entries)))
    step = _YEARS / max(1, entries)
    while log.size < entries:
        before = log.size
        drafts = [draft for _ in range(_BATCH) for draft in questions.exchange(clock.now_us())]
        log.append(drafts[: entries - before])
        clock.advance(step * (log.size - before))


def _pools() -> Pools:
    """Return two thousand officers, twenty thousand cases, sixty thousand names; a hit for 5,000 questions."""
    chance = Random(42)

    def names(count: int) -> tuple[str, ...]:
        words = [chance.choice(_SYLLABLES) + chance.choice(_SYLLABLES) for _ in range(2 * count)]
        return tuple(f"{words[2 * at]} {words[2 * at + 1]}" for at in range(count))

    def numbers(form: str, count: int) -> tuple[str, ...]:
        return tuple(form.format(chance.randrange(10**7)) for _ in range(count))

    return Pools(
        peers=tuple(MemberId(name) for name in ("vn", "kh", "la", "mm")),
        officers=tuple(f"th.o.{number}" for number in range(2_000)),
        pseudonyms=tuple(chance.randbytes(12).hex() for _ in range(4_000)),
        cases=tuple(f"TH-2026-{number:05d}" for number in range(20_000)),
        agreements=tuple(f"agreement-{number}" for number in range(6)),
        names=names(60_000),
        numbers=numbers("C{:07d}", 200_000),
        plates=numbers("กข {:07d}", 50_000),
        codes=_CODES,
        references=tuple(chance.randbytes(24).hex() for _ in range(2_000)),
        hits=1 / 5_000,
        refusals=0.02,
    )


if __name__ == "__main__":
    measure_finding(Path(sys.argv[1]), int(sys.argv[2]))
