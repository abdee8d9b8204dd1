"""The parts of sign-in at the console, and the round that ends sessions whose time is over."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from certs.hsm.openssl import load_chain
from gateway.agency.officer_tokens.console import HomeTokens
from gateway.agency.officer_tokens.tokens import audience
from gateway.app.core import Core
from gateway.app.rounds import UPKEEP, UPKEEP_S, Round
from gateway.clock import MINUTE_US
from gateway.config import Settings
from gateway.config.home import CONSOLE_CERTIFICATE, Home
from gateway.console.login.guard import Guard
from gateway.console.login.parts import LoginParts, Way
from gateway.console.login.provider import Provider, provider_tls
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import Misconfigured
from gateway.https.client_certificate import ClientSystem, read_client
from gateway.storage.console.session_store import SqlSessions

Show = Callable[[Request, str, object, int], Response]


def build_login(core: Core, origin: Callable[[], str], show: Show) -> LoginParts:
    """Return the parts of sign-in. `origin` is known once the console listens; `show` makes pages."""
    resources = core.resources
    settings = resources.settings
    issued = HomeTokens(lambda: resources.settings, core.people, resources.clock)

    def issue(way: Way, person: str) -> str:
        return issued.issue_trial(person) if way is Way.TRIAL else issued.issue_listed(person)

    return LoginParts(
        member=resources.member,
        settings=settings.console,
        origin=origin,
        rp_id=rp_id(settings),
        clock=resources.clock,
        guard=Guard(resources.clock.monotonic),
        sessions=SqlSessions(resources.database, resources.keystore),
        documents=core.parts.documents,
        passkeys=PasskeyBook(core.parts.documents),
        people=core.people,
        tokens=core.tokens,
        system=partial(console_system, resources.home),
        issue=issue,
        trial_officers=lambda: resources.settings.trial_officers,
        provider=_provider(core) if "oidc" in settings.console.login else None,
        is_withdrawn=core.parts.suspensions.is_withdrawn,
        note=core.note,
        refused=lambda code, detail: core.incidents.note("", code, f"console: {detail}"),
        show=show,
        require_storage=partial(resources.database.absence.require_here, "console"),
    )


def session_round(parts: LoginParts) -> Round:
    """Return the round that ends sessions whose time is over."""

    async def work() -> None:
        idle_us = parts.settings.idle_minutes * MINUTE_US
        await asyncio.to_thread(parts.sessions.end_over, parts.clock.now_us(), idle_us)

    return Round("sessions", UPKEEP_S, work, line=UPKEEP)


def console_origin(settings: Settings, port: int) -> str:
    """Return the origin of the console's pages, which listens at this port."""
    return settings.console.origin or f"https://localhost:{port}"


def rp_id(settings: Settings) -> str:
    """Return the domain of the console's passkeys: that of the settings, else the host of its pages."""
    return settings.release.rp_id or urlsplit(console_origin(settings, 0)).hostname or "localhost"


def console_system(home: Home) -> ClientSystem:
    """Return the console as a calling system, by its certificate as it is now. Raises `Misconfigured`."""
    file = home.certificate(CONSOLE_CERTIFICATE)
    try:
        return read_client(file.read_bytes())[1]
    except OSError as error:
        raise Misconfigured(
            "the console has no certificate of its own",
            code="no-console-certificate",
            where=str(file),
            remedy="run `liaison init` again, with the folder of the authority",
        ) from error


def _provider(core: Core) -> Provider:
    resources = core.resources
    settings, home = resources.settings, resources.home

    def own(context: ssl.SSLContext) -> None:
        load_chain(context, home.certificate(CONSOLE_CERTIFICATE), home.key(CONSOLE_CERTIFICATE))

    def listed() -> frozenset[str]:
        return frozenset(key.id for key in resources.settings.token_keys)

    return Provider(
        settings.oidc,
        audience(resources.member),
        lambda: {kid: key for kid, key in core.tokens.keys.items() if kid in listed()},
        partial(provider_tls, str(settings.path(settings.oidc.ca)), own),
        resources.clock,
    )
