"""How alike names must be, by purpose: data of the base policy, which a national folder makes stricter and never wider.

Only searches by name know a likeness; documents, plates and other numbers are equal or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.model.purpose import Purpose
from gateway.model.strictness import Strictness
from policy.bundle.toml_file import TomlFile

THRESHOLDS = "thresholds.toml"
_NAMES = ", ".join(each.value for each in Strictness)


@dataclass(frozen=True, slots=True)
class ThresholdSets:
    """The set of thresholds for each purpose; what no policy names is `USUAL`."""

    purpose: Mapping[str, Strictness] = field(default_factory=dict)

    def of(self, purpose: str) -> Strictness:
        """Which set holds for a search with this purpose."""
        return self.purpose.get(purpose, Strictness.USUAL)


def read_thresholds(base: TomlFile | None, national: TomlFile | None) -> ThresholdSets:
    """What the base policy says, made stricter by the national folder; each may be absent.

    Raises `Misconfigured` with file, line and term for an unknown purpose or set, and for a national set that is wider.
    """
    common = ThresholdSets(_read(base)) if base else ThresholdSets()
    own = _read(national) if national else {}
    for purpose, wanted in own.items():
        if national and wanted.stricter(common.of(purpose)) is not wanted:
            message = f"`{wanted}` for `{purpose}` is wider than `{common.of(purpose)}` of the base policy"
            raise national.wrong(message, purpose, "a national folder can only be stricter: leave it out")
    return ThresholdSets({**common.purpose, **own})


def _read(document: TomlFile) -> dict[str, Strictness]:
    document.known_keys({"purpose"})
    table = document.data.get("purpose", {})
    if not isinstance(table, dict):
        raise document.wrong("`purpose` must be a table of sets of thresholds", "purpose")
    document.known_keys([purpose.value for purpose in Purpose], table)
    return {purpose: _set(document, purpose, name) for purpose, name in table.items()}


def _set(document: TomlFile, purpose: str, name: object) -> Strictness:
    try:
        return Strictness(str(name))
    except ValueError as error:
        message = f"`{str(name)[:40]}` for `{purpose}` is no set of thresholds"
        raise document.wrong(message, purpose, f"one of {_NAMES}") from error
