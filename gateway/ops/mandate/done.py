"""List what was done in the name of an auditor: a key that somebody else used shows here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.reading.inspection import Action
from gateway.audit.reading.show import Filter, show
from gateway.ops.homes.open_home import OPERATIONS, Written, open_home


@dataclass(frozen=True, slots=True)
class Done:
    """An act of an auditor, with its reason and the place of its entry."""

    action: str
    time_us: int
    reason: str
    at: Written


def done_by(folder: Path, auditors: Collection[str], most: int) -> list[Done]:
    """Return the newest acts in the name of these auditors. Raises `Contradicted`."""
    found = []
    with open_home(folder) as evidence:
        for action in Action:
            entries = show(
                evidence.store,
                evidence.keys,
                OPERATIONS,
                Filter(kind=action.event.kind),
                most,
                lambda shown: shown.private.get("auditor") in auditors,
            )
            for shown in entries:
                at = Written(OPERATIONS, shown.entry.index)
                found.append(Done(action.value, shown.entry.time_us, str(shown.private.get("reason", "")), at))
    return sorted(found, key=lambda item: -item.time_us)[:most]
