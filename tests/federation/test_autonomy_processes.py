"""72 hours without counterparts, with real processes whose time is moved on (`test_autonomy`: in one process)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import NodeClient, client_certificate
from gateway.config import Home, host_port, load_settings
from tests.support.exchange import sample_world
from tests.support.forger import eventually, eventually_async
from tests.support.link import Link, linked
from tests.support.moved_clock import Ahead, were_looked_at
from tests.support.nodes import World, fix_rest_ports, impatient
from tests.support.processes import NodeProcess

pytestmark = pytest.mark.asyncio(loop_scope="function")

MEMBERS = ("th", "vn", "kh")
SERVE = "tests.support.moved_clock:serve"


@dataclass
class Far:
    """Three processes far from each other, in a time of their own."""

    world: World
    links: dict[str, Link]
    ahead: Ahead

    def shown(self, member: str, at: str) -> str:
        """Return the state of a member as another's process tells it."""
        with NodeClient(load_settings(self.world.home(at))) as node:
            return str(node.members()["members"][member]["state"])

    def ask(self, who: str, to: str) -> dict[str, dict[str, Any]]:
        """Ask one counterpart for an officer, with a token of this time; return all lines by member."""
        home = Home(self.world.home(who))
        about = Profile(f"{who}.o.1", "officer", f"{who}.blo.a", "police", ("INVESTIGATION",))
        issuer = TrialIssuer.load(home.key("token-issuer"), who, self.ahead.clock())
        token = issuer.issue(about, client_certificate(home))
        question = {
            "query": {"kind": "document", "number": "ZZ0000000", "issuer": "VNM"},
            "to": [to],
            "purpose": "INVESTIGATION",
            "offence": "NARC",
            "case": "TH-2026-0417",
        }
        with NodeClient(load_settings(home.path)) as node:
            search = node.begin(question, token)
            for state in node.follow(search["id"], token):
                search = state
                if search["done"]:
                    break
        return {line["member"]: line for line in search["lines"]}

    async def outcome(self, who: str, to: str) -> str:
        """Return the outcome of a question to one counterpart."""
        return str((await asyncio.to_thread(self.ask, who, to))[to]["outcome"])

    def cut(self) -> None:
        """Cut every process off from all others."""
        for link in self.links.values():
            link.stall()
            link.cut()

    def restore(self, *members: str) -> None:
        """Bring the links to these members back."""
        for member in members:
            self.links[member].restore()
            self.links[member].cut()

    async def pass_hours(self, *steps: int) -> None:
        """Let hours pass in steps; after each, every process has a status of its own that is in its first half.

        At the end, each has looked at its sources again.
        """
        for hours in steps:
            self.ahead.move(timedelta(hours=hours))
            await eventually(lambda: all(map(self._is_renewed, MEMBERS)))
        clock = self.ahead.clock()
        now_us = clock.now_us()
        homes = [self.world.home(member) for member in MEMBERS]
        await eventually(lambda: all(were_looked_at(home, now_us, clock) for home in homes))

    def _is_renewed(self, member: str) -> bool:
        status = self.world.federation.view(member).status(member)
        assert status is not None
        return self.ahead.clock().now_us() < (status.issued_us + status.expires_us) // 2


@pytest_asyncio.fixture
async def far(tmp_path: Path) -> AsyncIterator[Far]:
    world = impatient(sample_world(tmp_path))
    fix_rest_ports(world)
    made = Far(world, {}, Ahead(world.home("th").parent))
    async with AsyncExitStack() as stack:
        for member in MEMBERS:
            made.links[member] = await stack.enter_async_context(linked(world, member))
        for member in MEMBERS:
            port = host_port(load_settings(world.home(member)).listen.exchange)[1]
            await stack.enter_async_context(NodeProcess(world.home(member), port, SERVE))
        yield made


async def serves(far: Far, member: str, at: str) -> bool:
    return await asyncio.to_thread(far.shown, member, at) == "serving"


async def test_processes_serve_their_country_for_71_hours_and_exchange_once_any_link_is_back(far: Far) -> None:
    await eventually_async(lambda: serves(far, "vn", "th"))
    far.cut()
    await far.pass_hours(35, 35, 1)
    found = await asyncio.to_thread(far.ask, "th", "vn")
    assert found["th"]["outcome"] == "no_hit"
    assert found["vn"]["outcome"] == "silent"
    far.restore("th", "vn")

    async def answered() -> bool:
        return await far.outcome("th", "vn") == "no_hit"

    await eventually_async(answered)
    assert await far.outcome("th", "kh") == "silent"
    far.cut()
    await far.pass_hours(35, 35, 3)
    found = await asyncio.to_thread(far.ask, "th", "vn")
    assert found["th"]["outcome"] == "no_hit"
    assert (found["vn"]["outcome"], found["vn"]["refusal"]["code"]) == ("refused", "status-expired")
    assert await asyncio.to_thread(far.shown, "vn", "th") == "out-of-time"
    far.restore(*MEMBERS)
    await eventually_async(answered)
    await eventually_async(lambda: serves(far, "kh", "vn"))
