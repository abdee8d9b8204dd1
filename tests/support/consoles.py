"""Real nodes with consoles in one process, beside the test: a test opens their pages in a browser.

The nodes run in a loop of their own, in a thread, since Playwright's plain interface has the test's thread.
"""

from __future__ import annotations

import asyncio
import re
import threading
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, BrowserContext, Page

from gateway.app.run.node import Node
from gateway.audit.acts.passkeys import Passkey
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.console.login.sessions import LoginParts
from gateway.demo.people import demo_persons, trial_officers, write_people
from gateway.desk.people.lists import PERSON_COLUMNS, PERSONS, TOKEN_COLUMNS
from gateway.language import Language
from gateway.ports.desk import Work, WorkFilter
from tests.support.authenticator import Authenticator
from tests.support.browser import watched
from tests.support.console_nodes import console_of
from tests.support.exchange import sample_world
from tests.support.nodes import World
from tests.support.second_step import with_rules
from tests.support.waiting import MOST_S, wait_until

OFFICER, SUPERVISOR, DUTY = "o.1042", "s.3", "d.7"
DATA_OFFICER, AUDITOR, ADMINISTRATOR = "p.1", "a.1", "adm.1"
"""Persons of each country."""

CLOCK = SystemClock()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: a short name for files, the person who sees it (empty: nobody is signed in), and its path."""

    name: str
    person: str
    path: str


@dataclass(slots=True)
class Consoles:
    """Running nodes with consoles."""

    world: World
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T], timeout: float = MOST_S) -> T:
        """Run a coroutine where the nodes run, and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def node(self, member: str) -> Node:
        """The running node of a member."""
        return self.world.nodes[member]

    def origin(self, member: str) -> str:
        """The address of a member's pages."""
        return self.node(member).addresses["console"]

    def login(self, member: str) -> LoginParts:
        """The parts of sign-in of a member's console."""
        return console_of(self.node(member))._login

    def works(self, member: str) -> Sequence[Work]:
        """The work that waits at a member's desk."""
        return self.node(member).desk.parts.store.works(WorkFilter())

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        wait_until(condition, what)

    def stop(self, member: str) -> None:
        """Stop a member's node: it falls silent."""
        self.run(self.world.stop(member))

    def start(self, member: str) -> None:
        """Start a member's node again."""
        self.run(self.world.start(member))

    @contextmanager
    def person(
        self, browser: Browser, person: str, language: Language | None = None, **options: Any
    ) -> Iterator[Person]:
        """Yield a person with a tablet, signed in for a trial; the browser asks for the language."""
        shown = {"viewport": {"width": 390, "height": 844}, "locale": (language or Language.EN).value} | options
        context = browser.new_context(ignore_https_errors=True, **shown)
        try:
            found = Person(self, context, context.new_page(), person)
            found.sign_in()
            if language is not None:
                found.speak(language)
            yield found
            assert found.faults == []
        finally:
            context.close()


