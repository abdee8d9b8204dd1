"""What the hostile member, a hostile system and strangers do, each named by its case in `docs/threat-cases.md`.

An attack acts until it is cancelled, and reports each thing that it has done by `done()`. It is bounded in number and
rate: a soak shows what a node lets grow, not how much a machine can send.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb

from certs.profile import read_leaf
from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.clock import SystemClock
from gateway.model.names import MemberId
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.requester import Requester
from gateway.model.values import NameForm
from gateway.rpc import methods
from tests.soak.ground import HOSTILE, ROGUE, Ground, open_ground
from tests.support import http2
from tests.support.exchange import request, sealed, submission
from tests.support.forger import hostile

VICTIM = "vn"
_ROGUE = Profile("th.o.6666", "officer", "th.blo.aranyaprathet", "police", ("INVESTIGATION",))
Done = Callable[[], None]
Act = Callable[[Ground, Done], Coroutine[None, None, None]]
LOST = (grpc.aio.AioRpcError, OSError, EOFError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError)
"""What an attacker meets when a node defends itself."""


def question(ground: Ground, query: Query) -> bytes:
    """A signed request of the hostile member that policy allows."""
    asked = request(
        sender=MemberId(HOSTILE),
        agreement="la-vn-border-2026",
        case="LA-2026-0001",
        requester=Requester("officer", "la.blo.huay-xai", "police", "0123456789abcdef"),
        query=query,
    )
    changes = {name: getattr(asked, name) for name in ("sender", "agreement", "case", "requester", "query")}
    return sealed(ground.world.federation[HOSTILE], **changes)


async def flood(ground: Ground, done: Done) -> None:
    """Ask valid questions far beyond the rate, and acknowledge no answer."""
    numbers = itertools.count()

    async def ask(call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]) -> None:
        while True:
            envelope = question(ground, DocumentQuery(f"F{next(numbers):07d}", "VNM"))
            with suppress(*LOST):
                await call(submission(envelope), timeout=5)
            done()
            await asyncio.sleep(0.02)

    async with ground.towards(VICTIM).channel() as channel, asyncio.TaskGroup() as group:
        for _ in range(32):
            group.create_task(ask(channel.unary_unary(methods.SUBMIT.path)))


async def costly_names(ground: Ground, done: Done) -> None:
    """Ask for persons with as many and as long Han names as a question may have."""
    names = tuple(NameForm("".join(chr(0x4E00 + (place * 37 + row) % 8000) for place in range(250)), "Hani")
                  for row in range(8))  # fmt: skip
    async with ground.towards(VICTIM).channel() as channel:
        while True:
            with suppress(*LOST):
                envelope = question(ground, PersonQuery(names))
                await channel.unary_unary(methods.SUBMIT.path)(submission(envelope), timeout=5)
            done()
            await asyncio.sleep(0.1)


async def empty_frames(ground: Ground, done: Done) -> None:
    """Fill messages of a stream with frames in which nothing stands."""
    data = b"\x0a\x00" * 60_000
    while True:
        with suppress(*LOST):
            async with asyncio.timeout(5), ground.towards(VICTIM).channel() as channel:
                call = channel.stream_stream(methods.STREAM.path)(timeout=5)
                await call.write(data)
                await call.read()
        done()
        await asyncio.sleep(0.2)


async def empty_answers(ground: Ground, done: Done) -> None:
    """Serve at the hostile member's address, and answer each question with a mebibyte of frames that hold nothing."""

    def reply(_: bytes) -> bytes:
        done()
        return b"\x0a\x00" * 500_000

    async with hostile(ground.world, HOSTILE, reply):
        await asyncio.Event().wait()


async def wrong_signatures(ground: Ground, done: Done) -> None:
    """Send large requests whose signature does not fit."""
    envelope = bytearray(question(ground, PersonQuery(tuple(NameForm("ก" * 250) for _ in range(8)))))
    envelope[-5] ^= 1
    async with ground.towards(VICTIM).channel() as channel:
        call = channel.unary_unary(methods.SUBMIT.path)
        while True:
            with suppress(*LOST):
                await call(submission(bytes(envelope)), timeout=5)
            done()
            await asyncio.sleep(0.02)


async def slow_reader(ground: Ground, done: Done) -> None:
    """Ask much on a stream, and read nothing of the answers."""
    narrow = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536))
    while True:
        requests = [question(ground, DocumentQuery(f"S{number:07d}", "VNM")) for number in range(48)]
        frames = [
            pb.RequestFrame(id=number, request=pb.SubmitExchangeRequest(envelope=each, budget_ms=3000))
            for number, each in enumerate(requests)
        ]
        with suppress(*LOST):
            async with asyncio.timeout(12), ground.towards(VICTIM).channel(*narrow) as channel:
                call = channel.stream_stream(methods.STREAM.path)(timeout=11)
                for start in range(0, len(frames), 16):
                    message = pb.StreamExchangesRequest(frames=frames[start : start + 16])
                    await call.write(message.SerializeToString())
                done()
                await asyncio.sleep(10)


async def idle_connections(ground: Ground, done: Done) -> None:
    """Hold TCP connections without TLS to both ports of a node."""
    seat = ground.seats[VICTIM]
    async with AsyncExitStack() as held:
        for port in (seat.exchange, seat.agency) * 100:
            with suppress(*LOST):
                _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
                held.callback(writer.transport.abort)
                done()
        await asyncio.Event().wait()


