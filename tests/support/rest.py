"""A real HTTPS server of the REST API on loopback, with real certificates, over any `Searches`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from certs.authority import Authority, create_authority, issue
from certs.keyfiles import create_key, load_key
from certs.names import CertificateName, CertificateUse, tls_name
from gateway.agency.api import create_api
from gateway.agency.bodies.problems import HEADERS_TOO_LARGE
from gateway.agency.calls.allowance import Allowance
from gateway.agency.calls.parts import AgencyParts, RefusedCall
from gateway.agency.officer_tokens.issuer import TRIAL_KEY, Profile, TrialIssuer
from gateway.agency.officer_tokens.revocations import Revocations
from gateway.agency.officer_tokens.tokens import OfficerTokens
from gateway.clock import Clock, SystemClock
from gateway.config.schema import Limits
from gateway.config.suspensions import Suspensions
from gateway.errors import StorageBroken, Unknown
from gateway.https.listener import LIMITS, ConnectionLimits, Listener
from gateway.https.tls_files import tls_context
from gateway.model.exchange import Outcome
from gateway.model.handed.searches import SearchCommand
from gateway.model.hit import Quality
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.model.search import Line, Search, ShownHit, ShownRecord
from gateway.ops.members.describe import Knowledge, describe_members
from gateway.ports.officers import Ended, Searches
from gateway.telemetry import Counters
from gateway.trust.view import TrustView
from tests.support.waiting import MOST_S

MEMBER = MemberId("th")
OFFICER = Profile("th.o.1042", "border-officer", "th.blo.aranyaprathet", "police", ("BORDER_CHECK", "INVESTIGATION"))

HIT = ShownHit(
    reference="r1",
    quality=Quality.EXACT_ID,
    record_type="TravelDocument",
    rules=("document-number-equal",),
    action="",
    record=ShownRecord(
        "vn.immigration", False, {"status": "LOST", "number": "C1234567"}, {"level": "OFFICIAL"}, 7, "sd.jwt~"
    ),
)


@dataclass(slots=True)
class StoredSearches:
    """Stands in for `exchange.ask` at its port: fixed lines, searches kept by id, one more line on `release`."""

    lines: tuple[Line, ...] = (
        Line(MemberId("vn"), Outcome.HIT, hits=(HIT,), exchange_id="0" * 32, entry_index=4),
        Line(MemberId("kh"), Outcome.SILENT, last_seen_us=1_700_000_000_000_000),
    )
    started: list[tuple[Officer, SearchCommand]] = field(default_factory=list)
    searches: dict[str, Search] = field(default_factory=dict)
    error: Exception | None = None
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """The first search for a key; raises `error` if there is one."""
        if self.error is not None:
            raise self.error
        self.started.append((officer, command))
        key = command.idempotency_key or f"s{len(self.started)}"
        waiting = tuple(line.member for line in self.lines if line.outcome is Outcome.SILENT)
        return self.searches.setdefault(key, Search(key, officer.person, 1, True, waiting, self.lines))

    async def begin(self, officer: Officer, command: SearchCommand, ended: Ended) -> Search:
        """Like `start`, without its lines."""
        search = await self.start(officer, command)
        ended(search.id, None)
        return replace(search, done=False, waiting_for=command.to, lines=())

    async def get(self, officer: Officer, search_id: str) -> Search:
        """A search of this officer."""
        found = self.searches.get(search_id)
        if found is None or found.officer != officer.person:
            raise Unknown("no such search", where="search")
        return found

    async def follow(self, officer: Officer, search_id: str) -> AsyncIterator[Search]:
        """Yield the search now, and once more after `release`."""
        search = await self.get(officer, search_id)
        yield search
        await self.release.wait()
        late = Line(MemberId("kh"), Outcome.NO_HIT, late=True)
        yield replace(search, waiting_for=(), lines=(*search.lines[:1], late))


@dataclass(slots=True)
class Rest:
    """A running API: its address, its folder of keys, and what it was told."""

    folder: Path
    ca: Authority
    port: int
    issuer: TrialIssuer
    searches: Searches
    counters: Counters
    refused: list[RefusedCall]
    broken: list[StorageBroken]
    server: Listener

    def client(self, name: str = "client-cli", **options: Any) -> httpx2.AsyncClient:
        """A client with the certificate `name` (empty: none)."""
        context = options.pop("context", None) or self.context(name)
        url = f"https://127.0.0.1:{self.port}"
        return httpx2.AsyncClient(base_url=url, verify=context, trust_env=False, timeout=MOST_S, **options)

    def context(self, name: str) -> ssl.SSLContext:
        """TLS of a client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.folder / "ca.pem")
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def certify(self, name: str, uri_name: CertificateName) -> None:
        """Another key and certificate of the national CA."""
        certify(self.folder, self.ca, name, uri_name)

    def der(self, name: str = "client-cli") -> bytes:
        """A certificate's bytes."""
        return ssl.PEM_cert_to_DER_cert((self.folder / f"{name}.pem").read_text())

    def bearer(self, profile: Profile = OFFICER, name: str = "client-cli") -> dict[str, str]:
        """The header of an officer."""
        return {"authorization": f"Bearer {self.issuer.issue(profile, self.der(name))}"}


