"""Decisions that were made before: bounded, thread-safe, and never kept past a rule's time limit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FOREVER_US = 1 << 62
"""A time in microseconds that never comes."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which something holds, from `since_us` (included) to `until_us` (excluded), since 1970."""

    since_us: int = 0
    until_us: int = FOREVER_US

    def __contains__(self, now_us: int) -> bool:
        return self.since_us <= now_us < self.until_us

    def __and__(self, other: Window) -> Window:
        """Return the time in which both hold."""
        return Window(max(self.since_us, other.since_us), min(self.until_us, other.until_us))


ALWAYS = Window()
"""The window without limits."""


class DecisionCache(Generic[K, V]):
    """The `limit` decisions that were used last. One cache belongs to one policy: a new policy has a new one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, Window]] = OrderedDict()

    def get(self, key: K, now_us: int) -> V | None:
        """Return the decision for `key`; None if there is none or its time is over or has not come."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            value, window = found
            if now_us not in window:
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return value

    def put(self, key: K, value: V, window: Window) -> None:
        """Keep `value` while `window` lasts; the least recently used one makes room."""
        with self._lock:
            self._kept[key] = (value, window)
            self._kept.move_to_end(key)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def recent(self, most: int) -> list[K]:
        """Return the keys of the `most` decisions that were used last, the latest at the end."""
        with self._lock:
            return list(self._kept)[-most:]

    def __len__(self) -> int:
        return len(self._kept)
