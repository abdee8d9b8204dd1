"""Running nodes with consoles in the test's own loop, and people at them who send what they like over real TLS."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from starlette.routing import Route

from gateway.app.console.server import ConsoleServer
from gateway.app.run.node import Node
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.console.login import sessions
from gateway.demo.people import DeskPerson, write_people
from gateway.model.desk.work import Role
from tests.support.exchange import sample_world
from tests.support.waiting import MOST_S

FORM = "A" * 22
"""The random id of a form."""

OFFICE = "th.blo.aranyaprathet"

_ROLES: Mapping[str, tuple[Role, str]] = {
    "o.1042": (Role.OFFICER, "officer"),
    "o.2": (Role.OFFICER, "officer"),
    "d.7": (Role.DUTY, "desk-officer"),
    "s.3": (Role.SUPERVISOR, "supervisor"),
    "n.1": (Role.NATIONAL_DESK, "supervisor"),
    "p.1": (Role.DATA_OFFICER, "desk-officer"),
    "x.1": (Role.SECURITY_OFFICER, "desk-officer"),
    "a.1": (Role.AUDITOR, "auditor"),
    "adm.1": (Role.ADMINISTRATOR, "administrator"),
}
PEOPLE = tuple(f"th.{name}" for name in _ROLES)
"""The persons, of one role each."""

OFFICER, OTHER, DUTY = "th.o.1042", "th.o.2", "th.d.7"
AUDITOR, ADMINISTRATOR = "th.a.1", "th.adm.1"


def role_of(person: str) -> Role:
    """The role of a person."""
    return _ROLES[person.removeprefix("th.")][0]


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser at a running console, without a device certificate."""

    node: Node
    client: httpx2.AsyncClient

    @property
    def origin(self) -> str:
        return self.node.addresses["console"]

    @property
    def secret(self) -> str:
        """The secret of its session; empty without one."""
        return next((each.value or "" for each in self.client.cookies.jar if each.name == sessions.SESSION), "")

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """Ask for a page as a browser does."""
        return await self.send("GET", path, **headers)

    async def post(self, path: str, fields: Mapping[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """Send a form as a page of ours does."""
        sent = {"sec_fetch_site": "same-origin", "origin": self.origin} | headers
        return await self.send("POST", path, {"form": FORM} | dict(fields or {}), **sent)

    async def send(self, method: str, path: str, fields: Any = None, **headers: str) -> httpx2.Response:
        """Send a request; a header that is empty is left away."""
        first = {"sec_fetch_site": "none", "sec_fetch_mode": "navigate"} | headers
        sent = {name.replace("_", "-"): value for name, value in first.items() if value}
        return await self.client.request(method, path, data=fields, headers=sent)

    async def sign_in(self, person: str) -> None:
        """Sign in for a trial."""
        answer = await self.post("/login/trial", {"person": person, "next": "/"})
        assert answer.status_code == 303, answer.text

    async def ask(self, asked: str) -> str:
        """Ask at the gate; return the path of the answers once all have come."""
        fields = {"asked": asked, "purpose": "INVESTIGATION", "offence": "NARC", "ticket": "T-1", "case": "C-1"}
        answer = await self.post("/gate", fields | {"to": "vn"})
        assert answer.status_code == 303, answer.text
        path = answer.headers["location"]
        async with asyncio.timeout(MOST_S):
            while "data-live" in (await self.get(path)).text:
                await asyncio.sleep(0.05)
        return str(path)


@dataclass(frozen=True, slots=True)
class Consoles:
    """Running nodes; that of `home` has a console. `secrets` are those of sessions, by person."""

    home: Path
    nodes: dict[str, Node]
    secrets: dict[str, str] = field(default_factory=dict)

    def node(self, member: str = "th") -> Node:
        return self.nodes[member]

    @property
    def context(self) -> ssl.SSLContext:
        """TLS of a browser that trusts the country's CA."""
        context = ssl.create_default_context(cafile=str(self.home / "ca.pem"))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    @asynccontextmanager
    async def visitor(self, person: str = "", *, anew: bool = False) -> AsyncIterator[Visitor]:
        """Yield a browser, signed in as a person; not `anew`, it goes on with a session that the person has."""
        origin = self.node().addresses["console"]
        async with httpx2.AsyncClient(base_url=origin, verify=self.context, trust_env=False, timeout=MOST_S) as client:
            found = Visitor(self.node(), client)
            if person in self.secrets and not anew:
                client.cookies.set(sessions.SESSION, self.secrets[person], domain="localhost.local", path="/")
                if "/login" in (await client.get("/neighbours")).headers.get("location", ""):
                    self.secrets.pop(person)  # newer sessions of the same person have ended it
            if person and (anew or person not in self.secrets):
                await found.sign_in(person)
                self.secrets.setdefault(person, found.secret)
            yield found

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(MOST_S):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.02)

    async def raw(self, data: bytes, *, wait_s: float = MOST_S) -> bytes:
        """Send bytes over TLS, and return all that comes until the other side ends."""
        reader, writer = await self.open()
        found = b""
        with contextlib.suppress(OSError, ssl.SSLError):
            writer.write(data)  # it goes out while the answer is read: who is refused is not read any further
            async with asyncio.timeout(wait_s):
                while part := await reader.read(1 << 16):
                    found += part
        writer.close()
        return found

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a TLS connection."""
        port = urlsplit(self.node().addresses["console"]).port
        return await asyncio.open_connection(
            "127.0.0.1", port, ssl=self.context, server_hostname="localhost", ssl_shutdown_timeout=0.1
        )


def console_of(node: Node) -> ConsoleServer:
    """The console of a node that has one."""
    assert node._console is not None
    return node._console


def routes(node: Node) -> list[Route]:
    """The routes of a running console."""
    return [each for each in console_of(node)._app._app.routes if isinstance(each, Route)]


def paths(node: Node, method: str) -> list[str]:
    """The paths that take a method, with something in place of each part that a page is about."""
    found = [each.path for each in routes(node) if method in (each.methods or ())]
    return sorted({re.sub(r"\{[^}]*\}", "0123456789abcdef0123456789abcdef", path) for path in found})


@asynccontextmanager
async def consoles(
    folder: Path, members: Sequence[str] = ("th",), before: Callable[[Path], None] | None = None
) -> AsyncIterator[Consoles]:
    """Run nodes; that of Thailand has a console at which people sign in for a trial. `before` changes their sources."""
    world = sample_world(folder, ("th", "vn"))
    give_console(world.home("th"))
    if before is not None:
        before(folder)
    try:
        for member in members:
            await world.start(member)
        yield Consoles(world.home("th"), world.nodes)
    finally:
        for member in list(world.nodes):
            await world.stop(member)


def give_console(home: Path) -> None:
    """Give a home a console, and the people at it."""
    people = [DeskPerson(name, "police", OFFICE, (role,), policy) for name, (role, policy) in _ROLES.items()]
    write_people(Home(home).people, "th", people, SystemClock())
    file = home / "node.toml"
    text = file.read_text(encoding="utf-8").replace("[listen]", '[listen]\nconsole = "127.0.0.1:0"')
    lines = ["[console]", 'login = ["trial"]', "device_certificate = false"]
    for one in people:
        lines += [
            "[[trial_officer]]",
            f'id = "th.{one.name}"',
            f'office = "{OFFICE}"',
            'agency = "police"',
            f'role = "{one.policy_role}"',
            'purposes = ["BORDER_CHECK", "INVESTIGATION"]',
        ]
    head, mark, sources = text.partition("[[source]]")
    file.write_text("\n".join((head, *lines, f"{mark}{sources}", "")), encoding="utf-8")
