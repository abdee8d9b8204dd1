"""Every RPC that a node serves to counterparts, each to active members only, and how large its messages may be.

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
    """One RPC. A message of more than `max_request_bytes` bytes is refused before it is parsed."""

    path: str
    shape: Shape
    max_request_bytes: int


SERVICE = "liaison.exchange.v1.ExchangeService"
WITNESS = "liaison.witness.v1.WitnessService"
HEALTH = "grpc.health.v1.Health"

SUBMIT = Method(f"/{SERVICE}/SubmitExchange", Shape.UNARY, 64 * 1024)
STREAM = Method(f"/{SERVICE}/StreamExchanges", Shape.STREAM, 128 * 1024)
ACKNOWLEDGE = Method(f"/{SERVICE}/AcknowledgeExchanges", Shape.UNARY, 64 * 1024)
CONSENT = Method(f"/{SERVICE}/AskConsent", Shape.UNARY, 16 * 1024)
COMPARE_DAY = Method(f"/{SERVICE}/CompareDay", Shape.UNARY, 32 * 1024)
ADD_CHECKPOINT = Method(f"/{WITNESS}/AddCheckpoint", Shape.UNARY, 72 * 1024)
LARGEST_HEAD = Method(f"/{WITNESS}/GetLargestHead", Shape.UNARY, 1024)
HEALTH_CHECK = Method(f"/{HEALTH}/Check", Shape.UNARY, 1024)

WITNESS_METHODS: tuple[Method, ...] = (ADD_CHECKPOINT, LARGEST_HEAD)
"""What a domestic witness serves to its own country's node, and a node to counterparts."""

METHODS: tuple[Method, ...] = (SUBMIT, STREAM, ACKNOWLEDGE, CONSENT, COMPARE_DAY, *WITNESS_METHODS, HEALTH_CHECK)

MAX_MESSAGE = max(method.max_request_bytes for method in METHODS)
"""The transport's own limit; what is larger never reaches a handler (RESOURCE_EXHAUSTED)."""
