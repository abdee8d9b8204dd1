"""Connections to counterparts: for each member a few connections, each with one long-lived stream.

Frames that wait go together in one message. A stream that breaks fails its requests in flight, and the next request
opens another stream. This module sends nothing twice: the caller decides on that, and the answering side refuses
replays.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from certs.tls import TlsIdentity, channel_credentials
from gateway.clock import Clock
from gateway.errors import LiaisonError, Suspended, TimedOut, Unavailable
from gateway.exchange.incidents import LIMITS
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.ports.peers import PeerStatus
from gateway.rpc import methods
from gateway.rpc.contract import A, Method, Q
from gateway.trust.view import TrustView

if TYPE_CHECKING:
    Unary = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    StreamCall = grpc.aio.StreamStreamCall[bytes, bytes]
    Refusal = Callable[[str, grpc.aio.AioRpcError], LiaisonError]

STREAM_LIFE_S = 240.0
"""A stream takes new requests for four minutes: shorter than the grace that a server gives an aged connection."""

_CONNECTIONS = 2
_CONNECT_S = 1.0
_MAX_BACKOFF_MS = 800
_BUDGET_MS = 3_000
_IN_FLIGHT_S = 60.0
_CLOSE_S = 5.0


class PeerPool:
    """`gateway.ports.peers.Peers` and `gateway.rpc.contract.Calls` over gRPC."""

    def __init__(
        self,
        directory: Callable[[], TrustView],
        identity: Callable[[], TlsIdentity],
        suspended: Callable[[MemberId], str | None],
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._identity = identity
        self._suspended = suspended
        self._clock = clock
        self._links: dict[MemberId, _Link] = {}
        self._last_seen: dict[MemberId, int] = {}

    async def exchange(self, member: MemberId, envelope: bytes, timeout: float, trace: str) -> AnswerMessage:
        """Send a request over a stream and wait for its answer, `timeout` seconds at most."""
        link = self._link(member)
        budget_ms = min(_BUDGET_MS, int(timeout * 1000))
        try:
            async with asyncio.timeout(timeout):
                return await link.ask(wire.submit(envelope, budget_ms, trace))
        except TimeoutError:
            raise TimedOut("`{member}` did not answer in time", where=member, member=member) from None

    def status(self, member: MemberId) -> PeerStatus:
        """Return the state of the connection, and the time of the member's last sign of life."""
        link = self._links.get(member)
        return PeerStatus(member, link is not None and link.connected, self._last_seen.get(member, 0))

    async def close(self) -> None:
        """End all streams and connections."""
        links = list(self._links.values())
        self._links.clear()
        await asyncio.gather(*(link.close() for link in links))

    async def call(
        self,
        member: MemberId,
        method: Method[Q, A],
        request: Q,
        *,
        timeout: float | None = None,
        refusal: Refusal | None = None,
    ) -> A:
        """Make one unary call. `refusal` turns the status of a failed call into our error."""
        link = self._link(member)
        try:
            answer = await link.call(method.path, method.request.write(request), timeout or method.timeout_s)
        except grpc.aio.AioRpcError as error:
            raise (refusal or peer_error)(member, error) from error
        except (asyncio.CancelledError, grpc.aio.UsageError):
            if _cancelled():
                raise
            # grpc raises this when the channel is closed under a call: this task itself was not cancelled.
            raise Unavailable("the connection to `{member}` was closed", where=member, member=member) from None
        self._seen(member)
        return method.answer.read(answer)

    def _seen(self, member: MemberId) -> None:
        self._last_seen[member] = self._clock.now_us()

    def _link(self, member: MemberId) -> _Link:
        """Return the link to `member`; a new one when trust has changed, since roots or addresses may differ."""
        if (reason := self._suspended(member)) is not None:
            raise Suspended(
                "exchange with `{member}` is suspended: {reason}", where=member, member=member, reason=reason
            )
        directory = self._directory()
        link = self._links.get(member)
        if link is None or link.epoch != directory.epoch:
            if link is not None:
                link.retire()
            link = self._links[member] = _Link(member, directory, self._identity(), lambda: self._seen(member))
        return link


