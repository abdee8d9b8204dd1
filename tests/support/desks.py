"""Desks of several members on real stores, joined by a link that loses, doubles and cuts; each can be killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.audit.log.log import AuditLog
from gateway.clock import ManualClock
from gateway.config.suspensions import Suspensions
from gateway.desk.delivery.authoring import Author
from gateway.desk.delivery.pen import Pen
from gateway.desk.delivery.sending import Sender, SenderParts
from gateway.desk.delivery.taking import NoticeTaker, TakerParts
from gateway.desk.raising import Raising
from gateway.errors import ConnectionLost
from gateway.exchange.incidents import Incidents
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import NoticeType
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.ports.journal import Journal, LogName
from gateway.ports.log_store import LogState
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.documents.quotas import SqlQuotas
from gateway.storage.log.log_store import SqlLogStore
from policy.engine.engine import PolicyEngine
from tests.support.audit_logs import NOON, LogHome
from tests.support.federation import Federation, make_federation
from tests.support.policies import NATIONAL


class Killed(BaseException):
    """The process ends here."""


class MortalStore(SqlLogStore):
    """A store of logs whose process can be killed before, inside and after a transaction."""

    kill_at: str = ""

    def commit(self, before: LogState | None, after: LogState, entries: Any) -> None:
        if self.kill_at == "before" and entries:
            raise Killed
        super().commit(before, after, entries)
        if self.kill_at == "after" and entries:
            raise Killed

    def _write(self, connection: Any, log_id: int, before: LogState, after: LogState, entries: Any) -> None:
        super()._write(connection, log_id, before, after, entries)
        if self.kill_at == "inside" and entries:
            raise Killed


@dataclass
class Link:
    """The way between all desks. `faults` are shares of lost requests, lost answers and doubled requests."""

    random: random.Random
    desks: dict[MemberId, Desk] = field(default_factory=dict)
    lost: float = 0.0
    doubled: float = 0.0
    cut: set[frozenset[str]] = field(default_factory=set)
    sent: int = 0

    async def call(self, me: MemberId, member: MemberId, request: Any) -> AnswerMessage:
        self.sent += 1
        if frozenset((me, member)) in self.cut or self.random.random() < self.lost:
            raise ConnectionLost("lost", where=member)
        other = self.desks[member]
        if self.random.random() < self.doubled:
            await asyncio.gather(other.take(me, request), return_exceptions=True)
        answer = await other.take(me, request)
        if self.random.random() < self.lost:
            raise ConnectionLost("lost", where=member)
        return answer


@dataclass(frozen=True)
class Calls:
    """The calls of one member over the link."""

    link: Link
    me: MemberId

    async def call(self, member: MemberId, _method: Any, request: Any) -> Any:
        return await self.link.call(self.me, member, request)


class Desk:
    """One member's desk in one process, which can die and start anew on the same files."""

    def __init__(self, member: MemberId, federation: Federation, folder: Path, link: Link) -> None:
        self.member, self._federation, self._link = member, federation, link
        self.home = LogHome(folder / f"desk-{member}", federation[member].key("log"), federation.clock)
        self.clock = federation.clock
        self._stack = ExitStack()
        self.dead = asyncio.Event()
        self._policy = PolicyEngine.load(NATIONAL / member, member)
        self.deaths = 0
        self.start()

    def start(self) -> None:
        """Open the files and start the parts."""
        self.dead.clear()
        database = self._stack.enter_context(self.home.database())
        self._logs_store = MortalStore(database, self.home.keystore)
        logs = {name: self._log(name) for name in (LogName.EXCHANGE, LogName.OPERATIONS)}
        self.logs = logs
        self.store = SqlDeskStore(database, self.home.keystore)
        view, key = self._federation[self.member].view(), self._federation[self.member].key("statement")
        documents = SqlDocumentStore(database, self.home.keystore, self.clock)
        self.suspended = Suspensions(self.home.folder / "suspensions.jsonl", self.clock.monotonic)
        parts = Parts(
            member=self.member,
            clock=self.clock,
            statement_key=lambda: key,
            trust=lambda: view,
            policy=lambda: self._policy,
            suspensions=self.suspended,
            journal=logs[LogName.EXCHANGE],
            operations=logs[LogName.OPERATIONS],
            documents=documents,
            quotas=SqlQuotas(database, self.clock.now_us),
            issuers={},
            make_reference=lambda *_: "",
        )
        loop = asyncio.get_running_loop()
        journals: Mapping[LogName, Journal] = logs

        def die(_error: BaseException) -> None:
            loop.call_soon_threadsafe(self.dead.set)

        self._pen = Pen(journals, die, lambda _written: None)
        self._pen.start()
        self.incidents = Incidents(self.clock)
        self.sender = Sender(
            SenderParts(
                parts, self.store, self._pen, Calls(self._link, self.member), lambda _peer: None,
                lambda *_: (), lambda: True, lambda _delivery: (),
            )
        )  # fmt: skip
        self.author = Author(parts, self.store, self._pen, {}, self.sender.wake)
        self._taker = NoticeTaker(
            TakerParts(
                parts, self.store, self._pen, self.incidents, {}, frozenset(NoticeType), lambda *_: None,
                lambda _thread, _notice: Raising(), self._entry,
            )
        )  # fmt: skip

    def _entry(self, log: str, index: int) -> bytes:
        return next((body for _, body, _ in self._logs_store.bodies(log, index, index + 1)), b"")

    def _log(self, name: LogName) -> AuditLog:
        home = self.home
        return AuditLog(
            self._logs_store, home.keystore, home.key, self.clock, self.member, name, highwater=home.highwater
        )

    def kill_at(self, place: str) -> None:
        """Die at the next transaction: `before`, `inside` or `after` it."""
        self._logs_store.kill_at = place

    async def take(self, peer: MemberId, request: Any) -> AnswerMessage:
        """Take a notice as the node's door does; a dead process answers nothing."""
        answer: AnswerMessage = await self.alive(self._taker.take(peer, request))
        return answer

    async def alive(self, work: Any) -> Any:
        """Wait for work of this process, or for its death, which its callers see as a lost connection."""
        if self.dead.is_set():
            work.close()
            raise ConnectionLost("dead", where=self.member)
        task, end = asyncio.ensure_future(work), asyncio.ensure_future(self.dead.wait())
        await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if task.done():
            return task.result()
        task.cancel()
        raise ConnectionLost("dead", where=self.member)

    async def reborn(self) -> None:
        """Start anew where the process has died."""
        if self.dead.is_set():
            self.deaths += 1
            await self.stop()
            self.start()

    async def stop(self) -> None:
        """End the process."""
        await self.sender.finish()
        if not self.dead.is_set():
            await asyncio.to_thread(self._pen.stop, 10)
        for log in self.logs.values():
            log.abandon()
        self._stack.close()

    def is_quiet(self) -> bool:
        """Tell whether no notice of ours waits."""
        return not self.store.waiting()


