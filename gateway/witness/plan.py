"""The witnesses that are asked to cosign the heads of our logs, and those whose cosignatures count."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from gateway.audit.tree.cosignature import Witness, domestic_name, witness_name, witnesses_of
from gateway.config.schema import WitnessSettings
from gateway.errors import LiaisonError
from gateway.trust.view import TrustView

DOMESTIC = ""
"""The name of the domestic witness, among those of members."""


class WitnessPlan(msgspec.Struct, frozen=True):
    """The witnesses that are asked now, the keys that count, and how many counterparts make a quorum."""

    asked: tuple[str, ...]
    counted: tuple[Witness, ...]
    quorum: int

    def of(self, member: str, witness: str) -> list[Witness]:
        """Return the keys of one witness that is asked."""
        name = witness_name(witness) if witness else domestic_name(member)
        return [item for item in self.counted if item.name == name]


def witness_plan(member: str, settings: WitnessSettings, view: TrustView) -> WitnessPlan:
    """Return the plan. It asks the domestic witness, and every active counterpart that lists a key and an address."""
    asked = [DOMESTIC] if settings.domestic else []
    for other in sorted(view.members):
        with suppress(LiaisonError):
            if other != member and view.active(other) and view.witness_keys(other) and view.endpoints(other):
                asked.append(other)
    return WitnessPlan(tuple(asked), tuple(witnesses_of(view, member)), settings.quorum)
