"""The off-switch in tests: off from the machine itself, on with an administrator's signature."""

from __future__ import annotations

import asyncio

from gateway.audit.acts.table import ActKind
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.config.suspensions import Switch
from gateway.ops.acts.carry import bring
from gateway.ops.acts.draft import draft
from gateway.ops.acts.switches import suspend
from tests.support.persons import person_key
from tests.support.waiting import until


def switch_off(home: Home, target: str, reason: str, humanitarian: str = "") -> Switch:
    """Switch off, unproved."""
    return suspend(home, SystemClock(), target, reason, humanitarian)


async def switch_on(home: Home, target: str, reason: str = "over") -> None:
    """Switch on in a thread, since the node that carries it out may run in this loop, in rounds that a wait makes."""
    data = draft(home.path, ActKind.RESUME, reason, {"target": target}, [person_key(home.path, "adm")])
    bringing = asyncio.create_task(asyncio.to_thread(bring, home.path, data))
    await until(bringing.done, "the act is carried out")
    await bringing
