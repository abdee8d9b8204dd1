"""A second process that makes index records beside a build, so that a large one uses two cores.

Lines of JSON go through its standard input and output: rows in, records out. It opens neither the source nor the
index, and knows no secret. A build never depends on it: the build itself makes the records that it does not answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from adapters.index.make import Made, Task, make, rules_of
from adapters.mapping.file import load_mapping
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder
from gateway.host.descriptors import is_ready
from gateway.matching.own_rows.check import own_rows_of
from gateway.matching.scripts.tables import own_rows, use
from gateway.storage.index.index_file import IndexedRecord, KeyKind

WORTH_ROWS = 50_000
"""The number of rows above which a helper is worth its start."""

_GIVEN, _OWN = 512, 32
"""Rows that the helper gets at once, and rows that the build makes before it looks for the answer."""

_PATIENCE_S = 60.0
_KINDS = {kind.value: kind for kind in KeyKind}

Make = Callable[[Task], Made]


class IndexHelper:
    """The helper of one build; ends with the `with` block."""

    def __init__(self, mapping: SourceMapping) -> None:
        self._rules = rules_of(mapping)
        self._file = mapping.file
        self._process: subprocess.Popen[bytes] | None = None
        self._given: list[Task] = []

    def __enter__(self) -> IndexHelper:
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        # -P: nothing is imported from the current folder, which may hold any file.
        command = [sys.executable, "-P", "-m", "adapters.index.helper_process", self._file]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": paths},
            )
        except OSError:
            return self
        # The helper reads mapping and tables a moment later, and they may have changed.
        if not self._tell(orjson.dumps(dict(own_rows().texts))) or self._line() != self._rules.encode():
            self._end()
        return self

    def made(self, tasks: Iterable[Task], own: Make) -> Iterator[tuple[Task, Made]]:
        """Yield each of `tasks` with its result, made here by `own` or in the helper, in any order."""
        tasks = iter(tasks)
        held = list(islice(tasks, _GIVEN))
        while held:
            given, line = self._answer() if self._given and self._is_answered(0) else ([], b"")
            # It gets its next rows before its answer is used: using one takes a third of the time of making it.
            if len(held) == _GIVEN and self._give(held):
                held = []
            elif not given:
                yield from ((task, own(task)) for task in held[:_OWN])
                held = held[_OWN:]
            yield from self._read(given, line, own)
            held += islice(tasks, _GIVEN - len(held))
        yield from self._read(*self._answer(), own)

    def _give(self, tasks: list[Task]) -> bool:
        """Hand over rows, unless the helper is busy or gone, or a cell has no form in JSON."""
        if self._given or self._process is None:
            return False
        try:
            line = orjson.dumps([(task.record_type, task.rows, task.links) for task in tasks])
        except TypeError:
            return False
        if not self._tell(line):
            self._end()
            return False
        self._given = tasks
        return True

    def _tell(self, line: bytes) -> bool:
        """Write a line to the helper; tell whether it could be written."""
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except OSError:
            return False
        return True

    def _answer(self) -> tuple[list[Task], bytes]:
        """Return the rows that the helper was given, and its answer line."""
        given, self._given = self._given, []
        return given, self._line() if given else b""

    def _read(self, given: list[Task], line: bytes, own: Make) -> Iterator[tuple[Task, Made]]:
        """Yield the helper's results for `given`; if its line is unusable, they are made here."""
        if not given:
            return
        try:
            made = [_made(each) for each in orjson.loads(line)]
            found = list(zip(given, made, strict=True))
        except (ValueError, TypeError, KeyError):
            self._end()
            found = [(task, own(task)) for task in given]
        yield from found

    def _is_answered(self, seconds: float) -> bool:
        out = self._process.stdout if self._process else None
        return out is None or is_ready(out.fileno(), seconds)

    def _line(self) -> bytes:
        """Return the next line of the helper; empty when it has ended or is silent for a minute."""
        if self._process is None or self._process.stdout is None or not self._is_answered(_PATIENCE_S):
            return b""
        return self._process.stdout.readline().rstrip(b"\n")

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()


def is_worth_it(rows: int) -> bool:
    """Tell whether a build of this many rows gains by a second process."""
    return rows > WORTH_ROWS and len(os.sched_getaffinity(0)) > 1


# ---------------------------------------------------------------- what goes through the pipes


def _write(made: Made) -> Any:
    if isinstance(made, str):
        return made
    record, spared = made
    keys = [(kind.value, key, detail) for kind, key, detail in record.keys]
    return (
        record.record_type, record.source_key, record.marking, record.category, record.last_day, record.features,
        record.links, keys, spared,
    )  # fmt: skip


def _made(answer: Any) -> Made:
    if isinstance(answer, str):
        return answer
    record_type, source_key, marking, category, last_day, features, links, keys, spared = answer
    names = [(_KINDS[kind], key, detail) for kind, key, detail in keys]
    return IndexedRecord(record_type, source_key, marking, category, last_day, features, links, names), spared


def _serve(file: str) -> None:
    """Answer lines until there are no more. The first one holds the country's own tables of names."""
    use(own_rows_of(orjson.loads(sys.stdin.buffer.readline()), "names"))
    mapping = load_mapping(Path(file), is_draft=True)  # as strict as was asked for before the process began
    builders = {name: Builder(mapping, record) for name, record in mapping.records.items()}
    out = sys.stdout.buffer
    out.write(rules_of(mapping).encode() + b"\n")
    out.flush()
    for line in sys.stdin.buffer:
        out.write(orjson.dumps([_write(make(builders, *one)) for one in orjson.loads(line)]) + b"\n")
        out.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
