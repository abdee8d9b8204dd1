"""A request as it comes in, and the way back for its answer: the seam between transport and exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from gateway.errors import LiaisonError, Reason
from gateway.model.exchange import AnswerMessage


class FrameRefusal(msgspec.Struct, frozen=True):
    """A refusal without a signature: the request did not parse, or could not be believed enough to answer."""

    reason: Reason
    code: str

    @classmethod
    def of(cls, error: LiaisonError) -> FrameRefusal:
        """Return the public part of an error."""
        return cls(error.reason, error.code)


Reply = AnswerMessage | FrameRefusal


class ReplySink(Protocol):
    """The way back to one caller: `pack` runs in the stage, `deliver` on the loop."""

    def pack(self, replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """Return the replies (id, reply) as messages ready to be written."""

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Write the messages, which answer `count` requests; never blocks. A caller that is gone is no error."""


class Inbound(msgspec.Struct, frozen=True):
    """One request as it came: the peer's certificate (PEM, as TLS saw it), the envelope's bytes, its time.

    `line` is the member by the certificate when the stream began; the answerer identifies the peer anew.
    `deadline` is a value of `Clock.monotonic`.
    """

    certificate: bytes
    envelope: bytes
    deadline: float
    traceparent: str
    sink: ReplySink
    id: int
    line: str

    @property
    def rank(self) -> int:
        """The rank of a new request: after everything that leaves (`stages.Item`)."""
        return 2


Release = Callable[[list[tuple[ReplySink, list[bytes], int]]], None]
"""Brings packed replies onto the loop with one wake-up; called from the stage."""
