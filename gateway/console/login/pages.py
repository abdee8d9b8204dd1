"""The view models of the pages of sign-in, with their sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gateway.config import TrialOfficer
from gateway.console.frame.forms import new_form_id
from gateway.console.login.parts import Way
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
class ChoosePage:
    """The page that offers the ways to sign in."""

    language: Language
    title: str
    said: str
    choices: tuple[Choice, ...]
    after: str
    form_id: str


@dataclass(frozen=True, slots=True)
class PasskeyPage:
    """The page on which a passkey is touched; `options` are for the browser."""

    language: Language
    title: str
    text: str
    button: str
    needs_script: str
    options: str
    form_id: str


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer for trials."""

    person: str
    about: str


@dataclass(frozen=True, slots=True)
class TrialPage:
    """The page on which an officer for trials is chosen."""

    language: Language
    title: str
    warning: str
    officers: tuple[Officer, ...]
    after: str
    form_id: str


@dataclass(frozen=True, slots=True)
class GoOnPage:
    """The page that leads on from another site's: the browser sends the session only where our own page leads."""

    language: Language
    title: str
    link: str
    href: str


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """The page of a sign-in that failed. It says the same whatever the cause was."""

    language: Language
    title: str
    text: str
    link: str


def choose_page(ways: Sequence[Way], language: Language, after: str, *, ended: bool, out: bool) -> ChoosePage:
    """Return the page that offers these ways."""
    said = tell(language, "You are signed out.") if out else ""
    if ended:
        said = tell(language, "The session has ended. Sign in again.")
    choices = tuple(_choice(way, language, after) for way in ways)
    return ChoosePage(language, tell(language, "Sign in"), said, choices, after, new_form_id())


def passkey_page(language: Language, options: Mapping[str, Any]) -> PasskeyPage:
    """Return the page for a passkey."""
    return PasskeyPage(
        language,
        tell(language, _WAYS["passkey"]),
        tell(language, "Use the passkey that two persons enrolled for you. No name is asked for."),
        tell(language, "Use the passkey"),
        tell(language, "A passkey needs JavaScript in this browser."),
        json.dumps(options),
        new_form_id(),
    )


def trial_page(language: Language, officers: Sequence[TrialOfficer], after: str) -> TrialPage:
    """Return the page of the officers for trials."""
    listed = tuple(Officer(one.id, f"{_role(one.role, language)} · {one.agency} · {one.office}") for one in officers)
    return TrialPage(
        language, tell(language, _WAYS["trial"]), tell(language, _NOTES["trial"]), listed, after, new_form_id()
    )


def _role(role: str, language: Language) -> str:
    """Return a role in words; one that only this country has as it is."""
    return tell(language, ROLES[role]) if role in ROLES else role


def go_on_page(language: Language, after: str) -> GoOnPage:
    """Return the page that leads on after sign-in at another site."""
    return GoOnPage(language, tell(language, "You are signed in."), tell(language, "Go on"), after)


def refused_page(language: Language, why: str) -> RefusedPage:
    """Return the page of a sign-in that failed, by the key of its sentence."""
    return RefusedPage(
        language, tell(language, "Sign in"), tell(language, _REFUSALS[why]), tell(language, "Back to sign in")
    )


def _choice(way: Way, language: Language, after: str) -> Choice:
    label, note = tell(language, _WAYS[way]), tell(language, _NOTES[way]) if _NOTES[way] else ""
    if way is Way.CARD:
        return Choice(label, note, action="/login/card")
    return Choice(label, note, href=f"{_STARTS[way]}?next={quote(after, safe='/')}")
