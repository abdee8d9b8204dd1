"""A country's node, put together from its parts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from certs.tls import TlsIdentity, check_floor, server_credentials
from gateway import __version__
from gateway.agency.api import AgencyParts, RefusedCall, create_api
from gateway.agency.server import AgencyServer, tls_context
from gateway.agency.tokens import OfficerTokens
from gateway.app.erasing import node_desk
from gateway.app.ground import Ground, lay_ground, record_issuers, token_keys
from gateway.app.inspecting import inspection_desk
from gateway.app.witnessing import NodeWitness
from gateway.audit.numbers import begun_us
from gateway.audit.prune import pruned_below
from gateway.audit.receipt import ChannelBook, ReceiptBook
from gateway.audit.scrub import Scrubber
from gateway.config import host_port
from gateway.config.schema import Settings
from gateway.config.suspensions import Suspensions
from gateway.errors import LiaisonError
from gateway.exchange.abandoned import LostQuestions, abandoned
from gateway.exchange.answer import Answerer, AnswerLimits
from gateway.exchange.ask import Asker
from gateway.exchange.channels import Acknowledger, ReceiptTaker
from gateway.exchange.consent_desk import ConsentDesk
from gateway.exchange.consent_outbox import ConsentOutbox
from gateway.exchange.days import DayAccounts
from gateway.exchange.debt import DebtLimits, Debts
from gateway.exchange.gather import Gatherer
from gateway.exchange.housekeeping import SLOW_ROUND_S, Housekeeper, Sharing
from gateway.exchange.inbound import ReplySink
from gateway.exchange.incidents import Incidents
from gateway.exchange.kept_answers import KeptAnswers
from gateway.exchange.onward_desk import OnwardDesk
from gateway.exchange.own import OwnSources
from gateway.exchange.parts import Parts
from gateway.exchange.scribe import Scribe, Scribes
from gateway.exchange.searches import OfficerSearches
from gateway.exchange.seen_heads import SeenHeads
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.node.client import PeerPool
from gateway.node.doors import Doors, ServerLimits
from gateway.node.server import NodeServer
from gateway.ops.policy_keeper import policy_entry
from gateway.ops.watched import WatchedJournal, watch_node
from gateway.ports import EntryDraft, PeerStatus, Retention
from gateway.records.types import RECORD_TYPES
from gateway.signing import lanes
from gateway.signing.keys import load_signing_key
from gateway.storage.document_store import SqlDocumentStore
from gateway.storage.postgres import check_again
from gateway.storage.pseudonyms import Pseudonyms
from gateway.storage.quotas import SqlQuotas
from gateway.storage.references import HitReferences
from gateway.storage.witness_store import SqlWitnessStore
from gateway.telemetry import Event, Log, Metric
from gateway.telemetry.metrics import serve_metrics

_DRAIN_S = 10.0
_BROKEN = 70
"""Exit code after a storage failure: the supervisor starts the node again, which looks at its disk first."""


def _channel_book(parts: Parts, ground: Ground) -> ChannelBook:
    return ChannelBook(parts.documents, ground.store, ground.exchange_log.store_name, parts.clock, parts.member)


def build_node(settings: Settings, production: bool, place: int = 0) -> Node:
    """All parts of a node, put together; nothing listens yet. `place` is its number among the home's processes."""
    return Node(lay_ground(settings, production), production, place)


