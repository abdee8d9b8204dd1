"""The gRPC server towards counterparts: raw bytes in and out, peer checks and limits by our own hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from grpc_health.v1 import health_pb2

from certs.tls import listen
from gateway.clock import Clock
from gateway.errors import HeadConflict, LiaisonError, Malformed, Overloaded, TooLarge, Unauthenticated
from gateway.exchange.answering.inbound import FrameRefusal, Inbound
from gateway.node import methods, wire, witness_wire
from gateway.node.doors import Doors, ServerLimits
from gateway.node.status import STATUS
from gateway.node.stream import Stream
from gateway.node.unary_sink import UnarySink
from gateway.trust.view import PeerIdentity

_MAX_BUDGET_S = 3.0
_OURS = 0.8
"""The part of the asker's budget that our sources may use; the rest is for the way there and back."""

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]
    Handler = grpc.RpcMethodHandler[bytes, bytes]


class NodeServer:
    """Serves `methods.METHODS` and nothing else. `share_port`: other processes of this node listen there as well."""

    def __init__(
        self,
        doors: Doors,
        clock: Clock,
        credentials: grpc.ServerCredentials,
        limits: ServerLimits,
        *,
        share_port: bool = False,
    ) -> None:
        self._doors = doors
        self._clock = clock
        self._limits = limits
        self._open: Counter[tuple[str, methods.Shape]] = Counter()
        self._streams: set[Stream] = set()
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", methods.MAX_MESSAGE),
                ("grpc.max_metadata_size", 8 * 1024),
                ("grpc.max_connection_age_ms", limits.connection_age_ms),
                ("grpc.max_connection_age_grace_ms", limits.grace_ms),
                ("grpc.http2.max_ping_strikes", 2),
                ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
                ("grpc.so_reuseport", int(share_port)),
            ],
            maximum_concurrent_rpcs=limits.concurrent_rpcs,
        )
        self._server.add_generic_rpc_handlers((_Handlers(self._handlers(), doors.refused),))
        self._credentials = credentials

    async def start(self, address: str) -> int:
        """Listen on `host:port`; the port that is bound (for port 0)."""
        port = listen(self._server, address, self._credentials, "listen.exchange")
        await self._server.start()
        return port

    async def stop(self, grace: float) -> None:
        """Take no more; let what runs finish within `grace` seconds."""
        for stream in list(self._streams):
            stream.drain()
        await self._server.stop(grace)

    def _handlers(self) -> dict[str, Handler]:
        unary = grpc.unary_unary_rpc_method_handler
        return {
            methods.SUBMIT.path: unary(self._submit),
            methods.STREAM.path: grpc.stream_stream_rpc_method_handler(self._stream),
            methods.ACKNOWLEDGE.path: unary(self._acknowledge),
            methods.CONSENT.path: unary(self._consent),
            methods.COMPARE_DAY.path: unary(self._compare_day),
            methods.ADD_CHECKPOINT.path: unary(self._add_checkpoint),
            methods.LARGEST_HEAD.path: unary(self._largest_head),
            methods.HEALTH_CHECK.path: unary(self._health),
        }

    async def _peer(self, context: Context) -> tuple[bytes, PeerIdentity]:
        """The caller's certificate and who it is, or the end of the call (never an answer to strangers)."""
        certificates = list(context.auth_context().get("x509_pem_cert") or [b""])
        try:
            if len(certificates) != 1:
                raise Unauthenticated("more than one certificate")
            return certificates[0], self._doors.identify(certificates[0])
        except LiaisonError as error:
            self._doors.refused("", error)
            await context.abort(STATUS[error.reason], error.code)
            raise

    @contextlib.asynccontextmanager
    async def _admitted(
        self, context: Context, method: methods.Method, data: bytes = b""
    ) -> AsyncIterator[tuple[bytes, PeerIdentity]]:
        """The caller, while its call is open: within the bounds of its member and of the method's messages."""
        certificate, peer = await self._peer(context)
        place = (peer.member, method.shape)
        try:
            self._check_room(peer.member, method.shape)
            _fits(method, data)
        except LiaisonError as error:
            await self._refuse_call(context, peer.member, error)
        self._open[place] += 1
        try:
            yield certificate, peer
        finally:
            self._open[place] -= 1

    def _check_room(self, member: str, shape: methods.Shape) -> None:
        stream = shape is methods.Shape.STREAM
        limit = self._limits.streams_per_member if stream else self._limits.calls_per_member
        if self._open[(member, shape)] >= limit:
            raise Overloaded(f"more than {limit} at once", code="stream-limit" if stream else "call-limit")

    async def _refuse_call(self, context: Context, member: str, error: LiaisonError) -> NoReturn:
        self._doors.refused(member, error)
        await context.abort(STATUS[error.reason], error.code)
        raise error

    async def _submit(self, data: bytes, context: Context) -> bytes:
        async with self._admitted(context, methods.SUBMIT, data) as (certificate, peer):
            sink = UnarySink(asyncio.get_running_loop().create_future())
            try:
                message = wire.parse_submit(data)
                deadline = self._deadline(message.budget_ms, context.time_remaining())
                self._doors.submit(
                    Inbound(certificate, message.envelope, deadline, message.traceparent, sink, 0, peer.member)
                )
            except LiaisonError as error:
                await self._refuse_call(context, peer.member, error)
            reply = await sink.future
            if isinstance(reply, FrameRefusal):
                await context.abort(STATUS[reply.reason], reply.code)
            return reply

    async def _stream(self, _: Any, context: Context) -> None:
        async with self._admitted(context, methods.STREAM) as (certificate, peer):
            stream = Stream(context, certificate, peer.member, self._limits, self._take, self._doors.refused)
            self._streams.add(stream)
            try:
                await stream.run()
            finally:
                self._streams.discard(stream)

    async def _acknowledge(self, data: bytes, context: Context) -> bytes:
        async with self._admitted(context, methods.ACKNOWLEDGE, data) as (_, peer):
            try:
                return wire.acknowledged(await self._doors.acknowledge(peer, wire.parse_acknowledge(data)))
            except LiaisonError as error:
                await self._refuse_call(context, peer.member, error)

    async def _consent(self, data: bytes, context: Context) -> bytes:
        async with self._admitted(context, methods.CONSENT, data) as (_, peer):
            try:
                return wire.consent_word(await self._doors.consent(peer, wire.parse_ask_consent(data)))
            except LiaisonError as error:
                await self._refuse_call(context, peer.member, error)

    async def _compare_day(self, data: bytes, context: Context) -> bytes:
        async with self._admitted(context, methods.COMPARE_DAY, data) as (_, peer):
            try:
                return wire.compared_day(await self._doors.compare_day(peer, wire.parse_compare_day(data)))
            except LiaisonError as error:
                await self._refuse_call(context, peer.member, error)

    async def _add_checkpoint(self, data: bytes, context: Context) -> bytes:
        async with self._admitted(context, methods.ADD_CHECKPOINT, data) as (_, peer):
            try:
                body, cosigned = witness_wire.parse_add_checkpoint(data)
                return witness_wire.cosignatures(await self._doors.cosign(peer, body, cosigned))
            except HeadConflict as conflict:  # how a log learns our size: nothing that anybody need be told of
                size = ((witness_wire.SIZE, str(conflict.size)),)
                await context.abort(grpc.StatusCode.ABORTED, conflict.code, size)
            except LiaisonError as error:
                await self._refuse_call(context, peer.member, error)

    async def _largest_head(self, data: bytes, context: Context) -> bytes:
        async with self._admitted(context, methods.LARGEST_HEAD, data) as (_, peer):
            try:
                origin = witness_wire.parse_ask_largest_head(data)
                return witness_wire.largest_head(await self._doors.largest_head(peer, origin))
            except LiaisonError as error:
                await self._refuse_call(context, peer.member, error)

    async def _health(self, data: bytes, context: Context) -> bytes:
        async with self._admitted(context, methods.HEALTH_CHECK, data):
            status = health_pb2.HealthCheckResponse
            serving = status.SERVING if self._doors.healthy() else status.NOT_SERVING
            answer: bytes = health_pb2.HealthCheckResponse(status=serving).SerializeToString()
            return answer

    def _deadline(self, budget_ms: int, remaining: float | None) -> float:
        budget = min(budget_ms / 1000 if budget_ms else _MAX_BUDGET_S, _MAX_BUDGET_S, remaining or _MAX_BUDGET_S)
        return self._clock.monotonic() + budget * _OURS

    def _take(self, data: bytes, stream: Stream) -> int:
        """Hand the frames of one stream message to the stages; their number. What does not parse ends the stream."""
        _fits(methods.STREAM, data)
        frames = wire.parse_frames(data).frames
        for frame in frames:
            request = frame.request
            deadline = self._deadline(request.budget_ms, None)
            inbound = Inbound(
                stream.certificate, request.envelope, deadline, request.traceparent, stream, frame.id, stream.member
            )
            try:
                self._doors.submit(inbound)
            except LiaisonError as error:
                self._doors.refused(stream.member, error)
                stream.deliver(stream.pack([(frame.id, FrameRefusal.of(error))]), 1)
        return len(frames)


def _fits(method: methods.Method, data: bytes) -> None:
    """Raises `TooLarge` for a message of more bytes than the method takes."""
    if len(data) > method.max_request_bytes:
        raise TooLarge(f"{len(data)} bytes are more than {method.max_request_bytes}")


class _Handlers(grpc.GenericRpcHandler):
    """Looks methods up in the table; an unknown one is counted and gets UNIMPLEMENTED."""

    def __init__(self, handlers: dict[str, Handler], refused: Callable[[str, LiaisonError], None]) -> None:
        self._handlers = handlers
        self._refused = refused

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call."""
        handler = self._handlers.get(handler_call_details.method)
        if handler is None:
            with contextlib.suppress(LiaisonError):
                self._refused("", Malformed("unknown method", code="unknown-method"))
        return handler
