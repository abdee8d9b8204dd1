"""A real HTTPS server of the console's sign-in on loopback, over a real home; pages are stand-ins."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from certs.authority import load_authority
from certs.names import CertificateName, CertificateUse, tls_name
from gateway.agency.officer_tokens.console import HomeTokens, make_console_key
from gateway.agency.officer_tokens.keys import people_of, refusing, token_keys
from gateway.agency.officer_tokens.revocations import Revocations
from gateway.agency.officer_tokens.tokens import OfficerTokens, audience
from gateway.app.console.server import console_system
from gateway.clock import ManualClock, SystemClock
from gateway.config import Home, Settings, load_settings
from gateway.config.home import CONSOLE_CERTIFICATE
from gateway.config.suspensions import Suspensions
from gateway.console.frame.page import Page
from gateway.console.login.guard import Guard
from gateway.console.login.provider import Provider, provider_tls
from gateway.console.login.routes import login_routes
from gateway.console.login.sessions import LoginParts, SignedOut, Way, language_of
from gateway.console.visits.door import person, signed_out
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.desk.people.directory import People
from gateway.https.listener import Listener
from gateway.https.tls_files import tls_context
from gateway.language.catalogue import tell
from gateway.model.names import MemberId
from gateway.ops.homes.found_node import found
from gateway.ports.journal import EntryDraft
from gateway.storage.console.session_store import SqlSessions
from gateway.storage.database.open import open_storage
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from tests.support.rest import certify
from tests.support.waiting import MOST_S

MEMBER = MemberId("th")
OFFICER = "th.o.1042"
"""The officer for trials of a new home."""

LISTED = "th.d.7"
"""A person of the list."""

_SNI = {"sni_hostname": tls_name(MEMBER, "gw1")}
_BASE = "<!doctype html><title>{{ frame.title }}</title>{% block head %}{% endblock %}{% block body %}{% endblock %}"
_TEMPLATES = Path(__file__).parents[2] / "gateway" / "console" / "templates"
_PERSONS = (
    "id,agency,office,roles,channel,language,training_until,purposes\n"
    f"{LISTED},police,th.blo.aranyaprathet,duty supervisor,,th,2099-12-31,BORDER_CHECK INVESTIGATION\n"
    "th.x.1,police,th.national,auditor,,en,2099-12-31,\n"
)


def write_home(folder: Path, console: str) -> tuple[Settings, Path]:
    """A new home whose settings end with the text `console`, and the folder of its authority."""
    home, authority = folder / "th", folder / "th-authority"
    found(home, authority, MEMBER, SystemClock(), agencies=["police"])
    text = (home / "node.toml").read_text(encoding="utf-8")
    text = text.replace('# console = ""', 'console = "127.0.0.1:0"')
    for section in ("[console]", "[oidc]"):
        text = text.replace(f"\n{section}\n", "\n" + ("" if section in console else f"{section}\n"))
    (home / "node.toml").write_text(text + "\n" + console, encoding="utf-8")
    (home / "people" / "persons.csv").write_text(_PERSONS, encoding="utf-8")
    return load_settings(home, {}), authority


@dataclass(slots=True)
class Console:
    """A running console: its home, its parts, and what it wrote and refused."""

    settings: Settings
    authority: Path
    parts: LoginParts
    people: People
    tokens: OfficerTokens
    revoked: Revocations
    clock: ManualClock
    port: int = 0
    notes: list[EntryDraft] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def keys(self) -> Path:
        return self.settings.home / "keys"

    def certify(self, name: str, use: CertificateUse, label: str, of: str = "") -> None:
        """Another key and certificate of the national CA; a second certificate for the key `of`."""
        if of:
            shutil.copy(self.keys / f"{of}.key", self.keys / f"{name}.key")
        certify(self.keys, load_authority(self.authority), name, CertificateName(MEMBER, use, label))

    def client(self, certificate: str = "client-cli") -> httpx2.AsyncClient:
        """A browser with a cookie jar, on the device with this certificate (empty: none). It follows nowhere."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.settings.home / "ca.pem")
        if certificate:
            context.load_cert_chain(self.keys / f"{certificate}.pem", self.keys / f"{certificate}.key")
        return httpx2.AsyncClient(base_url=self.origin, verify=context, trust_env=False, timeout=MOST_S)

    async def get(self, client: httpx2.AsyncClient, path: str, **headers: str) -> httpx2.Response:
        """Ask for a page as a browser does that was told the address."""
        sent = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"} | named(headers)
        return await client.get(path, headers=sent, extensions=_SNI)

    async def post(
        self, client: httpx2.AsyncClient, path: str, fields: Mapping[str, str] | None = None, /, **headers: str
    ) -> httpx2.Response:
        """Send a form as a page of ours does."""
        sent = {"sec-fetch-site": "same-origin", "origin": self.origin} | named(headers)
        content = {"form": "A" * 22} | dict(fields or {})
        return await client.post(path, data=content, headers=sent, extensions=_SNI)

    async def sign_in(self, client: httpx2.AsyncClient, person: str = OFFICER) -> httpx2.Response:
        """Sign in for a trial."""
        return await self.post(client, "/login/trial", {"person": person, "next": "/desk"})

    def catch_up(self) -> None:
        """Set the clock to now: another process goes by the real one."""
        self.clock.advance(SystemClock().now() - self.clock.now())

    def kinds(self) -> list[str]:
        """The kinds of the entries that were written."""
        return [draft.event.kind for draft in self.notes]


