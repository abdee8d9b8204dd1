"""A request that came in, from a caller who waits for nothing."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.exchange.answering.inbound import Inbound, Reply


class Nobody:
    """A `ReplySink` that nobody reads."""

    def pack(self, replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """Nothing to write."""
        del replies
        return []

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Nobody waits."""


def inbound(line: str) -> Inbound:
    """An empty request in the line of a member."""
    return Inbound(b"", b"", 0.0, "", Nobody(), 0, line)
