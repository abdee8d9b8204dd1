"""How late the event loop takes its turns: a timer falls due again and again, and each delay is kept for a minute."""

from __future__ import annotations

import asyncio
from collections import deque

from gateway.telemetry.counters import Labels

STEP_S = 0.02
"""Seconds between two turns of the timer. A turn costs some 10 µs, so that all of them take 0.05 % of a core."""

_KEPT = int(60 / STEP_S)
_QUANTILES = (("0.5", 0.5), ("0.99", 0.99), ("0.999", 0.999), ("1", 1.0))


class LoopLag:
    """Measures one loop from `start` to `stop`. The delays of the last minute are kept: 3,000 numbers."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=_KEPT)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Measure the running loop."""
        self._wait(asyncio.get_running_loop())

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def quantiles(self) -> dict[Labels, float]:
        """Return quantiles of the last minute's delays in seconds, by label; empty before the first turn."""
        delays = sorted(self._delays.copy())
        if not delays:
            return {}
        last = len(delays) - 1
        return {(("quantile", name),): delays[round(part * last)] for name, part in _QUANTILES}

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + STEP_S
        self._timer = loop.call_at(due, self._turn, loop, due)

    def _turn(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._delays.append(max(0.0, loop.time() - due))
        self._wait(loop)