class Node:
    """A country's node: towards counterparts, towards its own systems, and its rounds."""

    def __init__(self, ground: Ground, production: bool, place: int = 0) -> None:
        self.ground = ground
        self._place = place
        self._log = Log(component="node", member=ground.member)
        self._incidents = Incidents()
        self._release_loop: asyncio.AbstractEventLoop | None = None
        home, clock = ground.home, ground.clock
        references = HitReferences(ground.settings.keystore, clock)
        suspensions = Suspensions(home.suspensions, clock.monotonic, RECORD_TYPES)
        exchange_log = WatchedJournal("exchange", ground.exchange_log, ground.counters)
        operations_log = WatchedJournal("operations", ground.operations_log, ground.counters)
        heads = SeenHeads(SqlWitnessStore(ground.database))
        self.parts = Parts(
            member=ground.member,
            clock=clock,
            key=load_signing_key(home.key("statement")),
            trust=lambda: ground.trust.view,
            policy=lambda: ground.policy.engine,
            suspensions=suspensions,
            journal=exchange_log,
            operations=operations_log,
            documents=SqlDocumentStore(ground.database, ground.keystore, clock),
            quotas=SqlQuotas(ground.database),
            issuers=record_issuers(ground, production),
            make_reference=references.make_reference,
            note_head=heads.note,
            begun_us=begun_us(ground.store, ground.exchange_log.store_name),
        )
        self.scribes = Scribes(
            Scribe("exchange-log", exchange_log, self._fatal),
            Scribe("operations-log", operations_log, self._fatal),
        )
        bounds = ground.settings.limits
        limits = AnswerLimits(bounds.in_flight_per_member, bounds.queue, bounds.source_timeout_ms / 1000)
        receipts = ReceiptBook(self.parts.documents, ground.store, ground.exchange_log.store_name)
        self.debts = Debts(
            receipts,
            self.parts.documents,
            clock,
            self.scribes.operations,
            lambda: self._others,
            DebtLimits(bounds.receipt_debt, bounds.receipt_debt_s),
        )
        self.answerer = Answerer(
            self.parts,
            Gatherer(self.parts, ground.walls),
            self._release,
            self._fatal,
            limits,
            ground.turn,
            self.debts.check,
            self._incidents,
        )
        self.peers = PeerPool(
            lambda: ground.trust.view,
            self._identity,
            lambda member: suspensions.suspends(peer=member, purpose=Purpose.THREAT_TO_LIFE),
            clock,
        )
        self.acknowledger = Acknowledger(
            self.parts, _channel_book(self.parts, ground), self.peers, self.scribes.operations
        )
        self.receipts = ReceiptTaker(self.parts, receipts, self.scribes.operations, self.debts.advanced)
        self.days = DayAccounts(
            self.parts,
            ground.store,
            ground.exchange_log.store_name,
            self.peers,
            self.scribes.operations,
            lambda: [member for member in self._others if self.parts.trust().active(member)],
        )
        own = OwnSources(ground.member, ground.walls, suspensions, clock, references.make_reference, self.parts.policy)
        pseudonyms = Pseudonyms(ground.settings.keystore)
        self.asker = Asker(
            self.parts,
            own,
            self.peers,
            self.scribes,
            self.acknowledger.received,
            pseudonyms.make,
            ground.settings.limits.budget_ms / 1000,
        )
        self.searches = OfficerSearches(self.parts, self.asker, shared=ground.database.shared)
        kept = KeptAnswers(ground.store, ground.keystore)
        self.consents = ConsentDesk(self.parts, kept, self.scribes.operations)
        self.outbox = ConsentOutbox(self.parts, self.peers, self.scribes.operations, shared=ground.database.shared)
        self.onward = OnwardDesk(
            self.parts,
            self.searches,
            kept,
            self.outbox,
            self.scribes.operations,
            ground.exchange_log.store_name,
            pseudonyms.make,
        )
        self.witness = NodeWitness(
            ground, self.parts.documents, heads, self.peers, self._identity, self.scribes.operations.write, self._forked
        )
        self._tokens = OfficerTokens(
            ground.member, token_keys(ground, production), clock, lambda: ground.trust.view.epoch
        )
        self._housekeeper = Housekeeper(
            clock=clock,
            trust=ground.trust,
            suspensions=suspensions,
            documents=self.parts.documents,
            store=ground.store,
            operations=self.scribes.operations,
            incidents=self._incidents,
            receipts=self._receipts_round,
            debts=self.debts.round,
            days=self.days.round,
            decisions=self.consents.round,
            consents=self.outbox.round,
            witnesses=self.witness.round,
            witness_s=ground.settings.witness.every_s,
            sources=ground.refreshers,
            policy=lambda: policy_entry(ground.policy.refresh()),
            policy_logged=ground.policy.logged,
            inspections=inspection_desk(
                ground.home,
                ground.member,
                clock,
                ground.store,
                ground.keystore,
                ground.operations_log,
            ).run,
            sharing=Sharing(self._follow, ground.leader.leads, self._note_lost, self._check_database),
            erasures=node_desk(ground, operations_log).round,
            scrub=Scrubber((ground.exchange_log, ground.operations_log), clock, SLOW_ROUND_S).round,
            fatal=self._fatal,
        )
        self._lost = LostQuestions(ground.store, ground.exchange_log.store_name, self.parts.documents, clock)
        self._server: NodeServer | None = None
        self._agency: AgencyServer | None = None
        self._rounds: asyncio.Task[None] | None = None
        self._stopping = False
        self._stop_metrics: Callable[[], None] | None = None
        self.addresses: dict[str, str] = {}

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Compare with the witnesses, start the workers, write `start`, listen."""
        self._release_loop = asyncio.get_running_loop()
        compared = await self._compare()
        for wall in self.ground.walls:
            wall.start()
        self.answerer.start()
        self.scribes.exchange.start()
        self.scribes.operations.start()
        hashes = {"policy_hash": self.parts.policy().hash.hex(), "trust_hash": self.parts.trust().hash.hex()}
        pruned = pruned_below(self.ground.store)
        await self._note("start", version=__version__, **hashes, **({"pruned_below": pruned} if pruned else {}))
        if (accepted := policy_entry(self.ground.policy.unlogged)) is not None:
            await self.scribes.operations.write(accepted)
            self.ground.policy.logged()
        for key_id in self.ground.revived:
            await self._note("alarm", code="key-came-back", detail=f"{key_id} was destroyed before, and is again")
        if compared is not None:
            await self.scribes.operations.write(compared)
        if await self._housekeeper.lead():
            await self._housekeeper.log_switches()
        if not self.ground.database.shared:
            for draft in abandoned(self.ground.store, self.ground.exchange_log.store_name):
                await self.scribes.exchange.write(draft)
        self.acknowledger.resume([MemberId(name) for name in self.parts.trust().members])
        await self._listen()
        self._rounds = asyncio.create_task(self._housekeeper.run())
        self._rounds.add_done_callback(self._rounds_ended)
        self._log.info(Event.NODE_STARTED, address=self.addresses["exchange"], signatures=lanes.describe())

    async def _compare(self) -> EntryDraft | None:
        """Before anything is signed. A refused start leaves the logs as they are."""
        try:
            return await self.witness.before_signing()
        except LiaisonError:
            await self.witness.close()
            await self.peers.close()
            for log in (self.ground.exchange_log, self.ground.operations_log):
                log.abandon()
            self.ground.database.close()
            raise

    async def _listen(self) -> None:
        settings = self.ground.settings
        credentials = server_credentials(self._identity, self._roots, self._alarm)
        doors = Doors(
            identify=lambda certificate: self.parts.trust().peer(certificate),
            submit=self.answerer.submit,
            acknowledge=lambda peer, receipt: self.receipts.take(peer.member, receipt),
            consent=lambda peer, envelope: self.consents.take(peer.member, envelope),
            compare_day=lambda peer, envelope: self.days.take(peer.member, envelope),
            cosign=lambda peer, body, cosigned: self.witness.cosign(peer.member, body, cosigned),
            largest_head=lambda peer, origin: self.witness.largest_head(peer.member, origin),
            refused=self._refused,
            healthy=self._serving,
        )
        shared = self.ground.database.shared
        self._server = NodeServer(doors, self.ground.clock, credentials, ServerLimits(), share_port=shared)
        host, port = host_port(settings.listen.exchange)
        port = await self._server.start(f"{host}:{port}")
        self.addresses["exchange"] = f"{host}:{port}"
        await asyncio.to_thread(check_floor, host, port)
        home = self.ground.home
        context = tls_context(home.key("tls"), home.certificate("tls"), home.ca)
        api, address = create_api(self._agency_parts()), host_port(settings.listen.agency)
        self._agency = AgencyServer(api, *address, context, share_port=shared)
        self.addresses["agency"] = "{}:{}".format(*await self._agency.start())
        watch_node(
            self.ground.counters,
            self.ground.clock,
            log_sizes={
                "exchange": lambda: self.ground.exchange_log.size,
                "operations": lambda: self.ground.operations_log.size,
            },
            certificates=home.keys,
            counterparts=self._counterparts,
            debts=(self.debts.open_answers, self.debts.oldest_s),
        )
        if settings.listen.metrics:
            host, port = host_port(settings.listen.metrics)
            port, self._stop_metrics = serve_metrics(self.ground.counters, host, port + self._place if port else 0)
            self.addresses["metrics"] = f"{host}:{port}"

    async def stop(self) -> None:
        """Take no more, finish what was taken, write `stop` as the last entry, close."""
        self._log.info(Event.NODE_DRAINING)
        await self._end_rounds()
        if self._agency is not None:
            await self._agency.stop()
        if self._server is not None:
            await self._server.stop(_DRAIN_S)
        await self.searches.finish(_DRAIN_S)
        await self.asker.finish()
        await self.outbox.finish()
        await asyncio.to_thread(self.answerer.stop, _DRAIN_S)
        await self.witness.close()
        await self.peers.close()
        for wall in self.ground.walls:
            wall.stop()
        await self._note("stop", reason="asked to stop")
        for scribe in (self.scribes.exchange, self.scribes.operations):
            await asyncio.to_thread(scribe.stop, _DRAIN_S)
        if self._stop_metrics is not None:
            self._stop_metrics()
        for log in (self.ground.exchange_log, self.ground.operations_log):
            await asyncio.to_thread(log.close)
        self.ground.leader.close()
        self.ground.database.close()
        self._log.info(Event.NODE_STOPPED)

    async def _end_rounds(self) -> None:
        """Cancel the rounds; an error that they ended with is no reason to leave the logs open."""
        self._stopping = True
        if self._rounds is None:
            return
        self._rounds.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await self._rounds
        except Exception as error:  # noqa: BLE001  # whatever it was, the logs are closed and `stop` is written
            self._log.error(Event.ROUNDS_FAILED, error)

    def _rounds_ended(self, rounds: asyncio.Task[None]) -> None:
        """Without its rounds a node would go on under old trust and old switches: it ends instead."""
        if self._stopping or rounds.cancelled():
            return
        self._fatal(rounds.exception() or RuntimeError("the rounds have ended"))

    def _serving(self) -> bool:
        """Whether exchanges are answered: not everything is suspended, and the rounds are made."""
        alive = self._rounds is None or not self._rounds.done()
        return alive and "all" not in self.parts.suspensions.active

    # ------------------------------------------------------------ several processes

    def _follow(self) -> None:
        for log in (self.ground.exchange_log, self.ground.operations_log):
            log.follow()

    async def _receipts_round(self) -> None:
        if self.ground.database.shared:
            self.acknowledger.resume(self._others)  # the other processes received, and this one acknowledges
        await self.acknowledger.round()

    async def _note_lost(self) -> None:
        if self.ground.database.shared:
            for draft in await asyncio.to_thread(self._lost.find):
                await self.scribes.exchange.write(draft)
            await asyncio.to_thread(self._lost.noted)

    def _check_database(self) -> None:
        check_again(self.ground.database, self.ground.runs_on, synchronous=self.ground.settings.storage.synchronous)

    # ------------------------------------------------------------ seams

    def _identity(self) -> TlsIdentity:
        return TlsIdentity.load(self.ground.home.key("tls"), self.ground.home.certificate("tls"))

    def _roots(self) -> bytes:
        """CA certificates of all active counterparts; our own where there is none yet, so that nobody else fits."""
        view = self.parts.trust()
        others = [view.ca_pem(member) for member in sorted(view.members) if view.active(member)]
        return b"".join(others) or self.ground.home.ca.read_bytes()

    def _release(self, packed: list[tuple[ReplySink, list[bytes], int]]) -> None:
        def deliver() -> None:
            for sink, messages, count in packed:
                sink.deliver(messages, count)

        if self._release_loop is not None and not self._release_loop.is_closed():
            self._release_loop.call_soon_threadsafe(deliver)

    def _fatal(self, error: BaseException) -> None:
        """The end of the process: nothing is signed from memory once storage has failed (threats.md, fact 13)."""
        self._log.error(Event.STORAGE_BROKEN, error)
        os._exit(_BROKEN)

    def _forked(self, error: LiaisonError) -> None:
        """The end of the process: somebody signed another head with our key, and one of the two is not this log."""
        self._log.error(Event.LOG_FORKED, error)
        os._exit(_BROKEN)

    def _refused(self, member: str, error: LiaisonError) -> None:
        self._incidents.note(member, error.code)
        self.ground.counters.add(Metric.REFUSALS, reason=error.reason.value, code=error.code)

    def _alarm(self, text: str) -> None:
        self._incidents.note(self.ground.member, "tls-files", text)

    async def _note(self, kind: str, **private: Any) -> None:
        await self.scribes.operations.write(EntryDraft(kind, private=private, retention=Retention.OPERATIONS))

    def _agency_parts(self) -> AgencyParts:
        return AgencyParts(
            member=self.ground.member,
            searches=self.searches,
            tokens=self._tokens,
            health=self._health,
            refused=self._refused_call,
            broken=self._fatal,
            counters=self.ground.counters,
            onward=self.onward,
        )

    @property
    def _others(self) -> list[MemberId]:
        """All other members."""
        return [MemberId(name) for name in self.parts.trust().members if name != self.ground.member]

    def _counterparts(self) -> list[PeerStatus]:
        return [self.peers.status(member) for member in self._others]

    def _health(self) -> dict[str, Any]:
        sources = {wall.description.id: wall.state for wall in self.ground.walls}
        return {"status": "ok", "member": self.ground.member, "sources": sources}

    async def _refused_call(self, call: RefusedCall) -> None:
        private = {"officer": call.officer, "client": call.client, "code": call.code}
        await self.scribes.operations.write(EntryDraft("denied", private=private, retention=Retention.OPERATIONS))
