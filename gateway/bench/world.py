"""Build what is measured: a federation of two members in a temporary folder, one real node, and ready requests."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

from gateway.bench.data import absent_number, number, write_source
from gateway.bench.load import Target
from gateway.bench.scale import PEOPLE, write_people
from gateway.clock import Clock, SystemClock
from gateway.config import PACKAGED_POLICY, SourceSettings, write_default
from gateway.errors import Unavailable
from gateway.model.desk.notices import NoticeType
from gateway.model.exchange import Request
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery, Query
from gateway.model.requester import Requester
from gateway.node.wire import submit
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.statements.request import REQUEST_KIND
from gateway.trust.ceremony.ceremony import draft, import_document, publish_descriptor, publish_status, sign
from gateway.trust.ceremony.found_member import create_member, create_member_keys
from gateway.trust.ceremony.member_card import read_card
from gateway.trust.documents.charter import charter_fingerprint
from gateway.trust.keeper import TrustKeeper
from policy.bundle.limits import QUOTAS

ASKER, ANSWERER, OTHER = MemberId("th"), MemberId("vn"), MemberId("kh")
Members = dict[MemberId, tuple[tuple[str, ...], int]]
_NAME = "gw1"
_GENEROUS = "[budget]\n" + "".join(
    f"{kind.value} = {{ mib = 1000000, told = 10000000, open = 10000000 }}\n" for kind in NoticeType
)
_START_S = 120.0


@dataclass(frozen=True, slots=True)
class World:
    """The homes, and the parts of a request. The answering node is reached at `port`, and listens at `listens`."""

    folder: Path
    rows: int
    port: int
    listens: int
    keys: Mapping[MemberId, SigningKey]
    server_name: str
    clock: Clock

    @property
    def asker(self) -> Path:
        """The asking member's home; its TLS identity is the load generator's."""
        return self.folder / ASKER

    def target(self, asker: MemberId, *pids: int) -> Target:
        """Return the node as `asker` reaches it, with the node's processes."""
        return Target(f"127.0.0.1:{self.port}", self.server_name, self.folder / asker, pids)

    @property
    def answerer(self) -> Path:
        """The answering node's home."""
        return self.folder / ANSWERER

    @property
    def echo(self) -> Path:
        """A copy of the answering node's TLS identity, which the echo has in files wherever the node has its own."""
        return self.folder / "echo"


def build_world(
    folder: Path,
    rows: int,
    *,
    others: Sequence[MemberId] = (),
    people: int = 0,
    rates: bool = False,
    link: bool = False,
) -> World:
    """Found the federation and make the source; with `others` that ask too, and a source of `people` beside it.

    With `rates` the answering node has the usual limits on what a member asks, else none that is reached. With `link`
    it listens elsewhere than where others reach it, so that something can stand between.
    """
    clock = SystemClock()
    port, at = _free_port(), _free_port()
    listens = _free_port() if link else port
    members: Members = {ASKER: (("police",), at), ANSWERER: (("immigration", "police"), port)}
    members |= {member: (("police",), _free_port()) for member in others}
    for member, (agencies, _) in members.items():
        create_member(folder / f"{member}-authority", member, clock)
        create_member_keys(folder / member, folder / f"{member}-authority", member, agencies, _NAME, clock)
    _found(folder, clock, members)
    for member in members:
        other = ASKER if member == ANSWERER else ANSWERER
        (folder / member / "roots.pem").write_bytes((folder / other / "ca.pem").read_bytes())
    (folder / "echo" / "keys").mkdir(parents=True)
    for file in ("roots.pem", "keys/tls.key", "keys/tls.pem"):
        (folder / "echo" / file).write_bytes((folder / ANSWERER / file).read_bytes())
    database, mapping = write_source(folder, rows)
    sources = [SourceSettings("vn.immigration.border", "immigration", str(mapping), f"sqlite:///{database}")]
    if people:
        database = write_people(folder, people)
        sources.append(SourceSettings("vn.police.scale", "police", str(PEOPLE), f"sqlite:///{database}"))
    # The load generator never acknowledges, and usually asks at full speed, to measure exchanges and not the limits.
    generous = {"limits.receipt_debt": 10**9, "limits.receipt_debt_s": 10**6, "policy.national": "policy"}
    copytree(PACKAGED_POLICY / "national" / ANSWERER, folder / ANSWERER / "policy")
    (folder / ANSWERER / "policy" / QUOTAS).write_text(_GENEROUS)
    unlimited = {} if rates else {"limits.rate_per_member": 10**6, "limits.burst_per_member": 10**7}
    settings = (
        generous
        | unlimited
        | {
            "node.member": ANSWERER,
            "listen.exchange": f"127.0.0.1:{listens}",
            "listen.agency": "127.0.0.1:0",
        }
    )
    write_default(folder / ANSWERER, settings, sources=sources)
    own = {"node.member": ASKER, "listen.exchange": f"127.0.0.1:{at}", "listen.agency": "127.0.0.1:0"}
    write_default(folder / ASKER, own)
    view = TrustKeeper(folder / ASKER / "trust", clock).view
    keys = {each: load_signing_key(folder / each / "keys" / "statement.key") for each in (ASKER, *others)}
    return World(folder, rows, port, listens, keys, view.server_name(ANSWERER), clock)


