"""Measure how long a removed key goes on to be taken on a stream that stays open, at a node of its own process.

From the moment at which the status that removes the key lies in the node's folder, as gossip or a person puts it there,
to the first answer that refuses a question signed with it. Questions follow each other without a pause meanwhile.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.authority import issue, load_authority
from certs.profile import read_leaf
from gateway.bench.data import number
from gateway.bench.load import connect
from gateway.bench.world import ASKER, World, build_world, request_of, start_node
from gateway.errors import TimedOut
from gateway.loop import run as run_loop
from gateway.model.exchange import AnswerMessage
from gateway.model.query import DocumentQuery
from gateway.node import wire
from gateway.rpc import methods
from gateway.signing.keys import load_signing_key
from gateway.statements.answer import read_signed
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor, publish_status
from gateway.trust.keeper import TrustKeeper

_ROWS = 100
_MOST_S = 30.0
_QUESTION = DocumentQuery(number(1), "VNM")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RemovalRow:
    """The seconds until a removed key was refused on an open stream, over so many removals."""

    name: str
    removals: int
    p50_s: float
    max_s: float


def run_removals(count: int, say: Say) -> RemovalRow:
    """Remove a member's statement key so many times, each time another one."""
    with tempfile.TemporaryDirectory(prefix="liaison-removal-") as folder:
        world = build_world(Path(folder), _ROWS)
        say(f"{count} removals on open streams")
        with start_node(world) as node:
            took = sorted(run_loop(_measure(world, node.pids, count)))
    return RemovalRow("removal on an open stream", count, round(statistics.median(took), 3), round(took[-1], 3))


async def _measure(world: World, pids: tuple[int, ...], count: int) -> list[float]:
    took = []
    for _ in range(count):
        channels = connect(world.target(ASKER, *pids))
        call: Any = channels[0].stream_stream(methods.STREAM.path)()
        key = world.keys[ASKER].key_id
        await _until(world, call, taken=True)
        _take(world, publish_status(world.asker, world.clock, removed=[key]))
        begun = time.perf_counter()
        await _until(world, call, taken=False)
        took.append(time.perf_counter() - begun)
        call.cancel()
        await asyncio.gather(*(channel.close() for channel in channels))
        world = _next_key(world)
    return took


async def _until(world: World, call: Any, *, taken: bool) -> None:
    """Ask until a question is answered, or refused. Raises `TimedOut` where that takes too long."""
    until = time.perf_counter() + _MOST_S
    while await _is_taken(world, call) is not taken:
        if time.perf_counter() > until:
            raise TimedOut("the node takes no notice of another status")


async def _is_taken(world: World, call: Any) -> bool:
    message = methods.SUBMIT.request.read(request_of(world, _QUESTION))
    for packed in wire.pack_requests([wire.request_frame(1, message)]):
        await call.write(packed)
    replies: list[tuple[int, object]] = []
    while not replies:  # a message may hold a greeting only
        data = await call.read()
        if not isinstance(data, bytes):
            return False
        replies = list(wire.parse_replies(data))
    reply = replies[0][1]
    return isinstance(reply, AnswerMessage) and read_signed(reply.envelope).refusal is None


def _take(world: World, documents: bytes) -> None:
    import_document(world.answerer / "trust", documents, world.clock)


def _next_key(world: World) -> World:
    """Give the asking member another statement key, certified and listed, and hand its documents over."""
    home, authority = world.asker, world.folder / f"{ASKER}-authority"
    pair = home / "keys" / "statement.key", home / "keys" / "statement.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = read_leaf(pair[1].read_bytes()).name
    pair[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair[1].write_bytes(issue(load_authority(authority), key.public_key(), name, world.clock))
    held = TrustKeeper(home / "trust", world.clock).view.descriptor(ASKER)
    descriptor = publish_descriptor(
        home, authority, world.clock, endpoints=held.endpoints, offices=held.offices, agencies=held.agencies
    )
    _take(world, descriptor)
    _take(world, publish_status(home, world.clock))
    keys = {**world.keys, ASKER: load_signing_key(pair[0])}
    return replace(world, keys=keys)
