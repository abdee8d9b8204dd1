"""Connections to counterparts."""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.telemetry import Trace


class PeerStatus(msgspec.Struct, frozen=True):
    """The state of the connection to a counterpart."""

    member: MemberId
    connected: bool
    last_seen_us: int


class Peers(Protocol):
    """Exchanges with counterparts; other messages go through `gateway.rpc.contract.Calls`."""

    async def exchange(
        self, member: MemberId, envelope: bytes, timeout: float, trace: Trace, budget_s: float
    ) -> AnswerMessage:
        """Send a request that is to be answered in `budget_s` seconds; `trace` is the span of the question.

        Raises `TimedOut` after `timeout` seconds, `ConnectionLost` when the same bytes may be sent again, `Unavailable`
        and `Malformed`.
        """

    def status(self, member: MemberId) -> PeerStatus:
        """Return the state of the connection to `member`."""
