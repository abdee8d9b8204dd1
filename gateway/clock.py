"""The only place that reads time. All other code gets a `Clock`.

`now` never runs backwards, and it never follows a jump: while the system's clock disagrees with the steady one by
`JUMP_US` or more, `now` goes on by the steady one. A clock that jumped ahead and was put right leaves nothing behind,
so that a request of now looks old to no one. `jumped_us` tells the disagreement, so that decisions which need a trusted
time can refuse (`check_time`; THREAT-T17).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from gateway.errors import Stale

SECOND_US = 1_000_000
"""Microseconds, as all that follow."""
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

JUMP_US = 5_000_000
"""A clock that has moved by this many microseconds is not believed (DUTY-L24)."""

_AGREE_US = 30_000_000
"""Two clocks that differ by this many microseconds at most agree; so much the clocks of members may differ."""

_NANOS_PER_MICRO = 1_000
_JUMP_NS = JUMP_US * _NANOS_PER_MICRO

_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)


steady_ns: Callable[[], int] = time.monotonic_ns if _BOOT is None else partial(time.clock_gettime_ns, _BOOT)
"""Returns nanoseconds of a clock that is never set, and that goes on while the machine sleeps."""


class Clock(Protocol):
    """The gateway's source of time."""

    def now(self) -> datetime:
        """Return the time in UTC; never earlier than an answer given before."""

    def now_us(self) -> int:
        """Return the time in microseconds since 1970; never earlier than an answer given before."""

    def monotonic(self) -> float:
        """Return seconds of a clock that only measures durations."""

    def jumped_us(self) -> int:
        """Return the microseconds by which the system's clock has moved against the steady one since the start."""


class SystemClock:
    """The machine's clock."""

    def __init__(self, wall: Callable[[], int] = time.time_ns, steady: Callable[[], int] = steady_ns) -> None:
        self._lock = threading.Lock()
        self._last_us = 0
        self._wall = wall
        self._steady = steady
        self._ahead = wall() - steady()

    def now_us(self) -> int:
        """Return the time in microseconds since 1970; never earlier than before."""
        wall = self._wall()
        steady = self._steady() + self._ahead
        us = (wall if -_JUMP_NS < wall - steady < _JUMP_NS else steady) // _NANOS_PER_MICRO
        with self._lock:
            if us <= self._last_us:
                us = self._last_us + 1
            self._last_us = us
            return us

    def now(self) -> datetime:
        """Return the time in UTC; never earlier than before."""
        return from_us(self.now_us())

    monotonic = staticmethod(time.monotonic)
    """Returns seconds for measuring durations; itself and no wrapper, since an exchange asks for it eleven times."""

    def jumped_us(self) -> int:
        """Return the distance in microseconds of the system's clock from where it should be by the steady clock."""
        return (self._wall() - self._steady() - self._ahead) // _NANOS_PER_MICRO


class ManualClock:
    """A clock that tests and rehearsals set by hand; it never runs backwards either."""

    def __init__(self, start: datetime) -> None:
        self._us = to_us(start)
        self._jump_us = 0

    def now_us(self) -> int:
        """Return the time that was set."""
        return self._us

    def now(self) -> datetime:
        """Return the time that was set, in UTC."""
        return from_us(self._us)

    def monotonic(self) -> float:
        """Return the time that was set, in seconds since 1970."""
        return self._us / 1e6

    def jumped_us(self) -> int:
        """Return the sum of the jumps, in microseconds."""
        return self._jump_us

    def advance(self, by: timedelta) -> None:
        """Move the time on."""
        self._us += max(0, by // timedelta(microseconds=1))

    def jump(self, by: timedelta) -> None:
        """Pretend that the system's clock was moved."""
        self._jump_us += by // timedelta(microseconds=1)


def check_time(clock: Clock) -> None:
    """Raise `Stale` while the clock has moved since the start and was not put right."""
    jumped = clock.jumped_us()
    if abs(jumped) >= JUMP_US:
        way = "ahead" if jumped > 0 else "back"
        raise Stale(
            "this node's clock has jumped {way} by {jumped:.0f} s",
            code="time-uncertain",
            where="clock",
            remedy="set the clock right; if it is right now, start the node again",
            way=way,
            jumped=abs(jumped) / 1e6,
        )


class ProvedTime:
    """Tells whether somebody else vouches for our time: only then does it say that something is over (decision 0044).

    A clock that was wrong when the process started has not jumped. So nothing is deleted by age until a counterpart or
    its witness has signed a time that agrees with ours. From then on the steady clock carries the proof on, until the
    system's clock jumps. Thread-safe.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._agreed = False

    def compare(self, signed_us: int) -> None:
        """Take a time that another party has signed just now."""
        if not self._agreed and abs(signed_us - self._clock.now_us()) <= _AGREE_US:
            self._agreed = is_trusted(self._clock)

    def now_us(self) -> int:
        """Return the time in microseconds since 1970 where it is proved, else 0: by then nothing is over."""
        return self._clock.now_us() if self._agreed and is_trusted(self._clock) else 0


def is_trusted(clock: Clock) -> bool:
    """Tell whether the clock has not moved since the start, or was put right."""
    return abs(clock.jumped_us()) < JUMP_US


def from_us(us: int) -> datetime:
    """Return microseconds since 1970 as a UTC datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def to_us(moment: datetime) -> int:
    """Return a timezone-aware datetime as microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def rfc3339(us: int) -> str:
    """Return microseconds since 1970 as `2026-11-24T09:30:00.000001Z` (RFC 3339)."""
    return from_us(us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rfc3339_s(us: int) -> str:
    """Return microseconds since 1970 as `2026-11-24T09:30:00Z`, for people: entries and statements have the rest."""
    return from_us(us).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_micros(moment: datetime | None) -> int:
    """Return microseconds since 1970 of a time with its zone; 0 for None."""
    return to_us(moment) if moment else 0
