"""What a node does once a second beside its exchanges: look at trust, switches, receipts, the clock, what expires.

Each thing that changes has its entry in the operations log. A round that fails is noted and the next one comes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from gateway.clock import Clock
from gateway.config.suspensions import Action, Suspensions, Switch
from gateway.errors import LiaisonError, StorageBroken
from gateway.exchange.scribe import Scribe
from gateway.ports import DocumentStore, EntryDraft, LogStore, Retention
from gateway.trust.keeper import TrustKeeper

ROUND_S = 1.0
_SLOW_ROUNDS = 60
_SWITCH = "switch"
_JUMP = timedelta(seconds=5)


class AuthFailures:
    """Callers who did not prove who they are, counted by cause: one entry a round, whatever somebody floods."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def note(self, member: str, error: LiaisonError) -> None:
        """Count one; from any thread."""
        with self._lock:
            self._counts[(member, error.code)] += 1

    def drafts(self) -> list[EntryDraft]:
        """An entry for each cause since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return [
            EntryDraft(
                kind="auth-failed" if not member else "alarm",
                peer=member,
                private={"code": code, "count": count, "detail": "refused by the transport"},
                retention=Retention.OPERATIONS,
            )
            for (member, code), count in counts.items()
        ]


class Housekeeper:
    """Runs the rounds until it is stopped."""

    def __init__(
        self,
        *,
        clock: Clock,
        trust: TrustKeeper,
        suspensions: Suspensions,
        documents: DocumentStore,
        store: LogStore,
        operations: Scribe,
        failures: AuthFailures,
        receipts: Callable[[], Awaitable[None]],
        sources: Mapping[str, Callable[[], object]],
        fatal: Callable[[BaseException], None],
    ) -> None:
        self._clock = clock
        self._trust = trust
        self._suspensions = suspensions
        self._documents = documents
        self._store = store
        self._operations = operations
        self._failures = failures
        self._receipts = receipts
        self._sources = sources
        self._fatal = fatal
        self._alarms: tuple[str, ...] = ()
        self._jumped = timedelta()
        self._rounds = 0

    async def run(self) -> None:
        """A round a second."""
        while True:
            try:
                await self.round()
            except StorageBroken as error:
                self._fatal(error)
            except LiaisonError as error:
                await self._alarm(error.code, str(error))
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """One round."""
        await self._look_at_trust()
        await self.log_switches()
        for draft in self._failures.drafts():
            await self._operations.write(draft)
        await self._look_at_clock()
        await self._receipts()
        if self._rounds % _SLOW_ROUNDS == 0:
            await asyncio.to_thread(self._forget)
            await self._refresh_sources()
        self._rounds += 1

    async def log_switches(self) -> None:
        """An entry for each suspension or resumption that has none yet."""
        known = set(await asyncio.to_thread(self._documents.keys, _SWITCH)) if self._suspensions.switches else set()
        for switch in self._suspensions.unlogged(known.__contains__):
            await self._operations.write(_switch(switch))
            await asyncio.to_thread(self._documents.put, _SWITCH, switch.id, b"1")

    async def _look_at_trust(self) -> None:
        if await asyncio.to_thread(self._trust.refresh):
            view = self._trust.view
            private = {"document": "trust", "version": view.epoch, "hash": view.hash.hex()}
            await self._operations.write(EntryDraft("trust-accepted", private=private, retention=Retention.OPERATIONS))
        if self._trust.alarms != self._alarms:
            self._alarms = self._trust.alarms
            for text in self._alarms:
                private = {"document": "trust", "detail": text[:500]}
                await self._operations.write(
                    EntryDraft("trust-refused", private=private, retention=Retention.OPERATIONS)
                )

    async def _look_at_clock(self) -> None:
        jumped = self._clock.jumped()
        if abs(jumped - self._jumped) >= _JUMP:
            self._jumped = jumped
            private = {"jump_us": jumped // timedelta(microseconds=1), "trusted": abs(jumped) < _JUMP}
            await self._operations.write(EntryDraft("clock", private=private, retention=Retention.OPERATIONS))

    async def _refresh_sources(self) -> None:
        """Bring key indexes up to their sources; one that cannot be asked keeps the index it has."""
        for source, refresh in self._sources.items():
            try:
                await asyncio.to_thread(refresh)
            except StorageBroken:
                raise
            except LiaisonError as error:
                private = {"source": source, "code": error.code, "detail": str(error)[:300]}
                await self._operations.write(
                    EntryDraft("source-failed", private=private, retention=Retention.OPERATIONS)
                )

    def _forget(self) -> None:
        now_us = self._clock.now_us()
        self._store.forget_claims(now_us)
        self._documents.expire(now_us)

    async def _alarm(self, code: str, detail: str) -> None:
        private = {"code": code, "detail": detail[:500]}
        await self._operations.write(EntryDraft("alarm", private=private, retention=Retention.OPERATIONS))


def _switch(switch: Switch) -> EntryDraft:
    scope, _, target = switch.target.partition(":")
    return EntryDraft(
        kind="suspend" if switch.action is Action.SUSPEND else "resume",
        peer=target if scope == "peer" else "",
        private={"scope": scope, "target": target, "reason": switch.reason, "by": "liaison", "time": switch.time},
        retention=Retention.OPERATIONS,
    )
