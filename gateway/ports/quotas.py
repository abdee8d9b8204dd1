"""Counts of a day: of questions, and of what counterparts make us keep and our own people bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec


class QuotaPlace(NamedTuple):
    """The unit of a quota: questions `in` (theirs) or `out` (ours), of or to `peer`, for a purpose.

    What else is counted has directions and names of its own (`policy.bundle.limits`).
    """

    direction: str
    peer: str
    purpose: str


class QuotaUse(msgspec.Struct, frozen=True):
    """Tell what was counted at a place in a day."""

    place: QuotaPlace
    used: int


class QuotaStore(Protocol):
    """Counts of a day. Every failure of the database or disk is `StorageBroken`."""

    def take(self, places: Sequence[QuotaPlace], limit: Callable[[QuotaPlace], int | None], now_us: int) -> list[bool]:
        """Return for each of `places`, in order, whether it is within today's `limit`; count those that are."""

    def spend(self, place: QuotaPlace, amount: int, most: int, now_us: int) -> bool:
        """Count an amount where `most` of today leaves room for all of it; tell whether it does."""

    def used(self, day_us: int) -> list[QuotaUse]:
        """Return all counts of the day that holds a time."""
