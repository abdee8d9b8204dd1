"""Every RPC that a node serves to counterparts: who may call it, how large its messages are, what is logged.

A method that is missing here is not served (`server.py` builds its handlers from this table), and a test
compares the table with the proto file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """How messages go."""

    UNARY = "unary"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. `caller`: `member` = an active member's node; `any-tls` = whoever passed the handshake."""

    path: str
    shape: Shape
    caller: str
    max_request_bytes: int
    event: str


SERVICE = "liaison.exchange.v1.ExchangeService"
HEALTH = "grpc.health.v1.Health"

SUBMIT = Method(f"/{SERVICE}/SubmitExchange", Shape.UNARY, "member", 64 * 1024, "answered")
STREAM = Method(f"/{SERVICE}/StreamExchanges", Shape.STREAM, "member", 128 * 1024, "answered")
ACKNOWLEDGE = Method(f"/{SERVICE}/AcknowledgeExchanges", Shape.UNARY, "member", 64 * 1024, "receipt")
HEALTH_CHECK = Method(f"/{HEALTH}/Check", Shape.UNARY, "member", 1024, "")

METHODS: tuple[Method, ...] = (SUBMIT, STREAM, ACKNOWLEDGE, HEALTH_CHECK)

MAX_MESSAGE = max(method.max_request_bytes for method in METHODS)
"""The transport's own limit; what is larger never reaches a handler (RESOURCE_EXHAUSTED)."""