def _cancelled() -> bool:
    """Tell whether this task was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def peer_error(member: str, error: grpc.aio.AioRpcError) -> LiaisonError:
    """Return our error for a gRPC status. A status proves nothing, so it counts as silence with a reason."""
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut("`{member}` did not answer in time", where=member, member=member)
    detail = (error.details() or "")[:80]
    return Unavailable(
        "`{member}` cannot be reached ({name}: {detail!a})",
        where=member,
        member=member,
        name=error.code().name,
        detail=detail,
    )


class _Link:
    """Connections and streams to one member under one state of trust."""

    def __init__(self, member: MemberId, directory: TrustView, identity: TlsIdentity, seen: Callable[[], None]) -> None:
        self.epoch = directory.epoch
        endpoints = directory.endpoints(member)
        if not endpoints:
            raise Unavailable("no address of `{member}` is known", code="no-endpoint", where=member, member=member)
        credentials = channel_credentials(identity, directory.ca_pem(member))
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.ssl_target_name_override", directory.server_name(member)),
            ("grpc.max_receive_message_length", 1024 * 1024),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", _MAX_BACKOFF_MS),
        ]
        self._channels = [
            grpc.aio.secure_channel(endpoints[number % len(endpoints)], credentials, options=options)
            for number in range(_CONNECTIONS)
        ]
        self._streams: list[_Stream | None] = [None] * _CONNECTIONS
        self._turn = itertools.cycle(range(_CONNECTIONS))
        self._seen = seen
        self._member = member
        self._retiring: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._returned = asyncio.Event()
        self._returned.set()

    @property
    def connected(self) -> bool:
        return any(stream is not None and not stream.broken for stream in self._streams)

    async def call(self, path: str, data: bytes, timeout: float) -> bytes:
        """Make one unary call."""
        call: Unary = self._channels[next(self._turn)].unary_unary(path)
        with self._flying():
            return await call(data, timeout=timeout)

    @contextlib.contextmanager
    def _flying(self) -> Iterator[None]:
        """Count the block as in flight: connections are not closed under it."""
        self._in_flight += 1
        self._returned.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._returned.set()

    async def ask(self, request: pb.SubmitExchangeRequest) -> AnswerMessage:
        with self._flying():
            place = next(self._turn)
            stream = self._streams[place]
            if stream is None or stream.broken:
                await self._connected(self._channels[place])
                stream = self._streams[place]
            if stream is None or not stream.usable:
                if stream is not None:
                    self._keep(stream.retire())
                stream = self._streams[place] = _Stream(self._member, self._channels[place], self._seen)
            return await stream.ask(request)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _connected(self, channel: grpc.aio.Channel) -> None:
        """Wait for the connection, but not for all of the budget, since an officer waits for the answer."""
        channel.get_state(try_to_connect=True)
        try:
            async with asyncio.timeout(_CONNECT_S):
                await channel.channel_ready()
        except TimeoutError:
            raise Unavailable(
                "`{member}` cannot be reached", code="unreachable", where=self._member, member=self._member
            ) from None

    def retire(self) -> None:
        """Send nothing more here; close once everything in flight has come back."""
        self._keep(self.close(_IN_FLIGHT_S))

    async def close(self, patience: float = _CLOSE_S) -> None:
        """Close once everything in flight has come back, after `patience` seconds at the latest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._returned.wait()
        for stream in self._streams:
            if stream is not None:
                stream.close()
        for channel in self._channels:
            await channel.close()


class _Stream:
    """One stream: a writer that packs waiting requests, and a reader that hands out answers."""

    def __init__(self, member: MemberId, channel: grpc.aio.Channel, seen: Callable[[], None]) -> None:
        self.broken = False
        self._until = asyncio.get_running_loop().time() + STREAM_LIFE_S
        self._member = member
        call: StreamCall = channel.stream_stream(methods.STREAM.path)()
        self._call = call
        self._seen = seen
        self._ids = itertools.count(1)
        self._outbox: deque[wire.RequestFrame] = deque()
        self._ready = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[AnswerMessage]] = {}
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]

    async def ask(self, request: pb.SubmitExchangeRequest) -> AnswerMessage:
        number = next(self._ids)
        waiting: asyncio.Future[AnswerMessage] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        self._outbox.append(wire.request_frame(number, request))
        self._ready.set()
        try:
            return await waiting
        finally:
            self._waiting.pop(number, None)

    @property
    def usable(self) -> bool:
        """Tell whether new requests may go on it: it is whole, and not at the end of its life."""
        return not self.broken and asyncio.get_running_loop().time() < self._until

    async def retire(self) -> None:
        """Close the stream once everything in flight has come back, or is over since no request lives longer."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(asyncio.gather(*self._waiting.values(), return_exceptions=True), 60)
        self.close()

    def close(self) -> None:
        self._break(Unavailable("the connection to `{member}` was closed", where=self._member, member=self._member))

    async def _write(self) -> None:
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                frames = list(self._outbox)
                self._outbox.clear()
                for message in wire.pack_requests(frames):
                    await self._call.write(message)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            self._break(_as_error(self._member, error))

    async def _read(self) -> None:
        try:
            while isinstance(data := await self._call.read(), bytes):
                self._seen()
                for number, reply in wire.parse_replies(data):
                    self._resolve(number, reply)
            self._break(Unavailable("`{member}` ended the stream", where=self._member, member=self._member))
        except asyncio.CancelledError:  # grpc raises this, too, when the peer ends the call with CANCELLED
            self._break(Unavailable("`{member}` ended the stream", where=self._member, member=self._member))
            raise
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, LiaisonError) as error:
            self._break(_as_error(self._member, error))

    def _resolve(self, number: int, reply: AnswerMessage | Exception) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.done():
            return
        if isinstance(reply, Exception):
            waiting.set_exception(reply)
        else:
            waiting.set_result(reply)

    def _break(self, error: LiaisonError) -> None:
        self.broken = True
        self._call.cancel()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)


def _as_error(member: MemberId, error: Exception) -> LiaisonError:
    if isinstance(error, grpc.aio.AioRpcError):
        code, details = error.code(), error.details() or ""
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED and details in LIMITS:  # gRPC itself has this status for a size
            return wire.refusal_error(code.name, details)
        return peer_error(member, error)
    if isinstance(error, LiaisonError):
        return error
    return Unavailable("the stream to `{member}` broke", where=member, member=member)
