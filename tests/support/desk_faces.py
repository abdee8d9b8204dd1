"""People of the desks of real nodes, who call their node's REST API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import NodeClient, client_certificate
from gateway.clock import SystemClock
from gateway.config import Home, host_port, load_settings
from gateway.demo.people import desk_persons, write_people
from gateway.errors import Refused
from tests.support.exchange import sample_world
from tests.support.nodes import World

OFFICES = {"th": "th.blo.aranyaprathet", "vn": "vn.blo.moc-bai", "kh": "kh.blo.poipet"}
AGENCIES = ("police", "customs", "immigration")
CLOCK = SystemClock()


def desk_world(folder: Any, members: tuple[str, ...] = ("th", "vn")) -> World:
    """A federation whose desks have the demo's persons, all on duty."""
    world = sample_world(folder, members)
    for member in members:
        write_people(Home(world.home(member)).people, member, desk_persons(member, OFFICES[member], AGENCIES), CLOCK)
    return world


class Caller:
    """One person at one node. Persons who are in no list are officers of the police at the border office."""

    def __init__(self, world: World, person: str, role: str = "", agency: str = "", office: str = "") -> None:
        self._world = world
        self._connection: NodeClient | None = None
        self.person = person
        self.member = person.partition(".")[0]
        listed = {f"{self.member}.{one.name}": one for one in desk_persons(self.member, OFFICES[self.member], AGENCIES)}
        found = listed.get(person)
        self.profile = Profile(
            person,
            role or (found.policy_role if found else "officer"),
            office or (found.office if found else OFFICES[self.member]),
            agency or (found.agency if found else "police"),
            ("BORDER_CHECK", "INVESTIGATION"),
        )

    def token(self) -> str:
        """A fresh token."""
        home = Home(self._world.home(self.member))
        return TrialIssuer.load(home.key("token-issuer"), self.member, CLOCK).issue(
            self.profile, client_certificate(home)
        )

    def client(self) -> NodeClient:
        """A connection to the node."""
        settings = load_settings(self._world.home(self.member))
        named = replace(settings, node=replace(settings.node, name="node1"))
        return NodeClient(named, host_port(self._world.nodes[self.member].addresses["agency"]))

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Make all calls on one connection until the block ends, where each has one of its own else."""
        with self.client() as self._connection:
            try:
                yield
            finally:
                self._connection = None

    async def call(self, method: str, path: str, body: Any = None, *, key: str = "", **query: Any) -> dict[str, Any]:
        """Call a path; raise the node's refusal."""

        def call() -> dict[str, Any]:
            with nullcontext(self._connection) if self._connection else self.client() as node:
                return node.desk(method, path, self.token(), body, key=key, query=query)

        return await asyncio.to_thread(call)

    async def code(self, method: str, path: str, body: Any = None, **query: Any) -> str:
        """The code with which a call is refused; empty where it is answered."""
        try:
            await self.call(method, path, body, **query)
        except Refused as error:
            return error.code
        return ""
