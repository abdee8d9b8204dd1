"""Limits on the calls of each calling system and of each officer, and on the entries that refused calls become.

A call counts for its system before its token is read, and then for its officer, until its answer has gone out; a
search that was begun counts until its budget is over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.config.schema import Limits
from gateway.errors import Overloaded
from gateway.exchange.refusals import Refusals
from gateway.throttle import Throttle

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


class Allowance(Refusals):
    """The limits of one process, and the calls that are refused. Not thread-safe: it belongs to the loop of the API."""

    def __init__(self, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._systems = _Callers("system", limits.system_rate_per_s, limits.system_in_flight, monotonic)
        self._officers = _Callers("officer", limits.officer_rate_per_s, limits.officer_in_flight, monotonic)
        super().__init__()

    def limit(self, limits: Limits) -> None:
        """Take other limits for the calls from now on."""
        self._systems.limit(limits.system_rate_per_s, limits.system_in_flight)
        self._officers.limit(limits.officer_rate_per_s, limits.officer_in_flight)

    def enter_system(self, state: dict[str, Any], name: str) -> None:
        """Count a call of a system until `leave`; `state` is that of the request. Raises `Overloaded` over a bound."""
        state.setdefault(_ENTERED, []).append(self._systems.enter(name))

    def enter_officer(self, state: dict[str, Any], person: str) -> None:
        """Count a call of an officer until `leave`. Raises `Overloaded` over a bound."""
        state.setdefault(_ENTERED, []).append(self._officers.enter(person))

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
