"""A wire in memory between nodes of one process: channels and calls as gRPC has them, without sockets and TLS.

Each end is the real one: the streams, doors, limits and refusals of `gateway.node` and `gateway.rpc` run as they are. A
wire can be cut, lose requests and answers, and bring requests twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from certs.tls import TlsIdentity
from gateway.model.names import MemberId
from gateway.node.client import ChannelOptions, Connect
from gateway.node.server import NodeServer
from gateway.trust.view import TrustView

_NOTHING_LISTENS = "failed to connect to all addresses; last error: UNKNOWN: memory: Connection refused"
_LOST = "the wire lost it"
_NO_METADATA = grpc.aio.Metadata()


@dataclass
class Wire:
    """The way between nodes, by their addresses. `lost` and `doubled` are shares of single calls."""

    random: random.Random = field(default_factory=lambda: random.Random(0))
    lost: float = 0.0
    doubled: float = 0.0
    servers: dict[str, tuple[MemberId, NodeServer]] = field(default_factory=dict)
    calls: int = 0
    """All calls that began, streams too."""
    _cut: set[frozenset[MemberId]] = field(default_factory=set)
    _open: dict[_Call, frozenset[MemberId]] = field(default_factory=dict)

    def cut(self, one: str, other: str) -> None:
        """Let nothing pass between two members; what is open breaks."""
        pair = frozenset((MemberId(one), MemberId(other)))
        self._cut.add(pair)
        for call in [call for call, between in self._open.items() if between == pair]:
            call.end(grpc.StatusCode.UNAVAILABLE, _LOST)

    def mend(self) -> None:
        """Let everything pass again."""
        self._cut.clear()
        self.lost = self.doubled = 0.0

    def connect(self, me: MemberId) -> Connect:
        """Return what a node's `PeerPool.connect` is on this wire."""

        def connect(identity: TlsIdentity, _trust: TrustView, member: MemberId) -> Callable[..., Any]:
            def open_channel(address: str, _options: ChannelOptions) -> Any:
                return _Channel(self, address, frozenset((me, member)), identity.certificate)

            return open_channel

        return connect

    def begin(self, address: str, between: frozenset[MemberId], path: str, certificate: bytes) -> _Call:
        """Begin a call. Raises what gRPC raises where nothing listens, or the wire loses it."""
        self.calls += 1
        if not self.reaches(address, between):
            raise error_of(grpc.StatusCode.UNAVAILABLE, _NOTHING_LISTENS)
        _, server = self.servers[address]
        handler: Any = server._handlers.get(path)
        if handler is None:
            raise error_of(grpc.StatusCode.UNIMPLEMENTED, "")
        call = _Call(handler.stream_stream or handler.stream_unary, certificate, min(between))
        self._open[call] = between
        call.add_done_callback(self._open.pop)
        return call

    def reaches(self, address: str, between: frozenset[MemberId]) -> bool:
        """Tell whether a connection to an address would stand."""
        return address in self.servers and between not in self._cut

    def loses(self) -> bool:
        """Tell whether this message is lost."""
        return self.random.random() < self.lost