async def half_requests(ground: Ground, done: Done) -> None:
    """Hold connections of one system to the REST port, each with half of a request."""
    keys, target = ground.world.home("th") / "keys", ground.rest("th")
    head = f"POST /v1/searches HTTP/1.1\r\nhost: {target.server_name}\r\ncontent-length: 900\r\n\r\n{{"
    async with AsyncExitStack() as held:
        for _ in range(64):
            with suppress(*LOST):
                dialled = http2.dialled(target, keys / f"{ROGUE}.pem", ground.world.home("th") / "ca.pem", "http/1.1")
                _, writer = await asyncio.wait_for(held.enter_async_context(dialled), 5)
                writer.write(head.encode())
                done()
        await asyncio.Event().wait()


async def costly_bodies(ground: Ground, done: Done) -> None:
    """Send bodies of JSON that are slow to read: very many members, deep nesting, endless numbers."""
    keys, target = ground.world.home("th") / "keys", ground.rest("th")
    issuer = TrialIssuer.load(keys / "token-issuer.key", "th", SystemClock())
    certificate = read_leaf((keys / f"{ROGUE}.pem").read_bytes()).der
    bodies = [b'{"query":{' + b",".join(b'"m%d":0' % number for number in range(5_500)) + b"}}", b"[" * 60_000,
              b'{"query":' + b"9" * 60_000 + b"}"]  # fmt: skip
    while True:
        for body in bodies:
            head = f"POST /v1/searches HTTP/1.1\r\nhost: {target.server_name}\r\ncontent-type: application/json\r\n"
            head += f"authorization: Bearer {issuer.issue(_ROGUE, certificate)}\r\n"
            head += f"content-length: {len(body)}\r\n\r\n"
            with suppress(*LOST):
                dialled = http2.dialled(target, keys / f"{ROGUE}.pem", ground.world.home("th") / "ca.pem", "http/1.1")
                async with asyncio.timeout(5), dialled as (reader, writer):
                    writer.write(head.encode() + body)
                    await reader.read(1024)
            done()
            await asyncio.sleep(0.1)


async def pings(ground: Ground, done: Done) -> None:
    """Flood a connection with pings of HTTP/2."""
    home = ground.world.home(HOSTILE)
    while True:
        with suppress(*LOST):
            dialled = http2.dialled(ground.towards(VICTIM), home / "keys" / "tls.pem",
                                    ground.world.home(VICTIM) / "ca.pem")  # fmt: skip
            async with asyncio.timeout(5), dialled as (_, writer):
                writer.write(http2.PREFACE + http2.frame(http2.SETTINGS))
                for _ in range(200):
                    writer.write(http2.frame(http2.PING, bytes(8)) * 50)
                    await writer.drain()
                    done()
                    await asyncio.sleep(0.01)


async def slow_bytes(ground: Ground, done: Done) -> None:
    """Send a request a byte at a time, on several connections."""
    home = ground.world.home(HOSTILE)
    data = http2.opening(methods.SUBMIT.path)

    async def dribble() -> None:
        while True:
            with suppress(*LOST):
                dialled = http2.dialled(ground.towards(VICTIM), home / "keys" / "tls.pem",
                                        ground.world.home(VICTIM) / "ca.pem")  # fmt: skip
                async with dialled as (_, writer):
                    for byte in data:
                        writer.write(bytes([byte]))
                        done()
                        await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(dribble())


async def rewritten_documents(ground: Ground, done: Done) -> None:
    """Write rubbish over the hostile member's status in a node's folder, and put it right again."""
    file = ground.seats[VICTIM].home / "trust" / "statuses" / f"{HOSTILE}.json"
    good = file.read_bytes()
    try:
        for bad in itertools.cycle((b"", good[: len(good) // 2], b"\x00" * 4096, good.replace(b"}", b"]"))):
            file.write_bytes(bad)
            done()
            await asyncio.sleep(0.7)
            file.write_bytes(good)
            await asyncio.sleep(0.7)
    finally:
        file.write_bytes(good)


@dataclass(frozen=True, slots=True)
class Attack:
    """A hostile behaviour, with the case that it is an example of."""

    case: str
    name: str
    act: Act


ATTACKS = (
    Attack("CASE-I7", "flood", flood),
    Attack("CASE-M7", "costly names", costly_names),
    Attack("CASE-M1", "empty frames", empty_frames),
    Attack("CASE-M1", "empty answers", empty_answers),
    Attack("CASE-M3", "costly bodies", costly_bodies),
    Attack("CASE-M5", "wrong signatures", wrong_signatures),
    Attack("CASE-M6", "slow reader", slow_reader),
    Attack("CASE-M2", "idle connections", idle_connections),
    Attack("CASE-M4", "half requests", half_requests),
    Attack("CASE-I10", "pings", pings),
    Attack("CASE-I2", "slow bytes", slow_bytes),
    Attack("CASE-M24", "rewritten documents", rewritten_documents),
)


# ---------------------------------------------------------------- the process of the attackers


def main(folder: str, seconds: str, output: str) -> int:
    """Let all attacks act together for so many seconds; write how often each did something."""
    os.nice(10)  # they stand for other machines, and must not take the nodes' processors
    counts = Counter({attack.name: 0 for attack in ATTACKS})
    asyncio.run(_all_of(open_ground(Path(folder)), float(seconds), counts))
    Path(output).write_text(json.dumps(counts), encoding="utf-8")
    return 0


async def _all_of(ground: Ground, seconds: float, counts: Counter[str]) -> None:
    def done(name: str) -> Done:
        return lambda: counts.update((name,))

    tasks = [asyncio.create_task(attack.act(ground, done(attack.name)), name=attack.name) for attack in ATTACKS]
    ended, acting = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in acting:
        task.cancel()
    await asyncio.gather(*acting, return_exceptions=True)
    for task in ended:
        task.result()
        raise AssertionError(f"the attack `{task.get_name()}` ended by itself")
