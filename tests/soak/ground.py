"""The federation under a soak: `th`, `vn` and `kh` as processes with real TLS; `la`, without a node, is hostile."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import issue, load_authority
from certs.keyfiles import create_key
from certs.names import CertificateName, CertificateUse
from gateway.clock import SystemClock
from gateway.model.names import MemberId
from gateway.trust.documents.charter import charter_fingerprint
from tests.support.exchange import Caller, caller, sample_world
from tests.support.federation import Federation, Member
from tests.support.nodes import World, impatient
from tests.support.ports import free_port
from tests.support.torture import SERVE, listens
from tests.support.waiting import MOST_S
from tests.support.zygote import Child, Zygote

NODES = ("th", "vn", "kh")
HOSTILE = "la"
ROGUE = "client-rogue"
"""Key and certificate of a hostile system of `th`, beside those of its officers' system."""

_PORTS = "ports.json"
_SETTINGS = """\
[node]
member = "{member}"
[listen]
exchange = "127.0.0.1:{exchange}"
agency = "127.0.0.1:{agency}"
metrics = "127.0.0.1:{metrics}"
[witness]
every_s = 5
[telemetry]
log_level = "error"
"""


@dataclass(slots=True)
class Seat:
    """One node: its home, its ports, and its process."""

    member: str
    home: Path
    exchange: int
    agency: int
    metrics: int
    child: Child | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process."""
        assert self.child
        return self.child.pid

    @property
    def is_up(self) -> bool:
        """Tell whether it runs and listens."""
        return self.child is not None and self.child.alive and listens(self.exchange) and listens(self.agency)

    async def start(self, zygote: Zygote, serve: str = SERVE, *arguments: str) -> None:
        """Start it by a function that is given its home and these arguments, and wait until it listens."""
        output = self.home.parent / f"{self.member}.txt"
        self.child = await zygote.fork(serve, str(self.home), *arguments, output=output)
        async with asyncio.timeout(MOST_S):
            while not self.is_up:
                assert self.child.alive, f"`{self.member}` ended with {self.child.code} when it was started"
                await asyncio.sleep(0.02)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal that ends it; return its exit code."""
        assert self.child
        self.child.signal(number)
        return await self.child.ended(60)


@dataclass(frozen=True, slots=True)
class Ground:
    """The federation and its nodes, by member."""

    world: World
    seats: dict[str, Seat]

    def towards(self, member: str) -> Caller:
        """A client of the hostile member towards a node."""
        return caller(self.world, HOSTILE, member)

    def rest(self, member: str) -> Caller:
        """The REST port of a node, as an address with its name."""
        seat = self.seats[member]
        return Caller(
            f"127.0.0.1:{seat.agency}", b"", f"{self.world.federation[member].name}.{member}.liaison.internal"
        )


def prepare(folder: Path) -> Ground:
    """Found the federation, and write the homes of its nodes."""
    world = impatient(sample_world(folder, (*NODES, HOSTILE)))
    ports = {member: [world.ports[member], free_port(), free_port()] for member in (*NODES, HOSTILE)}
    (folder / _PORTS).write_text(json.dumps(ports), encoding="utf-8")
    ground = open_ground(folder)
    for seat in ground.seats.values():
        _write_settings(seat)
    _certify_rogue(world)
    return ground


def open_ground(folder: Path) -> Ground:
    """Return the federation that was prepared in a folder, also in another process."""
    ports: dict[str, list[int]] = json.loads((folder / _PORTS).read_text(encoding="utf-8"))
    clock, charter = SystemClock(), (folder / "charter.jsonl").read_bytes().rstrip()
    members = {name: Member(name, folder / name, folder / f"{name}-authority", (), "node1", clock) for name in ports}
    at = {name: (f"127.0.0.1:{numbers[0]}",) for name, numbers in ports.items()}
    federation = Federation(folder, members, charter, charter_fingerprint(charter), clock, at)
    seats = {name: Seat(name, folder / name, *ports[name][:3]) for name in NODES}
    return Ground(World(federation, {name: numbers[0] for name, numbers in ports.items()}), seats)


def _write_settings(seat: Seat) -> None:
    """Settings as an operator has them, with the sources of the sample world."""
    file = seat.home / "node.toml"
    sources = file.read_text(encoding="utf-8").partition("[[source]]")
    head = _SETTINGS.format(member=seat.member, exchange=seat.exchange, agency=seat.agency, metrics=seat.metrics)
    file.write_text(head + "".join(sources[1:]), encoding="utf-8")


def _certify_rogue(world: World) -> None:
    keys = world.home("th") / "keys"
    key = create_key(keys / f"{ROGUE}.key")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = CertificateName(MemberId("th"), CertificateUse.CLIENT, "rogue")
    certificate = issue(load_authority(world.federation["th"].authority), key.public_key(), name, SystemClock())
    (keys / f"{ROGUE}.pem").write_bytes(certificate)
