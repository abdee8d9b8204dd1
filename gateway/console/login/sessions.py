"""Begin, find, renew and end the sessions of people. A session lives by its officer token, which each page verifies."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from msgspec.structs import replace
from starlette.requests import Request

from gateway.clock import MINUTE_US
from gateway.console.login import cookies
from gateway.console.login.devices import Device, device_of
from gateway.console.login.parts import LoginParts, Way
from gateway.console.login.provider import Grant
from gateway.desk.people.bearer import bearer
from gateway.desk.roles import Person
from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Refused, Unauthenticated, Unavailable
from gateway.language.languages import Language, accepted
from gateway.model.requester import Officer
from gateway.ports.entries import events
from gateway.ports.sessions import Remembered, Session
from gateway.signing.jws import expiry_us

_SEEN_EACH_US = MINUTE_US // 2
"""A session is written anew no more often than that, however many pages are asked for."""

_RENEW_US = 90_000_000
"""A token is renewed when it is good for no longer than that."""

_RENEWING_US = 15_000_000
_LOOK_AGAIN_S, _LOOKS = 0.1, 100
_AHEAD_US = 30_000_000
"""The clocks of machines that share a database may differ by so much."""


class SignedOut(Unauthenticated):
    """There is no session, or it may not go on: the person signs in again."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A person who is signed in: the session, the officer of the token that was verified now, and the desk's roles."""

    session: Session
    officer: Officer
    person: Person


async def begin(parts: LoginParts, device: Device, way: Way, grant: Grant, language: Language) -> str:
    """Begin a session, and return the secret for the browser, which is new. Raises `Refused` for a token that is none.

    The entry is durable first.
    """
    system, now_us = parts.system(), parts.clock.now_us()
    officer = parts.tokens.verify(grant.token, system.thumbprint, system.name)
    if grant.person and grant.person != officer.person:
        raise BadSignature("officer token and ID token are about two persons", code="other-person")
    listed = parts.people.person(officer.person)
    secret = cookies.new_secret()
    session = Session(
        id=cookies.id_of(secret),
        person=officer.person,
        way=way.value,
        device=device.thumbprint,
        token=grant.token,
        token_until_us=expiry_us(grant.token),
        renewal=grant.renewal,
        language=(listed.language if listed is not None else language).value,
        started_us=now_us,
        seen_us=now_us,
        ends_us=now_us + parts.settings.shift_hours * 60 * MINUTE_US,
    )
    await parts.note(
        events.SIGNED_IN.draft(
            officer=officer.person,
            role=officer.role,
            office=officer.office,
            agency=officer.agency,
            token=officer.token_hash.hex(),
            way=way.value,
            device=device.thumbprint,
            session=_name(session),
        )
    )
    await asyncio.to_thread(parts.sessions.begin, session, parts.settings.sessions)
    return secret


async def current(parts: LoginParts, request: Request, *, active: bool = True) -> Signed:
    """Return the person who is signed in:

    1. the cookie names a session that has not ended, on the device on which it began;
    2. neither the idle time nor the shift is over, by a clock that has not gone back before its start;
    3. its officer token is renewed where it ends soon, and is verified now, as at the REST API;
    4. with `active`, the session goes on from now; a page that fetches by itself is no sign of a person.

    Raises `SignedOut`, `Unavailable` while the identity provider cannot be asked, and `StorageAway` while the database
    is away.
    """
    try:
        device = device_of(request, parts)
    except Unauthenticated as error:  # sign-in says it
        raise _signed_out(error.code) from error
    secret = cookies.read(request, cookies.SESSION)
    if secret:
        parts.require_storage()
    session = await asyncio.to_thread(parts.sessions.find, cookies.id_of(secret)) if secret else None
    if session is None:
        raise _signed_out("no-session")
    now_us = parts.clock.now_us()
    if session.device != device.thumbprint:  # 1
        parts.refused("other-device", f"session {_name(session)}")
        raise await _ended(parts, session, "other-device")
    if code := _over(parts, session, now_us):  # 2
        raise await _ended(parts, session, code)
    session, officer = await _verified(parts, session, now_us)  # 3
    if active and now_us - session.seen_us >= _SEEN_EACH_US:  # 4
        await asyncio.to_thread(parts.sessions.see, session.id, now_us)
    return Signed(session, officer, bearer(officer, parts.people, now_us))


