"""Counts of questions by day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec


class QuotaPlace(NamedTuple):
    """What a quota counts: questions `in` (theirs) or `out` (ours), of or to `peer`, for a purpose."""

    direction: str
    peer: str
    purpose: str


class QuotaUse(msgspec.Struct, frozen=True):
    """How many questions were counted at a place in a day."""

    place: QuotaPlace
    used: int


class QuotaStore(Protocol):
    """Counts of a day. Every failure of the database or disk is `StorageBroken`."""

    def take(self, places: Sequence[QuotaPlace], limit: Callable[[QuotaPlace], int | None], now_us: int) -> list[bool]:
        """For each of `places`, in order, whether its question is within today's limit; those that are, are counted."""

    def used(self, day_us: int) -> list[QuotaUse]:
        """Return all counts of the day that a time lies in."""