def _found(folder: Path, clock: Clock, members: Members) -> None:
    charter = draft([read_card(folder / f"{member}-authority") for member in members], "bench", len(members), clock)
    for member in members:
        charter = sign(charter, folder / f"{member}-authority")
    documents = []
    for member, (agencies, port) in members.items():
        home, authority = folder / member, folder / f"{member}-authority"
        import_document(home / "trust", charter, clock, charter_fingerprint(charter))
        endpoints, offices = [f"127.0.0.1:{port}"], [f"{member}.blo.bench"]
        documents.append(
            publish_descriptor(home, authority, clock, endpoints=endpoints, offices=offices, agencies=agencies)
        )
        documents.append(publish_status(home, clock))
    for member in members:
        for document in documents:
            import_document(folder / member / "trust", document, clock)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def requests_for(world: World, count: int, *, present: bool = True) -> list[bytes]:
    """Return `count` fresh signed requests, ready to send, for documents that exist or for absent ones."""
    wanted = (number(1 + row * 7919 % world.rows) if present else absent_number(row) for row in range(count))
    return [request_of(world, DocumentQuery(document, "VNM")) for document in wanted]


def request_of(world: World, query: Query, sender: MemberId = ASKER) -> bytes:
    """Return a fresh request of `sender` with `query`, ready to send."""
    now_us = world.clock.now_us()
    request = Request(
        exchange_id=new_exchange_id(),
        sender=sender,
        recipient=ANSWERER,
        issued_us=now_us,
        expires_us=now_us + 60_000_000,
        purpose=Purpose.INVESTIGATION,
        offence=Offence.DOCFRAUD,
        case="B-2026/1",
        ticket="",
        agreement="gms-border-2026",
        requester=Requester("officer", f"{sender}.blo.bench", "police", "0123456789abcdef"),
        token_commitment=secrets.token_bytes(32),
        query=query,
        trust_hash=bytes(32),
        policy_hash=bytes(32),
    )
    return submit(REQUEST_KIND.build(request, world.keys[sender]).envelope, 3000).SerializeToString()


@contextmanager
def start_node(world: World) -> Iterator[Target]:
    """Run the answering node beside us; yield it as a target."""
    command = [sys.executable, "-m", "gateway.cli", "serve", "--home", str(world.answerer)]
    log = world.folder / "node.log"
    with log.open("wb") as errors, process_of(command, stderr=errors) as process:
        wait_for_port(process, world.listens, log)
        yield world.target(ASKER, process.pid)


@contextmanager
def start_echo(world: World, answer_bytes: int) -> Iterator[Target]:
    """Run the bare echo with the node's certificate and an answer of `answer_bytes`; yield it as a target."""
    command = [sys.executable, "-m", "gateway.bench.echo", str(world.echo), str(answer_bytes)]
    with process_of(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        yield Target(f"127.0.0.1:{port}", world.server_name, world.asker, (process.pid,))


@contextmanager
def process_of(command: Sequence[str], **pipes: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with this process's modules; yield it, and end it when the block ends."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(command, env=environment, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a process listens. Raises `Unavailable` with the end of its log where it does not."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Unavailable("the node did not start", where=log.read_text(errors="replace")[-500:])
