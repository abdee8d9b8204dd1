"""Keeps the key index of one source open and up to date; other processes may do so at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from adapters.index.build import (
    AS_OF,
    Outdated,
    Progress,
    RowSource,
    apply_changes,
    apply_difference,
    build_index,
    cursor_of,
    forget_standing,
    note_unchanged,
)
from adapters.index.history import Run, RunHistory, RunKind
from adapters.index.make import rules_of
from gateway.clock import SECOND_US, Clock
from gateway.errors import LiaisonError, Unavailable
from gateway.ports.sources import NOT_FRESH
from gateway.storage.index.index_file import index_lock, sweep_generations, sweep_older
from gateway.storage.index.index_store import IndexStore

T = TypeVar("T")

DIFFERENCE_SECONDS = 3_600
"""The interval at which all rows are compared with the index, even without a sign of change, unless set otherwise."""

REST = 10
"""After a pass over all rows the source is left alone for this many times the pass's duration, or for as long as its
mapping's promise allows."""

LOOKS_S = 60
"""The seconds between two looks at a source, unless set otherwise."""

_UNREADABLE = "index-unreadable"


class IndexKeeper:
    """The index of `rows` at `path`, built when there is none. `store` is the present one for searches.

    `is_new` says that this process has built it. `secret` seals it; all rows are compared with it every `difference`
    seconds, and the source is looked at every `looks_s`. `anew` rebuilds it from all rows. Raises `Unavailable` when
    there is no index of this mapping yet and the source cannot be used, or when the index's disk cannot be used.
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
        looks_s: int = LOOKS_S,
        anew: bool = False,
    ) -> None:
        self._difference_us = int(difference * 1_000_000)
        self._rows = rows
        self._path = path
        self._clock = clock
        self._secret = secret
        self._looks_s = looks_s
        self._rest_until_us = 0
        self._is_closed = False
        self._as_of_us, self._has_failed = 0, False
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
        self._as_of_us = _as_of(self.store.meta)

    @property
    def as_of_us(self) -> int:
        """The time of which the index holds what the source showed then, as this process knows; it may be later."""
        return self._as_of_us

    def searchable_us(self) -> int:
        """Return `as_of_us`. Raises `Unavailable` (`NOT_FRESH`) where the index must not be searched for an answer.

        That is so where the last look at the source failed, and where the last whole one was longer ago than its
        mapping promises. A clock that was set back tells nothing: then it must be looked at first, too.
        """
        as_of_us = self._as_of_us
        if self._has_failed:
            raise Unavailable("the last look at the source failed", code=NOT_FRESH, where=self._rows.mapping.id)
        if not 0 <= self._clock.now_us() - as_of_us <= self._rows.mapping.fresh_within_s * SECOND_US:
            raise Unavailable(
                "the source was read longer ago than its mapping promises (`fresh_within`)",
                code=NOT_FRESH,
                where=self._rows.mapping.id,
            )
        return as_of_us

    def refresh(self, progress: Progress | None = None) -> bool:
        """Bring the index up to date with its source; return whether it changed. Searches go on meanwhile.

        Nothing is done while another process is doing it. Raises `Unavailable`; the index then stays as it was.
        """
        with index_lock(self._path, wait=False) as held:
            done = held and self._noted(lambda: self._bring_up(progress))
            if held:
                sweep_older(self._path)
        self.follow()
        if not held:
            self._has_failed = self._history.is_failing()
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
        """Turn to the generation that the index's link names now; return whether it is another one.

        As of when it is is read anew, too: another process may have brought it up to date.
        """
        if self._path.resolve() == self.store.file:
            self._as_of_us = _as_of(self.store.meta)
            return False
        # The old connections are left to running searches and are closed when nothing refers to them any more.
        store = IndexStore(self._path, self._secret)
        self.store, self._as_of_us = store, _as_of(store.meta)
        if self._is_closed:
            store.close()
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
        now_us = self._clock.now_us()
        has_changed = meta["cursor"] != cursor_of(self._rows)
        is_due = not 0 <= self._clock.now_us() - int(meta["checked"]) < self._difference_us
        try:
            if not has_changed:
                note_unchanged(self._path, self._secret, now_us)
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
            and (changed := apply_changes(self._rows, self._path, self._secret, self._clock.now_us(), self.outdated))
        ):
            self._note(RunKind.CHANGES, started, changed)
            return True
        if self._clock.now_us() < self._rest_until_us:
            if has_changed:
                # What comes next could look as if this change had not been, or explain it away.
                forget_standing(self._path, self._secret)
            return False
        return bool(self._difference(progress)) or has_changed

    def _difference(self, progress: Progress | None) -> int:
        started, began_us = self._clock.monotonic(), self._clock.now_us()
        changed = apply_difference(self._rows, self._path, progress, self._secret, began_us, self.outdated)
        self._rest(began_us)
        self._note(RunKind.COMPARISON, started, changed)
        return changed

    def _build(self, progress: Progress | None) -> None:
        started, began_us = self._clock.monotonic(), self._clock.now_us()
        build_index(self._rows, self._path, progress, self._secret, began_us)
        self.is_new = True
        self.outdated.add_all()
        self._rest(began_us)
        self._note(RunKind.BUILD, started)

    def _noted(self, work: Callable[[], T]) -> T:
        """Do the work and note that the source was looked at, or why it failed."""
        started = self._clock.monotonic()
        try:
            done = work()
        except BaseException as error:
            self._has_failed = True
            if isinstance(error, LiaisonError) and not self._is_closed:
                self._note(RunKind.FAILED, started, error=error.message)
            raise
        self._has_failed = False
        self._history.looked(self._clock.now_us())
        return done

    def _note(self, kind: RunKind, started: float, changed: int = 0, error: str = "") -> None:
        seconds = round(self._clock.monotonic() - started, 3)
        self._history.add(Run(kind, self._clock.now_us(), seconds, changed, error))

    def _rest(self, began_us: int) -> None:
        """Leave the source alone after a pass over all rows.

        It rests in the time by which it is fresh: while a machine sleeps, its steady clock may stand still, and a
        source that rests on when the machine wakes is not searched.
        """
        ended_us = self._clock.now_us()
        took_us = ended_us - began_us
        # The next pass begins at a look, and its rows count when it ends.
        promised_us = (self._rows.mapping.fresh_within_s - self._looks_s) * SECOND_US - 2 * took_us
        self._rest_until_us = ended_us + min(REST * took_us, max(took_us, promised_us))

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


def _as_of(meta: Mapping[str, str]) -> int:
    """Return as of when an index with these notes is; 0 where they do not tell."""
    text = meta.get(AS_OF, "")
    return int(text) if text.isdecimal() else 0


def _is_whole(meta: Mapping[str, str]) -> bool:
    """Tell whether all notes that are needed later are there, in their form."""
    try:
        return isinstance(json.loads(meta["left_out"]), dict) and int(meta["checked"]) >= 0 and "cursor" in meta
    except (KeyError, ValueError, TypeError, RecursionError):
        return False
