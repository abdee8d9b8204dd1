"""The cookies of the console: of a session, of a sign-in which is under way, and of a stranger's language."""

from __future__ import annotations

import hashlib
import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from gateway.language.languages import Language

SESSION = "__Host-liaison"
"""Sent by our own pages only (`SameSite=Strict`), and gone with the browser."""

LOGIN = "__Host-liaison-login"
"""Sent as well when the identity provider leads back to us (`SameSite=Lax`)."""

LANGUAGE = "__Host-liaison-language"
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
    return hashlib.sha256(secret.encode()).hexdigest()


def read(request: Request, name: str) -> str:
    """Return the secret in a cookie; an empty text where there is none, or several, or one of another form."""
    found = _named(request, name)
    return found[0] if len(found) == 1 and _SECRET.fullmatch(found[0]) else ""


def chosen_language(request: Request) -> Language | None:
    """Return the language that was chosen on this device; None without one."""
    found = _named(request, LANGUAGE)
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
    response.set_cookie(LANGUAGE, value, _LANGUAGE_S, secure=True, httponly=True, samesite="lax", path="/")


def take_away(response: Response, *names: str) -> None:
    """Have the browser forget cookies."""
    for name in names:
        response.delete_cookie(name, path="/", secure=True, httponly=True)
