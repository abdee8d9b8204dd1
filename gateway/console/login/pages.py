"""The pages of sign-in: their titles, their view models, and the sentences of ways and refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gateway.config import TrialOfficer
from gateway.console.frame.forms import new_form_id
from gateway.console.frame.page import Page
from gateway.console.login.sessions import Way
from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.language.terms import ROLES

_WAYS: Sentences = {
    "oidc": "Sign in with the identity provider",
    "passkey": "Sign in with a passkey",
    "card": "Sign in with the certificate of a card",
    "trial": "Sign in for a trial",
}
_NOTES: Sentences = {
    "oidc": "",
    "passkey": "",
    "card": "A card alone proves less than a passkey or the identity provider.",
    "trial": "For trials only: anybody can sign in as anybody here.",
}
_STARTS = {"oidc": "/login/oidc/start", "passkey": "/login/passkey", "trial": "/login/trial"}
_REFUSALS: Sentences = {
    "refused": "You were not signed in. Try again, or ask your supervisor.",
    "limit": "Too many attempts to sign in from this device. Wait five minutes.",
    "unreachable": "The identity provider cannot be reached now. Try again in a minute.",
    "device": "This device may not use the console. Ask the administrator for its certificate.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to sign in: a link to `href`, or a form that is sent to `action`."""

    label: str
    note: str
    href: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class ChooseView:
    """The ways to sign in. `ended` and `out` tell why the session before is over."""

    choices: tuple[Choice, ...]
    after: str
    ended: bool
    out: bool
    form_id: str


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """The form that a touched passkey fills in; `options` are for the browser."""

    options: str
    form_id: str


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer for trials."""

    person: str
    about: str


@dataclass(frozen=True, slots=True)
class TrialView:
    """The officers for trials, of whom one is chosen."""

    officers: tuple[Officer, ...]
    after: str
    form_id: str


def choose_page(ways: Sequence[Way], language: Language, after: str, *, ended: bool, out: bool) -> Page:
    """Return the page that offers these ways."""
    choices = tuple(_choice(way, language, after) for way in ways)
    view = ChooseView(choices, after, ended, out, new_form_id())
    return Page("login/choose.html", tell(language, "Sign in"), view)


def passkey_page(language: Language, options: Mapping[str, Any]) -> Page:
    """Return the page on which a passkey is touched."""
    view = PasskeyView(json.dumps(options), new_form_id())
    return Page("login/passkey.html", tell(language, _WAYS["passkey"]), view)


def trial_page(language: Language, officers: Sequence[TrialOfficer], after: str) -> Page:
    """Return the page of the officers for trials."""
    listed = tuple(Officer(one.id, f"{_role(one.role, language)} · {one.agency} · {one.office}") for one in officers)
    return Page("login/trial.html", tell(language, _WAYS["trial"]), TrialView(listed, after, new_form_id()))


def go_on_page(language: Language, after: str) -> Page:
    """Return the page that leads on from another site's.

    A browser sends the cookie of the session only where a page of ours leads.
    """
    return Page("login/go_on.html", tell(language, "You are signed in."), after)


def refused_page(language: Language, why: str, status: int) -> Page:
    """Return the page of a sign-in that failed, by the key of its sentence."""
    return Page("login/refused.html", tell(language, "Sign in"), tell(language, _REFUSALS[why]), status)


def _role(role: str, language: Language) -> str:
    """Return a role in words; one that only this country has as it is."""
    return tell(language, ROLES[role]) if role in ROLES else role


def _choice(way: Way, language: Language, after: str) -> Choice:
    label, note = tell(language, _WAYS[way]), tell(language, _NOTES[way]) if _NOTES[way] else ""
    if way is Way.CARD:
        return Choice(label, note, action="/login/card")
    return Choice(label, note, href=f"{_STARTS[way]}?next={quote(after, safe='/')}")
