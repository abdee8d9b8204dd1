"""The server of a node, on the loop: it takes and gives raw bytes, and checks and limits each caller itself."""

from __future__ import annotations

from certs import tls as _floor  # noqa: F401  # isort: skip
import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn

import grpc

from certs.tls import listen
from gateway.errors import HeadConflict, LiaisonError, Malformed, Overloaded, TimedOut, Unavailable
from gateway.pauses import OWN
from gateway.rpc.contract import (
    Call,
    CallerCheck,
    Door,
    Ended,
    Limit,
    Method,
    Pace,
    Shape,
    Who,
    by_path,
    largest_request,
)
from gateway.rpc.lane import LOOPBACK, TlsLane
from gateway.rpc.status import STATUS, size_metadata
from gateway.rpc.transport import Lookup, Refused, RefusedCall, certificate_of, options

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]
    Handler = grpc.RpcMethodHandler[bytes, bytes]

Credentials = grpc.ServerCredentials | TlsLane
"""How the port makes handshakes: in gRPC, or in the lane before it."""

_ADDRESS = "listen.exchange"
_FLUSH_S = 0.5
"""Seconds in which the last answers leave when the server stops."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of the transport. The grace of an aged connection outlives every stream that began on it.

    A member's bounds lie well below those of the server, so that no member can lock the others out. A peer that takes
    one message, of 128 KiB at most, more slowly than in `write_s` counts as one that does not read, and is cut off; for
    a chunk of a file, of 1 MiB, it has `chunk_s`.
    While more than `unsent_bytes` of replies wait for a stream, nothing more is read from it.
    """

    concurrent_rpcs: int = 1024
    streams_per_member: int = 32
    downloads_per_member: int = 4
    calls_per_member: int = 64
    stream_idle_s: float = 900.0
    write_s: float = 2.0
    chunk_s: float = 60.0
    unsent_bytes: int = 512 * 1024
    connection_age_ms: int = 600_000
    grace_ms: int = 300_000

    def of(self, limit: Limit) -> tuple[int, str]:
        """Return how many calls of one caller may be open under `limit`, and the code of a refusal."""
        if limit is Limit.STREAMS:
            return self.streams_per_member, "stream-limit"
        if limit is Limit.DOWNLOADS:
            return self.downloads_per_member, "download-limit"
        return (self.calls_per_member if limit is Limit.CALLS else self.concurrent_rpcs), "call-limit"