@dataclass
class Desks:
    """Desks of several members."""

    federation: Federation
    clock: ManualClock
    link: Link
    desks: dict[MemberId, Desk]

    async def settle(self, *, rounds: int = 4_000) -> None:
        """Let everything that can be delivered be delivered, over a link without faults."""
        self.link.lost = self.link.doubled = 0.0
        self.link.cut.clear()
        for _ in range(rounds):
            for desk in self.desks.values():
                desk.kill_at("")
                await desk.reborn()
            self.clock.advance(timedelta(seconds=31))
            for desk in self.desks.values():
                await desk.sender.round()
                for peer in self.desks:
                    desk.sender.reached(peer)
            await asyncio.sleep(0.002)
            if all(desk.is_quiet() for desk in self.desks.values()):
                return
        raise AssertionError("notices wait that could be delivered")

    async def stop(self) -> None:
        for desk in self.desks.values():
            await desk.stop()


def make_desks(folder: Path, members: Collection[str] = ("th", "vn"), seed: int = 0) -> Desks:
    """Found a federation and start a desk for each member. Call it in a running loop."""
    clock = ManualClock(NOON)
    federation = make_federation(folder / "federation", tuple(members), clock)
    link = Link(random.Random(seed))
    for member in map(MemberId, members):
        link.desks[member] = Desk(member, federation, folder, link)
    return Desks(federation, clock, link, link.desks)
