"""Describe the members of the federation as a node knows them, for its own systems and `liaison trust show`."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.app.core import Core
from gateway.app.witnessing.node_witness import NodeWitness
from gateway.errors import LiaisonError, Untrusted
from gateway.exchange.asking.breaker import Breakers
from gateway.model.members import Contact
from gateway.model.names import MemberId
from gateway.ops.members.describe import Knowledge, describe_members

_REACH_S = 1.5
"""Seconds in which a stream to a member opens, or it counts as not connected."""


class NodeMembers:
    """Describes the members as this process knows them, after it has tried to reach those that it is not with."""

    def __init__(self, core: Core, breakers: Breakers, witness: NodeWitness) -> None:
        self._core = core
        self._breakers = breakers
        self._witness = witness

    async def describe(self) -> dict[str, Any]:
        """Return all members as JSON."""
        trust = self._core.resources.trust
        await asyncio.to_thread(trust.refresh)
        others = [member for member in self._core.others if trust.view.active(member)]
        refused = dict(zip(others, await asyncio.gather(*map(self._refused, others)), strict=True))
        return await asyncio.to_thread(self._describe, refused)

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
        )
