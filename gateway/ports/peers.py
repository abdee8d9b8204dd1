"""The way to counterparts."""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.model.exchange import AnswerMessage, ReceiptMessage
from gateway.model.names import MemberId


class PeerStatus(msgspec.Struct, frozen=True):
    """What we know of the connection to a counterpart."""

    member: MemberId
    connected: bool
    last_seen_us: int


class Peers(Protocol):
    """The way to counterparts. Each call carries one signed envelope and brings back one answer message."""

    async def exchange(self, member: MemberId, envelope: bytes, timeout: float, trace: str) -> AnswerMessage:
        """Send a request; `trace` is a W3C traceparent or empty. Raises `TimedOut`, `Unavailable`, `Malformed`."""

    async def acknowledge(self, member: MemberId, receipt: ReceiptMessage) -> None:
        """Send a receipt. Raises like `exchange`."""

    def status(self, member: MemberId) -> PeerStatus:
        """What is known of the connection to `member`."""


class ConsentPeers(Protocol):
    """The way to the owners of records."""

    async def consent(self, member: MemberId, envelope: bytes) -> bytes:
        """Send a request for consent; the envelope of the owner's word. Raises like `Peers.exchange`."""
