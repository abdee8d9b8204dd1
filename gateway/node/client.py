"""Calls to counterparts over connections that are kept. Nothing is sent twice here: the caller decides on that."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from certs.tls import TlsIdentity, channel_credentials
from gateway.clock import Clock
from gateway.errors import ConnectionLost, LiaisonError, Suspended, TimedOut, Unavailable, Unknown, Untrusted
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.node.asking_stream import AskingStream, peer_error, refusal_of, told_error
from gateway.node.greetings import StreamGreetings
from gateway.node.handshake import is_cancelled, untrusted, why_unconnected
from gateway.pauses import OWN
from gateway.ports.gossip import Farewell, Greeter
from gateway.ports.peers import PeerStatus
from gateway.rpc import methods
from gateway.rpc.contract import A, Method, Q, largest_answer
from gateway.rpc.transport import client_options
from gateway.telemetry import Trace
from gateway.trust.standing import may_connect
from gateway.trust.view import TrustView

if TYPE_CHECKING:
    Refusal = Callable[[str, grpc.aio.AioRpcError], LiaisonError]

_BUDGET_MS = 3_000
_NOT_REACHED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


class PeerPool:
    """`gateway.ports.peers.Peers` and `gateway.rpc.contract.Calls` over gRPC.

    `identity` returns the same object until our key or certificate changes.
    """

    def __init__(
        self,
        directory: Callable[[], TrustView],
        identity: Callable[[], TlsIdentity],
        suspended: Callable[[MemberId], str | None],
        clock: Clock,
        greeter: Greeter,
    ) -> None:
        self._directory = directory
        self._greeter = greeter
        self._identity = identity
        self._suspended = suspended
        self._clock = clock
        self._links: dict[MemberId, _Link] = {}
        self._last_seen: dict[MemberId, int] = {}
        self.connect: Connect = _over_tls
        """The way to members; a simulated federation has another one than gRPC over TLS."""

    async def exchange(
        self, member: MemberId, envelope: bytes, timeout: float, trace: Trace, budget_s: float = _BUDGET_MS / 1000
    ) -> AnswerMessage:
        """Send a request over a stream and wait for its answer, `timeout` seconds at most.

        The counterpart is told that the answer is wanted within `budget_s` seconds.
        """
        link = self._link(member)
        budget_ms = max(1, min(_BUDGET_MS, int(min(timeout, budget_s) * 1000)))
        try:
            async with asyncio.timeout(timeout):
                return await link.ask(wire.submit(envelope, budget_ms, trace))
        except TimeoutError:
            raise TimedOut("`{member}` did not answer in time", where=member, member=member) from None

    def status(self, member: MemberId) -> PeerStatus:
        """Return the state of the connection, and the time of the member's last sign of life."""
        link = self._links.get(member)
        return PeerStatus(member, link is not None and link.connected, self._last_seen.get(member, 0))

    async def reaches(self, member: MemberId, timeout: float) -> bool:
        """Tell whether the member answers a call within `timeout` seconds, whatever it says.

        One whose connection our side refuses counts: the next question tells officers so.
        """
        try:
            await self._link(member).call(methods.HEALTH_CHECK.path, b"", timeout)
        except grpc.aio.AioRpcError as error:
            return error.code() not in _NOT_REACHED or untrusted(member, error.details() or "") is not None
        except (LiaisonError, grpc.aio.UsageError):
            return False
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return False
        return True

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
        past_suspension: bool = False,
    ) -> A:
        """Make one unary call. `refusal` turns the status of a failed call into our error.

        With `past_suspension` a suspended member is called, too: the caller has looked at what may pass.
        While no other member can accept our node, only documents are asked for.
        """
        if method.service != methods.GOSSIP:
            self._check_own(member)
        link = self._link(member, past_suspension=past_suspension)
        try:
            answer = await link.call(method.path, method.request.write(request), timeout or method.timeout_s)
        except grpc.aio.AioRpcError as error:
            # A question about documents is how we learn why: its own refusal leads to no other one.
            if method.service != methods.GOSSIP and (ending := refusal_of(error)) is not None:
                self._greeter.dismissed(member, Farewell(ending.code, b""))
            raise (refusal or peer_error)(member, error) from error
        except (asyncio.CancelledError, grpc.aio.UsageError):
            if is_cancelled():
                raise
            # grpc raises this when the channel is closed under a call: this task itself was not cancelled.
            raise Unavailable("the connection to `{member}` was closed", where=member, member=member) from None
        self._seen(member)
        return method.read_answer(answer)

    async def download(self, member: MemberId, method: Method[Q, A], request: Q, pause_s: float) -> AsyncGenerator[A]:
        """Make one call that is answered with a stream. Raises as `call`, with the code of a refusal.

        A counterpart that is silent for `pause_s` seconds counts as one that cannot be reached.
        """
        self._check_own(member)
        link = self._link(member)
        try:
            async with contextlib.aclosing(
                link.download(method.path, method.request.write(request), pause_s)
            ) as answers:
                async for answer in answers:
                    if (removed := link.removed(self._directory())) is not None:
                        raise removed
                    self._seen(member)
                    yield method.read_answer(answer)
        except TimeoutError:
            raise TimedOut("`{member}` did not answer in time", where=member, member=member) from None
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                code = (error.details() or "")[:40]
                raise Unknown(
                    "`{member}` does not give it: {why!a}", code="not-given", member=member, why=code
                ) from error
            raise told_error(member, error) from error
        except (asyncio.CancelledError, grpc.aio.UsageError):
            if is_cancelled():
                raise
            raise Unavailable("the connection to `{member}` was closed", where=member, member=member) from None

    def _check_own(self, member: MemberId) -> None:
        if not may_connect(self._directory(), self._greeter.member, self._clock.now_us()):
            raise Unavailable("our own node is not accepted by other members", code="own-suspended", where=member)

    def _seen(self, member: MemberId) -> None:
        self._last_seen[member] = self._clock.now_us()

    async def keep(self, member: MemberId) -> None:
        """Keep a stream to a member open, which greets it from time to time. Raises as `exchange`."""
        await self._link(member).keep()

    def trust_changed(self) -> None:
        """Greet all; end at once what is open to members, or with keys, that were removed."""
        directory = self._directory()
        for member, link in list(self._links.items()):
            if (removed := link.removed(directory)) is not None:
                del self._links[member]
                link.fail(removed)
            else:
                link.greet()

    def _link(self, member: MemberId, *, past_suspension: bool = False) -> _Link:
        """Return the link to `member`; a new one when trust in it or our own identity has changed.

        Roots or addresses may differ then, and our certificate.
        """
        if not past_suspension and (reason := self._suspended(member)) is not None:
            raise Suspended(
                "exchange with `{member}` is suspended: {reason}", where=member, member=member, reason=reason
            )
        directory, identity = self._directory(), self._identity()
        link = self._links.get(member)
        if link is None or link.about != directory.about(member) or link.identity is not identity:
            if link is not None:
                link.retire()
            link = self._links[member] = _Link(
                member, directory, identity, lambda: self._seen(member), self._greeter, self.connect
            )
        return link


