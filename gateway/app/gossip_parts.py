"""Documents of trust that travel by themselves: greetings, fetching, serving, and our own status."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from gateway.app.core import Core
from gateway.app.rounds import UPKEEP, UPKEEP_S, WATCH, WATCH_S, Round
from gateway.errors import LiaisonError, Unauthenticated
from gateway.gossip.dismissed import dismissed_member, explaining, explains
from gateway.gossip.endings import Endings, charter_left_s, statuses_left_s
from gateway.gossip.fetching import Fetching
from gateway.gossip.holdings import FORK, Holdings, holdings
from gateway.gossip.renewal import Renewal
from gateway.gossip.serving import Serving
from gateway.gossip.taking import Taken
from gateway.model.documents import Part, Wanted
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.names import MemberId
from gateway.ports.entries import events
from gateway.rpc import methods
from gateway.rpc.contract import Call, Door
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.telemetry import Gauge
from gateway.trust.standing import may_connect

_KEEP_S = 2.0
"""Seconds between two rounds that keep a stream open to each member."""

_MOST_WAIT = 4
"""Rounds at most that a member which cannot be reached is left alone: 8 seconds."""


class NodeGossip:
    """A node's gossip. `changed` is called in the event loop when documents in force have changed."""

    def __init__(self, core: Core, changed: Callable[[], None]) -> None:
        resources = core.resources
        self._core = core
        self._changed = changed
        self._store = SqlWitnessStore(resources.database)
        self._epoch = -1
        self._away: dict[MemberId, int] = {}
        self._left: dict[MemberId, int] = {}
        self._turns: dict[MemberId, asyncio.Lock] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._serving = Serving(resources.trust.documents, self._store, lambda: resources.trust.view)
        self._fetching = Fetching(
            resources.trust,
            core.greetings,
            core.third,
            core.peers,
            resources.clock,
            self._took,
            self._note,
            core.fatal,
        )
        self._fetching.lied = partial(self._alarm, "false-documents", "it sent documents that are not what it said")
        self._fetching.slowed = partial(self._alarm, "document-rate", "only its removals are taken for a while")
        self._endings = Endings()
        counters, clock, trust = resources.counters, resources.clock, core.parts.trust
        counters.gauge(
            Gauge.STATUS_SECONDS,
            lambda: {(("member", name),): left for name, left in statuses_left_s(trust(), clock.now_us()).items()},
        )
        counters.gauge(Gauge.CHARTER_SECONDS, lambda: {(): charter_left_s(trust(), clock.now_us())})
        self._renewal = Renewal(resources.settings.home, resources.trust, resources.clock, resources.member)

    @property
    def rounds(self) -> list[Round]:
        """The rounds that look for changes, keep streams open, and renew our status."""
        return [
            Round("trust news", WATCH_S, self.look, leader_only=False, line=WATCH),
            Round("gossip", _KEEP_S, self.keep),
            Round("third heads", WATCH_S, partial(asyncio.to_thread, self._core.third.verify), leader_only=False),
            Round("own status", UPKEEP_S, self.renew, line=UPKEEP),
            Round("document ends", UPKEEP_S, self.tell_endings, line=UPKEEP),
        ]

    @property
    def doors(self) -> list[Door[MemberId]]:
        """The doors at which other members ask for documents."""

        async def listed(call: Call[MemberId], _request: None) -> bytes:
            held = self._core.greetings.held
            if member := dismissed_member(call.who):
                return methods.LIST_DOCUMENTS.answer.write(explaining(held.lines, member))
            return held.written

        async def fetched(call: Call[MemberId], wanted: Wanted) -> Part:
            if (member := dismissed_member(call.who)) and not explains(wanted.kind, wanted.member, member):
                raise Unauthenticated("others' documents are for members only", code="not-accepted")
            async with self._turns.setdefault(call.who, asyncio.Lock()):  # a member's many calls are one at a time
                return await asyncio.to_thread(self._serving.fetch, wanted)

        return [methods.LIST_DOCUMENTS.written_door(listed), methods.FETCH_DOCUMENTS.door(fetched)]

    async def look(self) -> None:
        """Tell all streams when what we hold has changed."""
        view = self._core.resources.trust.view
        held = await asyncio.to_thread(self._holdings)
        if self._core.greetings.show(held) or view.epoch != self._epoch:
            self._epoch = view.epoch
            self._core.peers.trust_changed()
            self._changed()

    async def keep(self) -> None:
        """Keep a stream open to each active member, while we are one; one that is away is left alone for a while."""
        view, parts = self._core.parts.trust(), self._core.parts
        if not may_connect(view, parts.member, parts.clock.now_us()):
            return  # no one accepts us now: who has a newer charter comes to us
        for member in self._core.others:
            if not view.active(member) or self._left.get(member, 0) > 0:
                self._left[member] = max(0, self._left.get(member, 0) - 1)
                continue
            task = asyncio.create_task(self._reach(member))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def renew(self) -> None:
        """Sign our next status when half of the life of this one is over."""
        if await asyncio.to_thread(self._renewal.renew):
            await self._took()

    async def tell_endings(self) -> None:
        """Write the alarms of statuses that end soon."""
        for draft in self._endings.drafts(self._core.parts.trust(), self._core.resources.clock.now_us()):
            await self._core.note(draft)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        await self._fetching.close()

    async def _reach(self, member: MemberId) -> None:
        try:
            await self._core.peers.keep(member)
            self._away.pop(member, None)
        except LiaisonError:
            self._away[member] = min(_MOST_WAIT, self._away.get(member, 0) + 1)
            self._left[member] = self._away[member]

    async def _took(self) -> None:
        await asyncio.to_thread(self._core.resources.trust.refresh)
        await self.look()

    async def _note(self, member: MemberId, taken: Sequence[Taken]) -> None:
        """Write the entries of documents that contradict those held; the changes themselves have theirs elsewhere."""
        for item in taken:
            if item.contradicts and item.refusal is not None:
                detail = f"from `{member}`: {item.refusal.message}"[:500]
                await self._core.note(events.TRUST_REFUSED.draft(document="trust", detail=detail))
                self._core.incidents.note(member, item.refusal.code, detail)

    def _alarm(self, code: str, detail: str, member: MemberId) -> None:
        self._core.incidents.note(member, code, detail)

    def forks(self) -> list[HeadEvidence]:
        """Return the forks of logs that are known here: each proves itself."""
        return [item for item in self._store.evidence() if item.code == FORK]

    def _holdings(self) -> Holdings:
        trust = self._core.resources.trust
        return holdings(trust.view, trust.documents.evidence.hashes(), self.forks())
