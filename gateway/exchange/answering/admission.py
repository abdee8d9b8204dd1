"""Limits of what one counterpart can ask, before anything of a request is read, verified or kept (design, section 4).

Up to its rate each request of a member gets a signed answer with an entry of its own. Beyond it a request is turned
away: it gets a bare status, no claim of its exchange and no number of the channel, and it costs no cryptography. The
operations log says how many they were (`gateway.exchange.incidents`).

Requests whose sender is not proved have a lower rate of their own, since they are never honest traffic, and of most of
them hash and size are kept. They do not use up the rate of the member's questions that verify.

All limits of a member count over all processes of the node: each process takes its share of them.

What is turned away costs time, too, so a member is turned away no faster than `TURNED_AWAY_PER_S`: beyond that its
streams are not read and its calls wait for their refusals, which slows down a flood where it comes from.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.courtesy import COURTESY
from gateway.errors import Overloaded
from gateway.throttle import Rates, Throttle

FAULTS_PER_S = 10.0
"""Requests of one member without a proved sender that get a signed refusal and an entry, in a second."""

FAULTS_BURST_S = 60.0

WHOLE_PER_MINUTE = 5
"""Of these, the ones that are kept whole."""

CALLS_PER_S = 50.0
CALLS_BURST_S = 10.0
"""Calls of one member, and streams that it opens, beside questions in calls of their own. A few a second are usual."""

TURNED_AWAY_PER_S = 500.0
_AT_ONCE_S = 0.1
_CALL = 5
"""A call costs a server as much as this many questions on a stream."""

MAX_WAIT_S = 1.0
"""The longest that a member waits to be turned away; it is shorter than the time for which an officer waits."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Bounds of what counterparts can ask of us: inside at once, in a second, and at once after a pause."""

    in_flight_per_member: int = 256
    in_flight: int = 1024
    rate_per_member: int = 200
    burst_per_member: int = 2000


class Admission:
    """Lets requests in, within the limits for each member and in total. Thread-safe."""

    def __init__(self, limits: AdmissionLimits, clock: Clock, processes: Callable[[], int]) -> None:
        self._clock = clock
        self._processes = processes
        self.limit(limits)
        self._inside: Counter[str] = Counter()
        self._sum = 0
        self._lock = threading.Lock()

    def limit(self, limits: AdmissionLimits) -> None:
        """Take other limits for what comes from now on."""
        self._limits = limits
        burst_s = limits.burst_per_member / limits.rate_per_member
        self._rates = Rates(limits.rate_per_member, self._clock.monotonic, burst_s, self._processes)

    def enter(self, member: str) -> None:
        """Count a request in. Raises `Overloaded` beyond a limit."""
        with self._lock:
            most = max(1, self._limits.in_flight_per_member // self._processes())
            inside = self._inside[member]
            if inside >= most or self._sum >= self._limits.in_flight:
                raise Overloaded(
                    "{inside} requests of `{member}` are being served",
                    code="in-flight-limit",
                    remedy="ask again later",
                    inside=inside,
                    member=member,
                )
            if not self._rates.admits(member):
                raise Overloaded(
                    "`{member}` asks more than {rate} questions in a second",
                    code="rate-limit",
                    remedy="ask again later",
                    member=member,
                    rate=self._limits.rate_per_member,
                )
            self._inside[member] = inside + 1
            self._sum += 1
        COURTESY.enter(member)

    def leave(self, members: Sequence[str]) -> None:
        """Count requests out."""
        COURTESY.leave(members)
        with self._lock:
            for member in members:
                self._inside[member] -= 1
                self._sum -= 1

    @property
    def inside(self) -> int:
        """The number of requests inside."""
        return self._sum


class Patience:
    """Limits how often a caller calls, and says how long a caller waits that is turned away. For the loop."""

    def __init__(self, clock: Clock, processes: Callable[[], int]) -> None:
        self._clock = clock
        self._calls = Rates(CALLS_PER_S, clock.monotonic, CALLS_BURST_S, processes)
        self._turned_away: dict[str, Throttle] = {}

    def admits(self, caller: str) -> bool:
        """Use up one call of the caller; False when it has none."""
        return self._calls.admits(caller)

    def frames_wait_s(self, caller: str, frames: int) -> float:
        """Return the seconds for which a stream is not read that had so many frames turned away."""
        return self._wait_s(caller, frames)

    def call_waits_s(self, caller: str) -> float:
        """Return the seconds for which a refused call waits for its refusal."""
        return self._wait_s(caller, _CALL)

    def _wait_s(self, caller: str, turns: int) -> float:
        pace = self._turned_away.get(caller)
        if pace is None:
            pace = self._turned_away[caller] = Throttle(TURNED_AWAY_PER_S, _AT_ONCE_S)
        now = self._clock.monotonic()
        due = pace.reserve(now, now + MAX_WAIT_S, turns)
        return MAX_WAIT_S if due is None else max(0.0, due - now)


class Faults:
    """Decides what is kept of requests whose sender is not proved. For one thread."""

    def __init__(self, clock: Clock, processes: Callable[[], int]) -> None:
        self._entries = Rates(FAULTS_PER_S, clock.monotonic, FAULTS_BURST_S, processes)
        self._whole = Rates(WHOLE_PER_MINUTE / 60, clock.monotonic, 60.0, processes)

    def has_entry(self, member: str) -> bool:
        """Tell whether the next one gets a signed refusal and an entry."""
        return self._entries.admits(member)

    def is_whole(self, member: str) -> bool:
        """Tell whether the next one is kept whole."""
        return self._whole.admits(member)
