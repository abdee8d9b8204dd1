"""The parts of the REST API, handed in by the composition root with each call.

The routes are those of the process, and a process may have several nodes: what belongs to a node is reached through
the call alone (`parts_of`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from gateway.agency.calls.allowance import Allowance
from gateway.agency.officer_tokens.tokens import OfficerTokens
from gateway.clock import SystemClock
from gateway.config.schema import Limits
from gateway.desk.worklist.uses import DeskUses
from gateway.errors import Reason, StorageBroken
from gateway.ops.audit.figures import PackMaker
from gateway.ports.officers import OnwardUses, Searches
from gateway.telemetry import Counters

_PARTS = "agency"


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was refused before it became a search, for its entry. `officer` is empty where it is unknown."""

    client: str
    officer: str
    code: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class AgencyParts:
    """The parts of the API, handed in by `gateway.app`.

    `health` returns the health as JSON, and `members` the members; `refused` writes the entry of a refused call;
    `broken` gets an error after which the process must end. Without `onward` no record is ever used onward, and without
    `desk` there is no desk. `is_withdrawn` tells whether a system's certificate (by its name and `x5t#S256`) is not
    accepted any more. `require_storage` raises where the database is away: who calls then is refused, and waits no
    unknown time. `revocations` takes the list of the identity provider, whose system is called `provider`.
    """

    member: str
    searches: Searches
    tokens: OfficerTokens
    health: Callable[[], dict[str, Any]]
    members: Callable[[], Awaitable[dict[str, Any]]]
    refused: Callable[[RefusedCall], Awaitable[None]]
    broken: Callable[[StorageBroken], None]
    counters: Counters
    onward: OnwardUses | None = None
    desk: DeskUses | None = None
    figures: PackMaker | None = None
    revocations: Callable[[bytes], Awaitable[None]] | None = None
    provider: str = ""
    is_withdrawn: Callable[[str, str], bool] = lambda _name, _thumbprint: False
    require_storage: Callable[[], None] = lambda: None
    allowance: Allowance = field(default_factory=lambda: Allowance(Limits(), SystemClock().monotonic))
    monotonic: Callable[[], float] = SystemClock().monotonic
    documenting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who asks for the OpenAPI document: its first one takes half a second, and those who wait no thread."""


def hand_in(scope: MutableMapping[str, Any], parts: AgencyParts) -> dict[str, Any]:
    """Have a call (ASGI) carry the parts of the node that it came to; return the call's state."""
    state: dict[str, Any] = scope.setdefault("state", {})
    state[_PARTS] = parts
    return state


def parts_of(request: Request) -> AgencyParts:
    """Return the parts of the node that the call came to."""
    parts: AgencyParts = request.scope["state"][_PARTS]
    return parts
