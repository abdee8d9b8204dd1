"""Begin, find, renew and end the sessions of people, each on its device, by cookies of the browser.

A session lives by its officer token, which each page verifies. The parts of sign-in are handed in by the composition
root.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from certs.names import CertificateUse
from gateway.clock import MINUTE_US, Clock
from gateway.config import TrialOfficer
from gateway.config.sections.console import Console
from gateway.console.frame.page import Page
from gateway.console.login.guard import Guard
from gateway.console.login.provider import Grant, Provider
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.desk.people.directory import People, bearer
from gateway.desk.roles import Person
from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Refused, Unauthenticated, Unavailable
from gateway.https.client_certificate import ClientSystem, read_client
from gateway.language.languages import Language, accepted
from gateway.model.requester import Officer
from gateway.ports.documents import DocumentStore
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.ports.officers import OfficerCheck
from gateway.ports.sessions import Remembered, Session, SessionStore
from gateway.signing.jws import expiry_us


class Way(StrEnum):
    """A way to sign in."""

    OIDC = "oidc"
    PASSKEY = "passkey"
    CARD = "card"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class LoginParts:
    """Holds what sign-in works with.

    `system` is the console as a calling system: the name and thumbprint of its own client certificate, to which each
    officer token is bound. `issue` returns an officer token of the node's own for a person who signed in without the
    identity provider; it raises for a person who may not have one. `note` writes an entry, durable when it returns;
    `refused` counts a sign-in that failed, by code and detail. `show` draws a page. `is_withdrawn` tells whether a
    device's certificate is switched off. `rp_id` is the domain of passkeys. `require_storage` raises while the database
    is away: who comes then is refused, and waits no unknown time.
    """

    member: str
    settings: Console
    origin: Callable[[], str]
    rp_id: str
    clock: Clock
    guard: Guard
    sessions: SessionStore
    documents: DocumentStore
    passkeys: PasskeyBook
    people: People
    tokens: OfficerCheck
    system: Callable[[], ClientSystem]
    issue: Callable[[Way, str], str]
    trial_officers: Callable[[], Sequence[TrialOfficer]]
    provider: Provider | None
    is_withdrawn: Callable[[str, str], bool]
    note: Callable[[EntryDraft], Awaitable[object]]
    refused: Callable[[str, str], None]
    show: Callable[[Request, Page], Response]
    require_storage: Callable[[], None]

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to sign in that the settings allow, in their order."""
        return tuple(Way(name) for name in self.settings.login)

    def has(self, way: Way) -> bool:
        """Tell whether the settings allow this way."""
        return way.value in self.settings.login


def parts_of(request: Request) -> LoginParts:
    """Return the parts of the console that serves this request."""
    found: LoginParts = request.app.state.login
    return found


