"""An officer's search under way, and each request of it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.exchange import Request
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.model.search import SearchCommand
from gateway.statements.envelope import Sealed


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The officer, the command and the id of one search."""

    officer: Officer
    command: SearchCommand
    search_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that left (or is about to): its statement, and the salt that opens its token commitment."""

    inquiry: Inquiry
    member: MemberId
    request: Request
    sealed: Sealed
    token_salt: bytes