@dataclass(slots=True)
class Person:
    """A person at a page of their country's console. `faults` are what the browser complained of."""

    consoles: Consoles
    context: BrowserContext
    page: Page
    id: str
    faults: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.faults = watched(self.page)

    @property
    def member(self) -> str:
        return self.id.partition(".")[0]

    @property
    def origin(self) -> str:
        return self.consoles.origin(self.member)

    def sign_in(self) -> None:
        """Sign in as an officer for trials."""
        self.page.goto(f"{self.origin}/login/trial")
        self.page.locator(f'button[name=person][value="{self.id}"]').click()
        self.page.wait_for_url(re.compile(rf"{re.escape(self.origin)}/(?!login)"))

    def speak(self, language: Language) -> None:
        """Read all pages in a language from now on."""
        here = self.page.url
        self.page.locator(".languages > summary").click()
        self.page.locator(f".languages button[value={language.value}]").click()
        self.page.wait_for_url(here)
        self.page.locator(f"html[lang={language.value}]").wait_for(state="attached")

    def open(self, path: str) -> Page:
        """Open a page of the console, with its fonts."""
        self.page.goto(f"{self.origin}{path}")
        self.page.evaluate("document.fonts.ready")
        return self.page

    def ask(self, text: str, case: str = "", to: Sequence[str] = (), **chosen: str) -> Page:
        """Ask at the gate, and wait for the page of the answers; `chosen` are codes of its lists, by their names."""
        page = self.open("/gate")
        page.locator("#asked").fill(text)
        page.evaluate("document.querySelectorAll('details.folded').forEach(each => { each.open = true; })")
        page.locator("#ticket").fill("CK-88213")
        page.locator("#case").fill(case)
        for name, code in chosen.items():
            page.locator(f"select[name={name}]").select_option(code)
        for box in page.locator("input[name=to]").all():
            box.set_checked(box.get_attribute("value") in to)
        page.locator("form#gate button.first").click()
        page.wait_for_url(f"{self.origin}/gate/*")
        return page

    def answered(self) -> Page:
        """Load the page of answers anew until it follows no more events: nobody is waited for any more."""
        for _ in range(200):
            if not self.page.locator("#answers[data-live]").count():
                return self.page
            self.page.reload()
        raise AssertionError("answers are still waited for")

    def give_passkey(self) -> Authenticator:
        """Enrol a passkey for the person, and give the tablet an authenticator that holds it and is touched at once."""
        device, login = Authenticator(rp_id="localhost", origin=self.origin), self.consoles.login(self.member)
        login.passkeys.enrol(Passkey(self.id, device.credential, device.spki, "localhost"), "5f3a9c", 1)
        session = self.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        key = device.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        credential = {
            "credentialId": b64encode(device.credential).decode(),
            "isResidentCredential": True,
            "rpId": "localhost",
            "privateKey": b64encode(key).decode(),
            "userHandle": b64encode(self.id.encode()).decode(),
            "signCount": 1,
        }
        found = {"authenticatorId": made["authenticatorId"], "credential": credential}
        session.send("WebAuthn.addCredential", found)
        return device


@contextmanager
def consoles(folder: Path, members: Sequence[str] = ("th", "vn")) -> Iterator[Consoles]:
    """Yield a federation of running nodes with consoles; people sign in for a trial, on any device."""
    world = with_rules(sample_world(folder, members))
    for member in members:
        people = Home(world.home(member)).people
        write_people(people, member, demo_persons(member), CLOCK)
        _let_them_have_tokens(people / PERSONS)
        _add_console(world.home(member), member, world.federation[member].agencies)
    with _own_loop() as loop:
        found = Consoles(world, loop)
        try:
            for member in members:
                found.start(member)
            yield found
        finally:
            for member in list(world.nodes):
                found.stop(member)


def _let_them_have_tokens(file: Path) -> None:
    """Give the persons of the list purposes, so that the node may issue tokens to those with a passkey."""
    lines = file.read_text(encoding="utf-8").splitlines()
    marks = {",".join(PERSON_COLUMNS): ",".join(TOKEN_COLUMNS)}
    more = [
        line if line.startswith("#") else f"{line},{marks.get(line, ',BORDER_CHECK INVESTIGATION')}" for line in lines
    ]
    file.write_text("\n".join(more) + "\n", encoding="utf-8")


def _add_console(home: Path, member: str, agencies: Sequence[str]) -> None:
    file = home / "node.toml"
    text = file.read_text(encoding="utf-8").replace("[listen]", '[listen]\nconsole = "127.0.0.1:0"')
    lines = ["[console]", 'login = ["trial", "passkey"]', "device_certificate = false"]
    for one in trial_officers(member):
        known = one if one.agency in agencies else replace(one, agency=agencies[0])
        lines += [
            "[[trial_officer]]",
            *(f'{name} = "{getattr(known, name)}"' for name in ("id", "office", "agency", "role")),
        ]
        lines += [f"purposes = {list(known.purposes)!r}".replace("'", '"')]
    head, mark, sources = text.partition("[[source]]")
    file.write_text("\n".join((head, *lines, f"{mark}{sources}", "")), encoding="utf-8")


@contextmanager
def _own_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="consoles", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
