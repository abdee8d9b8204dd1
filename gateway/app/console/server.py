"""Run the console of a node: its application, its listener, its parts and its rounds."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from certs.hsm.openssl import load_chain
from gateway.agency.officer_tokens.console import HomeTokens
from gateway.agency.officer_tokens.tokens import audience
from gateway.app.asking_parts import Asking
from gateway.app.console.audit import build_audit, export_round
from gateway.app.core import Core
from gateway.app.desks.desk_parts import Desk
from gateway.app.health import Health
from gateway.app.members_parts import NodeMembers
from gateway.app.rounds import UPKEEP, UPKEEP_S, WATCH_S, Round
from gateway.clock import MINUTE_US
from gateway.config import Settings, host_port
from gateway.config.home import CONSOLE_CERTIFICATE, CONSOLE_TLS, Home
from gateway.config.sections.console import Console
from gateway.console.app import create_console
from gateway.console.frame.page import Page
from gateway.console.frame.static import packaged
from gateway.console.login.guard import Guard
from gateway.console.login.provider import Provider, provider_tls
from gateway.console.login.sessions import LoginParts, Way
from gateway.console.visits.door import HEADERS_TOO_LARGE
from gateway.console.visits.render import Renderer
from gateway.console.visits.visit import ConsoleParts, Counterpart
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import LiaisonError, Misconfigured, StorageBroken
from gateway.https.client_certificate import ClientSystem, read_client
from gateway.https.listener import Listener
from gateway.https.tls_files import TlsFiles
from gateway.model.query import QueryKind
from gateway.ops.acts.enrolment import Enrolments
from gateway.ops.console.administration import Administration
from gateway.ops.console.jobs import Jobs, worker
from gateway.ops.console.outline import OUTLINE, read_outline
from gateway.ops.members.neighbours import Neighbours
from gateway.storage.console.session_store import SqlSessions
from gateway.storage.documents.quotas import SqlQuotas
from gateway.telemetry import Logger, LogLine


class ConsoleServer:
    """The running console of a node with `listen.console`."""

    def __init__(
        self,
        core: Core,
        asking: Asking,
        desk: Desk,
        members: NodeMembers,
        health: Health,
        report: Callable[[], dict[str, Any]],
    ) -> None:
        self._core = core
        self._log = Logger(component="console", member=core.resources.member)
        settings, home = core.resources.settings, core.resources.home
        self._address = settings.listen.console
        self._port = host_port(self._address)[1]
        self._listener: Listener | None = None
        self._tls = TlsFiles(home.key(CONSOLE_TLS), home.certificate(CONSOLE_TLS), home.ca, _clients(settings.console))
        self._login = _build_login(core, lambda: _console_origin(settings, self._port), self._show)
        self._audit = build_audit(core, self._login, self._failed)
        self._parts = ConsoleParts(
            member=core.resources.member,
            clock=core.resources.clock,
            login=self._login,
            searches=asking.searches,
            desk=desk.uses,
            audit=self._audit,
            counterparts=self._counterparts,
            members=members.describe,
            neighbours=Neighbours(
                members.known, asyncio.to_thread, core.desk, core.people, home.people, core.resources.clock
            ).now,
            health=report,
            admin=self._administration(health),
            offices=self._offices,
            outline=read_outline(settings.path(settings.console.outline) if settings.console.outline else OUTLINE),
            refused=self._refused,
            failed=self._failed,
        )
        files = packaged()
        self._renderer = Renderer(self._parts, files)
        self._app = create_console(self._parts, self._renderer, files)

    @property
    def rounds(self) -> list[Round]:
        """The rounds of the console."""
        return [
            _session_round(self._login),
            export_round(self._core, self._audit),
            Round("console TLS", WATCH_S, self._renew, leader_only=False),
        ]

    async def start(self) -> str:
        """Listen; return the origin of the pages."""
        context = await asyncio.to_thread(self._tls.context)
        self._listener = Listener(
            self._app,
            *host_port(self._address),
            context,
            HEADERS_TOO_LARGE,
            share_port=self._core.resources.database.shared,
            is_withdrawn=self._core.parts.suspensions.is_withdrawn,
        )
        _, self._port = await self._listener.start()
        return self._login.origin()

    async def stop(self) -> None:
        """Take no new connections, and let running requests end; long work is broken off."""
        if self._listener is not None:
            # First: a stream that follows a job ends with it, so that the listener need not wait for it.
            await self._audit.jobs.stop()
            await self._listener.stop()
        await self._jobs.stop()

    async def _renew(self) -> None:
        """Use the TLS files of the console when they have changed."""
        context = await asyncio.to_thread(self._tls.changed)
        if context is not None and self._listener is not None:
            self._listener.renew(context)

    def _show(self, request: Request, page: Page) -> Response:
        return self._renderer.response(page, request, None)

    def _administration(self, health: Health) -> Administration:
        core, resources = self._core, self._core.resources
        self._jobs = Jobs(worker("gateway.app.run.page_work"), resources.clock)
        login = self._login
        return Administration(
            home=resources.home,
            production=resources.settings.node.production,
            jobs=self._jobs,
            settings=lambda: resources.settings,
            policy=resources.policy,
            quota_uses=SqlQuotas(resources.database).used,
            problems=health.problems,
            store=core.desk,
            passkeys=login.passkeys,
            enrolments=Enrolments(login.documents, login.passkeys, login.rp_id, login.origin, resources.clock),
            clock=resources.clock,
        )

    def _counterparts(self) -> list[Counterpart]:
        """Return the counterparts that can be asked, as their documents say."""
        trust, suspensions = self._core.parts.trust(), self._core.parts.suspensions
        own = trust.descriptor(self._core.resources.member)
        facing = {each.office: each.faces for each in own.addressable.facing}
        found = []
        for member in self._core.others:
            if not trust.active(member) or suspensions.suspends(peer=member) is not None:
                continue
            # A member whose descriptor we do not hold, or which is over, cannot be asked.
            with suppress(LiaisonError):
                descriptor = trust.descriptor(member)
                queries = frozenset(kind.value for kind in QueryKind if descriptor.can_be_asked(kind.value))
                faced = frozenset(office for office, faces in facing.items() if _faces(faces, member))
                found.append(Counterpart(member, queries, faced))
        return found

    def _offices(self) -> dict[str, tuple[str, ...]]:
        """Return the offices of each active member, ours among them."""
        trust = self._core.parts.trust()
        return {member: trust.descriptor(member).offices for member in trust.members if trust.active(member)}

    def _refused(self, code: str) -> None:
        self._log.info(LogLine.CONSOLE_REFUSED, code=code)

    def _failed(self, error: BaseException) -> None:
        self._log.error(LogLine.CONSOLE_FAILED, error)
        if isinstance(error, StorageBroken):
            self._core.fatal(error)


def _clients(settings: Console) -> ssl.VerifyMode:
    """Return whether browsers need a client certificate, may show that of a card, or are not asked for one."""
    if settings.device_certificate:
        return ssl.CERT_REQUIRED
    return ssl.CERT_OPTIONAL if Way.CARD in settings.login else ssl.CERT_NONE


def _faces(faces: tuple[str, ...], member: str) -> bool:
    return any(office.startswith(f"{member}.") for office in faces)


# ------------------------------------------------------------ signing in


def _build_login(core: Core, origin: Callable[[], str], show: Callable[[Request, Page], Response]) -> LoginParts:
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


def _session_round(parts: LoginParts) -> Round:
    """Return the round that ends sessions whose time is over."""

    async def work() -> None:
        idle_us = parts.settings.idle_minutes * MINUTE_US
        await asyncio.to_thread(parts.sessions.end_over, parts.clock.now_us(), idle_us)

    return Round("sessions", UPKEEP_S, work, line=UPKEEP)


def _console_origin(settings: Settings, port: int) -> str:
    """Return the origin of the console's pages, which listens at this port."""
    return settings.console.origin or f"https://localhost:{port}"


def rp_id(settings: Settings) -> str:
    """Return the domain of the console's passkeys: that of the settings, else the host of its pages."""
    return settings.release.rp_id or urlsplit(_console_origin(settings, 0)).hostname or "localhost"


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
