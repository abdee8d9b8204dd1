"""The server towards counterparts: exchanges, in streams and as single calls, and the doors of all other messages."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.clock import Clock
from gateway.errors import LiaisonError, Overloaded, Unauthenticated
from gateway.exchange.answering.inbound import FrameRefusal, Inbound, Reply, ReplySink
from gateway.gossip.dismissed import dismissed_member
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.node.greetings import StreamGreetings, say_farewell
from gateway.node.unary_sink import UnarySink
from gateway.pauses import OWN
from gateway.ports.gossip import Greeter
from gateway.rpc import methods
from gateway.rpc.contract import Call, CallerCheck, Door, Method, Pace
from gateway.rpc.server import Credentials, RpcServer, ServerLimits
from gateway.rpc.status import STATUS
from gateway.rpc.transport import Refused, RefusedCall
from gateway.throttle import Rates

_MAX_BUDGET_S = 3.0
_OURS = 0.8
"""The part of the asker's budget that our sources may use; the rest is for the way there and back."""

_FAREWELLS_PER_S = 1.0
_FAREWELLS_AT_ONCE_S = 10.0
"""Farewells to one member that calls although it is not accepted, in a second; each has 64 KiB at most."""

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]


class NodeServer(RpcServer[MemberId]):
    """Serves `methods.NODE_METHODS` and nothing else.

    `doors` serves the methods other than exchanges, `identify` returns the active member whose certificate a caller
    shows, `known` also one that is not accepted any more (`gossip.dismissed`), and `submit` takes a request into the
    stages.
    """

    def __init__(
        self,
        doors: Sequence[Door[MemberId]],
        identify: Callable[[bytes], MemberId],
        known: Callable[[bytes], MemberId],
        submit: Callable[[Inbound], None],
        refused: Refused,
        clock: Clock,
        credentials: Credentials,
        limits: ServerLimits,
        pace: Pace,
        greeter: Greeter,
        *,
        share_port: bool = False,
        processes: Callable[[], int] = lambda: 1,
    ) -> None:
        self._take = submit
        self._clock = clock
        self._greeter = greeter
        self._streams: set[Stream] = set()
        self._known = known
        self._farewells = Rates(_FAREWELLS_PER_S, clock.monotonic, _FAREWELLS_AT_ONCE_S, processes)
        super().__init__(
            methods.NODE_METHODS,
            [methods.SUBMIT.written_door(self._submit), methods.STREAM.door(self._stream), *doors],
            {CallerCheck.ACTIVE_MEMBER: identify, CallerCheck.KNOWN_MEMBER: known},
            refused,
            credentials,
            limits,
            pace,
            share_port=share_port,
            processes=processes,
        )

    async def stop(self, grace: float) -> None:
        """Take no more; let running calls finish within `grace` seconds."""
        for stream in list(self._streams):
            stream.drain()
        await super().stop(grace)

    def trust_changed(self) -> None:
        """End the streams of members that are not accepted any more, and greet the others."""
        for stream in list(self._streams):
            stream.look()
            stream.greet()

    async def _submit(self, call: Call[MemberId], message: pb.SubmitExchangeRequest) -> bytes:
        sink = UnarySink()
        deadline = self._deadline(message.budget_ms, call.remaining_s)
        self._take(Inbound(call.certificate, message.envelope, deadline, message.traceparent, sink, 0, call.who))
        return await sink.reply()

    async def _stream(self, call: Call[MemberId], context: Context) -> None:
        look_again = partial(self._callers[methods.STREAM], call.certificate)
        stream = Stream(
            context,
            call.certificate,
            call.who,
            self._limits,
            look_again,
            self._take_frame,
            self._stream_refused,
            partial(self._pace.frames_wait_s, call.who),
            StreamGreetings(call.who, self._greeter, self._clock.monotonic),
        )
        self._streams.add(stream)
        try:
            await stream.run()
        finally:
            self._streams.discard(stream)

    async def _part(self, context: Context, method: Method[Any, Any], certificate: bytes, error: LiaisonError) -> None:
        """Tell a member whose stream is refused by which documents it was removed, as on a stream that was open."""
        if method is not methods.STREAM or not isinstance(error, Unauthenticated):
            return
        with contextlib.suppress(Unauthenticated):
            member = MemberId(dismissed_member(self._known(certificate)))
            if member and self._farewells.admits(member):
                greetings = StreamGreetings(member, self._greeter, self._clock.monotonic)
                await say_farewell(context, greetings.farewell(error.code), self._limits.write_s)

    def _take_frame(self, frame: wire.RequestFrame, stream: Stream) -> None:
        """Hand the request of one frame to the stages; raise `LiaisonError` when they are full."""
        request = frame.request
        deadline = self._deadline(request.budget_ms, None)
        self._take(
            Inbound(
                stream.certificate, request.envelope, deadline, request.traceparent, stream, frame.id, stream.member
            )
        )

    def _stream_refused(self, member: str, error: LiaisonError) -> None:
        self._refused(RefusedCall(methods.STREAM.name, member, "", error))

    def _deadline(self, budget_ms: int, remaining: float | None) -> float:
        budget = min(budget_ms / 1000 if budget_ms else _MAX_BUDGET_S, _MAX_BUDGET_S, remaining or _MAX_BUDGET_S)
        return self._clock.monotonic() + budget * _OURS


# ------------------------------------------------------------ streams


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
