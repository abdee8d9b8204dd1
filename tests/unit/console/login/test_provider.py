"""A provider that answers wrongly, too much, elsewhere or never signs no one in."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from certs.authority import pinned_server
from certs.keyfiles import create_key
from gateway.clock import SystemClock
from gateway.config.sections.console import Oidc
from gateway.console.login.provider import Begun, Provider, provider_tls
from gateway.errors import LiaisonError, Unavailable
from gateway.https.listener import Listener
from tests.support.ports import free_port

pytestmark = pytest.mark.process

CALLBACK = "https://desk.th.example/login/oidc/callback"


class Wrong:
    """A provider whose answers a test changes: `about`, `token`, the claims and the head of the ID token."""

    def __init__(self, folder: Path) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.port = free_port()
        self.issuer = f"https://localhost:{self.port}"
        tls = create_key(folder / "tls.key")
        assert isinstance(tls, ec.EllipticCurvePrivateKey)
        self.ca = folder / "tls.pem"
        self.ca.write_bytes(pinned_server(tls, "localhost", SystemClock()))
        self.tls_key = folder / "tls.key"
        self.about: dict[str, Any] = {
            "issuer": self.issuer,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        for name, path in (
            ("authorization_endpoint", "/auth"),
            ("token_endpoint", "/token"),
            ("pushed_authorization_request_endpoint", "/par"),
        ):
            self.about[name] = self.issuer + path
        self.token: dict[str, Any] = {"access_token": "a.b.c", "token_type": "Bearer"}
        self.claims: dict[str, Any] = {}
        self.head: dict[str, Any] = {"kid": "k"}
        self.signs: Any = self.key
        self.answer: Callable[[], Response] | None = None
        self.begun: Begun | None = None

    async def serve(self, request: Request) -> Response:
        """Answer as the test wants."""
        if self.answer is not None:
            return self.answer()
        if request.url.path == "/par":
            return JSONResponse({"request_uri": "urn:x", "expires_in": 60}, 201)
        if request.url.path != "/token":
            return JSONResponse(self.about)
        assert self.begun is not None
        now = SystemClock().now_us() // 1_000_000
        claims = {
            "iss": self.issuer, "aud": "console", "sub": "th.o.1", "iat": now, "exp": now + 60, "auth_time": now,
            "nonce": self.begun.nonce,
        } | self.claims  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithm = self.head.get("alg", "ES256")
        said = jwt.encode(claims, self.signs, algorithm, headers={"typ": None} | self.head)
        return JSONResponse(self.token | ({} if "id_token" in self.token else {"id_token": said}))

    def provider(self) -> Provider:
        """The provider as a console knows it."""
        settings = Oidc(self.issuer, "console", str(self.ca), ("openid",))

        def tls() -> ssl.SSLContext:
            return provider_tls(str(self.ca), lambda _context: None)

        return Provider(settings, "liaison:th", lambda: {"k": self.key.public_key()}, tls, SystemClock())

    async def finished(self) -> str:
        """Whom a sign-in names, or the code of its refusal."""
        provider = self.provider()
        try:
            self.begun = await provider.begin(CALLBACK)
            query = {"state": self.begun.state, "iss": self.issuer, "code": "c"}
            return (await provider.finish(self.begun, query, CALLBACK)).person
        except LiaisonError as error:
            return error.code


@pytest.fixture
async def wrong(tmp_path: Path) -> AsyncIterator[Wrong]:
    made = Wrong(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.ca, made.tls_key)
    routes = [Route("/{path:path}", made.serve, methods=["GET", "POST"])]
    server = Listener(Starlette(routes=routes), "127.0.0.1", made.port, context, PlainTextResponse("", 431))
    await server.start()
    try:
        yield made
    finally:
        await server.stop()


async def test_right_answers_name_the_person_and_every_wrong_id_token_is_refused(wrong: Wrong) -> None:
    assert await wrong.finished() == "th.o.1"
    now = SystemClock().now_us() // 1_000_000
    cases: list[tuple[dict[str, Any], str]] = [
        ({"nonce": "x"}, "oidc-nonce"),
        ({"nonce": None}, "oidc-answer"),
        ({"nonce": 1}, "oidc-nonce"),
        ({"iss": "https://evil.example"}, "oidc-audience"),
        ({"aud": "other"}, "oidc-audience"),
        ({"aud": ["console", "other"]}, "oidc-audience"),
        ({"azp": "other"}, "oidc-audience"),
        ({"exp": now - 1}, "oidc-time"),
        ({"iat": now + 600}, "oidc-time"),
        ({"iat": now - 6000}, "oidc-time"),
        ({"iat": str(now)}, "oidc-answer"),
        ({"auth_time": now - 600}, "oidc-not-anew"),
        ({"auth_time": None}, "oidc-answer"),
        ({"sub": 7}, "oidc-answer"),
    ]
    for claims, code in cases:
        wrong.claims = claims
        assert await wrong.finished() == code, claims
    wrong.claims = {}
    for head, signs, code in (
        ({"kid": "other"}, wrong.key, "token-key"),
        ({}, wrong.key, "token-head"),
        ({"kid": "k", "jku": "https://evil.example"}, wrong.key, "token-head"),
        ({"kid": "k", "typ": "liaison-officer+jwt"}, wrong.key, "token-type"),
        ({"kid": "k", "alg": "HS256"}, "secret-secret-secret-secret-secret", "token-algorithm"),
        ({"kid": "k", "alg": "none"}, None, "bad-token"),
        ({"kid": "k"}, ec.generate_private_key(ec.SECP256R1()), "token-signature"),
    ):
        wrong.head, wrong.signs = head, signs
        assert await wrong.finished() == code, head


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"issuer": "https://localhost"}, "oidc-issuer"),
        ({"token_endpoint": "http://localhost/token"}, "oidc-unfit"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "oidc-unfit"),
        ({"pushed_authorization_request_endpoint": None}, "oidc-unfit"),
        ({"code_challenge_methods_supported": ["plain"]}, "oidc-unfit"),
        ({"authorization_response_iss_parameter_supported": "true"}, "oidc-unfit"),
        ({"mtls_endpoint_aliases": {"token_endpoint": "http://localhost/"}}, "oidc-unfit"),
    ],
)
async def test_a_provider_that_lacks_what_makes_it_safe_is_not_used(
    wrong: Wrong, about: dict[str, Any], code: str
) -> None:
    wrong.about |= about
    assert await wrong.finished() == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda: Response(None, 302, {"location": "https://evil.example/"}), "oidc-refused"),
        (lambda: PlainTextResponse("a" * 100_000), "oidc-answer"),
        (lambda: PlainTextResponse('{"issuer": 1, "issuer": 2}'), "bad-json"),
        (lambda: PlainTextResponse("[]"), "oidc-answer"),
        (lambda: PlainTextResponse("", 500), "oidc-unreachable"),
        (lambda: PlainTextResponse("", 429), "oidc-unreachable"),
    ],
    ids=["elsewhere", "too much", "two readings", "no object", "broken", "busy"],
)
async def test_an_answer_that_is_none_is_refused(wrong: Wrong, answer: Callable[[], Response], code: str) -> None:
    wrong.answer = answer
    assert await wrong.finished() == code


async def test_a_provider_of_another_ca_or_none_is_not_asked(wrong: Wrong, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    wrong.ca = Wrong(other).ca
    assert await wrong.finished() == "oidc-unreachable"
    gone = tmp_path / "gone"
    gone.mkdir()
    provider = Wrong(gone).provider()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(provider.begin(CALLBACK), 30)


async def test_tokens_of_another_type_or_none_are_refused(wrong: Wrong) -> None:
    for token in ({"token_type": "DPoP"}, {"access_token": None}, {"refresh_token": 7}, {"id_token": None}):
        before, wrong.token = wrong.token, wrong.token | token
        assert await wrong.finished() == "oidc-answer", token
        wrong.token = before
