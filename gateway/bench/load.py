"""Generate load for echo and exchange alike: a closed loop that keeps N requests in flight.

It runs in a process of its own and takes its messages ready made, so that its own cost is the same for both.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

import gateway.node  # noqa: F401 - sets the TLS cipher setting before grpc is loaded
from gateway.model.exchange import AnswerMessage
from gateway.node import wire
from gateway.rpc import methods

if TYPE_CHECKING:
    Unary = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    StreamCall = grpc.aio.StreamStreamCall[bytes, bytes]

CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class Measure:
    """The result of one run. CPU is of all server processes, per request, in microseconds."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_us_per_request: float
    loadgen_cpu_us_per_request: float
    cores_used_by_others: float
    requests: int
    bad_answers: int


Ask = Callable[[bytes], Awaitable[int]]
"""Sends one message; returns the size of its answer, 0 for a bad one."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server to load: its address, our identity towards it, and its processes."""

    address: str
    server_name: str
    folder: Path
    pids: tuple[int, ...]


def connect(target: Target) -> list[grpc.aio.Channel]:
    """Return connections to the target, each of its own."""
    credentials = grpc.ssl_channel_credentials(
        (target.folder / "roots.pem").read_bytes(),
        (target.folder / "keys" / "tls.key").read_bytes(),
        (target.folder / "keys" / "tls.pem").read_bytes(),
    )
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.ssl_target_name_override", target.server_name),
        ("grpc.max_receive_message_length", 1024 * 1024),
    ]
    return [grpc.aio.secure_channel(target.address, credentials, options=options) for _ in range(CONNECTIONS)]


def unary(channels: Sequence[grpc.aio.Channel], path: str) -> Ask:
    """Return a sender that makes one call for each message."""
    stubs: list[Unary] = [channel.unary_unary(path) for channel in channels]
    calls = itertools.cycle(stubs)

    async def ask(message: bytes) -> int:
        return len(await next(calls)(message))

    return ask


def one_by_one(channel: grpc.aio.Channel, path: str) -> Callable[[bytes], Awaitable[bytes]]:
    """Return a caller that makes one call for each message, and gives its answer."""
    stub: Unary = channel.unary_unary(path)

    async def ask(message: bytes) -> bytes:
        return await stub(message)

    return ask


class Streams:
    """A stream on each connection; waiting frames go together, as in the node's own client."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        self._all = [_Stream(channel) for channel in channels]
        self._streams = itertools.cycle(self._all)

    async def ask(self, message: bytes) -> int:
        """Send one request and wait for its answer."""
        return await next(self._streams).ask(message)

    async def close(self) -> None:
        """End the readers and writers; the connections stay."""
        await asyncio.gather(*(stream.close() for stream in self._all))


class _Stream:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        call: StreamCall = channel.stream_stream(methods.STREAM.path)()
        self._call = call
        self._ids = itertools.count(1)
        self._outbox: list[wire.RequestFrame] = []
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._ready = asyncio.Event()
        self._tasks = (asyncio.create_task(self._write()), asyncio.create_task(self._read()))

    async def ask(self, message: bytes) -> int:
        number = next(self._ids)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._outbox.append(wire.request_frame(number, methods.SUBMIT.request.read(message)))
        self._ready.set()
        return await future

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            frames, self._outbox = self._outbox, []
            for message in wire.pack_requests(frames):
                await self._call.write(message)

    async def _read(self) -> None:
        while isinstance(data := await self._call.read(), bytes):
            for number, reply in wire.parse_replies(data):
                size = len(reply.envelope) if isinstance(reply, AnswerMessage) else 0
                self._waiting.pop(number).set_result(size)


async def drive(ask: Ask, messages: Sequence[bytes], concurrency: int, seconds: float, pids: Sequence[int]) -> Measure:
    """Keep `concurrency` messages in flight until the time or the messages are over (one fifth is warm-up)."""
    supply = iter(messages)
    latencies: list[float] = []
    bad = 0

    async def worker(until: float) -> None:
        nonlocal bad
        for message in supply:
            begun = time.perf_counter()
            if begun >= until:
                return
            bad += not await ask(message)
            latencies.append(time.perf_counter() - begun)

    async def spell(length: float) -> None:
        until = time.perf_counter() + length
        await asyncio.gather(*(worker(until) for _ in range(concurrency)))

    await spell(seconds / 5)
    latencies.clear()
    before = _clocks(pids)
    await spell(seconds)
    wall, server, own, busy = (after - start for after, start in zip(_clocks(pids), before, strict=True))
    latencies.sort()
    count = max(1, len(latencies))
    return Measure(
        requests_per_s=round(count / wall, 1),
        p50_ms=round(latencies[count // 2] * 1e3, 3) if latencies else 0.0,
        p99_ms=round(latencies[min(count - 1, count * 99 // 100)] * 1e3, 3) if latencies else 0.0,
        server_cpu_us_per_request=round(server / count * 1e6, 1),
        loadgen_cpu_us_per_request=round(own / count * 1e6, 1),
        cores_used_by_others=round(max(0.0, (busy - server - own) / wall), 2),
        requests=count,
        bad_answers=bad,
    )


def _clocks(pids: Sequence[int]) -> tuple[float, float, float, float]:
    return time.perf_counter(), cpu_s(pids), time.process_time(), _machine_busy()


def cpu_s(pids: Sequence[int]) -> float:
    """Return the seconds of CPU that processes have used."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def _machine_busy() -> float:
    user, nice, system, _idle, _iowait, irq, softirq, steal = (
        int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
