"""Calls to counterparts over connections that are kept. Nothing is sent twice here: the caller decides on that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

import grpc

from certs.tls import TlsIdentity
from gateway.clock import Clock
from gateway.errors import LiaisonError, Suspended, TimedOut, Unavailable, Unknown
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.node.asking_stream import peer_error, refusal_of, told_error
from gateway.node.handshake import is_cancelled, untrusted
from gateway.node.link import Connect, Link, over_tls
from gateway.ports.gossip import Farewell, Greeter
from gateway.ports.peers import PeerStatus
from gateway.rpc import methods
from gateway.rpc.contract import A, Method, Q
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
        self._links: dict[MemberId, Link] = {}
        self._last_seen: dict[MemberId, int] = {}
        self.connect: Connect = over_tls
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

    def _link(self, member: MemberId, *, past_suspension: bool = False) -> Link:
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
            link = self._links[member] = Link(
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
