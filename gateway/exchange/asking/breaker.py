"""For each counterpart a breaker: once it has been silent to several questions in a row, officers are told at once.

An open breaker lets nothing through. `app.asking_parts` looks once a second whether the counterpart can be reached, by
a call that asks nothing: so no officer waits for a counterpart that is known to be away. Once it is reached, the next
question goes out on trial. Its answer closes the breaker; its silence keeps it open, and the next trial comes later
each time, since a counterpart may well be reached and yet answer nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.model.names import MemberId

IN_A_ROW = 5
"""Silences in a row that open a breaker."""

_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 20.0
"""Officers hear a counterpart that answers again within so many seconds; one of them waits in vain as often."""


@dataclass(slots=True)
class _State:
    """A counterpart that was silent: since when (microseconds since 1970), how often, and when it may be tried."""

    since_us: int
    silences: int = 0
    reached: bool = False
    trying: bool = False
    wait_s: float = _FIRST_WAIT_S
    not_before: float = 0.0

    @property
    def open(self) -> bool:
        return self.silences >= IN_A_ROW


class Breakers:
    """The breakers of all counterparts. `monotonic` returns seconds that never go back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._states: dict[MemberId, _State] = {}

    @property
    def open(self) -> list[MemberId]:
        """The counterparts that are not asked now."""
        return [member for member, state in self._states.items() if state.open]

    def silent_since(self, member: MemberId) -> int:
        """Return since when `member` is silent, in microseconds since 1970; 0 when it is to be asked."""
        state = self._states.get(member)
        if state is None or not state.open:
            return 0
        if state.trying or not state.reached or self._monotonic() < state.not_before:
            return state.since_us
        state.trying, state.reached = True, False
        return 0

    def away_since(self, member: MemberId) -> int:
        """Return since when `member` is silent, in microseconds since 1970; 0 when its breaker is closed."""
        state = self._states.get(member)
        return state.since_us if state is not None and state.open else 0

    def silence(self, member: MemberId, asked_us: int) -> None:
        """Note that a question asked at `asked_us` had no answer in its budget."""
        state = self._states.setdefault(member, _State(asked_us))
        state.silences += 1
        if state.trying:
            state.trying = False
            state.not_before = self._monotonic() + state.wait_s
            state.wait_s = min(2 * state.wait_s, _LONGEST_WAIT_S)

    def heard(self, member: MemberId) -> None:
        """Note an answer: the counterpart is asked as usual."""
        self._states.pop(member, None)

    def reached(self, member: MemberId) -> None:
        """Note that the counterpart can be reached: the next question is a trial."""
        if (state := self._states.get(member)) is not None:
            state.reached = True
