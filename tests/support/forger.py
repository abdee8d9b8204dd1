"""A member that lies: real keys and certificates, a log of its own making, and answers as a test wants them."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb
from msgspec.structs import replace

from gateway.audit.entries.entry import Entry, build_entry
from gateway.audit.tree.checkpoint import Signer, origin
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.clock import SystemClock
from gateway.model.exchange import Answer, AnswerMessage, LogProof, Outcome
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.rpc import methods
from gateway.rpc.forms import response
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.request import REQUEST_KIND, request_reference
from tests.support.federation import Member
from tests.support.load import in_turns
from tests.support.nodes import World
from tests.support.waiting import MOST_S

Behaviour = Callable[[bytes], "AnswerMessage | bytes | None"]
"""From the envelope of a request to the answer, to raw bytes of a stream message, or to nothing at all."""


class Forger:
    """Makes answer messages of a member. Each message has its own place in a log that only the forger holds."""

    def __init__(self, member: Member) -> None:
        self.member = MemberId(member.id)
        self.key = member.key("statement")
        self.log_key = member.key("log")
        self.tree = Tree()
        self._number = 0

    def answer(self, envelope: bytes, *, key: Any = None, **changes: Any) -> tuple[Answer, bytes, bytes]:
        """An answer to a request, its envelope, and the hash of its payload: no hit unless `changes` say more."""
        reference = request_reference(envelope)
        assert reference is not None
        answer = Answer(
            exchange_id=reference.exchange_id,
            sender=self.member,
            recipient=MemberId(REQUEST_KIND.open(envelope).message.sender),
            request_hash=reference.request_hash,
            issued_us=SystemClock().now_us(),
            outcome=Outcome.NO_HIT,
            withheld_commitment=secrets.token_bytes(32),
        )
        answer = replace(answer, **changes)
        sealed = ANSWER_KIND.build(answer, key or self.key)
        return answer, sealed.envelope, sealed.payload_hash

    def message(
        self,
        envelope: bytes,
        *,
        entry: dict[str, Any] | None = None,
        log: str = "",
        log_key: Any = None,
        key: Any = None,
        **changes: Any,
    ) -> AnswerMessage:
        """A whole message; `entry`, `log`, `log_key`, `key` and `changes` replace what is right."""
        answer, signed, payload_hash = self.answer(envelope, key=key, **changes)
        reference = request_reference(envelope)
        assert reference is not None
        log = log or origin(self.member, "exchange", 1)
        self._number += 1
        leaf = Entry(
            log=log,
            index=self.tree.size,
            time_us=answer.issued_us,
            kind="answered",
            peer=MemberId(REQUEST_KIND.open(envelope).message.sender),
            number=self._number,
            exchange_id=reference.exchange_id,
            request_hash=reference.request_hash,
            answer_hash=payload_hash,
            commitment=hashlib.sha256(signed).digest(),
        )
        body = build_entry(replace(leaf, **(entry or {})))
        index = self.tree.size
        self.tree.append(leaf_hash(body))
        checkpoint = Signer(log, log_key or self.log_key).sign(self.tree.size, self.tree.root())
        return AnswerMessage(signed, body, LogProof(index, self.tree.inclusion(index), checkpoint))


class HostileNode:
    """Listens at the place of a member's node, with that member's TLS identity, and does what `behaviour` says."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[bytes] = []
        self.receipts: list[bytes] = []
        self.ending: grpc.StatusCode | None = None

    async def stream(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """The bidirectional stream."""
        async for data in messages:
            for frame in wire.parse_frames(data).frames:
                envelope = frame.request.envelope
                self.requests.append(envelope)
                if self.ending is not None:
                    await context.abort(self.ending, "as told")
                reply = self.behaviour(envelope)
                if isinstance(reply, bytes):
                    yield reply
                elif reply is not None:
                    answered = pb.ResponseFrame(id=frame.id, response=response(reply))
                    yield pb.StreamExchangesResponse(frames=[answered]).SerializeToString()

    async def acknowledge(self, data: bytes, _: Any) -> bytes:
        """Take receipts and acknowledge none."""
        self.receipts.append(data)
        return methods.ACKNOWLEDGE.answer.write(0)

    def _handler(self, details: grpc.HandlerCallDetails) -> Any:
        return {
            methods.STREAM.path: grpc.stream_stream_rpc_method_handler(self.stream),
            methods.ACKNOWLEDGE.path: grpc.unary_unary_rpc_method_handler(self.acknowledge),
        }.get(str(details.method))


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, node: HostileNode) -> None:
        self._node = node

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._node._handler(handler_call_details)


@asynccontextmanager
async def hostile(
    world: World, member: str, behaviour: Behaviour, identity: str = "", certificate: bytes = b""
) -> AsyncIterator[HostileNode]:
    """A hostile node on a member's address.

    `identity` names another member whose TLS identity it shows; `certificate` is shown in the place of the real one.
    """
    node = HostileNode(behaviour)
    shown = world.federation[identity or member]
    roots = b"".join((world.home(other) / "ca.pem").read_bytes() for other in world.ports)
    pair = (shown.home.joinpath("keys", "tls.key").read_bytes(), certificate or shown.certificate("tls"))
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Handlers(node),))
    credentials = grpc.ssl_server_credentials([pair], root_certificates=roots, require_client_auth=True)
    server.add_secure_port(f"127.0.0.1:{world.ports[member]}", credentials)
    await server.start()
    try:
        yield node
    finally:
        await server.stop(None)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; the bound is for failures alone."""

    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    await in_turns(wait(), MOST_S)


async def eventually_async(condition: Callable[[], Awaitable[bool]], pause: float = 0.02) -> None:
    """Wait until the awaited `condition` holds, which is looked at after each `pause`."""

    async def wait() -> None:
        while not await condition():
            await asyncio.sleep(pause)

    await in_turns(wait(), MOST_S)
