"""Write entries of changes while a node runs: trust documents and the system's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.clock import JUMP_US, Clock, rfc3339
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView
from gateway.trust.withdrawn import withdrawn_keys

Write = Callable[[EntryDraft], Awaitable[object]]


class TrustChanges:
    """Entries of trust documents that came into force, and of those that could not be used."""

    def __init__(self, trust: TrustKeeper, write: Write) -> None:
        self._trust = trust
        self._write = write
        self._written = trust.view.hash
        self._withdrawn = dict(trust.view.withdrawn)
        self._alarms: tuple[str, ...] = ()

    async def round(self) -> None:
        """Read changed documents again, and write which ones came into force or were refused.

        What could not be written is written in the next round.
        """
        await asyncio.to_thread(self._trust.refresh)
        view, alarms = self._trust.view, self._trust.alarms
        if view.hash != self._written:
            accepted = events.TRUST_ACCEPTED.draft(document="trust", version=view.epoch, hash=view.hash.hex())
            await self._write(accepted)
            self._written = view.hash
        await self._note_withdrawn(view)
        if alarms != self._alarms:
            for text in alarms:
                await self._write(events.TRUST_REFUSED.draft(document="trust", detail=text[:500]))
            self._alarms = alarms

    async def _note_withdrawn(self, view: TrustView) -> None:
        """Write an alarm for each key that a member removed: what it signed in the window is to be looked at."""
        for member, gone in view.withdrawn.items():
            new = gone - self._withdrawn.get(member, frozenset())
            for key in (each for each in withdrawn_keys(view, member) if each.key_id in new):
                told = f"`{member}` removed its key for {key.use}, {key.key_id[:16]}: it proves nothing from "
                told += f"{rfc3339(key.since_us)[:19]} on"
                await self._write(events.ALARM.draft(peer=member, code="member-key-removed", detail=told))
            self._withdrawn[member] = gone


class ClockChanges:
    """Entries of jumps of the system's clock against the steady one."""

    def __init__(self, clock: Clock, write: Write) -> None:
        self._clock = clock
        self._write = write
        self._jumped_us = 0

    async def round(self) -> None:
        """Write an entry when the clock has jumped, or when its time is trusted again."""
        jumped, before = self._clock.jumped_us(), self._jumped_us
        trusted = abs(jumped) < JUMP_US
        if trusted != (abs(before) < JUMP_US) or abs(jumped - before) >= JUMP_US:
            self._jumped_us = jumped
            await self._write(events.CLOCK.draft(jump_us=jumped, trusted=trusted))
