"""What a node does once a second beside its exchanges: look at trust, switches, receipts, the clock, what expires.

Each thing that changes has its entry in the operations log. A step that fails is noted, the other steps of its round
are made all the same, and the next round comes. Of several processes of one node, each looks at trust, switches and
the log, and one leads: it alone does what has to be done once. Receipts, days' accounts, requests for consent,
witnesses and key indexes wait for others (counterparts, sources), so they have rounds of their own: nobody delays the
look at trust and switches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from gateway.clock import JUMP_US, Clock
from gateway.errors import LiaisonError, Refused, StorageBroken
from gateway.exchange.asking.copies import COPY, Copies, deletion
from gateway.exchange.incidents import Incidents
from gateway.exchange.log_writer import Scribe
from gateway.ports.content_keys import Retention
from gateway.ports.documents import DocumentStore
from gateway.ports.journal import EntryDraft
from gateway.ports.log_store import LogStore
from gateway.trust.keeper import TrustKeeper

ROUND_S = 1.0
QUICK_ACTS_S = 0.2
SLOW_ROUND_S = 60.0
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a node does because it may not be the only process of its home.

    `follow` takes up the others' entries, `leads` says whether this process leads, `lost` notes questions of
    processes that are gone, `check` looks whether the database is still the one that it was. All but `lost` block.
    """

    follow: Callable[[], None]
    leads: Callable[[], bool]
    lost: Callable[[], Awaitable[None]]
    check: Callable[[], None]


