"""The country's identity provider: authorization code with PKCE, pushed requests, `iss` and mutual TLS.

RFC 6749, 7636 (S256), 9126 (pushed requests), 9207 (`iss`), 8705 (mutual TLS), 7009 (revocation), and OpenID Connect
Core. The access token is an officer token, bound to the console's own certificate; who verifies it is
`OfficerTokens.verify`, as everywhere. The ID token only proves that it answers this very request.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec

from gateway.clock import Clock
from gateway.config.load import https_address
from gateway.config.sections.console import Oidc
from gateway.errors import LiaisonError, Misconfigured, Unauthenticated, Unavailable
from gateway.signing import strict_json
from gateway.signing.jws import MAX_TOKEN, PublicKey, signed_claims

_MOST_BYTES = 64 * 1024
_WITHIN_S = 10.0
_KNOWN_S = 600.0
_FUTURE_S = 5
_LOGIN_S = 600
_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint")
_ERROR = re.compile(rb'"error"\s*:\s*"([a-z_]{1,40})"')
_REQUIRED = {"iss", "aud", "sub", "exp", "iat", "nonce", "auth_time"}


class Begun(msgspec.Struct, frozen=True):
    """A request that the provider holds: where the browser goes, and what its answer must fit."""

    url: str
    state: str
    nonce: str
    verifier: str
    begun_s: int


@dataclass(frozen=True, slots=True)
class Grant:
    """An officer token, which nothing has verified yet, and what renews it (empty: nothing does)."""

    token: str
    renewal: str = ""
    person: str = ""


class Provider:
    """One identity provider. `tls` makes a context that trusts its CA and shows our certificate; it blocks.

    `keys` are the listed keys of the provider: an ID token of another key is refused, and no key is fetched.
    """

    def __init__(
        self,
        settings: Oidc,
        resource: str,
        keys: Callable[[], Mapping[str, PublicKey]],
        tls: Callable[[], ssl.SSLContext],
        clock: Clock,
    ) -> None:
        self.issuer = settings.issuer
        self._settings = settings
        self._resource = resource
        self._keys = keys
        self._tls = tls
        self._clock = clock
        self._known: tuple[float, dict[str, Any]] = (float("-inf"), {})

    async def begin(self, redirect_uri: str) -> Begun:
        """Push a request for a person to sign in anew, and return it. Raises `Unavailable`, `Unauthenticated`."""
        about = await self._about()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        answer = await self._post(
            _endpoint(about, "pushed_authorization_request_endpoint"),
            {
                "response_type": "code",
                "scope": " ".join(self._settings.scopes),
                "redirect_uri": redirect_uri,
                "resource": self._resource,
                "state": state,
                "nonce": nonce,
                "code_challenge": _url64(sha256(verifier.encode()).digest()),
                "code_challenge_method": "S256",
                "max_age": "0",  # who held this device before may still be signed in there
            },
        )
        pushed = answer.get("request_uri")
        if not isinstance(pushed, str) or len(pushed) > 512:
            raise _refused("it gave no `request_uri`")
        query = urlencode({"client_id": self._settings.client_id, "request_uri": pushed})
        return Begun(f"{about['authorization_endpoint']}?{query}", state, nonce, verifier, self._now_s())

    async def finish(self, begun: Begun, query: Mapping[str, str], redirect_uri: str) -> Grant:
        """Return the grant for the provider's answer in the address of the callback:

        1. the answer is to this request (`state`), and of this provider (`iss`);
        2. the code is exchanged with the verifier, over mutual TLS;
        3. the ID token is signed by a listed key, for us, in its time, with our nonce, by a sign-in after our request;
        4. officer token and ID token are about one person.

        Raises `Unauthenticated`, `Unavailable`.
        """
        if not hmac.compare_digest(query.get("state", "").encode(), begun.state.encode()):  # 1
            raise _refused("it answers another request", "oidc-state")
        if not hmac.compare_digest(query.get("iss", "").encode(), self.issuer.encode()):
            raise _refused("another provider answers", "oidc-issuer")
        if "error" in query or not query.get("code"):
            raise _refused("the person was not signed in there", "oidc-denied")
        answer = await self._post(  # 2
            _endpoint(await self._about(), "token_endpoint"),
            {
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": redirect_uri,
                "code_verifier": begun.verifier,
                "resource": self._resource,
            },
        )
        grant, id_token = _granted(answer), answer.get("id_token")
        if not isinstance(id_token, str):
            raise _refused("it gave no ID token")
        return Grant(grant.token, grant.renewal, self._check_id_token(id_token, begun))  # 3

    async def renew(self, renewal: str) -> Grant:
        """Return a new officer token. Raises `Unauthenticated` where the provider ended it, `Unavailable`."""
        about = await self._about()
        fields = {"grant_type": "refresh_token", "refresh_token": renewal, "resource": self._resource}
        return _granted(await self._post(_endpoint(about, "token_endpoint"), fields))

    async def drop(self, renewal: str) -> None:
        """Have the provider end what it granted, as far as it can be reached: our session has ended already."""
        try:
            about = await self._about()
            if "revocation_endpoint" in about:
                await self._post(_endpoint(about, "revocation_endpoint"), {"token": renewal})
        except LiaisonError:
            return

    def _check_id_token(self, text: str, begun: Begun) -> str:
        if len(text) > MAX_TOKEN:
            raise _refused("its ID token is too large")
        claims, now = signed_claims(text, "JWT", self._keys(), untyped=True), self._now_s()
        if missing := _REQUIRED - set(claims):
            raise _refused(f"its ID token lacks `{min(missing)}`")
        if claims["iss"] != self.issuer or claims["aud"] not in (self._client, [self._client]):
            raise _refused("its ID token is not from this provider for this console", "oidc-audience")
        if claims.get("azp", self._client) != self._client:
            raise _refused("its ID token is for another system", "oidc-audience")
        if not isinstance(claims["nonce"], str) or not hmac.compare_digest(
            claims["nonce"].encode(), begun.nonce.encode()
        ):
            raise _refused("its ID token answers another request", "oidc-nonce")
        times = (claims["iat"], claims["exp"], claims["auth_time"])
        if any(type(each) is not int for each in times):
            raise _refused("the times of its ID token are no whole seconds")
        issued, expires, signed_in = times
        if not now - _LOGIN_S <= issued <= now + _FUTURE_S or expires <= now:
            raise _refused("its ID token is not in its time", "oidc-time")
        if signed_in < begun.begun_s - _FUTURE_S:
            raise _refused("the person had signed in there before", "oidc-not-anew")
        if not isinstance(claims["sub"], str):
            raise _refused("its ID token names no person")
        return claims["sub"]

    @property
    def _client(self) -> str:
        return self._settings.client_id

    async def _about(self) -> dict[str, Any]:
        """Return what the provider says of itself; asked for again after ten minutes."""
        read_at, about = self._known
        if self._clock.monotonic() - read_at < _KNOWN_S:
            return about
        about = await self._ask("GET", self.issuer.rstrip("/") + _WELL_KNOWN)
        if about.get("issuer") != self.issuer:
            raise _refused("it names itself otherwise than the settings do", "oidc-issuer")
        for name in _ENDPOINTS:
            _check_https(about.get(name), name)
        if "S256" not in about.get("code_challenge_methods_supported", ()):
            raise _refused("it knows no PKCE by S256", "oidc-unfit")
        if about.get("authorization_response_iss_parameter_supported") is not True:
            raise _refused("it does not name itself in its answers (RFC 9207)", "oidc-unfit")
        self._known = self._clock.monotonic(), about
        return about

    async def _post(self, url: str, fields: Mapping[str, str]) -> dict[str, Any]:
        return await self._ask("POST", url, {"client_id": self._client, **fields})

    async def _ask(self, method: str, url: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the provider's answer, an object. Raises `Unavailable`, and `Unauthenticated` where it refuses."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                # Made anew each time, so that a certificate of ours that was renewed counts at once.
                context = await asyncio.to_thread(self._tls)
                async with (
                    # Codes and tokens go to the provider alone: through no proxy of the environment, and where no
                    # redirect leads.
                    httpx2.AsyncClient(verify=context, trust_env=False, follow_redirects=False) as client,
                    client.stream(method, url, data=fields, headers={"accept": "application/json"}) as response,
                ):
                    status, data = response.status_code, bytearray()
                    async for part in response.aiter_bytes():
                        data += part
                        if len(data) > _MOST_BYTES:
                            raise _refused("its answer is too large")
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            raise _unavailable(type(error).__name__) from error
        if status >= 500 or status == 429:
            raise _unavailable(f"status {status}")
        if status not in (200, 201):
            # Only a short word of RFC 6749 is told of it: the rest is text from outside, and may name a person.
            word = _ERROR.search(data[:1000])
            raise _refused(f"it refuses with status {status}{f' ({word[1].decode()})' if word else ''}", "oidc-refused")
        found = strict_json.loads(bytes(data) or b"{}", _MOST_BYTES)
        if not isinstance(found, dict):
            raise _refused("its answer is no object")
        return found

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000


def provider_tls(ca: str, load_own: Callable[[ssl.SSLContext], None]) -> ssl.SSLContext:
    """Return TLS towards a provider whose server the CA in the file `ca` certifies. Raises `Misconfigured`."""
    # Trusts no CA of the machine, unlike `create_default_context`: only the one of the settings.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(ca)
    except OSError as error:
        raise Misconfigured(
            "the CA certificate cannot be used",
            code="bad-ca",
            where=ca,
            remedy="name the PEM file of the CA of the identity provider's server: oidc.ca",
        ) from error
    load_own(context)
    return context


def _granted(answer: Mapping[str, Any]) -> Grant:
    token, renewal = answer.get("access_token"), answer.get("refresh_token", "")
    if not isinstance(token, str) or not isinstance(renewal, str) or len(renewal) > MAX_TOKEN:
        raise _refused("it gave no token")
    if str(answer.get("token_type", "")).lower() != "bearer":
        raise _refused("it gave a token of another type")
    return Grant(token, renewal)


def _endpoint(about: Mapping[str, Any], name: str) -> str:
    """Return an endpoint; that for mutual TLS where there are two (RFC 8705, section 5)."""
    aliases = about.get("mtls_endpoint_aliases")
    found = aliases.get(name) if isinstance(aliases, Mapping) else None
    return _check_https(found or about.get(name), name)


def _check_https(url: object, name: str) -> str:
    try:
        return https_address(url if isinstance(url, str) else "", name).text
    except Misconfigured as error:
        raise _refused(f"its `{name}` is no https address", "oidc-unfit") from error


def _url64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _refused(why: str, code: str = "oidc-answer") -> Unauthenticated:
    return Unauthenticated(
        "the answer of the identity provider is not accepted: {why}", code=code, where="oidc.issuer", why=why
    )


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        "the identity provider cannot be asked: {why}",
        code="oidc-unreachable",
        where="oidc.issuer",
        remedy="try again in a minute",
        why=why,
    )
