"""The way back to one unary call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.errors import Reason
from gateway.exchange.answering.inbound import FrameRefusal, Reply, ReplySink
from gateway.model.exchange import AnswerMessage
from gateway.node import wire


class UnarySink:
    """The way back to one unary call."""

    def __init__(self, future: asyncio.Future[bytes | FrameRefusal]) -> None:
        self.future = future
        self._refusal: FrameRefusal | None = None

    def pack(self, replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """One reply as one message; a refusal is kept for the status of the call."""
        reply = replies[0][1]
        if isinstance(reply, AnswerMessage):
            return [wire.response(reply).SerializeToString()]
        self._refusal = reply
        return []

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Wake the handler; a unary call has one reply."""
        del count
        if not self.future.done():
            self.future.set_result(
                messages[0] if messages else self._refusal or FrameRefusal(Reason.INTERNAL, "internal")
            )


_: type[ReplySink] = UnarySink
