"""Remember when each counterpart was heard last, also over a restart: the alerts of one that is silent for long end.

An owner that cannot be heard cannot withdraw either. So its alerts warn for `TRUSTED_US` after its last word.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.clock import Clock
from gateway.model.names import MemberId
from gateway.ports.documents import DocumentStore

TRUSTED_US = 48 * 3_600_000_000
_KIND = "desk-contact"
_EVERY_US = 60_000_000
"""A later word is written down at most so often."""


class Contacts:
    """The last word of each counterpart. `signed` returns when one has signed something last, as this process knows."""

    def __init__(self, documents: DocumentStore, clock: Clock, signed: Callable[[MemberId], int]) -> None:
        self._documents = documents
        self._clock = clock
        self._signed = signed
        self._heard: dict[MemberId, int] = {}
        self._kept: dict[MemberId, int] = {}

    def heard(self, member: MemberId) -> None:
        """Note that a counterpart is heard now."""
        self._heard[member] = self._clock.now_us()

    def last_us(self, member: MemberId, other_us: int = 0) -> int:
        """Return when a counterpart was heard last; 0: never. `other_us` is a time that the caller knows of."""
        told_us = max(other_us, self._heard.get(member, 0), self._signed(member), self._kept.get(member, 0))
        return min(told_us, self._clock.now_us())

    def is_trusted(self, member: MemberId, other_us: int = 0) -> bool:
        """Tell whether what a counterpart said last still counts."""
        return self._clock.now_us() < self.last_us(member, other_us) + TRUSTED_US

    def keep(self) -> None:
        """Write down what is new, and read what other processes of this home wrote. It blocks."""
        for key in self._documents.keys(_KIND):
            member = MemberId(key)
            self._kept[member] = max(self._kept.get(member, 0), int(self._documents.get(_KIND, key) or b"0"))
        for member in set(self._heard) | set(self._kept):
            told_us = self.last_us(member)
            if told_us - self._kept.get(member, 0) >= _EVERY_US:
                self._documents.put(_KIND, member, b"%d" % told_us)
                self._kept[member] = told_us
