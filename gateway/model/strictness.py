"""The similarity of names that a row needs to count: one scale for policy and sources."""

from __future__ import annotations

from enum import StrEnum


class Strictness(StrEnum):
    """A set of thresholds by name (`gateway.matching.thresholds`)."""

    STRICT = "strict"
    USUAL = "usual"
    WIDE = "wide"

    def stricter(self, other: Strictness) -> Strictness:
        """Return the stricter of the two."""
        return self if _ORDER[self] <= _ORDER[other] else other


_ORDER = {each: place for place, each in enumerate(Strictness)}
