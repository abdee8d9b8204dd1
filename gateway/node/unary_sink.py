"""The way back to one unary call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.errors import Reason
from gateway.exchange.answering.inbound import FrameRefusal, Reply, ReplySink
from gateway.model.exchange import AnswerMessage
from gateway.rpc.contract import Ended
from gateway.rpc.methods import SUBMIT


class UnarySink:
    """The way back to one unary call."""

    def __init__(self) -> None:
        self._future: asyncio.Future[bytes | FrameRefusal] = asyncio.get_running_loop().create_future()
        self._refusal: FrameRefusal | None = None

    async def reply(self) -> bytes:
        """Wait for the reply; raise `Ended` for an unsigned refusal, which the stages have noted."""
        reply = await self._future
        if isinstance(reply, FrameRefusal):
            raise Ended(reply.reason, reply.code)
        return reply

    def pack(self, replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """Write one reply as one message; a refusal is kept for the status of the call."""
        reply = replies[0][1]
        if isinstance(reply, AnswerMessage):
            return [SUBMIT.answer.write(reply)]
        self._refusal = reply
        return []

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Wake the handler; a unary call has one reply."""
        del count
        if not self._future.done():
            self._future.set_result(
                messages[0] if messages else self._refusal or FrameRefusal(Reason.INTERNAL, "internal")
            )


_: type[ReplySink] = UnarySink
