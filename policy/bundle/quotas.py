"""Quotas as data of a national folder (`quotas.toml`): questions a day, by direction, counterpart and purpose.

A day is one of UTC. `in` are questions of a counterpart to us, `out` are ours to a counterpart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.errors import Malformed
from gateway.model.names import member_id
from gateway.model.purpose import Purpose
from policy.bundle.toml_file import TomlFile

QUOTAS = "quotas.toml"
DIRECTIONS = ("in", "out")
_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits by (direction, counterpart, purpose); `default` holds for whatever is not named, None for no limit."""

    limits: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    default: int | None = None

    def limit(self, direction: str, counterpart: str, purpose: str) -> int | None:
        """Questions a day, or None where nothing limits them."""
        return self.limits.get((direction, counterpart, purpose), self.default)

    @property
    def named(self) -> bool:
        """Whether anything is limited at all."""
        return bool(self.limits) or self.default is not None


def read_quotas(document: TomlFile) -> Quotas:
    """The quotas in a document. Raises `Misconfigured` with file, line and term."""
    document.known_keys({"default", *DIRECTIONS})
    default = document.data.get("default")
    if default is not None:
        _number(document, "default", default)
    limits: dict[tuple[str, str, str], int] = {}
    for direction in DIRECTIONS:
        counterparts = document.data.get(direction, {})
        if not isinstance(counterparts, dict):
            raise document.wrong(f"`{direction}` must be tables of counterparts", direction)
        for counterpart, table in counterparts.items():
            for purpose, number in _purposes(document, counterpart, table).items():
                limits[direction, counterpart, purpose] = number
    return Quotas(limits, default)


def _purposes(document: TomlFile, counterpart: str, table: object) -> dict[str, int]:
    try:
        member_id(counterpart)
    except Malformed as error:
        raise document.wrong(error.message, counterpart, error.remedy) from error
    if not isinstance(table, dict):
        raise document.wrong(f"`{counterpart}` must be a table of purposes", counterpart)
    document.known_keys([purpose.value for purpose in Purpose], table)
    return {purpose: _number(document, purpose, number) for purpose, number in table.items()}


def _number(document: TomlFile, name: str, number: object) -> int:
    if type(number) is not int or not 0 <= number <= _MAX:
        raise document.wrong(f"`{name}` must be 0 to {_MAX} questions a day", name)
    return number
