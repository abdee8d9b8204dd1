"""Limits on the calls of each calling system and of each officer, and on the entries that refused calls become.

A call counts for its system before its token is read, and then for its officer, until its answer has gone out; a
search that was begun counts until its budget is over. A stream of events is open for as long as its officer works: it
counts among streams, and among calls only until it begins.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.config.schema import Limits
from gateway.errors import Overloaded
from gateway.exchange.refusals import Refusals
from gateway.host.descriptors import most_streams
from gateway.throttle import Shares, Throttle

_KNOWN = 4096
"""Callers of one kind whose use is kept; the one that called least recently is forgotten."""

_BURST_S = 2.0
"""Seconds of calls that may come at once after a pause."""

_ENTERED = "entered"


@dataclass(slots=True)
class _Use:
    rate: Throttle
    running: int = 0

    def leave(self) -> None:
        self.running -= 1


class _Callers:
    """The use of each caller of one kind: `system` or `officer`."""

    def __init__(self, kind: str, rate_per_s: int, in_flight: int, monotonic: Callable[[], float]) -> None:
        self._kind = kind
        self._rate_per_s = rate_per_s
        self._in_flight = in_flight
        self._monotonic = monotonic
        self._uses: OrderedDict[str, _Use] = OrderedDict()

    def limit(self, rate_per_s: int, in_flight: int) -> None:
        """Take other bounds; calls that run still count."""
        self._rate_per_s, self._in_flight = rate_per_s, in_flight
        for use in self._uses.values():
            use.rate = Throttle(rate_per_s, _BURST_S)

    def enter(self, caller: str) -> _Use:
        """Count a call that begins. Raises `Overloaded` over a bound."""
        use = self._use(caller)
        remedy = "ask again in a second"
        if use.running >= self._in_flight:
            code = f"{self._kind}-busy"
            raise Overloaded("at most {limit} calls at a time", code=code, remedy=remedy, limit=self._in_flight)
        if not use.rate.admits(self._monotonic()):
            code = f"{self._kind}-rate"
            raise Overloaded("at most {limit} calls in a second", code=code, remedy=remedy, limit=self._rate_per_s)
        use.running += 1
        return use

    def _use(self, caller: str) -> _Use:
        use = self._uses.get(caller)
        if use is None:
            use = self._uses[caller] = _Use(Throttle(self._rate_per_s, _BURST_S))
            if len(self._uses) > _KNOWN:
                self._uses.popitem(last=False)
        self._uses.move_to_end(caller)
        return use


class _Streams:
    """The open streams of events: of each officer at a system, of each system, and of all.

    No system has more than are free for the others.
    """

    def __init__(self, limits: Limits, most: Callable[[], int]) -> None:
        self.limits = limits
        self._of_systems = Shares(most)
        self._of_officers = Counter[tuple[str, str]]()

    def enter(self, system: str, officer: str) -> _Stream:
        """Count a stream that begins. Raises `Overloaded` over a bound."""
        of_system, of_officer = self.limits.system_streams, self.limits.officer_streams
        if self._of_officers[system, officer] >= of_officer:
            raise Overloaded(
                "an officer has at most {limit} streams of events at a time",
                code="officer-streams",
                remedy="close one that nobody reads, or raise limits.officer_streams",
                limit=of_officer,
            )
        own, free = self._of_systems.own(system), self._of_systems.free
        if own >= of_system:
            raise Overloaded(
                "a system has at most {limit} streams of events at a time",
                code="system-streams",
                remedy="close those that nobody reads, or raise limits.system_streams",
                limit=of_system,
            )
        if not self._of_systems.take(system):
            raise Overloaded(
                "a system has no more streams of events than are free: {own}, and {free} are",
                code="streams-short",
                remedy="close those that nobody reads; a quarter of the process's limit of open files is for streams",
                own=own,
                free=free,
            )
        self._of_officers[system, officer] += 1
        return _Stream(self, system, officer)

    def leave(self, system: str, officer: str) -> None:
        """Count the end of a stream."""
        self._of_systems.give_back(system)
        self._of_officers[system, officer] -= 1
        if not self._of_officers[system, officer]:
            del self._of_officers[system, officer]


@dataclass(frozen=True, slots=True)
class _Stream:
    streams: _Streams
    system: str
    officer: str

    def leave(self) -> None:
        self.streams.leave(self.system, self.officer)


class Allowance(Refusals):
    """The limits of one process, and the calls that are refused. Not thread-safe: it belongs to the loop of the API.

    `most` returns the most streams of events of all systems together.
    """

    def __init__(self, limits: Limits, monotonic: Callable[[], float], most: Callable[[], int] = most_streams) -> None:
        self._streams = _Streams(limits, most)
        self._systems = _Callers("system", limits.system_rate_per_s, limits.system_in_flight, monotonic)
        self._officers = _Callers("officer", limits.officer_rate_per_s, limits.officer_in_flight, monotonic)
        super().__init__()

    def limit(self, limits: Limits) -> None:
        """Take other limits for the calls from now on."""
        self._systems.limit(limits.system_rate_per_s, limits.system_in_flight)
        self._officers.limit(limits.officer_rate_per_s, limits.officer_in_flight)
        self._streams.limits = limits

    def enter_system(self, state: dict[str, Any], name: str) -> None:
        """Count a call of a system until `leave`; `state` is that of the request. Raises `Overloaded` over a bound."""
        state.setdefault(_ENTERED, []).append(self._systems.enter(name))

    def enter_officer(self, state: dict[str, Any], person: str) -> None:
        """Count a call of an officer until `leave`. Raises `Overloaded` over a bound."""
        state.setdefault(_ENTERED, []).append(self._officers.enter(person))

    def enter_stream(self, state: dict[str, Any], system: str, officer: str) -> None:
        """Count a call among streams of events until `leave`, and among calls no more. Raises `Overloaded`."""
        stream = self._streams.enter(system, officer)
        self.leave(state)
        state[_ENTERED] = [stream]

    def held(self, state: dict[str, Any]) -> Callable[[], None]:
        """Return the function that counts the end of a call in place of `leave`, for work that outlives its answer."""
        uses = state.pop(_ENTERED, [])

        def leave() -> None:
            while uses:
                uses.pop().leave()

        return leave

    def leave(self, state: dict[str, Any]) -> None:
        """Count the end of a call."""
        for use in state.pop(_ENTERED, ()):
            use.leave()
