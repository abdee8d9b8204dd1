"""Tell our own pauses from the faults of others: one measure of how long a loop of ours stood still.

A process is stopped, its machine is suspended, or its database keeps it waiting. When it goes on, all of its deadlines
are over at once, and no other one was late. So code that blames a counterpart, a database, a source or a witness for
time that has passed asks `OwnPauses.ran_s` how much of it counts (decision 0129).
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from gateway.clock import steady_ns

STEP_S = 1.0
"""The event loop of a process beats many times as often: what is longer between two beats was a pause."""

AFTER_S = 3.0
"""Seconds after a pause in which we take up what waited for us; they count as part of the pause."""

_KEPT = 64


class OwnPauses:
    """The pauses of one loop, which calls `beat` at least each `step_s` seconds. Thread-safe.

    Before the first beat there are none. Of pauses that follow each other within `AFTER_S` only the first has that time
    after it, and `step_s` of each other one counts: a loop that is slow for ever excuses no one.
    """

    def __init__(self, step_s: float = STEP_S, seconds: Callable[[], float] = lambda: steady_ns() / 1e9) -> None:
        self._step_s = step_s
        self._seconds = seconds
        self._lock = threading.Lock()
        self._spans: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._beaten: float | None = None
        self._ended = float("-inf")
        self.stood_s = 0.0
        """The seconds of all pauses that have ended."""

    def beat(self) -> float:
        """Note that the loop turns. Return how long it stood still before; 0.0 where it did not."""
        now = self._seconds()
        with self._lock:
            beaten, self._beaten = self._beaten, now
            if beaten is None or now - beaten <= self._step_s:
                return 0.0
            self._spans.append(self._span(beaten, now))
            self._ended = now
            self.stood_s += now - beaten
            return now - beaten

    def rest(self) -> None:
        """Note that the loop turns no more: what passes from now on is no pause."""
        with self._lock:
            self._beaten = None

    def ran_s(self, passed_s: float) -> float:
        """Return how many of the last `passed_s` seconds count, which is all of them where the loop never stood."""
        now = self._seconds()
        with self._lock:
            spans, beaten = list(self._spans), self._beaten
            if beaten is not None and now - beaten > self._step_s:  # it has not turned yet since it went on
                spans.append(self._span(beaten, now))
        stood, reached = 0.0, now - passed_s
        for begin, end in spans:
            begin, end = max(begin, reached), min(end, now)
            if end > begin:
                stood, reached = stood + end - begin, end
        return max(0.0, passed_s - stood)

    def _span(self, beaten: float, now: float) -> tuple[float, float]:
        return (beaten, now + AFTER_S) if beaten - self._ended >= AFTER_S else (beaten + self._step_s, now)

    def over(self, passed_s: float, limit_s: float) -> bool:
        """Tell whether more than `limit_s` of the last `passed_s` seconds count."""
        return passed_s > limit_s and self.ran_s(passed_s) > limit_s

    @asynccontextmanager
    async def timeout(self, limit_s: float) -> AsyncIterator[None]:
        """Raise `TimeoutError` where the block takes more than `limit_s` seconds that count.

        After a pause a loop makes its timers due before it reads what has come meanwhile: none of them decides alone.
        """
        loop, limit = asyncio.get_running_loop(), asyncio.timeout(None)
        begun = loop.time()
        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer
            left_s = limit_s - self.ran_s(loop.time() - begun)
            if left_s > 0:
                timer = loop.call_later(left_s, look)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(limit_s, look)
        try:
            async with limit:
                yield
        finally:
            timer.cancel()

    async def is_done(self, task: asyncio.Task[Any], limit_s: float) -> bool:
        """Wait for a task, for `limit_s` seconds that count; tell whether it is done. It goes on otherwise."""
        with suppress(TimeoutError):
            async with self.timeout(limit_s):
                await asyncio.wait((task,))
        return task.done()


OWN = OwnPauses()
"""The pauses of this process; the event loop of its node beats."""