SNI = {"sni_hostname": tls_name(MEMBER, "gw1")}


def certify(folder: Path, ca: Authority, name: str, uri_name: CertificateName) -> None:
    """`<name>.key` and `<name>.pem` in `folder`; a key that is there is taken."""
    place = folder / f"{name}.key"
    key = load_key(place) if place.exists() else create_key(place)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    (folder / f"{name}.pem").write_bytes(issue(ca, key.public_key(), uri_name, SystemClock()))


@asynccontextmanager
async def rest_api(
    folder: Path,
    searches: Searches,
    clock: Clock | None = None,
    limits: ConnectionLimits = LIMITS,
    allowance: Allowance | None = None,
    is_withdrawn: Callable[[str, str], bool] = lambda _name, _thumbprint: False,
    *,
    require_revocations: bool = False,
) -> AsyncIterator[Rest]:
    """Serve the API with fresh certificates in `folder`; the identity provider's system is `idp`."""
    clock = clock or SystemClock()
    ca = create_authority(folder, MEMBER, SystemClock())
    certify(folder, ca, "tls", CertificateName(MEMBER, CertificateUse.NODE, "gw1"))
    certify(folder, ca, "client-cli", CertificateName(MEMBER, CertificateUse.CLIENT, "cli"))
    create_key(folder / "token-issuer.key")
    issuer = TrialIssuer.load(folder / "token-issuer.key", MEMBER, clock)
    refused: list[RefusedCall] = []
    broken: list[StorageBroken] = []
    counters = Counters()

    async def note(call: RefusedCall) -> None:
        refused.append(call)

    async def members() -> dict[str, Any]:
        known = Knowledge(
            TrustView(None, {}, {}, clock), MEMBER, clock.now_us(), Suspensions(folder / "none", clock.monotonic)
        )
        return describe_members(known, "node")

    keys = {TRIAL_KEY: issuer.public_key, issuer.kid: issuer.public_key}
    revoked = Revocations(MEMBER, folder, lambda: keys, clock, required=require_revocations)

    async def take(data: bytes) -> None:
        revoked.take(data)

    parts = AgencyParts(
        member=MEMBER,
        searches=searches,
        tokens=OfficerTokens(MEMBER, keys, clock, refuse=revoked.refuse),
        revocations=take,
        provider="idp",
        health=lambda: {"status": "serving", "member": MEMBER},
        members=members,
        refused=note,
        broken=broken.append,
        counters=counters,
        is_withdrawn=is_withdrawn,
        allowance=allowance or Allowance(Limits(), SystemClock().monotonic),
    )
    context = tls_context(folder / "tls.key", folder / "tls.pem", folder / "ca.pem")
    api = create_api(parts)
    server = Listener(api, "127.0.0.1", 0, context, HEADERS_TOO_LARGE, limits=limits, is_withdrawn=is_withdrawn)
    _, port = await server.start()
    try:
        yield Rest(folder, ca, port, issuer, searches, counters, refused, broken, server)
    finally:
        await server.stop()
