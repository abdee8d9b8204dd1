"""Measure the delays of the event loop: a timer falls due again and again, and each delay is kept for a minute.

A loop is late because it was held (by work of its own or of the process's threads), or because other programs had the
processors. The second part is told by the system and taken off for `held`, where the system tells it (Linux).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Iterable

from gateway.telemetry.counters import Labels

STEP_S = 0.02
"""Seconds between two turns of the timer. A turn costs some 10 µs, so that all of them take 0.05 % of a core."""

_KEPT = int(60 / STEP_S)
_QUANTILES = (("0.5", 0.5), ("0.99", 0.99), ("0.999", 0.999), ("1", 1.0))
_LONGEST_LINE = 80


class LoopLag:
    """Measures one loop from `start` to `stop`. The delays of the last minute are kept: 3,000 numbers of each kind."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=_KEPT)
        self._held: deque[float] = deque(maxlen=_KEPT)
        self._timer: asyncio.TimerHandle | None = None
        self._file: int | None = None
        self._waited = 0.0

    def start(self) -> None:
        """Measure the running loop, in its own thread."""
        self._file = _schedule_file()
        self._waited = self._waited_s()
        self._wait(asyncio.get_running_loop())

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._file is not None:
            os.close(self._file)
        self._timer = self._file = None

    def quantiles(self) -> dict[Labels, float]:
        """Return quantiles of the last minute's delays in seconds, by label; empty before the first turn."""
        return _quantiles(self._delays.copy())

    def held(self) -> dict[Labels, float]:
        """Return quantiles of the same delays without the time in which the loop waited for a processor."""
        return _quantiles(self._held.copy())

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + STEP_S
        self._timer = loop.call_at(due, self._turn, loop, due)

    def _turn(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        late, waited = max(0.0, loop.time() - due), self._waited_s()
        self._delays.append(late)
        self._held.append(max(0.0, late - (waited - self._waited)))
        self._waited = waited
        self._wait(loop)

    def _waited_s(self) -> float:
        """Return the seconds in which this thread could run and had no processor; 0 where they are not counted."""
        if self._file is None:
            return 0.0
        _, waited_ns, _ = os.pread(self._file, _LONGEST_LINE, 0).split()
        return int(waited_ns) / 1e9


def _schedule_file() -> int | None:
    try:
        return os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _quantiles(values: Iterable[float]) -> dict[Labels, float]:
    delays = sorted(values)
    if not delays:
        return {}
    last = len(delays) - 1
    return {(("quantile", name),): delays[round(part * last)] for name, part in _QUANTILES}
