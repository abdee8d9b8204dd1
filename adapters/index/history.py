"""The history of one key index: its last runs over the source's rows, and the errors that kept them from it.

It is a file beside the index, `<source id>.runs.json`, that holds counts and times and no value of a row. Its own time
is that of the last look at the source, whether that found a change or not. A history that cannot be kept stops no
upkeep.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import msgspec

from gateway.conversion import converter
from gateway.errors import LiaisonError
from gateway.host.durable import PRIVATE, replace
from gateway.storage.index.index_file import index_lock

KEPT = 50
"""Runs that are kept, the newest ones."""


class RunKind(StrEnum):
    """The kinds of runs: all rows into a new index, all rows compared with it, changed rows only; or none, and why."""

    BUILD = "build"
    COMPARISON = "comparison"
    CHANGES = "changes"
    FAILED = "failed"


class Run(msgspec.Struct, frozen=True):
    """One run. `changed` counts records; `error` says why it failed, as it did `times` in a row until `ended_us`."""

    kind: RunKind
    ended_us: int
    seconds: float = 0.0
    changed: int = 0
    error: str = ""
    times: int = 1


_runs = converter(list[Run])


class RunHistory:
    """The runs of the index at `path`. Only the holder of its lock writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.with_suffix(".runs.json")

    def runs(self) -> Sequence[Run]:
        """Return the runs, the oldest first; none where there is no readable history."""
        try:
            return _runs(msgspec.json.decode(self._file.read_bytes()))
        except (OSError, msgspec.DecodeError, RecursionError):
            return ()

    def looked_us(self) -> int:
        """Return the time of the last look at the source; 0 when it is not known."""
        try:
            return self._file.stat().st_mtime_ns // 1_000
        except OSError:
            return 0

    def is_failing(self) -> bool:
        """Tell whether the last look at the source failed."""
        runs = self.runs()
        # A look that finds no change is no run.
        return bool(runs) and runs[-1].kind is RunKind.FAILED and self.looked_us() <= runs[-1].ended_us

    def looked(self, now_us: int) -> None:
        """Note that the source was asked for changes."""
        with suppress(OSError):
            os.utime(self._file, ns=(now_us * 1_000, now_us * 1_000))

    def add_alone(self, run: Run) -> None:
        """Note a run that no holder of the lock made; nothing is noted while another process keeps the index up."""
        with suppress(LiaisonError), index_lock(self._path, wait=False) as held:
            if held:
                self.add(run)

    def add(self, run: Run) -> None:
        """Note a run; one that fails as the last one did is counted with it."""
        known = list(self.runs())
        if run.error and known and known[-1].error == run.error:
            run = msgspec.structs.replace(run, times=known.pop().times + 1)
        with suppress(OSError, LiaisonError):
            replace(self._file, msgspec.json.encode([*known, run][-KEPT:]), PRIVATE)
            self.looked(run.ended_us)
