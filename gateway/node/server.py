"""The server towards counterparts: exchanges, in streams and as single calls, and the doors of all other messages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.clock import Clock
from gateway.errors import LiaisonError, Unauthenticated
from gateway.exchange.answering.inbound import Inbound
from gateway.gossip.dismissed import dismissed_member
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.node.greetings import StreamGreetings, say_farewell
from gateway.node.stream import Stream
from gateway.node.unary_sink import UnarySink
from gateway.ports.gossip import Greeter
from gateway.rpc import methods
from gateway.rpc.contract import Call, CallerCheck, Door, Method, Pace
from gateway.rpc.server import Credentials, RpcServer, ServerLimits
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
