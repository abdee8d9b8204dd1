"""An officer's search under way, and each request of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.model.exchange import Request
from gateway.model.handed.searches import SearchCommand
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.statements.envelope import Sealed
from gateway.telemetry import Trace, start_trace
from policy.engine.engine import PolicyEngine


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The officer, the command and the id of one search.

    `policy` decides on all of it, from the first check to the last request; None: the one in force when it is run.
    `begun_us` is our time at which it began; `trace` is the span of the search.
    """

    officer: Officer
    command: SearchCommand
    search_id: str
    begun_us: int
    policy: PolicyEngine | None = None
    trace: Trace = field(default_factory=start_trace)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that left (or is about to): its statement, the salt that opens its token commitment, and its span."""

    inquiry: Inquiry
    member: MemberId
    request: Request
    sealed: Sealed
    token_salt: bytes
    trace: Trace
