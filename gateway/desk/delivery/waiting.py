"""Keep room in our worklists: asks of one counterpart that wait here are limited, each urgency by itself.

So a member that floods us fills no list of others, and its flood of routine asks leaves its own urgent ones their room.
What has no room waits at its author, and comes in once our people have answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import Overloaded
from gateway.model.desk.notices import Urgency
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore

TOO_MANY = "too-many-asks"
"""The code of the refusal."""

_PART = 8


@dataclass(slots=True)
class _Left:
    """How many more are taken under a limit before the next count."""

    most: int
    left: int


class AskRoom:
    """Counts the asks that wait, and not at each new one: an eighth of the free room is taken without a count."""

    def __init__(self, store: DeskStore, most: Callable[[], int]) -> None:
        self._store = store
        self._most = most
        self._left: dict[tuple[MemberId, Urgency], _Left] = {}

    def check(self, peer: MemberId, urgency: Urgency) -> None:
        """Use up room for one ask. Raises `Overloaded` where there is none."""
        most = self._most()
        left = self._left.get((peer, urgency))
        if left is not None and left.most == most and left.left > 0:
            left.left -= 1
            return
        free = most - self._store.asks_waiting(peer, urgency, most)
        if free <= 0:
            raise Overloaded(
                "{count} asks of this urgency wait here already", code=TOO_MANY, where="urgency", count=most
            )
        self._left[peer, urgency] = _Left(most, free // _PART)
