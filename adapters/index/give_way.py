"""Upkeep gives way to searches: both need the one lock of the interpreter, and each row that a search reads costs
it up to five milliseconds of waiting for a thread that computes.

Whoever keeps an index up says so (`upkeep`) and asks before each row whether somebody searches (`give_way`). Under
searches without end upkeep goes on, slowly.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_PATIENCE_S = 0.05
_ROWS_AFTER = 50
"""Rows that are done before the next wait, once a wait was in vain."""

_QUICK_S = 0.0005
"""How long a thread computes before another one gets the lock, while something is kept up; else it is 5 ms."""

T = TypeVar("T")


class SearchPriority:
    """Who searches and who keeps up, in one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answering = 0
        self._keeping = 0
        self._usual_s = sys.getswitchinterval()
        self._is_quiet = threading.Event()
        self._is_quiet.set()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While a search or a fetch lasts, upkeep waits."""
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

    @contextmanager
    def upkeep(self) -> Iterator[None]:
        """While this lasts, threads of this process change more often."""
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
        """Yield `rows`, each after the searches and fetches that are under way."""
        owed = 0
        for row in rows:
            if owed:
                owed -= 1
            elif self._answering and not self._is_quiet.wait(_PATIENCE_S):
                owed = _ROWS_AFTER
            yield row


PRIORITY = SearchPriority()
"""That of this process: it has one interpreter."""
