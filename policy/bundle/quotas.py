"""Quotas as data of a national folder (`quotas.toml`): questions a day, by direction, counterpart and purpose.

A day is one of UTC. `in` are questions of a counterpart to us, `out` are ours to a counterpart. Beside them stands the
budget of what a counterpart may make us keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.config.toml import TomlTable
from gateway.model.purpose import Purpose
from policy.bundle.budget import Budget, check_member, number_in, read_budget

QUOTAS = "quotas.toml"
DIRECTIONS = ("in", "out")
_UNIT = " questions a day"


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of questions by (direction, counterpart, purpose), and the budget of what is kept.

    `default` holds for all other questions, None for no limit.
    """

    limits: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    default: int | None = None
    budget: Budget = field(default_factory=Budget)

    def limit(self, direction: str, counterpart: str, purpose: str) -> int | None:
        """Return the questions a day, or what else is counted under a direction; None for no limit."""
        if direction not in DIRECTIONS:
            return self.budget.limit(direction, counterpart, purpose)
        return self.limits.get((direction, counterpart, purpose), self.default)

    @property
    def named(self) -> bool:
        """True if any question is limited."""
        return bool(self.limits) or self.default is not None


def read_quotas(document: TomlTable) -> Quotas:
    """Return the quotas in a document. Raises `Misconfigured` with file, line and term."""
    document.only("default", *DIRECTIONS, "budget", "budget_of", "brought")
    limits: dict[tuple[str, str, str], int] = {}
    for direction in DIRECTIONS:
        counterparts = document.table(direction)
        for counterpart in counterparts.data:
            check_member(counterparts, counterpart)
            table = counterparts.table(counterpart)
            table.only(*Purpose)
            limits |= {(direction, counterpart, purpose): number_in(table, purpose, of=_UNIT) for purpose in table.data}
    default = number_in(document, "default", of=_UNIT) if "default" in document.data else None
    return Quotas(limits, default, read_budget(document))