class RpcServer(Generic[Who]):
    """Serves the doors of `table` and nothing else.

    `callers` has each check that the table's rows name: a check returns the caller, or raises `LiaisonError`. With
    `share_port`, other processes of this node listen on the same port. A caller's limit of streams counts over all of
    the `processes`, each of which takes its share. A refusal waits as long as `pace` says, so that a flood of calls
    does not take the loop from others.
    """

    def __init__(
        self,
        table: Sequence[Method[Any, Any]],
        doors: Sequence[Door[Who]],
        callers: Mapping[CallerCheck, Callable[[bytes], Who]],
        refused: Refused,
        credentials: Credentials,
        limits: ServerLimits,
        pace: Pace,
        *,
        share_port: bool = False,
        processes: Callable[[], int] = lambda: 1,
    ) -> None:
        self._processes = processes
        self._pace = pace
        self._held: Counter[str] = Counter()
        self._stopping = asyncio.Event()
        self._callers = {row: callers[row.caller] for row in table}
        self._refused = refused
        self._limits = limits
        self._lane = credentials if isinstance(credentials, TlsLane) else None
        self._credentials = credentials
        self._share_port = share_port
        self._open: Counter[tuple[str, Limit]] = Counter()
        self._unfinished: Counter[tuple[str, Limit]] = Counter()
        self._idle = asyncio.Event()
        self._idle.set()
        self._handlers = {path: self._handler(door) for path, door in by_path(table, doors).items()}
        self._server = grpc.aio.server(
            options=options(
                largest_request(table),
                limits.connection_age_ms,
                limits.grace_ms,
                share_port=share_port and not isinstance(credentials, TlsLane),
            ),
            maximum_concurrent_rpcs=limits.concurrent_rpcs,
        )
        self._server.add_generic_rpc_handlers((Lookup(self._handlers, refused),))

    async def start(self, address: str) -> int:
        """Listen on `host:port`, and return the port that is bound (for port 0)."""
        if isinstance(self._credentials, TlsLane):
            inner = self._server.add_insecure_port(f"{LOOPBACK}:0")
            await self._server.start()
            return self._credentials.start(address, inner, _ADDRESS, share_port=self._share_port)
        port = listen(self._server, address, self._credentials, _ADDRESS)
        await self._server.start()
        return port

    async def stop(self, grace: float) -> None:
        """Take no more; let running calls finish within `grace` seconds.

        Calls whose callers do not read what was answered are not waited for.
        """
        self._stopping.set()
        stopping = asyncio.create_task(self._server.stop(grace))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._idle.wait()
        await self._server.stop(min(grace, _FLUSH_S))
        await stopping
        if self._lane:
            await asyncio.to_thread(self._lane.stop)

    def _shown(self, context: Context) -> bytes:
        """Return the certificate that a caller has shown, or raise `Unauthenticated`."""
        if self._lane:
            return self._lane.certificate_of(context.peer())
        return certificate_of(context.auth_context())

    def _address(self, context: Context) -> str:
        peer = context.peer()
        return self._lane.address_of(peer) if self._lane else peer

    def _handler(self, door: Door[Who]) -> Handler:
        if door.method.shape is Shape.STREAM:

            async def stream(_: Any, context: Context) -> None:
                call, place = await self._admitted(context, door.method)
                try:
                    await door.serve(call, context)
                finally:
                    self._leave(place)

            return grpc.stream_stream_rpc_method_handler(stream)

        if door.method.shape is Shape.DOWNLOAD:

            async def download(_: Any, context: Context) -> None:
                call, place = await self._admitted(context, door.method)
                try:
                    await self._give(door, call, context)
                finally:
                    self._leave(place)

            return grpc.stream_stream_rpc_method_handler(download)

        async def unary(_: Any, context: Context) -> bytes:
            call, place = await self._admitted(context, door.method)
            try:
                return await self._serve(door, call, context)
            finally:
                self._leave(place)

        # For a unary handler gRPC waits until the message has come, for ever and beside every limit of a caller. So
        # the message is read here, once its caller is admitted.
        return grpc.stream_unary_rpc_method_handler(unary)

    async def _serve(self, door: Door[Who], call: Call[Who], context: Context) -> bytes:
        try:
            answer = await door.serve(call, await self._request(door.method, context))
            self._callers[door.method](call.certificate)  # who was removed meanwhile gets nothing
            return door.write(answer)
        except Ended as end:
            await context.abort(STATUS[end.reason], end.code)
        except HeadConflict as conflict:  # a log learns our size in this way; it is not a refusal to be noted
            await context.abort(STATUS[conflict.reason], conflict.code, size_metadata(conflict))
        except LiaisonError as error:
            await self._refuse(context, door.method, call.who, error)
        except Exception as error:  # noqa: BLE001 - gRPC would send the words of a foreign exception to the peer
            await self._refuse(
                context, door.method, call.who, LiaisonError("unforeseen: {kind}", kind=type(error).__name__)
            )

    async def _give(self, door: Door[Who], call: Call[Who], context: Context) -> None:
        """Answer with a stream. A caller that is removed, or does not read, gets no further part of it."""
        try:
            answers = door.serve(call, await self._request(door.method, context))
            async with contextlib.aclosing(answers):
                async for answer in answers:
                    self._callers[door.method](call.certificate)
                    async with OWN.timeout(self._limits.chunk_s):
                        await context.write(door.write(answer))
                    if self._stopping.is_set():
                        raise Unavailable("the node stops", code="stopping")
        except LiaisonError as error:
            await self._refuse(context, door.method, call.who, error)
        except TimeoutError:
            unread = Overloaded("the peer does not read", code="unread-replies")
            await self._refuse(context, door.method, call.who, unread)
        except Exception as error:  # noqa: BLE001 - gRPC would send the words of a foreign exception to the peer
            await self._refuse(
                context, door.method, call.who, LiaisonError("unforeseen: {kind}", kind=type(error).__name__)
            )

    async def _request(self, method: Method[Any, Any], context: Context) -> Any:
        """Read the message of a unary call; raise `TimedOut` when it does not come in the time of its method."""
        try:
            async with asyncio.timeout(method.timeout_s):
                data = await context.read()
        except TimeoutError:
            raise TimedOut("the message did not come in time", code="slow-message") from None
        if not isinstance(data, bytes):
            raise Malformed("a call without a message", code="no-message")
        method.check_size(data)
        return method.request.read(data)

    async def _admitted(self, context: Context, method: Method[Any, Any]) -> tuple[Call[Who], tuple[str, Limit]]:
        """Check the caller and its limits; return the call, open until `_leave` gets its place, or refuse it."""
        who, certificate, place = "", b"", ("", method.limit)
        try:
            certificate = self._shown(context)
            caller = who = self._callers[method](certificate)
            place = (who, method.limit)
            self._check_room(place)
            if method.paced and not self._pace.admits(who):
                raise Overloaded("`{member}` calls too often", code="call-rate", member=who)
        except LiaisonError as error:
            await self._refuse(context, method, who, error, certificate)
        call = Call(caller, certificate, context.time_remaining())
        self._enter(context, place)
        return call, place

    def _leave(self, place: tuple[str, Limit]) -> None:
        """Count a call as served."""
        self._open[place] -= 1
        if not any(self._open.values()):
            self._idle.set()

    def _check_room(self, place: tuple[str, Limit]) -> None:
        """Raise `Overloaded` when the caller has too many calls open, or too many that it does not let come to an end.

        A call that was answered goes on for gRPC until its caller has read the answer. Such calls count for the server
        as a whole, so one caller may not have any number of them.
        """
        most, code = self._limits.of(place[1])
        if place[1] is Limit.STREAMS:
            most = max(1, most // self._processes())
        if self._open[place] >= most or self._unfinished[place] >= 2 * most:
            raise Overloaded("more than {most} at once", code=code, most=most)

    def _enter(self, context: Context, place: tuple[str, Limit]) -> None:
        """Count a call as open until it is served, and as unfinished until gRPC is done with it."""
        self._open[place] += 1
        self._idle.clear()
        self._unfinished[place] += 1

        def finished(_: object) -> None:
            self._unfinished[place] -= 1

        if context.done():  # the caller is gone already, and gRPC calls no one back
            finished(context)
        else:
            context.add_done_callback(finished)  # type: ignore[arg-type]  # the stubs name a class that is not callable

    async def _hold(self, who: str) -> None:
        """Let a refusal wait for its turn. No more wait than a caller may have calls unfinished: others' room stays."""
        wait_s = self._pace.call_waits_s(who)
        if not wait_s or self._stopping.is_set() or self._held[who] >= 2 * self._limits.calls_per_member:
            return
        self._held[who] += 1
        try:
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
        except TimeoutError:
            return
        finally:
            self._held[who] -= 1

    async def _part(self, context: Context, method: Method[Any, Any], certificate: bytes, error: LiaisonError) -> None:
        """Say the last words to a caller that is refused before its status; a server may have some."""

    async def _refuse(
        self, context: Context, method: Method[Any, Any], who: str, error: LiaisonError, certificate: bytes = b""
    ) -> NoReturn:
        """Note a refusal and end its call with a status; the caller gets no answer."""
        self._refused(RefusedCall(method.name, who, self._address(context), error))
        await self._hold(who)
        await self._part(context, method, certificate, error)
        await context.abort(STATUS[error.reason], error.code)
        raise error
