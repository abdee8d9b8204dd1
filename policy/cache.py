"""Decisions that were made before: bounded, thread-safe, and never kept past a rule's time limit."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.recent import Recent

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
    """`limit` decisions, each for a counterpart or for no one. One cache belongs to one policy.

    A counterpart whose questions fill it loses its own decisions, and no other's (`Recent`).
    """

    def __init__(self, limit: int) -> None:
        self._kept: Recent[K, tuple[V, Window, str]] = Recent(limit)

    def get(self, key: K, now_us: int) -> V | None:
        """Return the decision for `key`; None if there is none or its time is over or has not come."""
        found = self._kept.held.get(key)
        if found is None:
            return None
        value, window, counterpart = found
        if now_us not in window:
            self._kept.drop(counterpart, key)
            return None
        self._kept.use(counterpart, key)
        return value

    def window(self, key: K, now_us: int) -> Window:
        """Return the time in which the decision for `key` holds; no more than `now_us` for one that is not kept."""
        found = self._kept.held.get(key)
        return found[1] if found is not None else Window(now_us, now_us + 1)

    def put(self, key: K, value: V, window: Window, counterpart: str = "") -> None:
        """Keep `value` while `window` lasts."""
        self._kept.put(counterpart, key, (value, window, counterpart))

    def recent(self, most: int) -> list[K]:
        """Return the keys of up to `most` decisions, those of each counterpart that were used last."""
        return self._kept.latest(most)

    def __len__(self) -> int:
        return len(self._kept)
