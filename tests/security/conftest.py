"""A hostile member beside the nodes of a module's `world`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.forger import Forger, HostileNode, hostile
from tests.support.nodes import World


@pytest.fixture(scope="module")
def forger(world: World) -> Forger:
    """Forges messages of `vn`."""
    return Forger(world.federation["vn"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def peer(world: World, forger: Forger) -> AsyncIterator[HostileNode]:
    """Serves in the place of `vn`, and answers as `forger` says."""
    async with hostile(world, "vn", forger.message) as node:
        yield node
