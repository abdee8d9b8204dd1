"""Desks of several members on real stores, joined by a link that loses, doubles and cuts; each can be killed."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.log.log import AuditLog
from gateway.clock import ManualClock
from gateway.config.suspensions import Action, Suspensions
from gateway.desk.delivery.ahead import Ahead, withdrawn_elsewhere
from gateway.desk.delivery.authoring import Author
from gateway.desk.delivery.budget import KeepingBudget
from gateway.desk.delivery.sending import Sender, SenderParts
from gateway.desk.delivery.taking import NoticeTaker, TakerParts
from gateway.desk.pen import Pen
from gateway.desk.raising import Raising
from gateway.errors import ConnectionLost, LiaisonError, Unavailable
from gateway.exchange.incidents import Incidents
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import NoticeType
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.ports.desk import Delivery, Work
from gateway.ports.entries import events
from gateway.ports.journal import Event, LogName
from gateway.ports.log_store import LogState
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.desk.file_rows import SqlFileRows
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.documents.quotas import SqlQuotas
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.contradictions import NOTHING
from gateway.trust.view import TrustView
from policy.engine.engine import PolicyEngine
from tests.support.audit_logs import NOON, LogHome
from tests.support.federation import Federation, make_federation
from tests.support.policies import NATIONAL


class Killed(BaseException):
    """The process ends here."""


class MortalStore(SqlLogStore):
    """A store of logs whose process can be killed before, inside and after a transaction."""

    kill_at: str = ""

    def commit(self, before: LogState | None, after: LogState, entries: Any) -> bool:
        if self.kill_at == "before" and entries:
            raise Killed
        written = super().commit(before, after, entries)
        if self.kill_at == "after" and entries:
            raise Killed
        return written

    def _write(self, connection: Any, log_id: int, before: LogState, after: LogState, entries: Any) -> bool:
        written = super()._write(connection, log_id, before, after, entries)
        if self.kill_at == "inside" and entries:
            raise Killed
        return written


@dataclass
class Link:
    """The way between all desks. `lost` and `doubled` are shares of messages; while it is `deaf` no answer comes back.

    `late` is the share of requests that come again much later, when they are out of order.
    """

    random: random.Random
    desks: dict[MemberId, Desk] = field(default_factory=dict)
    others: dict[MemberId, list[Desk]] = field(default_factory=dict)
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    deaf: bool = False
    kept: list[tuple[MemberId, MemberId, Any]] = field(default_factory=list)
    cut: set[frozenset[str]] = field(default_factory=set)
    sent: int = 0

    async def call(self, me: MemberId, member: MemberId, request: Any) -> AnswerMessage:
        self.sent += 1
        if frozenset((me, member)) in self.cut or self.random.random() < self.lost:
            raise ConnectionLost("lost", where=member)
        other: Desk = self.random.choice([self.desks[member], *self.others.get(member, ())])
        if not other.view.active(me):
            raise Unavailable("the door is shut", where=member)
        if self.random.random() < self.doubled:
            await asyncio.gather(other.take(me, request), return_exceptions=True)
        if self.random.random() < self.late:
            self.kept.append((me, member, request))
        answer: AnswerMessage = await other.take(me, request)
        if self.deaf or self.random.random() < self.lost:
            raise ConnectionLost("lost", where=member)
        return answer

    async def bring_late_ones(self) -> None:
        """Deliver what was kept, in any order; its sender does not wait for it any more."""
        kept, self.kept = self.kept, []
        self.random.shuffle(kept)
        for me, member, request in kept:
            with suppress(LiaisonError):
                await self.desks[member].take(me, request)


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
        self.whole: TrustView
        self.view: TrustView
        self.read_documents()
        self._policy = PolicyEngine.load(NATIONAL / member, member)
        self.deaths = 0
        self.undelivered: list[tuple[str, str]] = []
        """Ids and codes of notices whose authors were told that they were not taken."""
        self.unheard: set[MemberId] = set()
        """Members that have not told yet what this desk lost, as after a restore."""
        self.start()

    def start(self) -> None:
        """Open the files and start the parts."""
        self.dead.clear()
        database = self._stack.enter_context(self.home.database())
        self.log_store = MortalStore(database, self.home.keystore)
        logs = {name: self._log(name) for name in (LogName.EXCHANGE, LogName.OPERATIONS)}
        self.logs = logs
        self.store = SqlDeskStore(database, self.home.keystore)
        key = self._federation[self.member].key("statement")
        documents = SqlDocumentStore(database, self.home.keystore, self.clock)
        self.suspended = Suspensions(self.home.folder / "suspensions.jsonl", self.clock.monotonic)
        parts = Parts(
            member=self.member,
            clock=self.clock,
            statement_key=lambda: key,
            trust=lambda: self.view,
            policy=lambda: self._policy,
            suspensions=self.suspended,
            journal=logs[LogName.EXCHANGE],
            operations=logs[LogName.OPERATIONS],
            documents=documents,
            quotas=SqlQuotas(database, self.clock.now_us),
            issuers={},
            make_reference=lambda *_: "",
            heard=lambda member: member not in self.unheard,
        )
        loop = asyncio.get_running_loop()

        def die(_error: BaseException) -> None:
            loop.call_soon_threadsafe(self.dead.set)

        self._pen = Pen(parts, die, lambda _written: None)
        self._pen.start()
        self.incidents = Incidents(self.clock)
        self.sender = Sender(
            SenderParts(
                parts, self.store, self._pen, Calls(self._link, self.member), lambda _peer: None,
                self._note_undelivered, lambda: True, lambda _delivery: (),
                lambda held: Ahead(parts, self.store, self.author).send(held),
            )
        )  # fmt: skip
        self.author = Author(
            parts, self.store, self._pen, {}, self.sender.wake, SqlFileRows(database, self.home.keystore)
        )
        self._taker = NoticeTaker(
            TakerParts(
                parts, self.store, self._pen, self.incidents,
                {NoticeType.CHANGE: withdrawn_elsewhere}, frozenset(NoticeType), lambda *_: None,
                lambda _thread, _notice: Raising(), self._entry, KeepingBudget(parts, self.store),
            )
        )  # fmt: skip

    def _note_undelivered(self, delivery: Delivery, code: str, _now_us: int) -> tuple[Work, ...]:
        self.undelivered.append((delivery.notice_id, code))
        return ()

    def remove(self, *members: str) -> None:
        """Take members for removed, and all others for active again."""
        whole, gone = self.whole, replace(NOTHING, members=frozenset(members))
        self.view = TrustView(whole.charter, whole._descriptors, whole._statuses, self.clock, withheld=gone)

    def switch(self, action: Action, target: str, humanitarian: str = "") -> None:
        """Suspend or resume exchange, as the command does."""
        line = {"id": secrets.token_hex(16), "time": "2026-11-24T12:00:00Z", "action": action.value}
        line |= {"target": target, "reason": "under review"} | ({"humanitarian": humanitarian} if humanitarian else {})
        with (self.home.folder / "suspensions.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _entry(self, log: str, index: int) -> bytes:
        return next((body for _, body, _ in self.log_store.bodies(log, index, index + 1)), b"")

    def _log(self, name: LogName) -> AuditLog:
        home = self.home
        return AuditLog(
            self.log_store, home.keystore, home.key, self.clock, self.member, name, highwater=home.highwater
        )

    def read_documents(self) -> None:
        """Take up the documents of trust in the member's home, as a round of the node does."""
        self.whole = self._federation[self.member].view()
        self.view = self.whole

    def kill_at(self, place: str) -> None:
        """Die at the next transaction: `before`, `inside` or `after` it."""
        self.log_store.kill_at = place

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

    @property
    def every(self) -> list[Desk]:
        """All processes."""
        return [*self.desks.values(), *(desk for others in self.link.others.values() for desk in others)]

    async def settle(self, *, rounds: int = 4_000) -> None:
        """Let everything that can be delivered be delivered, over a link without faults, between active members."""
        self.link.lost = self.link.doubled = self.link.late = 0.0
        self.link.deaf = False
        self.link.cut.clear()
        for desk in self.every:
            desk.view = desk.whole
            desk.switch(Action.RESUME, "all")
        for _ in range(rounds):
            for desk in self.every:
                desk.kill_at("")
                await desk.reborn()
            self.clock.advance(timedelta(seconds=31))
            await self.link.bring_late_ones()
            for desk in self.every:
                await desk.sender.round()
                for peer in self.desks:
                    desk.sender.reached(peer)
            await asyncio.sleep(0.002)
            if all(desk.is_quiet() for desk in self.desks.values()):
                return
        raise AssertionError("notices wait that could be delivered")

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let all senders go on until a condition holds."""
        for _ in range(4_000):
            for desk in self.every:
                await desk.sender.round()
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(what)

    async def stop(self) -> None:
        for desk in self.every:
            await desk.stop()


def make_desks(
    folder: Path, members: Collection[str] = ("th", "vn"), seed: int = 0, several: Collection[str] = ()
) -> Desks:
    """Found a federation and start a desk for each member. Call it in a running loop.

    Those of `several` have a second process on the same database, which has to be a server's. Both send all the time,
    as processes do while leadership moves.
    """
    clock = ManualClock(NOON)
    federation = make_federation(folder / "federation", tuple(members), clock)
    link = Link(random.Random(seed))
    for member in map(MemberId, members):
        link.desks[member] = Desk(member, federation, folder, link)
        if member in several:
            link.others[member] = [Desk(member, federation, folder, link)]
    return Desks(federation, clock, link, link.desks)


def entries_of(desk: Desk, *kinds: Event) -> dict[str, Entry]:
    """Entries of kinds by exchange; each exchange has one at most."""
    store, name = desk.log_store, desk.logs[LogName.EXCHANGE].store_name
    state = store.state(name)
    every = [parse_entry(body) for _, body, _ in store.bodies(name, 0, state.size)] if state else []
    found = [entry for entry in every if entry.kind in events.kinds(*kinds)]
    by_id = {entry.exchange_id: entry for entry in found}
    assert len(by_id) == len(found), "an exchange has two entries of one kind"
    return by_id