class _Channel:
    """`grpc.aio.Channel`, as far as `gateway.node` uses it."""

    def __init__(self, wire: Wire, address: str, between: frozenset[MemberId], certificate: bytes) -> None:
        self._wire = wire
        self._at = (address, between)
        self._certificate = certificate
        self._calls: set[_Call] = set()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return whether there is a connection; on this wire it is known at once."""
        del try_to_connect
        states = grpc.ChannelConnectivity
        return states.READY if self._wire.reaches(*self._at) else states.TRANSIENT_FAILURE

    async def wait_for_state_change(self, state: grpc.ChannelConnectivity) -> None:
        """Wait until there is another state."""
        while self.get_state() is state:
            await asyncio.sleep(0.01)

    def unary_unary(self, path: str) -> Callable[..., Any]:
        """Return the function that makes one call of a method."""

        async def call(data: bytes, timeout: float | None = None) -> bytes:
            answer = await self._one(path, data, timeout)
            if self._wire.random.random() < self._wire.doubled:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await self._one(path, data, timeout)
            return answer

        return call

    async def _one(self, path: str, data: bytes, timeout: float | None) -> bytes:
        if self._wire.loses():
            raise error_of(grpc.StatusCode.UNAVAILABLE, _LOST)
        call = self._begin(path, timeout)
        await call.write(data)
        call.write_ends()
        try:
            async with asyncio.timeout(timeout):
                answer = await call.read()
        except TimeoutError:
            call.cancel()
            raise error_of(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        if self._wire.loses() or not isinstance(answer, bytes):
            raise error_of(grpc.StatusCode.UNAVAILABLE, _LOST)
        return answer

    def stream_stream(self, path: str) -> Callable[[], _Call]:
        """Return the function that opens a stream."""
        return lambda: self._begin(path)

    def unary_stream(self, path: str) -> Callable[[bytes], _Call]:
        """Return the function that makes one call that is answered with a stream."""

        def call(data: bytes) -> _Call:
            made = self._begin(path)
            made.sent.put_nowait(data)
            made.write_ends()
            return made

        return call

    def _begin(self, path: str, timeout: float | None = None) -> _Call:
        call = self._wire.begin(*self._at, path, self._certificate)
        call.deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        call.start()
        return call

    async def close(self) -> None:
        """End all calls."""
        for call in list(self._calls):
            call.cancel()


class _Call:
    """One call: both ends of it, and the server's `ServicerContext`, which is `served`."""

    def __init__(self, handler: Callable[[Any, Any], Any], certificate: bytes, caller: MemberId) -> None:
        self._handler = handler
        self.served = _Context(self, certificate, caller)
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.answered: asyncio.Queue[Any] = asyncio.Queue()
        self.deadline: float | None = None
        self._status: tuple[grpc.StatusCode, str, Any] | None = None
        self._callbacks: list[Callable[[Any], object]] = []
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Let the server serve it."""
        self._serving = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        try:
            answer = await self._handler(None, self.served)
            if isinstance(answer, bytes):
                self.answered.put_nowait(answer)
            self.end(self.served.code or grpc.StatusCode.OK, "")
        except grpc.aio.AbortError:
            assert self.is_done
        except asyncio.CancelledError:
            self.end(grpc.StatusCode.CANCELLED, "")
            raise
        except Exception as error:  # noqa: BLE001  # as gRPC does with what a handler raises
            self.end(grpc.StatusCode.UNKNOWN, type(error).__name__)

    @property
    def is_done(self) -> bool:
        """Tell whether it has a status."""
        return self._status is not None

    def end(self, code: grpc.StatusCode, details: str, trailing: Any = _NO_METADATA) -> None:
        """Give it its status, once; both ends see it."""
        if self._status is not None:
            return
        self._status = (code, details, trailing)
        for queue in (self.sent, self.answered):
            queue.put_nowait(grpc.aio.EOF)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
        serving = self._serving
        if serving is not None and serving is not asyncio.current_task():
            serving.cancel()

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call a function once it has ended."""
        if self.is_done:
            callback(self)
        else:
            self._callbacks.append(callback)

    # ------------------------------------------------------------ the caller's end

    async def write(self, data: bytes) -> None:
        """Send a message."""
        if self.is_done:
            raise asyncio.InvalidStateError("the call has ended")
        self.sent.put_nowait(data)

    def write_ends(self) -> None:
        """Send no more."""
        self.sent.put_nowait(grpc.aio.EOF)

    async def read(self) -> Any:
        """Return the next message of the other end, or EOF; raise the call's status when it failed."""
        message = await self.answered.get()
        if message is grpc.aio.EOF:
            self.answered.put_nowait(message)
            assert self._status is not None
            if self._status[0] is not grpc.StatusCode.OK:
                raise error_of(*self._status)
        return message

    def cancel(self) -> None:
        """End it from the caller's end."""
        self.end(grpc.StatusCode.CANCELLED, "")


class _Context:
    """`grpc.aio.ServicerContext`, as far as `gateway.rpc` and `gateway.node` use it."""

    def __init__(self, call: _Call, certificate: bytes, caller: MemberId) -> None:
        self._call = call
        self._certificate = certificate
        self._caller = caller
        self.code: grpc.StatusCode | None = None

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """Return the certificate that the caller has shown."""
        return {"x509_pem_cert": [self._certificate]}

    def peer(self) -> str:
        """Return the caller's address."""
        return f"memory:{self._caller}"

    def time_remaining(self) -> float | None:
        """Return the seconds for which the caller waits."""
        deadline = self._call.deadline
        return None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time())

    async def read(self) -> Any:
        """Return the next message of the caller, or EOF."""
        message = await self._call.sent.get()
        if message is grpc.aio.EOF:
            self._call.sent.put_nowait(message)
        return message

    async def write(self, data: bytes) -> None:
        """Send a message to the caller."""
        self._call.answered.put_nowait(data)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> None:
        """End the call with a status."""
        self._call.end(code, details, grpc.aio.Metadata(*trailing_metadata))
        raise grpc.aio.AbortError("ended with a status")

    def set_code(self, code: grpc.StatusCode) -> None:
        """Set the status with which the call ends."""
        self.code = code

    def done(self) -> bool:
        """Tell whether the call has ended."""
        return self._call.is_done

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call a function once the call has ended."""
        self._call.add_done_callback(callback)


def error_of(code: grpc.StatusCode, details: str, trailing: Any = _NO_METADATA) -> grpc.aio.AioRpcError:
    """Return gRPC's error for a status."""
    return grpc.aio.AioRpcError(code, _NO_METADATA, trailing, details)
