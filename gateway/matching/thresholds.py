"""The likeness that names must have to count. Policy chooses the thresholds, by purpose; scoring is given them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.matching.dates import BirthFit


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least likeness of names, from 0 to 1, for each relation of the birth dates.

    The less the birth dates prove, the more the name must. `strong` is the likeness from which a name whose birth
    date agrees is STRONG instead of POSSIBLE. `name` is the name of the set, for the explanation.
    """

    name: str
    strong: float
    floors: Mapping[BirthFit, float]

    def floor(self, birth: BirthFit) -> float:
        """Return the least likeness that counts; a relation that is not listed never counts."""
        return self.floors.get(birth, 1.1)


def _floors(**floors: float) -> Mapping[BirthFit, float]:
    return MappingProxyType({BirthFit[name]: floor for name, floor in floors.items()})


USUAL = Thresholds(
    "usual",
    0.85,
    _floors(
        SAME_DAY=0.73,
        COMPATIBLE=0.8,
        PLACEHOLDER=0.85,
        SWAPPED=0.8,
        TYPO=0.88,
        NEAR=0.9,
        MISSING=0.92,
        NOT_ASKED=0.92,
    ),
)
"""For purposes that no policy names."""

STRICT = Thresholds(
    "strict",
    0.9,
    _floors(
        SAME_DAY=0.8,
        COMPATIBLE=0.9,
        PLACEHOLDER=0.9,
        SWAPPED=0.88,
        TYPO=0.92,
        NEAR=0.95,
        MISSING=0.95,
        NOT_ASKED=0.95,
    ),
)
"""For a queue at a border: a false hit costs a traveller an hour."""

WIDE = Thresholds(
    "wide",
    0.85,
    _floors(
        SAME_DAY=0.6,
        COMPATIBLE=0.75,
        PLACEHOLDER=0.75,
        SWAPPED=0.72,
        TYPO=0.75,
        NEAR=0.75,
        MISSING=0.8,
        NOT_ASKED=0.8,
    ),
)
"""For a missing person: a miss costs more than a false hit."""

RANKED = Thresholds("ranked", 0.85, MappingProxyType(dict.fromkeys(BirthFit, 0.3) | {BirthFit.SAME_DAY: 0.0}))
"""For measuring: everything that is worth a place in a list, at any relation of the dates."""

SETS: Mapping[str, Thresholds] = MappingProxyType({each.name: each for each in (USUAL, STRICT, WIDE, RANKED)})
"""The sets by name, as a policy refers to them."""
