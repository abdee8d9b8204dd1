"""Make choices that look random and are the same on every machine and in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of numbers from SHA-256 of a name; equal names give equal streams (not for secrets)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def below(self, limit: int) -> int:
        """Return a number from 0 up to, not including, `limit`."""
        self._count += 1
        digest = hashlib.sha256(f"{self._name}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def one_in(self, chance: int) -> bool:
        """Return True once in `chance` times."""
        return self.below(chance) == 0

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of `choices`."""
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        """Return a number of `count` digits, the first of them not zero."""
        return str(self.below(9) + 1) + "".join(str(self.below(10)) for _ in range(count - 1))

    def day(self, first_year: int, last_year: int) -> date:
        """Return a day between the first of `first_year` and the end of `last_year`."""
        first = date(first_year, 1, 1).toordinal()
        return date.fromordinal(first + self.below(date(last_year, 12, 31).toordinal() - first + 1))
