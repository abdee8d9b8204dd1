"""The greetings on one stream: what was said and heard last, and when the next greeting is due."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.errors import Malformed
from gateway.model.names import MemberId
from gateway.ports.gossip import MAX_FAREWELL, MAX_HEAD, MAX_HEADS, Farewell, Greeter, Greeting, Told

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]

BEAT_S = 2.0
"""Seconds after which a quiet stream is greeted again."""

_EARLY_S = 0.5
"""A greeting that comes sooner after the one before counts as one that brings nothing; its heads are not looked at."""

_APART_S = 0.6
"""Seconds between two greetings of ours: news that come more quickly go together, so that none is early."""


class StreamGreetings:
    """Greetings with the member at the other end of one stream. `now` is a steady clock in seconds."""

    def __init__(self, member: MemberId, greeter: Greeter, now: Callable[[], float]) -> None:
        self._member = member
        self._greeter = greeter
        self._now = now
        self._told: dict[str, int] = {}
        self._heard_s = 0.0
        self._said_s = -_APART_S
        self._later: asyncio.TimerHandle | None = None
        self.answered = False

    def soon(self, greet: Callable[[], None]) -> None:
        """Call `greet` when a greeting is due: now, or once for all that is to be said in a moment."""
        wait_s = self._said_s + _APART_S - self._now()
        if wait_s <= 0:
            greet()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(wait_s, self._now_due, greet)

    def close(self) -> None:
        """Greet no more: the stream has ended."""
        if self._later is not None:
            self._later.cancel()

    def _now_due(self, greet: Callable[[], None]) -> None:
        self._later = None
        greet()

    def hello(self) -> pb.Hello:
        """Return our greeting."""
        self._said_s = self._now()
        said = self._greeter.greeting(self._member, self._told)
        return pb.Hello(member=self._greeter.member, trust_hash=said.documents, heads=said.heads)

    def hear(self, hello: pb.Hello) -> bool:
        """Note a greeting; tell whether it came in its time. Raises `Malformed`."""
        if hello.member != self._member or len(hello.trust_hash) not in (0, 32) or len(hello.heads) > MAX_HEADS:
            raise Malformed("this is not a greeting of `{member}`", code="malformed-hello", member=self._member)
        if any(len(head) > MAX_HEAD for head in hello.heads):
            raise Malformed("a head in a greeting is too large", code="malformed-hello")
        before, self._heard_s = self._heard_s, self._now()
        self.answered = True
        in_time = self._heard_s - before >= _EARLY_S
        heads = tuple(hello.heads) if in_time else ()
        self._greeter.heard(self._member, Greeting(hello.trust_hash, heads))
        return in_time

    def farewell(self, code: str) -> bytes:
        """Return the last message on the stream of a member that was removed: why it ends."""
        said = self._greeter.farewell(self._member, code)
        return pb.StreamExchangesResponse(
            ending=pb.Ending(code=said.code, documents=said.documents)
        ).SerializeToString()

    def dismissed(self, ending: pb.Ending) -> None:
        """Note why the other end ends the stream."""
        if len(ending.documents) <= MAX_FAREWELL:
            self._greeter.dismissed(self._member, Farewell(ending.code[:40], ending.documents))


async def say_farewell(context: Context, farewell: bytes, seconds: float) -> None:
    """Write the last message on a stream; a peer that does not take it in so many seconds goes without."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await context.write(farewell)


class Mute:
    """A `Greeter` for connections that make single calls only: it says nothing, and hears nothing."""

    def __init__(self, member: MemberId) -> None:
        self.member = member

    def greeting(self, _listener: MemberId, _told: Told) -> Greeting:
        """Return a greeting without content."""
        return Greeting(b"")

    def heard(self, _speaker: MemberId, _greeting: Greeting) -> None:
        """Hear nothing."""

    def farewell(self, _listener: MemberId, code: str) -> Farewell:
        """Return a farewell without documents."""
        return Farewell(code, b"")

    def dismissed(self, _speaker: MemberId, _farewell: Farewell) -> None:
        """Hear nothing."""
