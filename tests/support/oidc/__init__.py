"""A real identity provider for tests (npm `oidc-provider`), and a browser that signs a person in there."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.authority import pinned_server
from certs.keyfiles import create_key, load_key
from gateway.clock import SystemClock
from tests.support.optional import absent, needs
from tests.support.ports import free_port
from tests.support.waiting import MOST_S

KID = "provider-1"

_FOLDER = Path(__file__).parent


@dataclass(slots=True)
class TestProvider:
    """A running provider: its address, the file of its CA, and the file of the key that signs its tokens."""

    __test__ = False

    issuer: str
    ca: Path
    key: Path
    process: asyncio.subprocess.Process

    def browser(self) -> httpx2.AsyncClient:
        """A browser, which shows the provider no certificate."""
        context = ssl.create_default_context(cafile=str(self.ca))
        return httpx2.AsyncClient(verify=context, trust_env=False, timeout=MOST_S)

    async def sign_in(self, browser: httpx2.AsyncClient, url: str, person: str) -> str:
        """Sign a person in at the page to which the console led; return the address to which the provider leads."""
        answer = await browser.get(url)
        for _ in range(10):
            if answer.status_code in (302, 303):
                place = str(httpx2.URL(str(answer.url)).join(answer.headers["location"]))
                if not place.startswith(self.issuer):
                    return place
                answer = await browser.get(place)
                continue
            assert answer.status_code == 200, answer.text[:2000]
            action = re.search(r'action="([^"]+)"', answer.text)
            assert action is not None, answer.text[:2000]
            fields = {"prompt": "login", "login": person, "password": "any"}
            answer = await browser.post(str(httpx2.URL(self.issuer).join(action[1])), data=fields)
        raise AssertionError("the provider leads nowhere")


def require_node() -> None:
    """Skip where Node or the provider's packages are missing; fail where `CI=true`."""
    needs("node", "npm")
    if not (_FOLDER / "node_modules" / "oidc-provider").is_dir():
        absent("there is no identity provider: (cd tests/support/oidc && npm ci --ignore-scripts)")


@asynccontextmanager
async def oidc_provider(
    folder: Path, port: int, redirect_uri: str, client_ca: Path, officer: dict[str, Any], lifetime_s: int = 300
) -> AsyncIterator[TestProvider]:
    """Run the provider for the console that comes back to `redirect_uri`; its keys are in `folder`."""
    key = load_key(folder / "provider-tokens.key")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    issuer = f"https://localhost:{port}"
    given = {
        "issuer": issuer,
        "port": port,
        "redirect_uri": redirect_uri,
        "client_uri": "spiffe://liaison/th/client/console",
        "client_ca": client_ca.read_text(),
        "tls_key": (folder / "provider-tls.key").read_text(),
        "tls_certificate": (folder / "provider-tls.pem").read_text(),
        "key": _jwk(key),
        "lifetime_s": lifetime_s,
        "officer": officer,
    }
    log = (folder / "provider.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        "node", "provider.mjs", cwd=_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(given).encode())
        process.stdin.close()
        async with asyncio.timeout(MOST_S):
            while b"listens" not in (line := await process.stdout.readline()):
                assert line, (folder / "provider.log").read_text()
        yield TestProvider(issuer, folder / "provider-tls.pem", folder / "provider-tokens.key", process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        log.close()


def make_provider_keys(folder: Path) -> int:
    """Make the keys of a provider in `folder`; return a port that is free for it."""
    folder.mkdir(exist_ok=True)
    tls = create_key(folder / "provider-tls.key")
    assert isinstance(tls, ec.EllipticCurvePrivateKey)
    (folder / "provider-tls.pem").write_bytes(pinned_server(tls, "localhost", SystemClock()))
    tokens = create_key(folder / "provider-tokens.key")
    assert isinstance(tokens, ec.EllipticCurvePrivateKey)
    public = tokens.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "provider-tokens.pem").write_bytes(public)
    return free_port()


def oidc_settings(folder: Path, port: int) -> str:
    """The settings of a console for the provider at this port, whose keys are in `folder`."""
    return (
        f'[oidc]\nissuer = "https://localhost:{port}"\nclient_id = "console"\nca = "{folder / "provider-tls.pem"}"\n'
        f'[[token_key]]\nid = "{KID}"\nfile = "{folder / "provider-tokens.pem"}"\n'
    )


def _jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.private_numbers()
    public = numbers.public_numbers
    parts = {"x": public.x, "y": public.y, "d": numbers.private_value}
    named = {
        name: base64.urlsafe_b64encode(part.to_bytes(32, "big")).rstrip(b"=").decode() for name, part in parts.items()
    }
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KID, **named}