# ------------------------------------------------------------ sessions


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
    """Begin a session, and return the secret for the browser, which is new. Raises `Refused` for an invalid token.

    The entry is durable first.
    """
    system, now_us = parts.system(), parts.clock.now_us()
    officer = parts.tokens.verify(grant.token, system.thumbprint, system.name)
    if grant.person and grant.person != officer.person:
        raise BadSignature("officer token and ID token are about two persons", code="other-person")
    listed = parts.people.person(officer.person)
    secret = new_secret()
    session = Session(
        id=id_of(secret),
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
    secret = secret_in(request, SESSION)
    # Who has no session needs no database: the page of sign-in is shown while it is away, too.
    if secret:
        parts.require_storage()
    session = await asyncio.to_thread(parts.sessions.find, id_of(secret)) if secret else None
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
    secret = secret_in(request, SESSION)
    session = await asyncio.to_thread(parts.sessions.find, id_of(secret)) if secret else None
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
    return _chosen_language(request) or accepted(",".join(request.headers.getlist("accept-language")))


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
    # A refresh token may count once, and its second use end the session at the provider: so one request renews.
    if not await asyncio.to_thread(parts.sessions.claim_renewal, session.id, now_us, now_us + _RENEWING_US):
        return session if is_good else await _renewed_by_another(parts, session)
    try:
        grant = await _grant(parts, session)
    except Unavailable:
        # A provider that is away throws nobody out while the token is still good.
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
    # Of several requests that find it over one ends it, so that it has one entry.
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


# ------------------------------------------------------------ cookies


SESSION = "__Host-liaison"
"""Sent by our own pages only (`SameSite=Strict`), and gone with the browser."""

LOGIN = "__Host-liaison-login"
"""Sent as well when the identity provider leads back to us (`SameSite=Lax`)."""

_LANGUAGE = "__Host-liaison-language"
"""Says in which language the pages before sign-in are shown on this device. It is no secret, and proves nothing."""

_LANGUAGE_S = 365 * 24 * 3600

LOGIN_S = 600
"""Seconds in which a sign-in that was begun can be ended."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def id_of(secret: str) -> str:
    """Return the id under which we know a secret of a browser: its SHA-256, hexadecimal."""
    # The database has the hash alone: who reads it, or a backup, can take over no session.
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_in(request: Request, name: str) -> str:
    """Return the secret in a cookie; an empty text where there is none, or several, or one of another form."""
    found = _named(request, name)
    # Which of two cookies of one name is ours cannot be told, so neither is taken.
    return found[0] if len(found) == 1 and _SECRET.fullmatch(found[0]) else ""


def _chosen_language(request: Request) -> Language | None:
    """Return the language that was chosen on this device; None without one."""
    found = _named(request, _LANGUAGE)
    return Language(found[0]) if len(found) == 1 and found[0] in list(Language) else None


def _named(request: Request, name: str) -> list[str]:
    parts = (part.strip() for header in request.headers.getlist("cookie") for part in header.split(";"))
    return [part.removeprefix(f"{name}=") for part in parts if part.startswith(f"{name}=")]


def give_session(response: Response, secret: str) -> None:
    """Give the browser the secret of its session, in place of an earlier one."""
    response.set_cookie(SESSION, secret, secure=True, httponly=True, samesite="strict", path="/")


def give_login(response: Response, secret: str) -> None:
    """Give the browser the secret of a sign-in that begins."""
    response.set_cookie(LOGIN, secret, LOGIN_S, secure=True, httponly=True, samesite="lax", path="/")


def give_language(response: Response, language: Language) -> None:
    """Have the browser remember the language of the pages before sign-in."""
    value = language.value
    response.set_cookie(_LANGUAGE, value, _LANGUAGE_S, secure=True, httponly=True, samesite="lax", path="/")


def take_away(response: Response, *names: str) -> None:
    """Have the browser forget cookies."""
    for name in names:
        response.delete_cookie(name, path="/", secure=True, httponly=True)


# ------------------------------------------------------------ devices, by their certificates


_CARD_KEY = "card-key"
"""The kind of the documents that say whose card has a key; the value is the person."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device: the `x5t#S256` of its certificate, empty without one. `person` is whose card it is, if it is one.

    `key_id` is that of the card's public key.
    """

    thumbprint: str = ""
    person: str = ""
    key_id: str = ""


def device_of(request: Request, parts: LoginParts) -> Device:
    """Return the device of a request. Raises `Unauthenticated` where it may not have a page at all.

    TLS has verified the certificate against our own CA. It is that of a device (`client/…`) or a person's card
    (`person/…`), which is a device as well.
    """
    certificate = getattr(request.state, "client_certificate", None)
    if not certificate:
        if parts.settings.device_certificate:
            raise _refused("it shows no certificate")
        return Device()
    try:
        leaf, system = read_client(certificate)
    except Malformed as error:
        raise _refused("its certificate does not fit the profile") from error
    # Where cards sign nobody in, the certificate of a card is not that of a device either.
    is_card = leaf.name.use is CertificateUse.PERSON and parts.has(Way.CARD)
    if leaf.name.member != parts.member or not (is_card or leaf.name.use is CertificateUse.CLIENT):
        raise _refused("its certificate is for another use")
    if parts.is_withdrawn(system.name, system.thumbprint):
        raise _refused("its certificate is withdrawn")
    if not is_card:
        return Device(system.thumbprint)
    return Device(system.thumbprint, system.name, leaf.key_id)


def check_own_card(device: Device, documents: DocumentStore) -> None:
    """Raise `Unauthenticated` for a card whose key has signed another person in: a second card makes no second person.

    The first person of a key is kept for good.
    """
    first = documents.put_new(_CARD_KEY, device.key_id, device.person.encode())
    if first is not None and first.decode() != device.person:
        raise _refused("its key is on the card of another person")


def place_of(request: Request, device: Device) -> str:
    """Return the place by which attempts to sign in are counted: the device, or the address without one."""
    return device.thumbprint or (request.client.host if request.client else "")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        "this device may not use the console: {why}",
        code="unknown-device",
        where="client certificate",
        remedy="ask the administrator for a certificate of this device",
        why=why,
    )
