"""The routes of sign-in and sign-out. A sign-in that fails is answered in one way, whatever the cause was."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.console.frame.forms import Form, check_sender, read_form, see_other
from gateway.console.frame.page import Page
from gateway.console.login import passkey, pending, sessions
from gateway.console.login.pages import choose_page, go_on_page, passkey_page, refused_page, trial_page
from gateway.console.login.pending import Pending
from gateway.console.login.provider import Grant
from gateway.console.login.sessions import (
    Device,
    LoginParts,
    Way,
    check_own_card,
    device_of,
    language_of,
    parts_of,
    place_of,
)
from gateway.console.login.targets import HOME, own_path, wanted_after
from gateway.errors import BadSignature, Forbidden, Overloaded, Refused, Unauthenticated, Unavailable
from gateway.ports.entries import events
from gateway.signing.passkeys.registration import CHALLENGE_BYTES

CALLBACK = "/login/oidc/callback"

_SIGN_IN = "/login"
_NOT_OURS = "foreign-form"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request of sign-in, from a device that may have a page."""

    parts: LoginParts
    request: Request
    device: Device

    @property
    def after(self) -> str:
        """The page that is wanted after sign-in."""
        return own_path(self.request.query_params.get("next", ""))

    def show(self, page: Page) -> Response:
        """Return a page that no cache keeps."""
        answer = self.parts.show(self.request, page)
        answer.headers["cache-control"] = "no-store"
        return answer

    def enter(self, way: Way) -> None:
        """Count an attempt by this way. Raises `Unauthenticated` where it is closed, `Overloaded` beyond the limit."""
        if not self.parts.has(way):
            raise Unauthenticated("this way to sign in is closed", code="way-closed", where="console.login")
        self.parts.guard.enter(place_of(self.request, self.device))

    async def form(self, way: Way) -> Form:
        """Count an attempt that a page of ours sends, and return its form."""
        check_sender(self.request, self.parts.origin())  # before it counts: another site locks nobody out
        self.enter(way)
        return await read_form(self.request, self.parts.origin())

    async def signed_in(self, way: Way, grant: Grant, answer: Response) -> Response:
        """Begin the session, and return the answer with its cookie."""
        # The session that the browser has ends first, with its entry: nothing of another person's goes on.
        await sessions.end(self.parts, self.request)
        secret = await sessions.begin(self.parts, self.device, way, grant, language_of(self.request))
        self.parts.guard.succeeded(place_of(self.request, self.device))
        sessions.give_session(answer, secret)
        sessions.take_away(answer, sessions.LOGIN)
        return answer

    async def issued(self, way: Way, person: str, after: str) -> Response:
        """Sign a person in with a token of the node's own."""
        token = await asyncio.to_thread(self.parts.issue, way, person)
        return await self.signed_in(way, Grant(token), see_other(after))


def login_routes() -> list[Route]:
    """Return the routes; the application's state holds the parts as `login`."""
    return [
        Route(_SIGN_IN, _answered(_choose), methods=["GET"]),
        Route("/login/oidc/start", _answered(_start), methods=["GET"]),
        Route(CALLBACK, _answered(_callback), methods=["GET"]),
        Route("/login/passkey", _answered(_show_passkey), methods=["GET"]),
        Route("/login/passkey", _answered(_take_passkey), methods=["POST"]),
        Route("/login/card", _answered(_take_card), methods=["POST"]),
        Route("/login/trial", _answered(_show_trial), methods=["GET"]),
        Route("/login/trial", _answered(_take_trial), methods=["POST"]),
        Route("/login/language", _answered(_speak), methods=["POST"]),
        Route("/logout", _answered(_log_out), methods=["POST"]),
    ]


