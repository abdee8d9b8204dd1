"""A member that owns valid keys and means harm: a server at its own place, and a client of all others, at once.

What it says is set by attributes, so that behaviours can be combined while it runs. `counts` says what others asked it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.model.documents import Held, Part, Wanted
from gateway.node import wire
from gateway.rpc import methods
from tests.support.exchange import caller
from tests.support.forger import Behaviour, Forger
from tests.support.nodes import World

Hello = Callable[[], pb.Hello]


class HostileMember:
    """One member. As it is made it greets others with the hash of nothing, lists nothing, and answers no request.

    `greet_s` are the seconds between its greetings on each stream, `documents` gives what others fetch, `answer` what
    they ask, and `ending` ends each stream that others open, `stall_s` after it began.
    """

    def __init__(self, world: World, member: str) -> None:
        self.world = world
        self.id = member
        self.forger = Forger(world.federation[member])
        self.hash: Callable[[], bytes] = lambda: bytes(32)
        self.heads: Callable[[], Sequence[bytes]] = tuple
        self.lines: Callable[[], Sequence[Held] | bytes] = tuple
        self.document: Callable[[Wanted], Part] = lambda _wanted: Part(b"", 0)
        self.answer: Behaviour = lambda _envelope: None
        self.ending: pb.Ending | None = None
        self.greet_s = 1.0
        self.stall_s = 0.0
        self.counts: Counter[str] = Counter()

    # ------------------------------------------------------------ what it says

    def hello(self) -> pb.Hello:
        """Its greeting."""
        return pb.Hello(member=self.id, trust_hash=self.hash(), heads=self.heads())

    async def _stream(self, messages: AsyncIterator[bytes], context: Any) -> None:
        reading = asyncio.create_task(self._read(messages, context))
        try:
            while not reading.done():
                await context.write(pb.StreamExchangesResponse(hello=self.hello()).SerializeToString())
                if self.ending is not None:
                    await asyncio.sleep(self.stall_s)
                    await context.write(pb.StreamExchangesResponse(ending=self.ending).SerializeToString())
                    return
                await asyncio.wait({reading}, timeout=self.greet_s)
        finally:
            reading.cancel()

    async def _read(self, messages: AsyncIterator[bytes], context: Any) -> None:
        async for data in messages:
            for frame in wire.parse_frames(data).frames:
                self.counts["requests"] += 1
                reply = self.answer(frame.request.envelope)
                if isinstance(reply, bytes):
                    await context.write(reply)
                elif reply is not None:
                    (message,) = wire.pack_replies([(frame.id, reply)])
                    await context.write(message)

    async def _listed(self, _data: bytes, _: Any) -> bytes:
        self.counts["lists"] += 1
        await asyncio.sleep(self.stall_s)
        lines = self.lines()
        return lines if isinstance(lines, bytes) else methods.LIST_DOCUMENTS.answer.write(list(lines))

    async def _fetched(self, data: bytes, _: Any) -> bytes:
        self.counts["documents"] += 1
        await asyncio.sleep(self.stall_s)
        return methods.FETCH_DOCUMENTS.answer.write(self.document(methods.FETCH_DOCUMENTS.request.read(data)))

    async def _acknowledged(self, _data: bytes, _: Any) -> bytes:
        self.counts["receipts"] += 1
        return methods.ACKNOWLEDGE.answer.write(0)

    # ------------------------------------------------------------ its server

    def handler(self, path: str) -> Any:
        """The handler of a method; none for those that it does not serve."""
        unary = {
            methods.LIST_DOCUMENTS.path: self._listed,
            methods.FETCH_DOCUMENTS.path: self._fetched,
            methods.ACKNOWLEDGE.path: self._acknowledged,
        }
        if path == methods.STREAM.path:
            return grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.unary_unary_rpc_method_handler(unary[path]) if path in unary else None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[HostileMember]:
        """Listen at the member's place, with its own TLS identity, until the block ends."""
        own = self.world.federation[self.id]
        roots = b"".join((self.world.home(other) / "ca.pem").read_bytes() for other in self.world.ports)
        pair = (own.home.joinpath("keys", "tls.key").read_bytes(), own.certificate("tls"))
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((_Handlers(self),))
        credentials = grpc.ssl_server_credentials([pair], root_certificates=roots, require_client_auth=True)
        server.add_secure_port(f"127.0.0.1:{self.world.ports[self.id]}", credentials)
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    # ------------------------------------------------------------ its calls

    @asynccontextmanager
    async def calling(
        self, to: str, *messages: Callable[[], bytes], streams: int = 1, every_s: float = 0.0
    ) -> AsyncIterator[None]:
        """Write messages in turn on streams to a member until the block ends; a stream that ends is opened again.

        Without messages the streams stay half open: nothing is ever said on them.
        """
        async with caller(self.world, self.id, to).channel() as channel:
            tasks = [asyncio.create_task(self._call(channel, messages, every_s)) for _ in range(streams)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, channel: Any, messages: Sequence[Callable[[], bytes]], every_s: float) -> None:
        while True:
            call = channel.stream_stream(methods.STREAM.path)()
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                reading = asyncio.create_task(self._replies(call))
                try:
                    if not messages:
                        await call.wait_for_connection()
                    while not reading.done():
                        for message in messages:
                            await call.write(message())
                        await asyncio.wait({reading}, timeout=every_s if messages else None)
                finally:
                    reading.cancel()
                    call.cancel()
            self.counts["ended"] += 1
            await asyncio.sleep(0.05)

    async def _replies(self, call: Any) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while isinstance(data := await call.read(), bytes):
                for frame in pb.StreamExchangesResponse.FromString(data).frames:
                    self.counts[frame.status.code or "answered"] += 1

    @asynccontextmanager
    async def asking(self, to: str, method: Any, request: Callable[[], bytes], at_once: int = 8) -> AsyncIterator[None]:
        """Make unary calls without end, so many at once, until the block ends."""
        async with caller(self.world, self.id, to).channel() as channel:

            async def flood() -> None:
                while True:
                    try:
                        await channel.unary_unary(method.path)(request(), timeout=20)
                        self.counts["served"] += 1
                    except grpc.aio.AioRpcError as error:
                        self.counts[error.details() or error.code().name] += 1
                        await asyncio.sleep(0.001)

            tasks = [asyncio.create_task(flood()) for _ in range(at_once)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, member: HostileMember) -> None:
        self._member = member

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._member.handler(str(handler_call_details.method))
