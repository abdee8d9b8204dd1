"""A request that came in, from a caller who does not read the answer."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.exchange.answering.inbound import Inbound, Reply


class Nobody:
    """A `ReplySink` whose replies are not read."""

    def pack(self, replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """Return nothing to write."""
        del replies
        return []

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Drop the replies."""


def inbound(line: str) -> Inbound:
    """An empty request in the line of a member."""
    return Inbound(b"", b"", 0.0, "", Nobody(), 0, line)
