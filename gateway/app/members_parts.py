"""Describe the members of the federation as a node knows them, for its own systems and `liaison trust show`."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.app.core import Core
from gateway.app.node_witness import NodeWitness
from gateway.errors import LiaisonError, Untrusted
from gateway.exchange.asking.breaker import Breakers
from gateway.model.members import Contact
from gateway.model.names import MemberId
from gateway.ops.members.describe import Knowledge, describe_members

_REACH_S = 1.5
"""Seconds in which a stream to a member opens, or it counts as not connected."""

_LOOKED_S = 15.0
"""Seconds for which what was learnt by reaching for members is shown without reaching for them again."""


class NodeMembers:
    """Describes the members as this process knows them, after it has tried to reach those that it is not with."""

    def __init__(self, core: Core, breakers: Breakers, witness: NodeWitness) -> None:
        self._core = core
        self._breakers = breakers
        self._witness = witness
        self._refusals: dict[MemberId, str] = {}
        self._looked_s = -_LOOKED_S
        self._look: asyncio.Task[None] | None = None

    async def describe(self) -> dict[str, Any]:
        """Return all members as JSON."""
        await self._reach()
        return await asyncio.to_thread(self._describe, self._refusals)

    async def known(self) -> dict[str, Any]:
        """Return all members as JSON without waiting for those that do not answer, for pages.

        Those are reached for meanwhile, no more often than each 15 seconds, so that a later page tells what came of it.
        """
        due = self._core.resources.clock.monotonic() - self._looked_s >= _LOOKED_S
        if due and (self._look is None or self._look.done()):
            self._look = asyncio.create_task(self._reach())
        return await asyncio.to_thread(self._describe, self._refusals)

    async def _reach(self) -> None:
        trust = self._core.resources.trust
        await asyncio.to_thread(trust.refresh)
        others = [member for member in self._core.others if trust.view.active(member)]
        self._refusals = dict(zip(others, await asyncio.gather(*map(self._refused, others)), strict=True))
        self._looked_s = self._core.resources.clock.monotonic()

    def _describe(self, refused: dict[MemberId, str]) -> dict[str, Any]:
        core, resources = self._core, self._core.resources
        known = Knowledge(
            resources.trust.view,
            resources.member,
            resources.clock.now_us(),
            core.parts.suspensions,
            resources.trust.alarms,
            resources.trust.documents.charter_before(),
            lambda member: self._contact(MemberId(member), refused),
            self._witness.cosigned(),
            self._core.heads.forked,
        )
        return describe_members(known, "node")

    async def _refused(self, member: MemberId) -> str:
        """Open a stream to a member where none is open; return the code with which our side refuses it, if so."""
        try:
            async with asyncio.timeout(_REACH_S):
                await self._core.peers.keep(member)
        except Untrusted as error:
            return error.code
        except (LiaisonError, TimeoutError):
            return ""
        return ""

    def _contact(self, member: MemberId, refused: dict[MemberId, str]) -> Contact:
        core = self._core
        status = core.peers.status(member)
        return Contact(
            connected=status.connected,
            last_seen_us=status.last_seen_us,
            silent_since_us=self._breakers.away_since(member),
            refused=refused.get(member, ""),
            dismissed=core.greetings.dismissed_by(member),
            said=core.counterparts.said(member),
            clock=core.counterparts.clock_of(member),
            holds=core.greetings.holds_ours(member),
            cosigns_as=self._witness.unknown.get(member, ""),
        )
