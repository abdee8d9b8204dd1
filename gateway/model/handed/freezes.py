"""The order to freeze an account, and to free it again, as a person of oversight hands it in."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.faces.fields import Id, Text
from gateway.model.handed.basis import MAX_REASON

_Why = Annotated[
    str,
    Text(
        MAX_REASON,
        label="Why",
        help="The person who approves it reads it; the one whom it is about does not.",
        hint=True,
        long=True,
    ),
]


class AskFreeze(msgspec.Struct, frozen=True):
    """An account that is to be frozen, and why."""

    person: Annotated[str, Id(label="Person id", help="The person whose account it is.")]
    reason: _Why
    work: Annotated[str, Text(200, help="The finding that led to it (incident.…).")] = ""


class LiftFreeze(msgspec.Struct, frozen=True):
    """Why an account is to be free again."""

    reason: _Why
