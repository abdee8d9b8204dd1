"""Officers' calls at the REST API of a node, with real tokens and TLS."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from certs.names import tls_name
from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import client_certificate
from gateway.clock import SystemClock
from gateway.model.names import MemberId
from tests.gms.ground import PURPOSES, Region
from tests.support.http2 import tls_client

_PATIENCE_S = 30.0
_TOKEN_S = 120.0


@dataclass(slots=True)
class Desk:
    """The systems of one country's officers. A token is made once for each officer, and anew before its end."""

    member: str
    client: httpx2.AsyncClient
    issuer: TrialIssuer
    certificate: Any
    tokens: dict[str, tuple[float, str]] = field(default_factory=dict)

    async def call(self, who: Profile, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Make one call as this officer; return the response, whatever its status."""
        return await self.client.request(
            method, path, json=body, headers={"authorization": f"Bearer {self._token(who)}"},
            extensions={"sni_hostname": tls_name(MemberId(self.member), "node1")},
        )  # fmt: skip

    async def get(self, who: Profile, path: str) -> Any:
        """Return what a call brings, as JSON."""
        return _good(await self.call(who, "GET", path))

    async def post(self, who: Profile, path: str, body: Any = None) -> Any:
        """Return what a call brings, as JSON; raise what is refused."""
        return _good(await self.call(who, "POST", path, body))

    def _token(self, who: Profile) -> str:
        made, token = self.tokens.get(who.person, (0.0, ""))
        if not token or time.monotonic() - made > _TOKEN_S:
            token = self.issuer.issue(who, self.certificate)
            self.tokens[who.person] = time.monotonic(), token
        return token


def officer(member: str, office: str, number: int = 1042, agency: str = "police") -> Profile:
    """An officer of an office."""
    return Profile(f"{member}.o.{number}", "officer", office, agency, PURPOSES)


@asynccontextmanager
async def desk_of(region: Region, member: str) -> AsyncIterator[Desk]:
    """Open the connection of a country's officers to their node."""
    home = region.home(member)
    context = tls_client(home.ca, home.certificate("client-cli"), "http/1.1")
    async with httpx2.AsyncClient(
        base_url=region.url(member), verify=context, trust_env=False, timeout=_PATIENCE_S
    ) as client:
        issuer = TrialIssuer.load(home.key("token-issuer"), member, SystemClock())
        yield Desk(member, client, issuer, client_certificate(home))


def _good(response: httpx2.Response) -> Any:
    assert response.status_code < 300, f"{response.status_code} {response.text[:500]}"
    return response.json()
