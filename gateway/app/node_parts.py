"""The parts of a country's node, put together; nothing of them runs yet."""

from __future__ import annotations

import asyncio
import os
from functools import partial

from certs.tls import TlsIdentity
from gateway.agency.token_keys import handed_in, token_keys
from gateway.agency.tokens import OfficerTokens
from gateway.app.ground import Ground, record_issuers
from gateway.app.node_acts import node_desks
from gateway.app.rounds import SLOW_ROUND_S, Housekeeper, Sharing
from gateway.app.watched_journal import WatchedJournal
from gateway.app.witnessing import NodeWitness
from gateway.audit.accounts.receipts import ChannelBook, ReceiptBook
from gateway.audit.log.numbers import begun_us
from gateway.audit.log.scrub import Scrubber
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.config.suspensions import Suspensions
from gateway.desk.consent_outbox import ConsentOutbox
from gateway.desk.consent_requests import ConsentDesk
from gateway.desk.onward import OnwardDesk
from gateway.errors import LiaisonError
from gateway.exchange.answering.answer import Answerer, AnswerLimits
from gateway.exchange.answering.gather import Gatherer
from gateway.exchange.answering.inbound import ReplySink
from gateway.exchange.asking.abandoned import LostQuestions
from gateway.exchange.asking.ask import Asker
from gateway.exchange.asking.own_agencies import OwnSources
from gateway.exchange.asking.searches import OfficerSearches
from gateway.exchange.incidents import Incidents
from gateway.exchange.log_writer import Scribe, Scribes
from gateway.exchange.parts import Parts
from gateway.exchange.receipts.days import DayAccounts
from gateway.exchange.receipts.debt import DebtLimits, Debts
from gateway.exchange.receipts.receipts import Acknowledger, ReceiptTaker
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.node.client import PeerPool
from gateway.ops.acts.switches import logged_switches
from gateway.ops.policy.keeper import policy_entry
from gateway.records.types import RECORD_TYPES
from gateway.signing.keys import load_signing_key
from gateway.storage.database.postgres import check_again
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.documents.quotas import SqlQuotas
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.storage.keys.pseudonyms import Pseudonyms
from gateway.storage.keys.references import HitReferences
from gateway.telemetry import Event, Log
from gateway.witness.seen_heads import SeenHeads

_BROKEN = 70
"""Exit code after a storage failure: the supervisor starts the node again, which looks at its disk first."""


def _channel_book(parts: Parts, ground: Ground) -> ChannelBook:
    return ChannelBook(parts.documents, ground.store, ground.exchange_log.store_name, parts.clock, parts.member)


class NodeParts:
    """What a node answers, asks and makes its rounds with, and what these parts call back; `Node` gives them life."""

    def __init__(self, ground: Ground, production: bool) -> None:
        self.ground = ground
        self._log = Log(component="node", member=ground.member)
        self._incidents = Incidents()
        self._release_loop: asyncio.AbstractEventLoop | None = None
        home, clock = ground.home, ground.clock
        references = HitReferences(ground.settings.keystore, clock)
        documents = SqlDocumentStore(ground.database, ground.keystore, clock)
        suspensions = Suspensions(home.suspensions, clock.monotonic, RECORD_TYPES, partial(logged_switches, documents))
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
            documents=documents,
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
            ground.member, token_keys(ground.settings, clock, production), clock, lambda: ground.trust.view.epoch
        )
        desks = node_desks(
            ground, operations_log, lambda: suspensions.switches, handed_in(ground.settings, clock, self._tokens)
        )
        self._housekeeper = Housekeeper(
            clock=clock,
            trust=ground.trust,
            switches=desks.switches.log,
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
            quick_acts=desks.quick.run,
            sharing=Sharing(self._follow, ground.leader.leads, self._note_lost, self._check_database),
            erasures=desks.long.round,
            scrub=Scrubber((ground.exchange_log, ground.operations_log), clock, SLOW_ROUND_S).round,
            fatal=self._fatal,
        )
        self._lost = LostQuestions(ground.store, ground.exchange_log.store_name, self.parts.documents, clock)

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

    @property
    def _others(self) -> list[MemberId]:
        """All other members."""
        return [MemberId(name) for name in self.parts.trust().members if name != self.ground.member]

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
