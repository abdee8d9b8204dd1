"""Keeps the key index of one source open and up to date; other processes may do so at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from adapters.index.build import (
    Outdated,
    Progress,
    RowSource,
    apply_changes,
    apply_difference,
    build_index,
    cursor_of,
)
from adapters.index.history import Run, RunHistory, RunKind
from adapters.index.make import rules_of
from gateway.clock import Clock
from gateway.errors import LiaisonError, Unavailable
from gateway.storage.index.index_file import index_lock, sweep_generations, sweep_older
from gateway.storage.index.index_store import IndexStore

T = TypeVar("T")

DIFFERENCE_SECONDS = 3_600
"""The interval at which all rows are compared with the index, even without a sign of change, unless set otherwise."""

REST = 10
"""After a pass over all rows the source is left alone for this many times the pass's duration."""

_UNREADABLE = "index-unreadable"


class IndexKeeper:
    """The index of `rows` at `path`, built when there is none. `store` is the present one for searches.

    `is_new` says that this process has built it. `secret` seals it; all rows are compared with it every `difference`
    seconds. `anew` rebuilds it from all rows. Raises `Unavailable` when there is no index of this mapping yet and the
    source cannot be used, or when the index's disk cannot be used.
    """

    def __init__(
        self,
        rows: RowSource,
        path: Path,
        clock: Clock,
        secret: bytes | None = None,
        difference: float = DIFFERENCE_SECONDS,
        progress: Progress | None = None,
        *,
        anew: bool = False,
    ) -> None:
        self._difference_us = int(difference * 1_000_000)
        self._rows = rows
        self._path = path
        self._clock = clock
        self._secret = secret
        self._rest_until = 0.0
        self._is_closed = False
        self._history = RunHistory(path)
        self.is_new = False
        self.outdated = Outdated()
        with index_lock(path, wait=True):
            if anew:
                # Updating it first would read all rows twice, and change an index that a stopped build must leave.
                sweep_generations(path)
                self._noted(lambda: self._build(progress))
            else:
                self._start(progress)
        self.store = IndexStore(path, secret)

    def refresh(self, progress: Progress | None = None) -> bool:
        """Bring the index up to date with its source; return whether it changed. Searches go on meanwhile.

        Nothing is done while another process is doing it. Raises `Unavailable`; the index then stays as it was.
        """
        with index_lock(self._path, wait=False) as held:
            done = held and self._noted(lambda: self._bring_up(progress))
            if held:
                sweep_older(self._path)
        self.follow()
        return done

    def rebuild(self, progress: Progress | None = None) -> None:
        """Rebuild the index from all rows and turn to it."""
        with index_lock(self._path, wait=True):
            self._noted(lambda: self._build(progress))
        self.follow()

    def compare(self, progress: Progress | None = None) -> int:
        """Compare all rows with the index now; return how many records changed."""
        with index_lock(self._path, wait=True):
            changed = self._noted(lambda: self._difference(progress))
        self.follow()
        return changed

    def looked_us(self) -> int:
        """Return the time of the last look at the source, whether that found a change or not."""
        return self._history.looked_us()

    def follow(self) -> bool:
        """Turn to the generation that the index's link names now; return whether it is another one."""
        if self._path.resolve() == self.store.file:
            return False
        # The old connections are left to running searches and are closed when nothing refers to them any more.
        self.store = IndexStore(self._path, self._secret)
        if self._is_closed:
            self.store.close()
        return True

    def close(self) -> None:
        """Close the index; a refresh that runs ends as it can, and what it finds is not noted as a failure."""
        self._is_closed = True
        self.store.close()

    def _start(self, progress: Progress | None) -> None:
        """Bring the index up to date; if the source cannot be asked, keep the index that there is."""
        try:
            self._noted(lambda: self._bring_up(progress))
        except Unavailable:
            if self._meta().get("rules") != rules_of(self._rows.mapping):
                raise

    def _bring_up(self, progress: Progress | None) -> bool:
        sweep_generations(self._path)
        meta = self._meta()
        if meta.get("rules") != rules_of(self._rows.mapping):
            self._build(progress)
            return True
        has_changed = meta["cursor"] != cursor_of(self._rows)
        is_due = not 0 <= self._clock.now_us() - int(meta["checked"]) < self._difference_us
        try:
            return (has_changed or is_due) and self._update(has_changed, is_due, progress)
        except Unavailable as error:
            if error.code != _UNREADABLE:
                raise
            self._build(progress)
            return True

    def _update(self, has_changed: bool, is_due: bool, progress: Progress | None) -> bool:
        started = self._clock.monotonic()
        if (
            has_changed
            and not is_due
            and (changed := apply_changes(self._rows, self._path, self._secret, self.outdated))
        ):
            self._note(RunKind.CHANGES, started, changed)
            return True
        if self._clock.monotonic() < self._rest_until:
            return False
        return bool(self._difference(progress)) or has_changed

    def _difference(self, progress: Progress | None) -> int:
        started = self._clock.monotonic()
        changed = apply_difference(self._rows, self._path, progress, self._secret, self._clock.now_us(), self.outdated)
        self._rested(started)
        self._note(RunKind.COMPARISON, started, changed)
        return changed

    def _build(self, progress: Progress | None) -> None:
        started = self._clock.monotonic()
        build_index(self._rows, self._path, progress, self._secret, self._clock.now_us())
        self.is_new = True
        self.outdated.add_all()
        self._rested(started)
        self._note(RunKind.BUILD, started)

    def _noted(self, work: Callable[[], T]) -> T:
        """Do the work and note that the source was looked at, or why it failed."""
        started = self._clock.monotonic()
        try:
            done = work()
        except LiaisonError as error:
            if not self._is_closed:
                self._note(RunKind.FAILED, started, error=error.message)
            raise
        self._history.looked(self._clock.now_us())
        return done

    def _note(self, kind: RunKind, started: float, changed: int = 0, error: str = "") -> None:
        seconds = round(self._clock.monotonic() - started, 3)
        self._history.add(Run(kind, self._clock.now_us(), seconds, changed, error))

    def _rested(self, started: float) -> None:
        ended = self._clock.monotonic()
        self._rest_until = ended + REST * (ended - started)

    def _meta(self) -> dict[str, str]:
        """Return the notes of the index; empty when there is no readable index."""
        if not self._path.exists():
            return {}
        try:
            store = IndexStore(self._path, self._secret)
        except Unavailable:
            return {}
        meta = store.meta
        store.close()
        return meta if _is_whole(meta) else {}


def _is_whole(meta: Mapping[str, str]) -> bool:
    """Tell whether all notes that are needed later are there, in their form."""
    try:
        return isinstance(json.loads(meta["left_out"]), dict) and int(meta["checked"]) >= 0 and "cursor" in meta
    except (KeyError, ValueError, TypeError, RecursionError):
        return False
