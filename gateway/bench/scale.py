"""Measure a large source: building its key index, searching in it, keeping it up (`liaison bench --scale`).

The source is made for the measure: invented persons whose names are as unevenly spread as Vietnamese ones (two persons
in five share the family name), each with a document. Every size runs in a process of its own, so that the system tells
the largest memory of the build.
"""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from adapters.indexed import IndexedSource
from adapters.load import Place, open_source
from gateway.clock import SystemClock
from gateway.host import memory
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.values import NameForm, PartialDate

SIZES = (10_000, 100_000)
"""Rows in the sources of the small form."""

QUERIES = 200
UPDATES = 1_000
BUDGET_S = 60.0
"""More time than a node gives: a slow search shall show as a time, not as an error."""

PEOPLE = Path(__file__).with_name("people.toml")
"""The mapping of the source of persons."""

_NAMES = tomllib.loads(PEOPLE.with_name("names.toml").read_text(encoding="utf-8"))
_FAMILIES, _MIDDLES, _GIVENS = (_NAMES[part].split() for part in ("families", "middles", "givens"))
_FIRST_DAY = date(1940, 1, 1).toordinal()
_DAYS = 25_000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ScaleRow:
    """One kind of question to one size of source. Times of building and keeping up are those of the whole source.

    `build_cpu_s` and `build_max_mb` are of all processes of the build.

    `cpu_p95_ms` is of processor time alone: p95 comes near to it on an idle machine.

    `found` is the share of queries with an answer. `updates_per_s`: changed rows brought into the index.
    """

    name: str
    rows: int
    p50_ms: float
    p95_ms: float
    cpu_p95_ms: float
    found: float
    build_s: float
    build_cpu_s: float
    build_max_mb: float
    index_mb: float
    updates_per_s: float
    difference_s: float