class Deliveries:
    """`Calls` to counterparts that keep the code with which a counterpart's node refuses a call for now.

    They pass our own suspension for the desk's sender, which holds what a suspension holds.
    """

    def __init__(self, pool: PeerPool, *, past_suspension: bool = True) -> None:
        self._pool = pool
        self._past_suspension = past_suspension

    async def call(self, member: MemberId, method: Method[Q, A], request: Q) -> A:
        """Make one unary call. Raises as `PeerPool.call`."""
        return await self._pool.call(member, method, request, refusal=told_error, past_suspension=self._past_suspension)


# ------------------------------------------------------------ the link to a member
# A connection that seems dead is given up for a new one: requests that wait on the old one may still be answered there.


if TYPE_CHECKING:
    Unary = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    Streamed = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]

ChannelOptions = Sequence[tuple[str, int | str]]
Connect = Callable[[TlsIdentity, TrustView, MemberId], Callable[[str, ChannelOptions], grpc.aio.Channel]]
"""Returns the function that opens a channel to an address of a member, with our identity."""

_CONNECTIONS = 2
_CONNECT_S = 1.0
_IN_FLIGHT_S = 60.0
_CLOSE_S = 5.0
_RENEW_S = 3.0
"""A connection is given up at most this often, so that a counterpart that hangs is not flooded with handshakes."""

_GIVEN_UP = 2
"""Connections that were given up and may still bring answers; the oldest is closed when there are more."""


def _over_tls(
    identity: TlsIdentity, directory: TrustView, member: MemberId
) -> Callable[[str, ChannelOptions], grpc.aio.Channel]:
    """Return the function that opens a channel to an address of `member`, where both ends prove who they are."""
    credentials = channel_credentials(identity, directory.ca_pem(member))
    return lambda address, options: grpc.aio.secure_channel(address, credentials, options=options)


