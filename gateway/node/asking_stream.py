"""One stream to a counterpart: a writer that packs waiting requests, and a reader that hands out answers.

A stream that breaks fails its requests in flight, and the next request opens another stream.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.errors import ConnectionLost, LiaisonError, TimedOut, Unavailable, Unsupported, Untrusted
from gateway.exchange.incidents import LIMITS
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.node.greetings import BEAT_S, StreamGreetings
from gateway.node.handshake import no_connection, too_large
from gateway.pauses import OWN
from gateway.rpc import methods

if TYPE_CHECKING:
    StreamCall = grpc.aio.StreamStreamCall[bytes, bytes]

STREAM_LIFE_S = 240.0
"""A stream takes new requests for four minutes: shorter than the grace that a server gives an aged connection."""

_SILENT_S = 3.0
"""A stream on which nothing has come for so long after a request counts as dead: every answer is due earlier."""

_IN_FLIGHT_S = 60.0
_LOST = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
"""The statuses of a call whose connection broke, or whose server is going."""

_WRITE_FAILED = (grpc.StatusCode.INTERNAL, "Internal error from Core")
"""Tells a connection that breaks under a write, before gRPC has the status of the call."""

_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
"""A code of a node, which the words of gRPC itself are not."""


class AskingStream:
    """One stream over a connection. `seen` is called with each sign of life. It begins with a greeting, and has one
    each two seconds while it is quiet, if the other end greets, too.
    """

    def __init__(
        self, member: MemberId, channel: grpc.aio.Channel, seen: Callable[[], None], greetings: StreamGreetings
    ) -> None:
        self.broken = False
        self._now = asyncio.get_running_loop().time
        self._greetings = greetings
        self._greet = True
        self._written = 0.0
        self._until = self._now() + STREAM_LIFE_S
        self._heard = 0.0
        self._idle = 0
        self._member = member
        call: StreamCall = channel.stream_stream(methods.STREAM.path)()
        self._call = call
        self._seen = seen
        self._ids = itertools.count(1)
        self._outbox: deque[wire.RequestFrame] = deque()
        self._ready = asyncio.Event()
        self._waiting: dict[int, tuple[float, asyncio.Future[AnswerMessage]]] = {}
        self._ready.set()
        self._tasks = [asyncio.create_task(work) for work in (self._write(), self._read(), self._beat())]

    async def ask(self, request: pb.SubmitExchangeRequest) -> AnswerMessage:
        """Send a request and wait for its answer."""
        number = next(self._ids)
        waiting: asyncio.Future[AnswerMessage] = asyncio.get_running_loop().create_future()
        self._waiting[number] = self._now(), waiting
        self._outbox.append(wire.request_frame(number, request))
        self._ready.set()
        try:
            return await waiting
        finally:
            self._waiting.pop(number, None)

    @property
    def usable(self) -> bool:
        """Tell whether new requests may go on it: it is whole, and not at the end of its life."""
        return not self.broken and self._now() < self._until

    @property
    def silent(self) -> bool:
        """Tell whether a request waits, and nothing has come since it was sent although its answer was due."""
        if not self._waiting:
            return False
        oldest, _ = next(iter(self._waiting.values()))
        return OWN.over(self._now() - max(oldest, self._heard), _SILENT_S)

    @property
    def heard_lately(self) -> bool:
        """Tell whether something came in the time in which an answer is due."""
        return self._now() - self._heard <= _SILENT_S

    async def retire(self, patience: float = _IN_FLIGHT_S) -> None:
        """Close the stream once everything in flight has come back, after `patience` seconds at the latest."""
        futures = [future for _, future in self._waiting.values()]
        if futures:
            await asyncio.wait(futures, timeout=patience)
        self.close()

    def close(self) -> None:
        """End the stream; requests in flight fail."""
        self._break(ConnectionLost("the connection to `{member}` was closed", where=self._member, member=self._member))

    async def _write(self) -> None:
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                self._written = self._now()
                if self._greet:
                    self._greet = False
                    await self._call.write(wire.request_hello(self._greetings.hello()))
                frames = list(self._outbox)
                self._outbox.clear()
                for message in wire.pack_requests(frames):
                    await self._call.write(message)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            self._break(_as_error(self._member, error))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if self._greetings.answered and self._now() - self._written >= BEAT_S - 0.1:
                self.greet()

    def greet(self) -> None:
        """Greet the other end: our documents have changed, or the stream was quiet."""
        self._greetings.soon(self._greet_now)

    def _greet_now(self) -> None:
        self._greet = True
        self._ready.set()

    def fail(self, error: LiaisonError) -> None:
        """End the stream; requests in flight fail with `error`."""
        self._break(error)

    async def _read(self) -> None:
        try:
            while isinstance(data := await self._call.read(), bytes):
                self._heard = self._now()
                self._seen()
                package = wire.parse_package(data)
                awaited = [self._resolve(number, reply) for number, reply in wire.replies(package)]
                brings = any(awaited) or (package.HasField("hello") and self._greetings.hear(package.hello))
                self._idle = 0 if brings else self._idle + 1
                wire.check_idle(self._idle)
                if package.HasField("ending"):
                    self._greetings.dismissed(package.ending)
                    self._break(not_trusted(self._member, package.ending.code[:40]))
                    return
            self._break(self._ended())
        except asyncio.CancelledError:  # grpc raises this, too, when the peer ends the call with CANCELLED
            self._break(self._ended())
            raise
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, LiaisonError) as error:
            if (ending := refusal_of(error)) is not None:
                self._greetings.dismissed(ending)
            self._break(_as_error(self._member, error))

    def _ended(self) -> LiaisonError:
        return ConnectionLost("`{member}` ended the stream", where=self._member, member=self._member)

    def _resolve(self, number: int, reply: AnswerMessage | Exception) -> bool:
        """Hand out a reply; return whether it was waited for."""
        _, waiting = self._waiting.get(number, (0.0, None))
        if isinstance(reply, ConnectionLost):  # the process at the other end is stopping
            self._until = 0.0
        if waiting is None or waiting.done():
            return False
        if isinstance(reply, Exception):
            waiting.set_exception(reply)
        else:
            waiting.set_result(reply)
        return True

    def _break(self, error: LiaisonError) -> None:
        self.broken = True
        self._greetings.close()
        self._call.cancel()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for _, waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)


def refusal_of(error: Exception) -> pb.Ending | None:
    """Return the ending that a bare status stands for, where it says that the other end does not accept our node."""
    if not isinstance(error, grpc.aio.AioRpcError) or error.code() is not grpc.StatusCode.UNAUTHENTICATED:
        return None
    return pb.Ending(code=(error.details() or "")[:40])


def not_trusted(member: str, code: str) -> LiaisonError:
    """Return the error of a counterpart that does not accept our node any more. It proves nothing (decision 0068)."""
    return Untrusted(
        "`{member}` does not accept our node any more: {reason!a}",
        code="not-trusted-there",
        where=member,
        remedy="`liaison trust show` says what the documents say of this member",
        member=member,
        reason=code,
    )


def peer_error(member: str, error: grpc.aio.AioRpcError) -> LiaisonError:
    """Return our error for a gRPC status. A status proves nothing, so it counts as silence with a reason."""
    if (ending := refusal_of(error)) is not None:
        return not_trusted(member, ending.code)
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut("`{member}` did not answer in time", where=member, member=member)
    if cause := no_connection(member, error.details() or ""):
        return cause
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return Unsupported("the node of `{member}` is older and does not know this", where=member, member=member)
    is_lost = error.code() in _LOST or (error.code(), error.details()) == _WRITE_FAILED
    kind = ConnectionLost if is_lost else Unavailable
    return kind(
        "`{member}` cannot be reached ({name}: {detail!a})",
        where=member,
        member=member,
        name=error.code().name,
        detail=(error.details() or "")[:80],
    )


def told_error(member: str, error: grpc.aio.AioRpcError) -> LiaisonError:
    """Return our error for a gRPC status, with the code that the counterpart's node gave for refusing the call."""
    code = error.details() or ""
    return wire.refusal_error(error.code().name, code) if _CODE.fullmatch(code) else peer_error(member, error)


def _as_error(member: MemberId, error: Exception) -> LiaisonError:
    if isinstance(error, grpc.aio.AioRpcError):
        code, details = error.code(), error.details() or ""
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED and details in LIMITS:  # gRPC itself has this status for a size
            return wire.refusal_error(code.name, details)
        return too_large(member, details) or peer_error(member, error)
    if isinstance(error, LiaisonError):
        return error
    return ConnectionLost("the stream to `{member}` broke", where=member, member=member)
