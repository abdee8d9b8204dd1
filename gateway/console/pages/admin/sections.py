"""The form of the pages of administration: tabs, and sections that one template draws."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import rfc3339_s
from gateway.console.frame.page import Page
from gateway.console.frame.shapes import Banner, Button, Field, Hidden, Line, Link, Option, Row, Table
from gateway.console.visits.visit import Visit
from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment
from gateway.language.languages import Language

PATH = "/admin"

_TABS: Sentences = {
    "": "Health",
    "/sources": "Sources",
    "/policy": "Policy",
    "/keys": "Keys and certificates",
    "/members": "Members",
    "/people": "People and passkeys",
    "/settings": "Settings",
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the node's machine, under a sentence that says what it is for."""

    text: str
    line: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A field in which one of several is chosen."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """A form: where it is sent, what it carries, what is filled in, and its buttons."""

    path: str
    buttons: tuple[Button, ...]
    hidden: tuple[Hidden, ...] = ()
    areas: tuple[Field, ...] = ()
    fields: tuple[Field, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page under its own heading. `running` says what is under way."""

    title: str
    lead: str = ""
    banners: tuple[Banner, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    rows: tuple[Row, ...] = ()
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()
    commands: tuple[Command, ...] = ()
    actions: tuple[Action, ...] = ()
    links: tuple[Link, ...] = ()
    empty: tuple[str, str] | None = None
    running: str = ""


@dataclass(frozen=True, slots=True)
class AdminView:
    """A page of administration."""

    tabs: Sequence[Link]
    sections: Sequence[Section]


def admin_page(visit: Visit, tab: str, sections: Sequence[Section], title: str = "", live: str = "") -> Page:
    """Return a page of administration with its tab marked."""
    language = visit.language
    tabs = [Link(f"{PATH}{path}", tell(language, text), path == tab) for path, text in _TABS.items()]
    heading = title or tell(language, _TABS[tab])
    return Page("pages/admin.html", heading, AdminView(tabs, sections), live=live)


def at(time: str | None, language: Language) -> str:
    """Return an RFC 3339 time in words, to the second; empty where there is none."""
    return moment(f"{time[:19]}Z", language) if time else ""


def at_us(time_us: int, language: Language) -> str:
    """Return a moment (µs since 1970) in words."""
    return moment(rfc3339_s(time_us), language)


def command(*words: str | Path) -> str:
    """Return a command that can be pasted into a shell."""
    return " ".join(word if isinstance(word, str) else shlex.quote(str(word)) for word in words)
