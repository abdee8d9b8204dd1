"""The likeness that names must have to count. Policy chooses the thresholds, by purpose; scoring is given them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.matching.dates import BirthFit
from gateway.matching.scripts import tables


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least likeness of names, from 0 to 1, for each relation of the birth dates.

    The less the birth dates prove, the more the name must. `strong` is the likeness from which a name whose birth
    date agrees is STRONG instead of POSSIBLE. `one_word` tells whether one word of a name is enough beside a full birth
    date. `name` is the name of the set, for the explanation.
    """

    name: str
    strong: float
    floors: Mapping[BirthFit, float]
    one_word: bool

    def floor(self, birth: BirthFit) -> float:
        """Return the least likeness that counts; a relation that is not listed never counts."""
        return self.floors.get(birth, 1.1)


def _read() -> dict[str, Thresholds]:
    """Return the sets of `data/thresholds.tsv` by name; its first row names the relations."""
    (_, _, _, *relations), *sets = tables.rows("thresholds", 11)
    known = [BirthFit[name] for name in relations]
    return {
        name: Thresholds(name, float(strong), _floors(known, floors), word == "yes")
        for name, strong, word, *floors in sets
    }


def _floors(relations: Sequence[BirthFit], floors: Sequence[str]) -> Mapping[BirthFit, float]:
    return MappingProxyType(dict(zip(relations, map(float, floors), strict=True)))


RANKED = Thresholds("ranked", 0.85, MappingProxyType(dict.fromkeys(BirthFit, 0.3) | {BirthFit.SAME_DAY: 0.0}), False)
"""For measuring: everything that is worth a place in a list, at any relation of the dates."""

SETS: Mapping[str, Thresholds] = MappingProxyType(_read() | {RANKED.name: RANKED})
"""The sets by name, as a policy refers to them."""

USUAL, STRICT, WIDE = SETS["usual"], SETS["strict"], SETS["wide"]
