"""Upkeep gives way to searches: both need the interpreter's one lock, and each row that a search reads may wait up to
five milliseconds for a computing thread.

Work that keeps an index up to date runs inside `upkeep` and asks before each row for running searches (`give_way`).
Under endless searches upkeep goes on, slowly.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

_PATIENCE_S = 0.05
_ROWS_AFTER = 50
"""Rows that are done before the next wait, after one that ran out of patience."""

_QUICK_S = 0.0005
"""The time that a thread computes before another gets the lock, during upkeep and questions by name; else 5 ms."""

T = TypeVar("T")


class SearchPriority:
    """The searches and the upkeep of one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answering = 0
        self._keeping = 0
        self._usual_s = sys.getswitchinterval()
        self._is_quiet = threading.Event()
        self._is_quiet.set()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Make upkeep wait while a search or a fetch lasts."""
        with self._lock:
            self._answering += 1
            self._is_quiet.clear()
        try:
            yield
        finally:
            with self._lock:
                self._answering -= 1
                if not self._answering:
                    self._is_quiet.set()

    def upkeep(self) -> AbstractContextManager[None]:
        """Return the block in which an index is kept up to date."""
        return self.computing()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Make the threads of this process change more often while this lasts: upkeep, or a question by name."""
        with self._lock:
            self._keeping += 1
            if self._keeping == 1:
                self._usual_s = sys.getswitchinterval()
                sys.setswitchinterval(_QUICK_S)
        try:
            yield
        finally:
            with self._lock:
                self._keeping -= 1
                if not self._keeping:
                    sys.setswitchinterval(self._usual_s)

    def give_way(self, rows: Iterable[T]) -> Iterator[T]:
        """Yield `rows`, each after the searches and fetches that are running."""
        owed = 0
        for row in rows:
            if owed:
                owed -= 1
            elif self._answering and not self._is_quiet.wait(_PATIENCE_S):
                owed = _ROWS_AFTER
            yield row


PRIORITY = SearchPriority()
"""The one of this process, which has one interpreter."""
