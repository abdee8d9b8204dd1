"""The relation of two birth dates. Dates are intervals; a partial date meets all that lies in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from gateway.model.values import PartialDate


class BirthFit(Enum):
    """From best to worst: `weight` is a factor for the score, `rule` the word for the officer."""

    SAME_DAY = ("birth-same-day", 1.0)
    COMPATIBLE = ("birth-same-year", 0.95)
    PLACEHOLDER = ("birth-placeholder", 0.92)
    SWAPPED = ("birth-day-month-swapped", 0.88)
    TYPO = ("birth-one-digit", 0.84)
    NEAR = ("birth-near-year", 0.8)
    MISSING = ("birth-missing", 0.78)
    NOT_ASKED = ("birth-not-asked", 0.8)
    CONFLICT = ("birth-conflict", 0.48)

    def __init__(self, rule: str, weight: float) -> None:
        self.rule = rule
        self.weight = weight

    @property
    def agrees(self) -> bool:
        """True if the dates, as written, can be the same date."""
        return self in _AGREEING


_AGREEING = frozenset({BirthFit.SAME_DAY, BirthFit.COMPATIBLE, BirthFit.PLACEHOLDER})


def compare_births(asked: PartialDate | None, held: PartialDate | None) -> BirthFit:
    """Return the relation of the birth date of a query (`asked`) to that of a row (`held`)."""
    if asked is None:
        return BirthFit.NOT_ASKED
    if held is None:
        return BirthFit.MISSING
    return _compare(asked.value, held.value, asked.estimated or held.estimated)


@dataclass(frozen=True, slots=True)
class Window:
    """Birth dates that may be the same as one: those in `days` (partial dates, too), and all of `years`."""

    days: frozenset[str]
    years: frozenset[str]


@lru_cache(maxsize=4096)
def window(asked: PartialDate) -> Window:
    """Return every date that `compare_births` does not call a conflict with `asked`, and no year that has none."""
    value = asked.value
    if len(value) < len("YYYY-MM-DD"):
        return Window(frozenset(), frozenset(_years(value, 2 if asked.estimated else 1)))
    year, days = value[:4], _misread(value)
    near = frozenset(_years(value, 1)) if asked.estimated else frozenset({year} if value.endswith("-01-01") else ())
    for other in _years(value, 2 if asked.estimated else 1):
        days |= {other, *(f"{other}-{month:02d}" for month in range(1, 13))}
    return Window(frozenset(days), near)


def _years(value: str, reach: int) -> list[str]:
    return [f"{int(value[:4]) + step:04d}" for step in range(-reach, reach + 1)]


def _misread(value: str) -> set[str]:
    """Return a full date, the first day of its year, and the results of one mistake; some are not in the calendar."""
    found = {value, f"{value[:4]}-01-01", f"{value[:4]}-{value[8:]}-{value[5:7]}"}
    for place in (3, 5, 6, 8, 9):
        found |= {f"{value[:place]}{digit}{value[place + 1 :]}" for digit in "0123456789"}
    for place in (5, 8):
        found.add(f"{value[:place]}{value[place + 1]}{value[place]}{value[place + 2 :]}")
    return {day for day in found if "01" <= day[5:7] <= "12" and "01" <= day[8:] <= "31"}


@lru_cache(maxsize=65536)
def _compare(asked: str, held: str, estimated: bool) -> BirthFit:
    if asked == held and len(asked) == 10:
        return BirthFit.PLACEHOLDER if asked.endswith("-01-01") else BirthFit.SAME_DAY
    years = abs(int(asked[:4]) - int(held[:4]))
    if len(asked) == len(held) == 10:
        return _compare_days(asked, held, years, estimated)
    if asked.startswith(held) or held.startswith(asked):
        return BirthFit.COMPATIBLE
    placeholder = asked.endswith("-01-01") or held.endswith("-01-01")
    if years == 0:
        return BirthFit.PLACEHOLDER if placeholder else BirthFit.NEAR
    return BirthFit.NEAR if years <= (2 if estimated else 1) else BirthFit.CONFLICT


def _compare_days(asked: str, held: str, years: int, estimated: bool) -> BirthFit:
    if years == 0 and (asked.endswith("-01-01") or held.endswith("-01-01")):
        return BirthFit.PLACEHOLDER
    if asked[:4] == held[:4] and asked[5:7] == held[8:] and asked[8:] == held[5:7]:
        return BirthFit.SWAPPED
    differing = [place for place in range(10) if asked[place] != held[place]]
    one_digit = len(differing) == 1 and differing[0] > 2
    if one_digit or _transposed(asked, held, differing):
        return BirthFit.TYPO
    return BirthFit.NEAR if estimated and years <= 1 else BirthFit.CONFLICT


def _transposed(asked: str, held: str, differing: list[int]) -> bool:
    """Tell whether two neighbouring digits of month or day changed places; with a changed year it is another person."""
    if len(differing) != 2 or differing[1] != differing[0] + 1 or differing[0] < 4:
        return False
    first, second = differing
    return asked[first] == held[second] and asked[second] == held[first]
