"""Long work gives way to the short work of others: all threads of a process share one interpreter.

A question by a costly name may compute for a quarter of a second. While an exchange of another member is under way, its
thread stands aside for a few milliseconds, then goes on for a few: the other exchange takes little longer than alone,
and the costly question at most `1 + STAND_ASIDE_S / GO_ON_S` times as long. A member stands aside for those whose long
work has computed no more than its own in the last seconds, so for a flood by costly names no one does. The flood itself
stands aside for longer: beyond `MUCH_S` in the last seconds, until the other exchange has come to its end.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

STAND_ASIDE_S = 0.004
GO_ON_S = 0.002
MUCH_S = 0.25
"""As much as the costliest question computes."""

LONGER_S = 0.02
_LOOK_S = 0.0005
_FADES_S = 1.5
"""The time in which what long work has computed fades, to a third."""


class _Long(threading.local):
    """The member that this thread does long work for, the moment until which it goes on, and its last reading."""

    member: str | None = None
    goes_on_until: float = 0.0
    cpu_s: float = 0.0


class Courtesy:
    """The exchanges under way in this process, by member, and its threads that do long work. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()
        self._sum = 0
        self._long = _Long()
        self._computed: dict[str, tuple[float, float]] = {}

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
        own = self._long
        own.member, own.cpu_s = member, time.thread_time()
        try:
            yield
        finally:
            own.member = None
            self._charge(member, time.thread_time() - own.cpu_s, time.monotonic())

    def give_way(self) -> None:
        """Stand aside while another member that comes first has an exchange under way. Long work calls it often."""
        own, member = self._long, self._long.member
        if member is None or self._sum == self._inside[member] or (now := time.monotonic()) < own.goes_on_until:
            return
        cpu_s = time.thread_time()
        self._charge(member, cpu_s - own.cpu_s, now)
        own.cpu_s = cpu_s
        computed_s = self._computed_s(member, now)
        first, until = self._first(member, now), now + (LONGER_S if computed_s > MUCH_S else STAND_ASIDE_S)
        while any(self._inside[name] for name in first) and time.monotonic() < until:
            time.sleep(_LOOK_S)
        own.goes_on_until = time.monotonic() + GO_ON_S

    def _first(self, member: str, now: float) -> list[str]:
        """Return the members whose long work has computed no more than this one's."""
        most = self._computed_s(member, now)
        return [name for name in list(self._inside) if name != member and self._computed_s(name, now) <= most]

    def _computed_s(self, member: str, now: float) -> float:
        seconds, at = self._computed.get(member, (0.0, now))
        return seconds * math.exp((at - now) / _FADES_S)

    def _charge(self, member: str, seconds: float, now: float) -> None:
        with self._lock:
            self._computed[member] = self._computed_s(member, now) + seconds, now


COURTESY = Courtesy()
"""The one of this process."""
