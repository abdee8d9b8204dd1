"""What the server towards counterparts is given: the doors that it opens, and the bounds that it keeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.errors import LiaisonError
from gateway.exchange.answering.inbound import Inbound
from gateway.model.exchange import ReceiptMessage
from gateway.trust.view import PeerIdentity


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of the transport. The grace of an aged connection outlives every stream that began on it.

    A member has its own bounds, well below those of the server, so that none can lock the others out. A peer that takes
    a message of 256 KiB no quicker than in `write_s` does not read.
    """

    concurrent_rpcs: int = 1024
    streams_per_member: int = 16
    calls_per_member: int = 64
    stream_idle_s: float = 900.0
    write_s: float = 8.0
    connection_age_ms: int = 600_000
    grace_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class Doors:
    """What the server calls: who is it, serve this, take this receipt or this request for consent, cosign this head,
    show the largest head, note a refused caller, are we well."""

    identify: Callable[[bytes], PeerIdentity]
    submit: Callable[[Inbound], None]
    acknowledge: Callable[[PeerIdentity, ReceiptMessage], Awaitable[int]]
    consent: Callable[[PeerIdentity, bytes], Awaitable[bytes]]
    compare_day: Callable[[PeerIdentity, bytes], Awaitable[bytes]]
    cosign: Callable[[PeerIdentity, bytes, bytes], Awaitable[bytes]]
    largest_head: Callable[[PeerIdentity, str], Awaitable[bytes]]
    refused: Callable[[str, LiaisonError], None]
    healthy: Callable[[], bool]
