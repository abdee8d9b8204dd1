"""Shared by all parts of a node: parts of exchanges, log writers, incidents, peer connections, leadership."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from certs.hsm.keys import self_test
from certs.hsm.token import when_lost
from certs.tls import TlsIdentity
from gateway.agency.officer_tokens.console import make_console_key
from gateway.agency.officer_tokens.fetch import FETCH_S
from gateway.agency.officer_tokens.keys import people_of, refusing, revocation_fetch, revocations, token_keys
from gateway.agency.officer_tokens.revocations import Revocations
from gateway.agency.officer_tokens.tokens import OfficerTokens
from gateway.app.key_rounds import key_steps, keys_in_use
from gateway.app.people_round import people_round
from gateway.app.report_walls import ReportWalls
from gateway.app.resources import Resources
from gateway.app.rounds import UPKEEP, UPKEEP_S, WATCH, WATCH_S, Leadership, Round, writing
from gateway.app.watched_journal import WatchedJournal
from gateway.audit.log.numbers import begun_us
from gateway.audit.log.scrub import Scrubber
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.clock import ProvedTime
from gateway.config.suspensions import Suspensions
from gateway.desk.holdings.ledger import Ledger
from gateway.desk.oversight.frozen import frozen_persons
from gateway.desk.people.directory import People
from gateway.errors import StorageAway
from gateway.exchange.answering.forgetting import Forgetting
from gateway.exchange.asking.copies import COPY
from gateway.exchange.changes import ClockChanges, TrustChanges
from gateway.exchange.counterparts import Counterparts, Heard
from gateway.exchange.held_back import HeldBack
from gateway.exchange.incidents import Incidents
from gateway.exchange.parts import Parts
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.exchange.sources.upkeep import SourceUpkeep
from gateway.gossip.greetings import Greetings, ThirdHeads
from gateway.host.ending import end_process
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.node.client import PeerPool
from gateway.ops.acts.switches import logged_switches
from gateway.ops.keys.online import OnlineRenewal
from gateway.ops.keys.reminder import Reminder
from gateway.ops.policy.keeper import policy_entry
from gateway.ports.journal import EntryDraft
from gateway.records.types import RECORD_TYPES
from gateway.storage.database.postgres import check_again
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.documents.quotas import SqlQuotas
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.storage.keys.references import HitReferences, Pseudonyms
from gateway.storage.log.group_commit import LogWriter, LogWriters
from gateway.telemetry import Logger, LogLine
from gateway.witness.seen_heads import SeenHeads


@dataclass(frozen=True, slots=True)
class Core:
    """Shared by the parts that answer, ask, decide and witness. `fatal` ends the process when its storage is broken."""

    resources: Resources
    parts: Parts
    writers: LogWriters
    incidents: Incidents
    peers: PeerPool
    pseudonyms: Pseudonyms
    kept: KeptAnswers
    desk: SqlDeskStore
    ledger: Ledger
    heard: Heard
    held_back: HeldBack
    heads: SeenHeads
    third: ThirdHeads
    greetings: Greetings
    proved: ProvedTime
    counterparts: Counterparts
    forgetting: Forgetting
    leadership: Leadership
    tokens: OfficerTokens
    revoked: Revocations
    people: People
    upkeep: SourceUpkeep
    library: Sequence[Bulkhead]
    """The reports of our own that counterparts ask for, by agency: this process alone has them."""
    walls: Sequence[Bulkhead]
    """All that a record of ours can come from: the systems of agencies, and their reports. An agency can join it."""
    fatal: Callable[[BaseException], None]

    def freeze(self) -> None:
        """Refuse the accounts that are frozen now, and no others. It reads the store."""
        self.revoked.freeze(frozen_persons(self.desk, self.parts.member))

    @property
    def others(self) -> list[MemberId]:
        """All other members."""
        return [MemberId(name) for name in self.parts.trust().members if name != self.parts.member]

    def identity(self) -> TlsIdentity:
        """Read our key and certificate towards counterparts."""
        return self.resources.keys.read_exchange()

    def is_notice(self, peer: str, exchange_id: str) -> bool:
        """Tell whether the desk knows an exchange as a notice of ours."""
        return self.desk.notice(MemberId(peer), ExchangeId(exchange_id)) is not None

    async def note(self, draft: EntryDraft) -> None:
        """Write an entry of the operations log."""
        await self.writers.operations.write(draft)

    async def note_policy(self, draft: EntryDraft | None) -> None:
        """Write the entry of a new policy, where there is one, and mark it as written."""
        if draft is not None:
            await self.note(draft)
            await asyncio.to_thread(self.resources.policy.logged)


def build_core(resources: Resources, production: bool) -> Core:
    """Put together the shared parts of a node; none of them runs yet."""
    documents = SqlDocumentStore(resources.database, resources.keystore, resources.clock)

    def logged() -> set[str]:
        # Switching off needs no database, and the loop asks, too: so a server that is away is not waited for.
        resources.database.absence.require_here("suspensions")
        return logged_switches(documents)

    suspensions = Suspensions(resources.home.suspensions, resources.clock.monotonic, RECORD_TYPES, logged)
    fatal = ending(resources, LogLine.STORAGE_BROKEN)
    journals = [
        WatchedJournal(name, log, resources.recorder)
        for name, log in (("exchange", resources.exchange_log), ("operations", resources.operations_log))
    ]
    when_lost(ending(resources, LogLine.KEYS_LOST))
    writers = LogWriters(LogWriter(journals[0], "exchange", fatal), LogWriter(journals[1], "operations", fatal))
    heads = SeenHeads(SqlWitnessStore(resources.database), resources.clock)
    third = ThirdHeads(heads, lambda: resources.trust.view, resources.clock, resources.member)
    greetings = Greetings(resources.member, third, lambda: resources.trust.view)
    proved = ProvedTime(resources.clock)
    counterparts = Counterparts(resources.clock, proved.compare)
    forgetting = Forgetting(resources.store, documents, resources.clock)
    # Before the keys of tokens are read, since it is one of them.
    make_console_key(resources.settings)
    keys = token_keys(resources.settings, resources.clock, production)
    people = people_of(resources.settings, resources.clock)
    tokens = OfficerTokens(
        resources.member,
        keys,
        resources.clock,
        lambda: resources.trust.view.epoch,
        # Called by its name, since it is made further down, of what needs these tokens' keys.
        lambda person, digest: refuse(person, digest),
        people.tell,
        people.tell_training,
    )
    revoked = revocations(resources.settings, resources.clock, lambda: tokens.keys)
    refuse = refusing(revoked, people)
    people.bars = revoked.bars
    desk = SqlDeskStore(resources.database, resources.keystore)
    lost_us = begun_us(resources.store, resources.exchange_log.store_name)
    heard = Heard(documents, lost_us)
    held_back = HeldBack(documents)
    parts = Parts(
        member=resources.member,
        clock=resources.clock,
        statement_key=lambda: resources.keys.statement,
        trust=lambda: resources.trust.view,
        policy=lambda: resources.policy.engine,
        suspensions=suspensions,
        journal=journals[0],
        operations=journals[1],
        documents=documents,
        quotas=SqlQuotas(resources.database, proved.now_us),
        issuers=resources.keys.issuers,
        make_reference=HitReferences(resources.settings.keystore, resources.clock).make_reference,
        note_head=heads.note,
        begun_us=lost_us,
        heard=heard,
        held_back=held_back,
        is_forgotten=forgetting.has,
        signed_time=counterparts.signed,
        recorder=resources.recorder,
    )
    # Before anything listens: a frozen account is refused from the first call on.
    revoked.freeze(frozen_persons(desk, resources.member))
    reports = ReportWalls(resources, desk, lambda: resources.trust.view.members)
    resources.renewed.append(reports.renew)
    return Core(
        resources,
        parts,
        writers,
        Incidents(resources.clock),
        peer_pool(resources, suspensions, greetings),
        Pseudonyms(resources.settings.keystore),
        KeptAnswers(resources.store, resources.keystore),
        desk,
        Ledger(desk, resources.member, heard),
        heard,
        held_back,
        heads,
        third,
        greetings,
        proved,
        counterparts,
        forgetting,
        Leadership(resources.leader.leads, resources.leader.processes),
        tokens,
        revoked,
        people,
        SourceUpkeep(resources.refreshers, writers.operations.write),
        reports.walls,
        reports.every,
        fatal,
    )


def peer_pool(resources: Resources, suspensions: Suspensions, greetings: Greetings) -> PeerPool:
    """Return the connections to counterparts; a suspended one is not called."""
    return PeerPool(
        lambda: resources.trust.view,
        lambda: resources.keys.exchange,
        # A danger to life passes where other purposes are switched off, so the connection is kept for it.
        lambda member: suspensions.suspends(peer=member, purpose=Purpose.THREAT_TO_LIFE),
        resources.clock,
        greetings,
    )


def ending(resources: Resources, event: LogLine) -> Callable[[BaseException], None]:
    """Return the function that ends the process: after a storage failure nothing is signed from memory (FACT-13).

    A server that is away ends only the work that needed it.
    """
    log = Logger(component="node", member=resources.member)

    def end(error: BaseException) -> None:
        if not isinstance(error, StorageAway):
            end_process(partial(log.error, event), error)

    return end


def first_rounds(core: Core) -> list[Round]:
    """Return the rounds that come before those of the other parts: our log, trust and policy."""
    resources, leadership, note = core.resources, core.leadership, core.note

    def follow() -> None:
        for log in (resources.exchange_log, resources.operations_log):
            log.follow()

    async def share() -> None:
        """Take up the entries of other processes, and lead when no process does."""
        await asyncio.to_thread(follow)
        await leadership.look()

    async def rotate() -> None:
        for draft in await asyncio.to_thread(partial(key_steps, resources, core.greetings)):
            await note(draft)

    async def keys() -> None:
        for draft in await asyncio.to_thread(partial(keys_in_use, resources, core.tokens)):
            await note(draft)

    online = OnlineRenewal(resources.home, resources.member, resources.clock)

    async def policy() -> None:
        await core.note_policy(await asyncio.to_thread(lambda: policy_entry(resources.policy.refresh())))

    trust = TrustChanges(resources.trust, note)
    fetch = revocation_fetch(resources.settings, resources.clock, core.revoked.take)
    return [
        # First of its line: the others read what other processes wrote, and run once where this one leads.
        Round("log", WATCH_S, share, leader_only=False, line=WATCH),
        Round("trust", WATCH_S, trust.round, leader_only=False, line=WATCH),
        Round("rotation of keys", WATCH_S, rotate, line=WATCH),
        Round("online CA", WATCH_S, writing(lambda: online.look(resources.trust.view), note), line=WATCH),
        Round("keys", WATCH_S, keys, leader_only=False, line=WATCH),
        Round("policy", WATCH_S, policy, leader_only=False, line=WATCH),
        Round("revocations", WATCH_S, writing(core.revoked.round, note), leader_only=False, line=WATCH),
        *([Round("revocations by URL", FETCH_S, partial(asyncio.to_thread, fetch.fetch))] if fetch else []),
        Round("frozen accounts", WATCH_S, partial(asyncio.to_thread, core.freeze), leader_only=False, line=WATCH),
        Round("people", WATCH_S, partial(people_round, core.people, note), leader_only=False, line=WATCH),
    ]


def last_rounds(core: Core) -> list[Round]:
    """Return the rounds that come after those of the other parts: refused callers, clock, storage and sources."""
    resources, documents = core.resources, core.parts.documents

    async def check() -> None:
        synchronous = resources.settings.storage.synchronous
        await asyncio.to_thread(check_again, resources.database, resources.runs_on, synchronous=synchronous)

    async def forget() -> None:
        await asyncio.to_thread(core.forgetting.forget)
        # But for copies of records: the round `copies` deletes these, each with its entry.
        await asyncio.to_thread(partial(documents.expire, core.proved.now_us(), but=COPY))

    clock = ClockChanges(resources.clock, core.note)
    processes = [source.id for source in resources.settings.sources if source.is_process]
    reminder = Reminder(resources.home, resources.member, resources.clock)
    scrub = Scrubber((resources.exchange_log, resources.operations_log), resources.clock, UPKEEP_S).round
    return [
        Round("refusals", WATCH_S, writing(core.incidents.drafts, core.note), leader_only=False, line=WATCH),
        Round("clock", WATCH_S, clock.round, leader_only=False, line=WATCH),
        Round("scrub", UPKEEP_S, writing(scrub, core.note), line=UPKEEP),
        Round("ends of keys", UPKEEP_S, writing(lambda: reminder.look(resources.trust.view), core.note), line=UPKEEP),
        Round("database", UPKEEP_S, check, leader_only=False, line=UPKEEP),
        Round("keys in the module", UPKEEP_S, partial(asyncio.to_thread, self_test), leader_only=False),
        Round("forget", UPKEEP_S, forget, leader_only=False, line=UPKEEP),
        Round("sources that are away", WATCH_S, partial(core.upkeep.look_again, processes), leader_only=False),
        *(
            Round(f"source {source}", UPKEEP_S, partial(core.upkeep.refresh, source), leader_only=False)
            for source in resources.refreshers
        ),
    ]
