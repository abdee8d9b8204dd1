"""Measure finding: a task's names go through the index and the scoring that a node uses.

A task is a folder with `db.jsonl.gz` (id, name, birth) and `queries.jsonl.gz` (qid, name, birth, expect). The
answers in `expect` are only read for counting; they never reach the search.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from adapters.base import MAX_CANDIDATES
from adapters.index.lookup import person_candidates
from adapters.indexed import build_index
from adapters.mapping.file import read_mapping
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Rows
from gateway.errors import Malformed, Misconfigured, Unknown
from gateway.matching.thresholds import RANKED, Thresholds
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from gateway.records.types import RECORD_TYPES
from gateway.storage.index.index_store import IndexStore
from gateway.storage.index.index_view import IndexView

Progress = Callable[[str, int, int], None]
"""Called with the stage (`index`, `queries`), how many are done, and of how many."""

_MAPPED = ("names", "birth")
_MAX_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a run: names indexed, left out, queries, queries with a hit, and recall if answers are known."""

    task: str
    records: int
    left_out: int
    queries: int
    answered: int
    expected: int
    first: int
    found: int

    def as_json(self) -> dict[str, Any]:
        """Return counts and, where the task has answers, recall at 1 and at the cap."""
        rates: dict[str, float | None] = {"recall_at_1": None, "recall_at_20": None}
        if self.expected:
            rates = {
                "recall_at_1": round(self.first / self.expected, 4),
                "recall_at_20": round(self.found / self.expected, 4),
            }
        return asdict(self) | rates


def evaluate(
    task: Path, out: TextIO, thresholds: Thresholds = RANKED, half: int | None = None, progress: Progress | None = None
) -> Summary:
    """Run the task at `task`, write one line of JSON per query to `out`: `qid` and `hits` ([id, score], best first).

    `half` 0 or 1 keeps the queries of one half only, split by a hash of the name: tables learned on one half are tried
    on the other. Raises `Misconfigured` for a folder that is not a task, naming file and line.
    """
    for name in ("db.jsonl.gz", "queries.jsonl.gz"):
        if not (task / name).is_file():
            raise _no_task(task / name)
    rows = _TaskRows(task / "db.jsonl.gz", progress)
    counts = dict.fromkeys(("queries", "answered", "expected", "first", "found"), 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite"
        build_index(rows, path)
        store = IndexStore(path)
        try:
            view = IndexView(store)
            left_out = json.loads(store.meta["left_out"])["Person"]
            total = sum(1 for _ in _lines(task / "queries.jsonl.gz")) if progress else 0
            for done, query in enumerate(_lines(task / "queries.jsonl.gz"), 1):
                if half is not None and half_of(str(query["name"])) != half:
                    continue
                hits = search(view, query, thresholds)
                out.write(json.dumps({"qid": query["qid"], "hits": hits}, ensure_ascii=False) + "\n")
                _count(counts, query, hits)
                if progress:
                    progress("queries", done, total)
        finally:
            store.close()
    return Summary(task=task.name, records=rows.indexed, left_out=sum(left_out.values()), **counts)


def half_of(key: str) -> int:
    """Return 0 or 1, by a hash that is equal on every machine."""
    return hashlib.sha256(key.encode()).digest()[0] & 1


def search(view: IndexView, query: Mapping[str, Any], thresholds: Thresholds) -> list[list[Any]]:
    """Return the hits of one query, best first, at most `MAX_CANDIDATES`, as [id, score]."""
    try:
        asked = PersonQuery((NameForm(str(query["name"])),), _birth(query.get("birth")))
        found, _ = person_candidates(view, asked, lambda: None, thresholds)
    except Malformed:
        return []
    ranked = sorted(((row[1], row[5].score) for row in found), key=lambda hit: (-hit[1], hit[0]))
    return [[key, score] for key, score in ranked[:MAX_CANDIDATES]]


def _count(counts: dict[str, int], query: Mapping[str, Any], hits: list[list[Any]]) -> None:
    expected = set(query.get("expect") or ())
    counts["queries"] += 1
    counts["answered"] += bool(hits)
    counts["expected"] += bool(expected)
    counts["first"] += bool(hits) and hits[0][0] in expected
    counts["found"] += any(key in expected for key, _ in hits)


def _birth(text: object) -> PartialDate | None:
    try:
        return PartialDate(str(text)) if text else None
    except Malformed:
        return None


class _TaskRows:
    """A `RowSource` of the names in a task's file, read as a stream to save memory."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self._path = path
        self._progress = progress
        self._total = sum(1 for _ in _lines(path)) if progress else 0
        self.indexed = 0
        self.mapping: SourceMapping = read_mapping("task", _task_mapping())
        self.builders = {name: Builder(self.mapping, record) for name, record in self.mapping.records.items()}

    def scan(self, record_type: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        layout = self.builders[record_type].layout
        for line in _lines(self._path):
            cells = {"id": str(line["id"]), "name": str(line.get("name") or "") or None}
            birth = _birth(line.get("birth"))
            made = layout.empty()
            made[0] = tuple((cells | {"birth": birth.value if birth else None})[name] for name in layout.columns[""])
            self.indexed += 1
            if self._progress:
                self._progress("index", self.indexed, self._total)
            yield made, {}, ""

    def read(self, record_type: str, key: str, links: Mapping[str, Any], deadline: float) -> Rows:
        del record_type, key, links, deadline
        raise Unknown("a task has no records to fetch", code="unknown-record")

    def ping(self, deadline: float) -> None:
        del deadline

    def has_links(self, record_type: str) -> bool:
        del record_type
        return False

    def count(self, record_type: str) -> int:
        del record_type
        return 0

    def fingerprint(self) -> str:
        return hashlib.sha256(self._path.read_bytes()).hexdigest()

    def close(self) -> None:
        return


def _task_mapping() -> bytes:
    left_out = [name for name in RECORD_TYPES["Person"].fields if name not in _MAPPED]
    return f"""
[source]
id = "xx.task.names"
agency = "task"
kind = "a task's names"
[marking]
level = "OPEN"
[[record]]
type = "Person"
table = "db"
key = "id"
left_out = {json.dumps(left_out)}
[record.fields]
names = [{{ column = "name", convert = "name" }}]
birth = {{ item = {{ value = {{ column = "birth" }} }} }}
[record.search]
names = {{ field = "names" }}
birth = {{ field = "birth" }}
""".encode()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with gzip.open(path, "rb") as file:
            while raw := file.readline(_MAX_LINE):
                number += 1
                if raw.strip():
                    line = json.loads(raw)
                    if not isinstance(line, dict) or not {"id", "qid"} & set(line) or "name" not in line:
                        raise ValueError
                    yield line
    except (OSError, EOFError, ValueError, RecursionError) as error:
        if number == 0:
            raise Misconfigured(
                "a file of the task cannot be read", code="bad-task", where=str(path), remedy="compress it with gzip"
            ) from error
        remedy = '{"id": "1", "name": "...", "birth": "1985-11-03"} in a line of db.jsonl.gz; `qid` in one of queries'
        where = f"{path}:{number}"
        raise Misconfigured("a line of the task cannot be read", code="bad-task", where=where, remedy=remedy) from error


def _no_task(path: Path) -> Misconfigured:
    remedy = "name a folder with db.jsonl.gz and queries.jsonl.gz"
    return Misconfigured("no task: a file is missing", code="bad-task", where=str(path), remedy=remedy)