def _answered(handle: Callable[[_Asked], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that answers each refusal with a page, and counts it."""

    async def endpoint(request: Request) -> Response:
        parts = parts_of(request)
        try:
            asked = _Asked(parts, request, device_of(request, parts))
        except Unauthenticated as error:
            parts.refused(error.code, request.url.path[:64])
            return _Asked(parts, request, Device()).show(refused_page(language_of(request), "device", 403))
        try:
            return await handle(asked)
        # These two are refusals as well, but say nothing about the person: they count as no failure.
        except Overloaded:
            return asked.show(refused_page(language_of(request), "limit", 429))
        except Unavailable:
            return asked.show(refused_page(language_of(request), "unreachable", 503))
        except Refused as error:
            # Another site could send forms through a person's browser until the device is locked out.
            if error.code != _NOT_OURS:
                parts.guard.failed(place_of(request, asked.device))
            parts.refused(error.code, f"{request.url.path[:64]}: {error.message[:200]}")
            return asked.show(refused_page(language_of(request), "refused", 403))

    return endpoint


async def _choose(asked: _Asked) -> Response:
    query = asked.request.query_params
    ended, out = "ended" in query, "out" in query
    return asked.show(choose_page(asked.parts.ways, language_of(asked.request), asked.after, ended=ended, out=out))


async def _start(asked: _Asked) -> Response:
    """Lead to the identity provider. A link does, since the policy of our pages lets no form lead to another site."""
    if not _is_our_link(asked.request):
        return see_other(_SIGN_IN)
    asked.enter(Way.OIDC)
    assert asked.parts.provider is not None
    begun = await asked.parts.provider.begin(asked.parts.origin() + CALLBACK)
    kept = Pending(Way.OIDC, asked.after, asked.device.thumbprint, begun=begun)
    answer = RedirectResponse(begun.url, 303, {"cache-control": "no-store"})
    sessions.give_login(answer, await pending.begin(asked.parts, kept))
    return answer


async def _callback(asked: _Asked) -> Response:
    """End the sign-in that the provider answers. Each name stands once in its address."""
    found = await pending.take(asked.parts, asked.request, asked.device, Way.OIDC)
    query = asked.request.query_params
    # Of a name that comes twice the check could read one value and the exchange of the code the other.
    if len(query.multi_items()) != len(query) or asked.parts.provider is None or found.begun is None:
        raise Forbidden("the address of the callback names something twice", code="oidc-answer")
    grant = await asked.parts.provider.finish(found.begun, dict(query), asked.parts.origin() + CALLBACK)
    page = asked.show(go_on_page(language_of(asked.request), found.after))
    return await asked.signed_in(Way.OIDC, grant, page)


async def _show_passkey(asked: _Asked) -> Response:
    if not _is_our_link(asked.request):
        return see_other(_SIGN_IN)
    asked.enter(Way.PASSKEY)
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    kept = Pending(Way.PASSKEY, asked.after, asked.device.thumbprint, challenge)
    page = passkey_page(language_of(asked.request), passkey.options(asked.parts, challenge))
    answer = asked.show(page)
    sessions.give_login(answer, await pending.begin(asked.parts, kept))
    return answer


async def _take_passkey(asked: _Asked) -> Response:
    form = await asked.form(Way.PASSKEY)
    found = await pending.take(asked.parts, asked.request, asked.device, Way.PASSKEY)
    said = form.one("assertion")
    try:
        person = await asyncio.to_thread(passkey.proved_person, asked.parts, found.challenge, said)
    except BadSignature as error:
        if error.code == "passkey-cloned":
            await asked.parts.note(events.ALARM.draft(code=error.code, detail=f"sign-in: {error.message}"))
        raise
    return await asked.issued(Way.PASSKEY, person, found.after)


async def _take_card(asked: _Asked) -> Response:
    form = await asked.form(Way.CARD)
    if not asked.device.person:
        raise Unauthenticated("no card was shown", code="no-card", where="client certificate")
    await asyncio.to_thread(check_own_card, asked.device, asked.parts.documents)
    return await asked.issued(Way.CARD, asked.device.person, own_path(form.one("next")))


async def _show_trial(asked: _Asked) -> Response:
    if not asked.parts.has(Way.TRIAL):
        raise Unauthenticated("this way to sign in is closed", code="way-closed", where="console.login")
    return asked.show(trial_page(language_of(asked.request), asked.parts.trial_officers(), asked.after))


async def _take_trial(asked: _Asked) -> Response:
    form = await asked.form(Way.TRIAL)
    return await asked.issued(Way.TRIAL, form.one("person"), own_path(form.one("next")))


async def _speak(asked: _Asked) -> Response:
    """Show the pages before sign-in in another language on this device."""
    form = await read_form(asked.request, asked.parts.origin())
    answer = see_other(_sign_in(own_path(wanted_after(form.one("here")))))
    sessions.give_language(answer, form.language)
    return answer


def _sign_in(after: str) -> str:
    return _SIGN_IN if after == HOME else f"{_SIGN_IN}?{urlencode({'next': after})}"


async def _log_out(asked: _Asked) -> Response:
    """End the session, and have the browser forget the pages that it keeps."""
    await read_form(asked.request, asked.parts.origin())
    await sessions.end(asked.parts, asked.request)
    answer = see_other(f"{_SIGN_IN}?out=1")
    answer.headers["clear-site-data"] = '"cache", "storage"'
    sessions.take_away(answer, sessions.SESSION, sessions.LOGIN)
    return answer


def _is_our_link(request: Request) -> bool:
    """Tell whether no other site leads here: each visit begins a sign-in, which is kept."""
    return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
