"""A federation whose Cambodian customs source is a process of its own, with its own key, in its own home."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.demo.sample import SampleSource
from gateway.host.durable import PUBLIC, make_folder, write_new
from gateway.ops.homes.found_source import found_source
from gateway.storage.database.engine import open_database
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from tests.support.exchange import CLOCK, Logged
from tests.support.federation import OFFICES, Federation
from tests.support.nodes import SourcePlan, World, build_world
from tests.support.ports import free_port
from tests.support.samples import ONE_EACH
from tests.support.shared import PROJECT
from tests.support.waiting import MOST_S

CUSTOMS: SampleSource = next(sample for sample in ONE_EACH if sample.member == "kh")
KIND = "customs records"


@dataclass(frozen=True, slots=True)
class RemoteWorld:
    """The federation of Thailand and Cambodia, and the home and port of the source process."""

    world: World
    home: Path
    port: int


def remote_world(folder: Path) -> RemoteWorld:
    """The federation and the source process's home; nothing runs yet. Cambodia's node holds no agency key."""
    port = free_port()
    plan = SourcePlan(CUSTOMS.id, CUSTOMS.agency, Path(), f"source://127.0.0.1:{port}")
    world = build_world(folder, {"kh": [plan]}, ("th", "kh"))
    home = make_home(folder, world.federation, port)
    make_folder(folder / "held")
    for file in ("agency-customs.key", "agency-customs.pem"):
        (world.home("kh") / "keys" / file).rename(folder / "held" / file)
    list_certificate(world.federation, (home / "keys" / "record.pem").read_bytes())
    return RemoteWorld(world, home, port)


def make_home(folder: Path, federation: Federation, port: int) -> Path:
    """The home of the source process, certified by Cambodia's authority."""
    kh = federation["kh"]
    home = folder / "customs"
    found_source(
        home,
        "kh",
        "customs",
        CLOCK,
        authority=kh.authority,
        statements=[kh.home / "keys" / "statement.pem"],
        settings={
            "source.nodes": [kh.name],
            "source.mapping": str(CUSTOMS.mapping_file),
            "source.url": f"sqlite:///{CUSTOMS.build(folder / 'sources')}",
            "listen.address": f"127.0.0.1:{port}",
        },
    )
    return home


def list_certificate(federation: Federation, certificate: bytes) -> None:
    """Hand the agency's certificate in at the node, publish, and share with all."""
    kh = federation["kh"]
    make_folder(kh.home / "certificates")
    write_new(kh.home / "certificates" / "customs.pem", certificate, PUBLIC)
    data = publish_descriptor(
        kh.home, kh.authority, CLOCK, endpoints=kh.view().endpoints("kh"), offices=OFFICES["kh"], agencies=("customs",)
    )
    federation.share(data)
    federation.share(publish_status(kh.home, CLOCK))


class SourceProcessUnderTest:
    """`liaison source serve` as a process of its own, or another module with its arguments."""

    def __init__(self, home: Path, port: int, command: Sequence[str] = ()) -> None:
        self._home = home
        self._command = command or ("gateway.cli", "source", "serve", "--home", str(home))
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "proto" / "gen")))}
        with (self._home / "stderr.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *self._command),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(MOST_S):
            while not self._listens():
                said = (self._home / "stderr.log").read_text(encoding="utf-8")
                assert self._process.returncode is None, said
                await asyncio.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process
        self._process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for its end; its exit code."""
        assert self._process
        self.send(number)
        return await asyncio.wait_for(self._process.wait(), MOST_S)

    async def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process and self._process.returncode is None:
            await self.end(signal.SIGKILL)


def status_of(error: Any) -> tuple[grpc.StatusCode, str]:
    """Status and code of a failed call."""
    return error.code(), error.details() or ""


@dataclass(slots=True)
class Knock:
    """A gRPC client of a source process, with any certificate; `said` is status and code of a refusal."""

    port: int
    roots: bytes
    key: bytes
    certificate: bytes
    name: str = "customs.source.kh.liaison.internal"

    def call(self, path: str, data: bytes, timeout: float = 5.0) -> bytes:
        """One call on a connection of its own."""
        credentials = grpc.ssl_channel_credentials(self.roots, self.key or None, self.certificate or None)
        options = [("grpc.ssl_target_name_override", self.name), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(f"127.0.0.1:{self.port}", credentials, options) as channel:
            ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
            return ask(data, timeout=timeout)

    def said(self, path: str, data: bytes) -> tuple[grpc.StatusCode, str]:
        """Return why a call is not answered."""
        try:
            answer = self.call(path, data)
        except grpc.RpcError as error:
            return status_of(error)
        raise AssertionError(f"{len(answer)} bytes came back")


def knock(remote: RemoteWorld, who: str = "kh", key: str = "tls") -> Knock:
    """A caller with a key of a member's home."""
    keys = remote.world.home(who) / "keys"
    roots = (remote.home / "ca.pem").read_bytes()
    return Knock(remote.port, roots, (keys / f"{key}.key").read_bytes(), (keys / f"{key}.pem").read_bytes())


def log_entries(home: Path, keystore: KeyStore | None = None) -> list[Logged]:
    """The source's own log, opened, while it is served."""
    database = open_database(home / "source.sqlite")
    try:
        store, keys = SqlLogStore(database), keystore or KeyStore(home / "keystore")
        state = store.state("source/1")
        found = []
        for stored in store.entries("source/1", 0, state.size if state else 0):
            assert stored.content is not None
            private = keys.open_content("source/1", stored.index, stored.content)[0]
            found.append(Logged(parse_entry(stored.body), decode_private(private), b"", b""))
        return found
    finally:
        database.close()
