"""The pages of running consoles: what there is on each is made first, then all are found by their links.

A page that no link leads to gets a row in `_places`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from playwright.sync_api import Browser, Page

from gateway.demo.sources import planted
from gateway.desk.delivery.authoring import Post
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from tests.support.console_nodes import console_of
from tests.support.console_stories import stories
from tests.support.consoles import (
    ADMINISTRATOR,
    AUDITOR,
    CLOCK,
    DATA_OFFICER,
    DUTY,
    OFFICER,
    SUPERVISOR,
    Consoles,
    Shown,
)
from tests.support.exchange import TH, VN
from tests.support.nodes import officer

PERSONS = (OFFICER, DUTY, SUPERVISOR, "n.1", "n.3", DATA_OFFICER, "x.1", AUDITOR, ADMINISTRATOR)
"""One of each role: all pages together are open to them."""

NOBODY_THERE = "ZZ0000000"
"""A document that no source has."""

_HOUR_US = 3_600_000_000
_MOST_PAGES = 60
"""The most pages that one person's links are followed to: kinds that were seen least come first."""

_NO_PAGES = re.compile(r"/assets/|/events$|/login/oidc|/login/passkey$|/file$|/files/[^/]+$|/csv$|/figures/page$")
"""Paths that answer something else than a page (a file to be saved, such as the figures), or lead to a provider."""


def shown_pages(consoles: Consoles, browser: Browser) -> tuple[Shown, ...]:
    """Make what is to be shown, and return each kind of page once, and those of `_places`."""
    places = tuple(_places(consoles, browser))
    found = {page.name: page for page in places}
    known = {_pattern(consoles, page.path) for page in found.values()}
    for name in PERSONS:
        with consoles.person(browser, f"th.{name}") as person:
            starts = [page.path for page in places if page.person == person.id]
            for path in _linked(consoles, person.page, [f"{person.origin}{path}" for path in starts]):
                pattern = _pattern(consoles, path)
                if pattern not in known | {"", "/"}:  # the first page leads to another one
                    known.add(pattern)
                    shown = Shown(_name(pattern), person.id, path)
                    found[shown.name] = shown
    return tuple(found.values())


def registered(consoles: Consoles) -> frozenset[str]:
    """Return the patterns of all pages that the console can show."""
    routes = console_of(consoles.node("th"))._app._app.routes
    return frozenset(route.path for route in routes if "GET" in route.methods and not _NO_PAGES.search(route.path))


def pattern_of(consoles: Consoles, page: Shown) -> str:
    """Return the pattern of the route that shows a page."""
    return _pattern(consoles, page.path)


def _places(consoles: Consoles, browser: Browser) -> Iterator[Shown]:
    leave_work(consoles)
    yield Shown("login", "", "/login")
    yield Shown("login-ended", "", "/login?next=/desk&ended=1")
    yield Shown("login-trial", "", "/login/trial")
    with consoles.person(browser, f"th.{OFFICER}") as person:
        yield Shown("gate", person.id, "/gate")
        yield Shown("no-such-page", person.id, "/no/such/page")
        for name, asked in (("hit", planted.STOLEN_PASSPORT.number), ("no-hit", NOBODY_THERE)):
            person.ask(asked, to=["vn"])
            person.answered()
            yield Shown(f"answers-{name}", person.id, person.page.url.removeprefix(person.origin))
    yield from stories(consoles, browser)
    for which in ("", "mine", "all", "threads"):
        yield Shown(f"desk-{which or 'for-me'}", f"th.{DUTY}", f"/desk?list={which}" if which else "/desk")


def leave_work(consoles: Consoles) -> None:
    """Leave questions that wait on both sides: urgent, with a long text and an apostrophe."""
    for urgency, text in ((Urgency.FLASH, "a truck was left at the bridge"), (Urgency.ROUTINE, "O'Neill <b>asks</b>")):
        for own, other in ((TH, VN), (VN, TH)):
            post = _question(str(own), text, urgency)
            consoles.run(consoles.node(str(own)).desk.parts.author.open(other, post))
    consoles.until(lambda: len(consoles.works("th")) >= 2, "the questions of Viet Nam wait in Thailand")


def _question(member: str, text: str, urgency: Urgency) -> Post:
    post = Post(
        Ask(About.QUESTION, text, topic="vehicle"),
        urgency,
        Purpose.INVESTIGATION,
        Offence.NARC,
        Requester("officer", f"{member}.blo.one", "police", "0123456789abcdef"),
        case="TH-2026-0417",
        agreement="gms-border-2026",
        expires_us=CLOCK.now_us() + 24 * _HOUR_US,
    )
    return replace(post, by=officer(member))


def _linked(consoles: Consoles, page: Page, starts: list[str]) -> Iterator[str]:
    """Yield the paths of the pages that links lead to, from the page that is open and from others."""
    waiting, seen, kinds = [page.url, *starts], set[str](), Counter[str]()
    origin = "/".join(page.url.split("/")[:3])

    def kind(url: str) -> str:
        return _pattern(consoles, url.removeprefix(origin))

    while waiting and len(seen) < _MOST_PAGES:
        url = min(waiting, key=lambda each: kinds[kind(each)])
        waiting = [each for each in waiting if each != url]
        seen.add(url)
        kinds[kind(url)] += 1
        answer = page.goto(url)
        if answer is None or answer.status != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        yield url.removeprefix(origin)
        links: Any = page.evaluate("[...document.querySelectorAll('a[href]:not([download])')].map(each => each.href)")
        inside = (href.partition("#")[0] for href in links if href.startswith(f"{origin}/"))
        waiting += [url for url in inside if url not in seen and not _NO_PAGES.search(url.partition("?")[0])]


def _pattern(consoles: Consoles, path: str) -> str:
    """Return the pattern of the page at a path; an empty text where it is none."""
    routes = console_of(consoles.node("th"))._app._app.routes
    plain = path.partition("?")[0]
    for route in routes:
        if "GET" in route.methods and route.path_regex.match(plain):
            return "" if _NO_PAGES.search(route.path) else str(route.path)
    return ""


def _name(pattern: str) -> str:
    return re.sub(r"\W+", "-", pattern.replace("{", "").replace("}", "")).strip("-") or "first"
