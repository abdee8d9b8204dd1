"""The required likeness of names, by purpose: data of the base policy. A national folder can only make it stricter.

Only searches by name know a likeness; documents, plates and other numbers are equal or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.config.toml import TomlTable
from gateway.model.purpose import Purpose
from gateway.model.strictness import Strictness

THRESHOLDS = "thresholds.toml"
_NAMES = ", ".join(each.value for each in Strictness)


@dataclass(frozen=True, slots=True)
class ThresholdSets:
    """The set of thresholds for each purpose; for a purpose that no policy names it is `USUAL`."""

    purpose: Mapping[str, Strictness] = field(default_factory=dict)

    def of(self, purpose: str) -> Strictness:
        """Return the set for a search with this purpose."""
        return self.purpose.get(purpose, Strictness.USUAL)


def read_thresholds(base: TomlTable | None, national: TomlTable | None) -> ThresholdSets:
    """Return the base policy's sets, made stricter by the national folder; each may be absent.

    Raises `Misconfigured` with file, line and term for an unknown purpose or set, and for a national set that is wider.
    """
    common = ThresholdSets(_read(base)) if base else ThresholdSets()
    own = _read(national) if national else {}
    for purpose, wanted in own.items():
        if national and wanted.stricter(common.of(purpose)) is not wanted:
            message = f"`{wanted}` for `{purpose}` is wider than `{common.of(purpose)}` of the base policy"
            remedy = "a national folder can only be stricter: leave it out"
            national.table("purpose").fail(message, purpose, remedy=remedy)
    return ThresholdSets({**common.purpose, **own})


def _read(document: TomlTable) -> dict[str, Strictness]:
    document.only("purpose")
    table = document.table("purpose")
    table.only(*Purpose)
    return {purpose: _set(table, purpose, name) for purpose, name in table.data.items()}


def _set(table: TomlTable, purpose: str, name: object) -> Strictness:
    try:
        return Strictness(str(name))
    except ValueError:
        message = f"`{str(name)[:40]}` for `{purpose}` is no set of thresholds"
        table.fail(message, purpose, remedy=f"one of {_NAMES}")
