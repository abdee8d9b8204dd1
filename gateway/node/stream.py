"""One stream of a counterpart: it is read until its end, and the replies go out as they become ready."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import grpc

from gateway.errors import LiaisonError
from gateway.exchange.answering.inbound import Reply, ReplySink
from gateway.node import wire
from gateway.rpc.server import ServerLimits
from gateway.rpc.status import STATUS

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]


class Stream:
    """One bidirectional stream: a reader, and a writer that sends replies as they become ready.

    `take` hands on one message and returns the number of its frames; `refused` notes the error that ends the stream.
    `look_again` raises once the peer is removed: what waits for it then stays here.
    """

    def __init__(
        self,
        context: Context,
        certificate: bytes,
        member: str,
        limits: ServerLimits,
        take: Callable[[bytes, Stream], int],
        refused: Callable[[str, LiaisonError], None],
        look_again: Callable[[], object],
    ) -> None:
        self.certificate = certificate
        self.member = member
        self._context = context
        self._limits = limits
        self._take = take
        self._refused = refused
        self._look_again = look_again
        self._outbox: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._unanswered = 0
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the peer ends the stream, stops reading, or the node drains; then answer the requests taken."""
        self._reading = asyncio.create_task(self._read())
        writing = asyncio.create_task(self._write())
        try:
            await asyncio.wait((self._reading, writing), return_when=asyncio.FIRST_COMPLETED)
            self._ready.set()
            await writing
        except TimeoutError:
            self._context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
        except LiaisonError as error:
            await self._refuse(error)
        finally:
            writing.cancel()
            self._reading.cancel()
        await self._end()

    async def _end(self) -> None:
        """End the stream with the status of the reader's error, if it has one."""
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await self._reading  # type: ignore[misc]  # set in run
            except LiaisonError as error:
                await self._refuse(error)

    async def _refuse(self, error: LiaisonError) -> None:
        """End the stream with the status of an error."""
        self._refused(self.member, error)
        await self._context.abort(STATUS[error.reason], error.code)

    async def _read(self) -> None:
        """Take messages until the peer ends the stream or is silent for `stream_idle_s`."""
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(self._limits.stream_idle_s):
                    data = await self._context.read()
                if not isinstance(data, bytes):
                    return
                self._unanswered += self._take(data, self)

    async def _write(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._outbox:
                self._look_again()
                # A peer that does not read is cut off, so that it never stops the worker (design, section 9).
                async with asyncio.timeout(self._limits.write_s):
                    await self._context.write(self._outbox.popleft())
            if self._unanswered == 0 and self._reading is not None and self._reading.done():
                return

    def drain(self) -> None:
        """Stop reading; requests that were taken are still answered."""
        if self._reading is not None:
            self._reading.cancel()

    def pack(self, replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """Pack replies as stream messages."""
        return wire.pack_replies(replies)

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Put messages that answer `count` frames into the outbox."""
        self._outbox.extend(messages)
        self._unanswered -= count
        self._ready.set()


_: type[ReplySink] = Stream