class _Link:
    """Two connections to a member, used in turn, and one for files once any is fetched.

    `about` is what trust said of the member when they were made."""

    def __init__(
        self,
        member: MemberId,
        directory: TrustView,
        identity: TlsIdentity,
        seen: Callable[[], None],
        greeter: Greeter,
        connect: Connect = _over_tls,
    ) -> None:
        self.about = directory.about(member)
        self._tls_keys = directory.tls_keys(member)
        self._member = member
        self.identity = identity
        endpoints = directory.endpoints(member)
        if not endpoints:
            raise Unavailable("no address of `{member}` is known", code="no-endpoint", where=member, member=member)
        open_channel = connect(identity, directory, member)
        options = client_options(directory.server_name(member), largest_answer(methods.NODE_METHODS))

        wide = client_options(directory.server_name(member), largest_answer(methods.NODE_METHODS, downloads=True))
        self._downloads: grpc.aio.Channel | None = None
        self._open_downloads: Callable[[], grpc.aio.Channel] = lambda: open_channel(endpoints[0], wide)

        def opening(address: str) -> Callable[[], grpc.aio.Channel]:
            return lambda: open_channel(address, options)

        self._connections = [
            Connection(member, opening(endpoints[number % len(endpoints)]), seen, greeter)
            for number in range(_CONNECTIONS)
        ]
        self._turn = itertools.cycle(self._connections)
        self._retiring: asyncio.Task[None] | None = None
        self._in_flight = 0
        self._returned = asyncio.Event()
        self._returned.set()

    @property
    def connected(self) -> bool:
        """Tell whether a stream is open."""
        return any(connection.connected for connection in self._connections)

    def removed(self, directory: TrustView) -> Untrusted | None:
        """Return why no answer on these connections counts any more, if so."""
        if not directory.active(self._member):
            return Untrusted("suspended from the federation", code="member-suspended", where=self._member)
        if not self._tls_keys <= directory.tls_keys(self._member):
            return Untrusted("the key of their node is no longer trusted", code="key-removed", where=self._member)
        return None

    async def keep(self) -> None:
        """Open a stream where none is open. Raises as `Connection.stream`."""
        await self._connections[0].stream()

    def greet(self) -> None:
        """Greet the other end on each open stream."""
        for connection in self._connections:
            connection.greet()

    def fail(self, error: Untrusted) -> None:
        """End all streams at once, with the error of what waits on them."""
        for connection in self._connections:
            connection.fail(error)
        self._retiring = asyncio.create_task(self.close(0.0))

    async def call(self, path: str, data: bytes, timeout: float) -> bytes:
        """Make one unary call."""
        with self._flying():
            return await next(self._turn).call(path, data, timeout)

    async def download(self, path: str, data: bytes, pause_s: float) -> AsyncGenerator[bytes]:
        """Make one call that is answered with a stream, over a connection of its own.

        Raises `TimeoutError` where nothing comes for `pause_s` seconds.
        """
        channel = self._downloads = self._downloads or self._open_downloads()
        streamed: Streamed = channel.unary_stream(path)
        call = streamed(data)
        try:
            while True:
                async with OWN.timeout(pause_s):
                    part = await call.read()
                if not isinstance(part, bytes):
                    return
                yield part
        finally:
            call.cancel()

    async def ask(self, request: pb.SubmitExchangeRequest) -> AnswerMessage:
        """Send a request over a stream and wait for its answer. Raises `ConnectionLost` when there is none in time."""
        with self._flying():
            if any(connection.silent for connection in self._connections):
                # The cause is on the way or at the other end: an idle connection is probably dead, too.
                for connection in self._connections:
                    connection.give_up_unheard()
            stream = await self._stream()
            return await stream.ask(request)

    async def _stream(self) -> AskingStream:
        """Return a stream over the next connection that our side does not refuse. Raises as `Connection.stream`."""
        refused: Untrusted | None = None
        for connection in itertools.islice(self._turn, _CONNECTIONS):
            try:
                return await connection.stream()
            except Untrusted as error:
                refused = error
            except ConnectionLost as lost:
                raise refused or lost from None
        assert refused is not None
        raise refused

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

    def retire(self) -> None:
        """Send nothing more here; close once everything in flight has come back."""
        self._retiring = asyncio.create_task(self.close(_IN_FLIGHT_S))

    async def close(self, patience: float = _CLOSE_S) -> None:
        """Close once everything in flight has come back, after `patience` seconds at the latest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._returned.wait()
        for connection in self._connections:
            await connection.close()
        if self._downloads is not None:
            await self._downloads.close()


class Connection:
    """One connection to a member, and its stream. Each is replaced when it has come to its end."""

    def __init__(
        self, member: MemberId, opening: Callable[[], grpc.aio.Channel], seen: Callable[[], None], greeter: Greeter
    ) -> None:
        self._member = member
        self._greeter = greeter
        self._opening = opening
        self._seen = seen
        self._channel = opening()
        self._stream: AskingStream | None = None
        self._renewed = -_RENEW_S
        self._given_up: deque[asyncio.Task[None]] = deque()
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Tell whether the stream is open."""
        return self._stream is not None and not self._stream.broken

    @property
    def silent(self) -> bool:
        """Tell whether answers are overdue."""
        return self._stream is not None and self._stream.silent

    def greet(self) -> None:
        """Greet the other end where the stream is open."""
        if self._stream is not None and not self._stream.broken:
            self._stream.greet()

    def fail(self, error: Untrusted) -> None:
        """End the stream at once; what waits on it fails with `error`."""
        if self._stream is not None:
            self._stream.fail(error)

    def give_up_unheard(self) -> None:
        """Give up a connection on which nothing came lately."""
        if self._stream is None or not self._stream.heard_lately:
            self._give_up()

    async def call(self, path: str, data: bytes, timeout: float) -> bytes:
        """Make one unary call. One without an answer on a connection that stands puts another in its place."""
        channel = self._channel
        call: Unary = channel.unary_unary(path)
        try:
            return await call(data, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            dead = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and channel is self._channel
            if dead and channel.get_state() is grpc.ChannelConnectivity.READY:
                self._give_up()
            raise

    async def stream(self) -> AskingStream:
        """Return a stream for a request.

        Raises `ConnectionLost` when there is no connection within a second or gRPC tells why, and `Untrusted` when our
        side refuses it.
        """
        if self._stream is None or self._stream.broken:
            await self._connected()
        if self._stream is None or not self._stream.usable:
            if self._stream is not None:
                self._keep(self._stream.retire())
            greetings = StreamGreetings(self._member, self._greeter, asyncio.get_running_loop().time)
            self._stream = AskingStream(self._member, self._channel, self._seen, greetings)
        return self._stream

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _connected(self) -> None:
        """Wait for the connection, but not for all of the budget, since an officer waits for the answer."""
        channel = self._channel
        channel.get_state(try_to_connect=True)
        try:
            async with OWN.timeout(_CONNECT_S):
                await self._ready(channel)
        except (TimeoutError, grpc.aio.UsageError):
            raise ConnectionLost(
                "`{member}` cannot be reached", code="unreachable", where=self._member, member=self._member
            ) from None

    async def _ready(self, channel: grpc.aio.Channel) -> None:
        """Wait for the connection. Raises as soon as gRPC tells why there is none: `Untrusted` or `ConnectionLost`."""
        while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
            if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE and (
                cause := await why_unconnected(self._member, channel)
            ):
                raise cause
            await channel.wait_for_state_change(state)

    def _give_up(self) -> None:
        """Open another connection in the place of this one, which is closed once nothing waits for it."""
        now = asyncio.get_running_loop().time()
        if now - self._renewed < _RENEW_S:
            return
        self._renewed = now
        self._given_up.append(asyncio.create_task(_close(self._channel, self._stream, _IN_FLIGHT_S)))
        self._channel, self._stream = self._opening(), None
        while len(self._given_up) > _GIVEN_UP:
            self._given_up.popleft().cancel()

    async def close(self) -> None:
        """End the stream and the connection, and those that were given up."""
        for task in self._given_up:
            task.cancel()
        await asyncio.gather(*self._given_up, return_exceptions=True)
        await _close(self._channel, self._stream, 0)


async def _close(channel: grpc.aio.Channel, stream: AskingStream | None, patience: float) -> None:
    """Close a stream once nothing waits for it, after `patience` seconds at the latest, and then its connection."""
    try:
        if stream is not None and patience:
            await stream.retire(patience)
    finally:
        if stream is not None:
            stream.close()
        await channel.close()
