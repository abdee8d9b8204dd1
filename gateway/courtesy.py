"""Long work gives way to the short work of others: all threads of a process share one interpreter.

A question by a costly name may compute for a quarter of a second. While an exchange of another member is under way, its
thread stands aside for a few milliseconds, then goes on for a few: the other exchange takes little longer than alone,
and the costly question at most `1 + STAND_ASIDE_S / GO_ON_S` times as long.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

STAND_ASIDE_S = 0.004
GO_ON_S = 0.002
_LOOK_S = 0.0005


class _Long(threading.local):
    """The member that this thread does long work for, and the moment until which it goes on."""

    member: str | None = None
    goes_on_until: float = 0.0


class Courtesy:
    """The exchanges under way in this process, by member, and its threads that do long work. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()
        self._sum = 0
        self._long = _Long()

    def enter(self, member: str) -> None:
        """Count an exchange of a member as under way."""
        with self._lock:
            self._inside[member] += 1
            self._sum += 1

    def leave(self, members: Iterable[str]) -> None:
        """Count exchanges as ended."""
        with self._lock:
            for member in members:
                self._inside[member] -= 1
                self._sum -= 1

    @contextmanager
    def long(self, member: str) -> Iterator[None]:
        """Let this thread give way to other members while it works for this one."""
        self._long.member = member
        try:
            yield
        finally:
            self._long.member = None

    def give_way(self) -> None:
        """Stand aside while an exchange of another member is under way. Long work calls it again and again."""
        own, member = self._long, self._long.member
        if member is None or not self._others(member) or (now := time.monotonic()) < own.goes_on_until:
            return
        until = now + STAND_ASIDE_S
        while self._others(member) and time.monotonic() < until:
            time.sleep(_LOOK_S)
        own.goes_on_until = time.monotonic() + GO_ON_S

    def _others(self, member: str) -> int:
        return self._sum - self._inside[member]


COURTESY = Courtesy()
"""The one of this process."""