def run_scale(sizes: Sequence[int], say: Say) -> list[ScaleRow]:
    """Measure each size in a process of its own."""
    found = []
    for rows in sizes:
        say(f"building and searching a source with {rows:,} rows")
        command = [sys.executable, "-m", "gateway.bench.scale", str(rows)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found += [ScaleRow(**json.loads(line)) for line in done.stdout.splitlines()]
    return found


def measure(rows: int, count: int = QUERIES) -> Iterator[ScaleRow]:
    """Yield the rows of one size, with `count` queries of each kind. The process must have done nothing else before."""
    with tempfile.TemporaryDirectory(prefix="liaison-scale-") as name:
        folder = Path(name)
        database = write_people(folder, rows)
        (folder / "scale.toml").write_bytes(PEOPLE.read_bytes())
        clock = SystemClock()
        place = Place(folder / "scale.toml", f"sqlite:///{database}", folder / "index", clock, index_secret=bytes(32))
        started, (worked, _) = time.perf_counter(), used()
        source = open_source(place)
        build_s, (ended, largest) = time.perf_counter() - started, used()
        build_cpu_s = ended - worked
        assert isinstance(source, IndexedSource)
        size = sum(file.stat().st_size for file in (folder / "index").glob("*.sqlite*") if not file.is_symlink())
        timed = [(kind, time_queries(source, queries)) for kind, queries in _questions(rows, count).items()]
        updates, difference = _keep_up(source, database, rows)
        source.close()
        for kind, (p50, p95, worked_p95, found) in timed:
            yield ScaleRow(
                kind, rows, p50, p95, worked_p95, found, round(build_s, 2), round(build_cpu_s, 2), round(largest, 1),
                round(size / 1e6, 2), updates, difference,
            )  # fmt: skip


def used() -> tuple[float, float]:
    """Return processor seconds of this process and its ended helpers, and the most MB that both took."""
    own, helpers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + helpers.ru_utime + helpers.ru_stime
    return seconds, (own.ru_maxrss + helpers.ru_maxrss) / 1024


def time_queries(source: IndexedSource, queries: Sequence[Query]) -> tuple[float, float, float, float]:
    """Time each search and the fetch of its best candidate.

    Returns the median, p95 and p95 of processor time in ms, and the share of queries with a candidate.
    """
    clock = SystemClock()
    times, worked, found = [], [], 0
    for query in queries:
        started, at_work = time.perf_counter(), time.thread_time()
        deadline = clock.monotonic() + BUDGET_S
        result = source.search(query, deadline)
        if result.candidates:
            best = result.candidates[0]
            source.fetch(best.key, best.record_type, deadline)
            found += 1
        times.append((time.perf_counter() - started) * 1000)
        worked.append((time.thread_time() - at_work) * 1000)
    return _share(times, 0.5), _share(times, 0.95), _share(worked, 0.95), round(found / len(times), 3)


def _share(times: list[float], share: float) -> float:
    return round(sorted(times)[int((len(times) - 1) * share)], 2)


# ---------------------------------------------------------------- the source


def person(number: int) -> tuple[str, str, str, str, str, str]:
    """Return family, middle and given name, birth date, sex and document of a numbered person, always alike."""
    chance = random.Random(number)  # noqa: S311 - invented persons
    family = _FAMILIES[0] if chance.random() < 0.38 else chance.choice(_FAMILIES)
    middle = _MIDDLES[0] if chance.random() < 0.3 else chance.choice(_MIDDLES)
    born = date.fromordinal(_FIRST_DAY + chance.randrange(_DAYS)) if chance.random() < 0.97 else None
    return (
        family, middle, chance.choice(_GIVENS), born.isoformat() if born else "", chance.choice("MF"),
        f"{chance.choice('BCNP')}{(number * 387_420_489 + 17) % 100_000_007:08d}",
    )  # fmt: skip


def write_people(folder: Path, rows: int) -> Path:
    """Write a database of so many persons; return its file."""
    path = folder / "people.sqlite"
    database = sqlite3.connect(path)
    database.executescript(
        "PRAGMA synchronous=OFF; CREATE TABLE person (id INTEGER PRIMARY KEY, family TEXT, middle TEXT, given TEXT,"
        " birth TEXT, sex TEXT, paper TEXT, gone INTEGER, changed INTEGER)"
    )
    people = ((number, *person(number), 0, number) for number in range(1, rows + 1))
    with database:
        database.executemany("INSERT INTO person VALUES (?,?,?,?,?,?,?,?,?)", people)
        database.execute("CREATE INDEX person_changed ON person (changed)")
    database.close()
    return path


def _questions(rows: int, count: int) -> dict[str, list[Query]]:
    numbers = [1 + place * 7_919 % rows for place in range(count)]
    people = [person(number) for number in numbers]
    absent = [person(rows + 1 + number) for number in numbers]
    return {
        "exact key": [DocumentQuery(one[5], "VNM") for one in people],
        "exact key, absent": [DocumentQuery(f"Z{number:08d}", "VNM") for number in numbers],
        "name and birth date": [_person_query(one, one[3]) for one in people if one[3]],
        "name and birth date, absent": [_person_query(one, one[3]) for one in absent if one[3]],
        "name alone": [_person_query(one, "") for one in people],
        "commonest name and birth date": [_person_query(("Nguyễn", "Văn", "An"), one[3]) for one in people if one[3]],
        "two commonest words": [PersonQuery((NameForm("Nguyen Van"),))] * 20,
    }


def _person_query(one: Sequence[str], birth: str) -> PersonQuery:
    return PersonQuery((NameForm(" ".join(one[:3])),), PartialDate(birth) if birth else None)


def _keep_up(source: IndexedSource, database: Path, rows: int) -> tuple[float, float]:
    """Return changed rows per second by the change column, and seconds for a comparison of all rows."""
    changed = min(UPDATES, rows)
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE person SET given = 'Đổi', changed = ? + id WHERE id <= ?", (rows, changed))
    connection.close()
    started = time.perf_counter()
    source.refresh()
    updates = changed / (time.perf_counter() - started)
    started = time.perf_counter()
    source.compare()
    return round(updates, 1), round(time.perf_counter() - started, 2)


def _main() -> None:
    memory.settle()  # as a node does
    for row in measure(int(sys.argv[1])):
        sys.stdout.write(json.dumps(asdict(row)) + "\n")


if __name__ == "__main__":
    _main()
