"""One stream of a counterpart: it is read until its end, and the replies go out as they become ready."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import grpc

from gateway.errors import LiaisonError, Overloaded, Unauthenticated
from gateway.exchange.answering.inbound import FrameRefusal, Reply, ReplySink
from gateway.node import wire
from gateway.node.greetings import StreamGreetings, say_farewell
from gateway.pauses import OWN
from gateway.rpc.server import ServerLimits
from gateway.rpc.status import STATUS

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]


class Stream:
    """One bidirectional stream: a reader, and a writer that sends replies as they become ready.

    `look_again` raises once the peer is removed: then no more is taken, and what waits for it stays here. `take` hands
    on one frame, or raises `LiaisonError`. `refused` notes an error of a frame, and the one that ends the stream. After
    a message of which so many frames were refused, nothing is read for as many seconds as `wait_s` says. Each frame
    counts as unanswered from before it is handed on until its reply comes.
    """

    def __init__(
        self,
        context: Context,
        certificate: bytes,
        member: str,
        limits: ServerLimits,
        look_again: Callable[[], object],
        take: Callable[[wire.RequestFrame, Stream], None],
        refused: Callable[[str, LiaisonError], None],
        wait_s: Callable[[int], float],
        greetings: StreamGreetings,
    ) -> None:
        self.certificate = certificate
        self.member = member
        self._context = context
        self._limits = limits
        self._take = take
        self._refused = refused
        self._look_again = look_again
        self._wait_s = wait_s
        self._greetings = greetings
        self._outbox: deque[bytes] = deque()
        self._unsent = 0
        self._unanswered = 0
        self._idle = 0
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._draining = False
        self._cut = False
        self._removed: LiaisonError | None = None
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
            self._refused(self.member, Overloaded("the peer does not read", code="unread-replies"))
            self._context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
        except LiaisonError as error:
            await self._end_with(error)
        finally:
            self._cut = True
            self._greetings.close()
            self._outbox.clear()
            writing.cancel()
            self._reading.cancel()
        await self._end()

    async def _end(self) -> None:
        """End the stream with the status of the reader's error, if it has one."""
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await self._reading  # type: ignore[misc]  # set in run
            except LiaisonError as error:
                await self._end_with(error)

    async def _end_with(self, error: LiaisonError) -> None:
        """End the stream with the status of an error. A peer that was removed is told by which documents."""
        self._refused(self.member, error)
        if isinstance(error, Unauthenticated) and self._greetings.answered:
            await say_farewell(self._context, self._greetings.farewell(error.code), self._limits.write_s)
        await self._context.abort(STATUS[error.reason], error.code)

    async def _read(self) -> None:
        """Take messages until the peer ends the stream or is silent for `stream_idle_s`.

        Nothing is read while too many replies wait, or after too many frames were refused, so that the flow control of
        HTTP/2 slows down a peer that asks more quickly than it reads, or than it may.
        """
        with contextlib.suppress(TimeoutError):
            while True:
                await self._room.wait()
                async with asyncio.timeout(self._limits.stream_idle_s):
                    data = await self._context.read()
                if not isinstance(data, bytes):
                    return
                refused = self._hand_on(data)
                if refused and (wait_s := self._wait_s(refused)):
                    await asyncio.sleep(wait_s)

    def _hand_on(self, data: bytes) -> int:
        """Hand on the frames of one message; return how many were refused, whose refusals leave together.

        A message that does not parse ends the stream, and so does one of a member that was removed.
        """
        self._look_again()
        package = wire.parse_frames(data)
        frames = package.frames
        greeted = package.HasField("hello") and self._greetings.hear(package.hello)
        if greeted:
            self.greet()
        self._idle = 0 if frames or greeted else self._idle + 1
        wire.check_idle(self._idle)
        self._unanswered += len(frames)
        refused: list[tuple[int, Reply]] = []
        for frame in frames:
            if self._draining:
                refused.append((frame.id, wire.STOPPING))
                continue
            try:
                self._take(frame, self)
            except LiaisonError as error:
                self._refused(self.member, error)
                refused.append((frame.id, FrameRefusal.of(error)))
        if refused:
            self.deliver(self.pack(refused), len(refused))
        return len(refused)

    async def _write(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            if self._removed is not None:
                raise self._removed
            while self._outbox:
                self._look_again()
                message = self._outbox.popleft()
                # A peer that does not read is cut off, so that it never stops the worker (design, section 9).
                async with OWN.timeout(self._limits.write_s):
                    await self._context.write(message)
                self._unsent -= len(message)
                if self._unsent <= self._limits.unsent_bytes:
                    self._room.set()
            if self._unanswered == 0 and self._over:
                return

    @property
    def _over(self) -> bool:
        """Tell whether no more requests are taken."""
        return self._draining or (self._reading is not None and self._reading.done())

    def greet(self) -> None:
        """Greet the other end, unless it is of a version that does not."""
        if self._greetings.answered:
            self._greetings.soon(lambda: self.deliver([wire.reply_hello(self._greetings.hello())], 0))

    def look(self) -> None:
        """Look again whether the peer is still accepted: trust has changed. One that is not has its stream ended."""
        try:
            self._look_again()
        except LiaisonError as error:
            self._removed = error
            self._ready.set()

    def drain(self) -> None:
        """Take no more requests: those that were taken are answered, and others are told that the process stops."""
        self._draining = True
        self._ready.set()

    def pack(self, replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """Pack replies as stream messages."""
        return wire.pack_replies(replies)

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Put messages that answer `count` frames into the outbox; a stream that was cut off has none."""
        self._unanswered -= count
        if self._cut:
            return
        self._outbox.extend(messages)
        self._unsent += sum(map(len, messages))
        if self._unsent > self._limits.unsent_bytes:
            self._room.clear()
        self._ready.set()


_: type[ReplySink] = Stream