async def end(parts: LoginParts, request: Request) -> None:
    """End the session of the browser, if it has one, at the identity provider, too."""
    secret = cookies.read(request, cookies.SESSION)
    session = await asyncio.to_thread(parts.sessions.find, cookies.id_of(secret)) if secret else None
    if session is not None:
        await _ended(parts, session, "")
        if parts.provider is not None and session.way == Way.OIDC and session.renewal:
            await parts.provider.drop(session.renewal)


async def remember(parts: LoginParts, session: Session, basis: Remembered) -> None:
    """Keep the basis of questions for the rest of the shift."""
    await asyncio.to_thread(parts.sessions.change, session.id, lambda one: replace(one, remembered=basis))


async def speak(parts: LoginParts, session: Session, language: Language) -> None:
    """Show a person's pages in this language from now on."""
    await asyncio.to_thread(parts.sessions.change, session.id, lambda one: replace(one, language=language.value))


def language_of(request: Request) -> Language:
    """Return the language of pages before sign-in: the one chosen on the device, else the one the browser prefers."""
    return cookies.chosen_language(request) or accepted(",".join(request.headers.getlist("accept-language")))


def _over(parts: LoginParts, session: Session, now_us: int) -> str:
    """Return why a session's time is over; an empty text while it is not."""
    if now_us >= session.ends_us:
        return "shift-over"
    if now_us < session.started_us - _AHEAD_US:
        return "clock-back"
    return "idle" if now_us - session.seen_us >= parts.settings.idle_minutes * MINUTE_US else ""


async def _verified(parts: LoginParts, session: Session, now_us: int) -> tuple[Session, Officer]:
    system = parts.system()
    try:
        if session.token_until_us - now_us <= _RENEW_US:
            session = await _renewed(parts, session, now_us)
        return session, parts.tokens.verify(session.token, system.thumbprint, system.name)
    except SignedOut:
        raise
    except (Unauthenticated, Forbidden, Malformed) as error:
        raise await _ended(parts, session, error.code) from error


async def _renewed(parts: LoginParts, session: Session, now_us: int) -> Session:
    """Return the session with a token that is good for longer; one request of all processes renews it."""
    is_good = session.token_until_us > now_us
    if not await asyncio.to_thread(parts.sessions.claim_renewal, session.id, now_us, now_us + _RENEWING_US):
        return session if is_good else await _renewed_by_another(parts, session)
    try:
        grant = await _grant(parts, session)
    except Unavailable:
        if is_good:
            return session
        raise
    system = parts.system()
    officer = parts.tokens.verify(grant.token, system.thumbprint, system.name)
    if officer.person != session.person:
        raise BadSignature("the identity provider renewed the token of another person", code="other-person")
    after = await asyncio.to_thread(
        parts.sessions.change,
        session.id,
        lambda one: replace(
            one, token=grant.token, token_until_us=expiry_us(grant.token), renewal=grant.renewal or one.renewal
        ),
    )
    if after is None:
        raise _signed_out("no-session")
    return after


async def _renewed_by_another(parts: LoginParts, session: Session) -> Session:
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK_AGAIN_S)
        found = await asyncio.to_thread(parts.sessions.find, session.id)
        if found is None:
            raise _signed_out("no-session")
        if found.token != session.token:
            return found
    raise Unavailable("the officer token is not renewed yet", code="not-renewed", remedy="try again in a minute")


async def _grant(parts: LoginParts, session: Session) -> Grant:
    way = Way(session.way)
    if not parts.has(way):
        raise _signed_out("way-closed")
    if way is not Way.OIDC:
        return Grant(await asyncio.to_thread(parts.issue, way, session.person))
    if parts.provider is None or not session.renewal:
        raise _signed_out("token-expired")
    return await parts.provider.renew(session.renewal)


async def _ended(parts: LoginParts, session: Session, code: str) -> SignedOut:
    """End a session with its entry, and return what the request is answered with."""
    if await asyncio.to_thread(parts.sessions.end, session.id):
        await parts.note(events.SIGNED_OUT.draft(officer=session.person, session=_name(session), code=code))
    return _signed_out(code)


def _signed_out(code: str) -> SignedOut:
    return SignedOut("the session has ended", code=code, where="session", remedy="sign in again")


def _name(session: Session) -> str:
    return session.id[:16]


def code_of(error: LiaisonError) -> str:
    """Return the code under which a sign-in that failed is counted."""
    return error.code if isinstance(error, Refused) else "sign-in-failed"