def real_provider(settings: Settings, tokens: OfficerTokens, clock: ManualClock) -> Provider:
    """The provider of the settings, as the node makes it."""
    home = Home(settings.home)

    def own(context: ssl.SSLContext) -> None:
        context.load_cert_chain(home.certificate(CONSOLE_CERTIFICATE), home.key(CONSOLE_CERTIFICATE))

    return Provider(
        settings.oidc, audience(MEMBER), lambda: tokens.keys, partial(provider_tls, settings.oidc.ca, own), clock
    )


def named(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by their names; a header that is empty is not sent."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def show(request: Request, page: Page) -> Response:
    """Stand in for the frame: the templates of sign-in on a bare page."""
    template = _environment().get_template(page.template)
    told = partial(tell, language_of(request))
    return HTMLResponse(template.render(frame={"title": page.title}, view=page.view, _=told), page.status)


def _environment() -> Environment:
    loader = ChoiceLoader([DictLoader({"base.html": _BASE}), FileSystemLoader(_TEMPLATES)])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)


async def _desk(request: Request) -> Response:
    signed = await person(request)
    roles = " ".join(sorted(signed.person.roles))
    return PlainTextResponse(f"{signed.officer.person} {signed.session.way} {signed.session.language} {roles}")


@asynccontextmanager
async def console(
    folder: Path,
    ways: str = 'login = ["trial", "passkey", "card"]',
    provider: Callable[[Settings, OfficerTokens, ManualClock], Provider] | None = None,
    *,
    oidc: str = "",
    device: bool = True,
    port: int = 0,
) -> AsyncIterator[Console]:
    """Serve sign-in and one page of a new home in `folder`."""
    text = f"[console]\n{ways}\ndevice_certificate = {str(device).lower()}\n{oidc}"
    settings, authority = write_home(folder, text)
    clock = ManualClock(SystemClock().now())
    make_console_key(settings)
    keys = token_keys(settings, clock, production=False)
    people = people_of(settings, clock)
    revoked = Revocations(MEMBER, settings.home, lambda: tokens.keys, clock)
    tokens = OfficerTokens(MEMBER, keys, clock, refuse=refusing(revoked, people))
    home = Home(settings.home)
    suspensions = Suspensions(home.suspensions, clock.monotonic)
    issued = HomeTokens(lambda: settings, people, clock)
    notes: list[EntryDraft] = []
    refusals: list[tuple[str, str]] = []

    async def note(draft: EntryDraft) -> None:
        notes.append(draft)

    with closing(open_storage(settings)) as database:
        keystore = KeyStore(settings.keystore)
        documents = SqlDocumentStore(database, keystore, clock)
        parts = LoginParts(
            member=MEMBER,
            settings=settings.console,
            origin=lambda: running.origin,
            rp_id="localhost",
            clock=clock,
            guard=Guard(clock.monotonic),
            sessions=SqlSessions(database, keystore),
            documents=documents,
            passkeys=PasskeyBook(documents),
            people=people,
            tokens=tokens,
            system=lambda: console_system(home),
            issue=lambda way, who: issued.issue_trial(who) if way is Way.TRIAL else issued.issue_listed(who),
            trial_officers=lambda: settings.trial_officers,
            provider=provider(settings, tokens, clock) if provider else None,
            is_withdrawn=suspensions.is_withdrawn,
            note=note,
            refused=lambda code, detail: refusals.append((code, detail)),
            show=show,
            require_storage=lambda: database.absence.require_here("console"),
        )
        running = Console(settings, authority, parts, people, tokens, revoked, clock, 0, notes, refusals)
        app = Starlette(routes=[*login_routes(), Route("/desk", _desk)], exception_handlers={SignedOut: signed_out})
        app.state.login = parts
        verify = ssl.CERT_REQUIRED if device else ssl.CERT_NONE
        context = tls_context(home.key("tls"), home.certificate("tls"), home.ca, verify)
        server = Listener(app, "127.0.0.1", port, context, PlainTextResponse("too large", 431))
        _, running.port = await server.start()
        try:
            yield running
        finally:
            await server.stop()
