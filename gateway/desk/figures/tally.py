"""Hold counts, times and amounts while a period is read. What grows with the period is eight bytes for each time."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

OURS, THEIRS = "ours", "theirs"
"""Who opened the thread, or reported the outcome: this member, or the other one."""


class Key(NamedTuple):
    """The subject of a count: a measure (`gateway.desk.figures.measures`), a value of it, and whose it is."""

    measure: str
    value: str
    side: str


@dataclass(slots=True)
class Tally:
    """Exact counts. `times` are in seconds; `amounts` are grams, pieces or persons, by the name of the unit."""

    counts: Counter[Key] = field(default_factory=Counter)
    times: dict[Key, array[int]] = field(default_factory=dict)
    amounts: dict[tuple[Key, str], int] = field(default_factory=dict)

    def count(self, measure: str, value: str, side: str, number: int = 1) -> None:
        """Count one of a measure, or more."""
        self.counts[Key(measure, value, side)] += number

    def time(self, measure: str, value: str, side: str, from_us: int, to_us: int) -> None:
        """Keep how long something took."""
        kept = self.times.setdefault(Key(measure, value, side), array("Q"))
        kept.append(max(0, to_us - from_us) // 1_000_000)

    def amount(self, measure: str, value: str, side: str, unit: str, number: int) -> None:
        """Add an amount; none leaves no trace."""
        if number:
            place = (Key(measure, value, side), unit)
            self.amounts[place] = self.amounts.get(place, 0) + number


def side_of(*, ours: bool) -> str:
    """Return whose something is."""
    return OURS if ours else THEIRS
