"""Watches: a query that a counterpart, or our own agencies, answer again and again as their records change."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.query import Query


class WatchCode(StrEnum):
    """The codes of a watch, where it has one."""

    NOTIP = "NOTIP"
    """It is shown to no person at its recipient."""


class Watch(msgspec.Struct, frozen=True):
    """A subscription to what comes to fit a query, until a time; it is paused from `revalidate_by_us` on."""

    query: Query
    until_us: int
    revalidate_by_us: int
    no_tip_off: bool = False

    @property
    def code(self) -> str:
        """The code of its notice."""
        return WatchCode.NOTIP.value if self.no_tip_off else ""


class Watched(msgspec.Struct, frozen=True):
    """The reach of a watch at its recipient: kinds of sources, and the time whose state was searched once."""

    sources: tuple[str, ...]
    not_watched: tuple[str, ...]
    looked_us: int

    def is_as_far(self, other: Watched | None) -> bool:
        """Tell whether the same kinds of sources are watched, whenever they were searched."""
        return other is not None and (self.sources, self.not_watched) == (other.sources, other.not_watched)