class Housekeeper:
    """Runs the rounds until it is stopped."""

    def __init__(
        self,
        *,
        clock: Clock,
        trust: TrustKeeper,
        switches: Callable[[], None],
        documents: DocumentStore,
        store: LogStore,
        operations: Scribe,
        incidents: Incidents,
        receipts: Callable[[], Awaitable[None]],
        debts: Callable[[bool], Awaitable[None]],
        days: Callable[[], Awaitable[None]],
        decisions: Callable[[], Awaitable[None]],
        consents: Callable[[], Awaitable[None]],
        witnesses: Callable[[], Awaitable[None]],
        witness_s: float,
        sources: Mapping[str, Callable[[], object]],
        policy: Callable[[], EntryDraft | None],
        policy_logged: Callable[[], None],
        quick_acts: Callable[[], int],
        sharing: Sharing,
        erasures: Callable[[], None],
        scrub: Callable[[], list[EntryDraft]],
        fatal: Callable[[BaseException], None],
    ) -> None:
        self._clock = clock
        self._trust = trust
        self._log_switches = switches
        self._documents = documents
        self._store = store
        self._operations = operations
        self._incidents = incidents
        self._receipts = receipts
        self._debts = debts
        self._days = days
        self._decisions = decisions
        self._consents = consents
        self._witnesses = witnesses
        self._witness_s = witness_s
        self._sources = sources
        # Threads of their own: a source that hangs takes none of those that the other rounds need.
        self._upkeep = ThreadPoolExecutor(max(1, len(sources)), thread_name_prefix="upkeep")
        self._policy = policy
        self._policy_logged = policy_logged
        self._quick_acts = quick_acts
        self._sharing = sharing
        self._leading = False
        self._erasures = erasures
        self._scrub = scrub
        self._fatal = fatal
        self._alarms: tuple[str, ...] = ()
        self._jumped_us = 0
        self._failing: dict[str, tuple[str, str]] = {}

    async def run(self) -> None:
        """Make all rounds until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._start(tasks)
        finally:
            self._upkeep.shutdown(wait=False, cancel_futures=True)

    def _start(self, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(_every(ROUND_S, self.round))
        tasks.create_task(_every(ROUND_S, self.receipts_round))
        tasks.create_task(_every(ROUND_S, self.consents_round))
        tasks.create_task(_every(ROUND_S, self.erasures_round))
        tasks.create_task(_every(QUICK_ACTS_S, self.quick_acts_round))
        tasks.create_task(_every(self._witness_s, self.witness_round))
        tasks.create_task(_every(SLOW_ROUND_S, self.slow_round))
        tasks.create_task(_every(SLOW_ROUND_S, self.days_round))
        for source in self._sources:
            tasks.create_task(_every(SLOW_ROUND_S, partial(self.source_round, source)))

    async def round(self) -> None:
        """Look at trust, policy, switches, what humans decided, refused callers and the clock."""
        await self._try("log", self._share)
        await self._try("trust", self._look_at_trust)
        await self._try("policy", self._look_at_policy)
        if self._leading:
            await self._try("switches", self.log_switches)
            await self._try("decisions", self._decisions)
        await self._try("receipt debt", partial(self._debts, self._leading))
        await self._try("refusals", self._log_incidents)
        await self._try("clock", self._look_at_clock)

    async def quick_acts_round(self) -> None:
        """Carry out the acts that somebody waits for: reading the logs, switching on again, deciding on consent."""
        if self._leading:
            await self._try("acts", partial(asyncio.to_thread, self._quick_acts))

    async def receipts_round(self) -> None:
        """Send the receipts that are due."""
        if self._leading:
            await self._try("receipts", self._receipts)

    async def consents_round(self) -> None:
        """Send the requests for consent that are due."""
        if self._leading:
            await self._try("consents", self._consents)

    async def days_round(self) -> None:
        """Compare the last closed day with those with whom it was not compared yet."""
        if self._leading:
            await self._try("days", self._days)

    async def erasures_round(self) -> None:
        """Carry out acts that erase and hold, and once an hour erase what is over its age."""
        if self._leading:
            await self._try("erasures", partial(asyncio.to_thread, self._erasures))

    async def witness_round(self) -> None:
        """Bring the heads of our logs to their witnesses."""
        if self._leading:
            await self._try("witnesses", self._witnesses)

    async def slow_round(self) -> None:
        """Delete copies whose time is over, hash a piece of the history again, and forget what has expired."""
        if self._leading:
            await self._try("copies", self._delete_copies)
            await self._try("scrub", self._hash_again)
            await self._try("lost questions", self._sharing.lost)
        await self._try("database", partial(asyncio.to_thread, self._sharing.check))
        await self._try("forget", self._forget)

    async def source_round(self, source: str) -> None:
        """Bring the key index of one source up to date: comparing a large one takes minutes, which are its own."""
        await self._try(f"source {source}", partial(self._refresh, source, self._sources[source]))

    async def _try(self, step: str, work: Callable[[], Awaitable[object]]) -> None:
        """Do one step. Its failure has an alarm when it begins or changes, not once a second while it lasts."""
        try:
            await work()
            self._failing.pop(step, None)
        except asyncio.CancelledError:
            if _cancelled():
                raise
            await self._failed(step, "round-failed", "CancelledError")
        except StorageBroken as error:
            self._fatal(error)
        except Exception as error:  # noqa: BLE001  # the rounds must not end while the node goes on answering
            await self._failed(step, *_of(error))

    async def _failed(self, step: str, code: str, detail: str) -> None:
        if self._failing.get(step) == (code, detail):
            return
        private = {"code": code, "detail": f"{step}: {detail}"[:500]}
        try:
            await self._operations.write(EntryDraft("alarm", private=private, retention=Retention.OPERATIONS))
            self._failing[step] = (code, detail)
        except StorageBroken as error:
            self._fatal(error)
        except Refused:
            return  # the log's stage is full: not noted as failing, so that the next round says it

    async def lead(self) -> bool:
        """Whether this process leads; asked before the first round."""
        self._leading = await asyncio.to_thread(self._sharing.leads)
        return self._leading

    async def _share(self) -> None:
        """Take up what other processes have logged, and lead when nobody does."""
        await asyncio.to_thread(self._sharing.follow)
        await self.lead()

    async def log_switches(self) -> None:
        """Write an entry for each suspension that has none yet."""
        await asyncio.to_thread(self._log_switches)

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

    async def _look_at_policy(self) -> None:
        draft = await asyncio.to_thread(self._policy)
        if draft is not None:
            await self._operations.write(draft)
            await asyncio.to_thread(self._policy_logged)

    async def _log_incidents(self) -> None:
        for draft in self._incidents.drafts():
            await self._operations.write(draft)

    async def _look_at_clock(self) -> None:
        jumped, before = self._clock.jumped_us(), self._jumped_us
        trusted = abs(jumped) < JUMP_US
        if trusted != (abs(before) < JUMP_US) or abs(jumped - before) >= JUMP_US:
            self._jumped_us = jumped
            private = {"jump_us": jumped, "trusted": trusted}
            await self._operations.write(EntryDraft("clock", private=private, retention=Retention.OPERATIONS))

    async def _refresh(self, source: str, refresh: Callable[[], object]) -> None:
        """Bring a key index up to its source; when that cannot be asked it keeps the index it has."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._upkeep, refresh)
        except StorageBroken:
            raise
        except Exception as error:  # noqa: BLE001  # a source's failure is its own
            code, detail = _of(error)
            private = {"source": source, "code": code, "detail": detail[:300]}
            await self._operations.write(EntryDraft("source-failed", private=private, retention=Retention.OPERATIONS))

    async def _delete_copies(self) -> None:
        """An entry for each, before it is gone; those of one batch share a transaction of the log."""
        copies = Copies(self._documents)
        over = await asyncio.to_thread(copies.over, self._clock.now_us())
        for start in range(0, len(over), _BATCH):
            keys = over[start : start + _BATCH]
            await asyncio.gather(*(self._operations.write(deletion(key)) for key in keys))
            for key in keys:
                await asyncio.to_thread(copies.delete, key)

    async def _hash_again(self) -> None:
        for draft in await asyncio.to_thread(self._scrub):
            await self._operations.write(draft)

    async def _forget(self) -> None:
        now_us = self._clock.now_us()
        await asyncio.to_thread(self._store.forget_claims, now_us)
        await asyncio.to_thread(partial(self._documents.expire, now_us, but=COPY))


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await work()
        await asyncio.sleep(seconds)


def _of(error: Exception) -> tuple[str, str]:
    """Code and detail; of a foreign exception only the type, since its text may hold paths or data of persons."""
    if isinstance(error, LiaisonError):
        return error.code, str(error)
    return "round-failed", type(error).__name__


def _cancelled() -> bool:
    """Whether somebody wants this task to end: a closed connection raises `CancelledError` as well."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
