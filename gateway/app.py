"""The composition root: nothing else constructs the parts of a node."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adapters.load import open_source
from gateway.agency.api import AgencyParts, RefusedCall, create_api
from gateway.agency.issuer import TrialIssuer
from gateway.agency.server import AgencyServer, tls_context
from gateway.agency.tokens import OfficerTokens, PublicKey, load_token_key
from gateway.audit.log import AuditLog
from gateway.audit.receipt import ChannelBook, ReceiptBook
from gateway.clock import Clock, SystemClock
from gateway.config import host_port, load_settings
from gateway.config.home import Home
from gateway.config.schema import Settings
from gateway.config.suspensions import Suspensions
from gateway.errors import LiaisonError, Misconfigured
from gateway.exchange.answer import Answerer, AnswerLimits
from gateway.exchange.ask import Asker
from gateway.exchange.bulkhead import Bulkhead
from gateway.exchange.channels import Acknowledger, ReceiptTaker
from gateway.exchange.gather import Gatherer
from gateway.exchange.housekeeping import AuthFailures, Housekeeper
from gateway.exchange.inbound import ReplySink
from gateway.exchange.own import OwnSources
from gateway.exchange.parts import Parts
from gateway.exchange.scribe import Scribe, Scribes
from gateway.exchange.searches import OfficerSearches
from gateway.loop import run
from gateway.model.names import MemberId, member_id
from gateway.node.client import PeerPool
from gateway.node.server import Doors, NodeServer, ServerLimits
from gateway.node.tls import TlsIdentity, server_credentials
from gateway.ops.watched import WatchedJournal, watch_node
from gateway.ports import EntryDraft, PeerStatus, Retention
from gateway.records.sdjwt import RecordIssuer
from gateway.signing.keys import load_signing_key
from gateway.storage.document_store import SqlDocumentStore
from gateway.storage.engine import Database, open_database
from gateway.storage.keystore import KeyStore
from gateway.storage.log_store import SqlLogStore
from gateway.storage.migrate import migrate
from gateway.storage.pseudonyms import Pseudonyms
from gateway.storage.references import HitReferences
from gateway.telemetry import Counters, Event, Log, Metric, configure_logging
from gateway.telemetry.metrics import serve_metrics
from gateway.trust.keeper import TrustKeeper
from policy.engine import PolicyEngine

_BROKEN = 70
"""Exit code after a storage failure: the supervisor starts the node again, which looks at its disk first."""

_DRAIN_S = 10.0
_TRIAL_KEY = "trial"


def serve(home: Path, production: bool) -> int:
    """Run the node of `home` until SIGTERM or SIGINT; its exit code. Raises `LiaisonError` when it cannot start."""
    settings = load_settings(home)
    configure_logging(settings.telemetry.log_level)
    with _only_one(Home(home)):
        node = build_node(settings, production or settings.node.production)
        run(_until_signal(node))
    return 0


async def _until_signal(node: Node) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await node.start()
    await stop.wait()
    await node.stop()


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """SQLite means one node process (design, section 9): a lock on the home holds it to that."""
    with (home.path / "node.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Misconfigured(
                "another process serves this home", code="already-running", where=str(home.path), remedy="stop it first"
            ) from error
        yield


@dataclass(slots=True)
class Ground:
    """What everything else stands on: settings, clock, keys, trust, database and logs of one home."""

    settings: Settings
    home: Home
    member: MemberId
    clock: Clock
    counters: Counters
    database: Database
    keystore: KeyStore
    store: SqlLogStore
    trust: TrustKeeper
    exchange_log: AuditLog
    operations_log: AuditLog
    policy: PolicyEngine
    walls: list[Bulkhead]


def lay_ground(settings: Settings) -> Ground:
    """Open what is on disk; whatever is wrong there is raised before anything listens."""
    home = Home(settings.home)
    clock = SystemClock()
    member = member_id(settings.node.member)
    trust = TrustKeeper(home.trust, clock)
    policy = PolicyEngine.load(settings.national_policy, member, settings.base_policy)
    database = open_node_database(settings)
    keystore = KeyStore(settings.keystore)
    store = SqlLogStore(database)
    log_key = load_signing_key(home.key("log"))
    home.highwater.mkdir(mode=0o700, exist_ok=True)
    open_log = partial(_open_log, store, keystore, log_key, clock, member, home)
    exchange_log, operations_log = open_log("exchange"), open_log("operations")
    walls = [
        Bulkhead(
            open_source(settings.path(source.mapping), settings.source_url(source), home.index, clock),
            clock,
            settings.limits.workers,
        )
        for source in settings.sources
    ]
    return Ground(
        settings,
        home,
        member,
        clock,
        Counters(),
        database,
        keystore,
        store,
        trust,
        exchange_log,
        operations_log,
        policy,
        walls,
    )


def open_node_database(settings: Settings) -> Database:
    """The node's database, migrated. Raises `Misconfigured` for settings that are not durable."""
    prefix = "sqlite:///"
    if not settings.database_url.startswith(prefix):
        raise Misconfigured(
            "only SQLite is served by this version",
            where=settings.origin.get("storage.url", "storage.url"),
            remedy="leave storage.url empty",
        )
    database = open_database(Path(settings.database_url.removeprefix(prefix)))
    migrate(database)
    return database


def _open_log(
    store: SqlLogStore, keystore: KeyStore, key: Any, clock: Clock, member: MemberId, home: Home, name: str
) -> AuditLog:
    return AuditLog(store, keystore, key, clock, member, name, highwater=home.highwater)


def _issuers(ground: Ground, production: bool) -> dict[str, RecordIssuer]:
    """The agencies' keys that this node holds (the embedded form, for trials and small offices)."""
    issuers = {}
    for path in sorted(ground.home.keys.glob("agency-*.key")):
        if production:
            raise Misconfigured(
                "in production the node holds no agency's key",
                where=str(path),
                remedy="run the source with `liaison source serve` and remove the key here",
            )
        agency = path.stem.removeprefix("agency-")
        certificate = TlsIdentity.load(path, path.with_suffix(".pem")).certificate
        issuer = RecordIssuer(load_signing_key(path), _der(certificate), ground.member, agency)
        issuers[issuer.name] = issuer
    return issuers


def _der(pem: bytes) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))


def _token_keys(ground: Ground, production: bool) -> dict[str, PublicKey]:
    keys = {key.id: load_token_key(ground.settings.path(key.file)) for key in ground.settings.token_keys}
    trial = ground.home.key("token-issuer")
    if trial.exists():
        if production:
            raise Misconfigured(
                "the trial issuer of officer tokens is not for production",
                where=str(trial),
                remedy="name the country's identity provider under [[token_key]] and remove this key",
            )
        keys[_TRIAL_KEY] = TrialIssuer.load(trial, ground.member, ground.clock).public_key
    return keys


def _channel_book(parts: Parts, ground: Ground) -> ChannelBook:
    return ChannelBook(parts.documents, ground.store, ground.exchange_log.store_name, parts.clock, parts.member)


def build_node(settings: Settings, production: bool) -> Node:
    """All parts of a node, put together; nothing listens yet."""
    return Node(lay_ground(settings), production)


class Node:
    """A country's node: towards counterparts, towards its own systems, and its rounds."""

    def __init__(self, ground: Ground, production: bool) -> None:
        self.ground = ground
        self._log = Log(component="node", member=ground.member)
        self._failures = AuthFailures()
        self._release_loop: asyncio.AbstractEventLoop | None = None
        home, clock = ground.home, ground.clock
        references = HitReferences(ground.settings.keystore, clock)
        suspensions = Suspensions(home.suspensions, clock.monotonic)
        exchange_log = WatchedJournal("exchange", ground.exchange_log, ground.counters)
        operations_log = WatchedJournal("operations", ground.operations_log, ground.counters)
        self.parts = Parts(
            member=ground.member,
            clock=clock,
            key=load_signing_key(home.key("statement")),
            trust=lambda: ground.trust.view,
            policy=lambda: ground.policy,
            suspensions=suspensions,
            journal=exchange_log,
            operations=operations_log,
            documents=SqlDocumentStore(ground.database, ground.keystore, clock),
            issuers=_issuers(ground, production),
            make_reference=references.make_reference,
        )
        self.scribes = Scribes(
            Scribe("exchange-log", exchange_log, self._fatal),
            Scribe("operations-log", operations_log, self._fatal),
        )
        bounds = ground.settings.limits
        limits = AnswerLimits(bounds.in_flight_per_member, bounds.queue, bounds.source_timeout_ms / 1000)
        self.answerer = Answerer(self.parts, Gatherer(self.parts, ground.walls), self._release, self._fatal, limits)
        self.peers = PeerPool(
            lambda: ground.trust.view, self._identity, lambda member: suspensions.suspends(peer=member), clock
        )
        self.acknowledger = Acknowledger(
            self.parts, _channel_book(self.parts, ground), self.peers, self.scribes.operations
        )
        receipts = ReceiptBook(self.parts.documents, ground.store, ground.exchange_log.store_name)
        self.receipts = ReceiptTaker(self.parts, receipts, self.scribes.operations)
        own = OwnSources(ground.member, ground.walls, suspensions, clock, references.make_reference)
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
        self.searches = OfficerSearches(self.parts, self.asker)
        self._tokens = OfficerTokens(
            ground.member, _token_keys(ground, production), clock, lambda: ground.trust.view.epoch
        )
        self._housekeeper = Housekeeper(
            clock=clock,
            trust=ground.trust,
            suspensions=suspensions,
            documents=self.parts.documents,
            store=ground.store,
            operations=self.scribes.operations,
            failures=self._failures,
            receipts=self.acknowledger.round,
            fatal=self._fatal,
        )
        self._server: NodeServer | None = None
        self._agency: AgencyServer | None = None
        self._rounds: asyncio.Task[None] | None = None
        self._stop_metrics: Callable[[], None] | None = None
        self.addresses: dict[str, str] = {}

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Start the workers, write `start`, listen."""
        self._release_loop = asyncio.get_running_loop()
        for wall in self.ground.walls:
            wall.start()
        self.answerer.start()
        self.scribes.exchange.start()
        self.scribes.operations.start()
        await self._note("start", policy_hash=self.parts.policy().hash.hex(), trust_hash=self.parts.trust().hash.hex())
        await self._housekeeper.log_switches()
        await self._listen()
        self._rounds = asyncio.create_task(self._housekeeper.run())
        self._log.info(Event.NODE_STARTED, address=self.addresses["exchange"])

    async def _listen(self) -> None:
        settings = self.ground.settings
        credentials = server_credentials(self._identity, self._roots, self._alarm)
        doors = Doors(
            identify=lambda certificate: self.parts.trust().peer(certificate),
            submit=self.answerer.submit,
            acknowledge=lambda peer, envelope: self.receipts.take(peer.member, envelope),
            refused=self._refused,
            healthy=lambda: True,
        )
        self._server = NodeServer(doors, self.ground.clock, credentials, ServerLimits())
        host, port = host_port(settings.listen.exchange)
        self.addresses["exchange"] = f"{host}:{await self._server.start(f'{host}:{port}')}"
        home = self.ground.home
        context = tls_context(home.key("tls"), home.certificate("tls"), home.ca)
        self._agency = AgencyServer(create_api(self._agency_parts()), *host_port(settings.listen.agency), context)
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
        )
        if settings.listen.metrics:
            port, self._stop_metrics = serve_metrics(self.ground.counters, *host_port(settings.listen.metrics))
            self.addresses["metrics"] = f"127.0.0.1:{port}"

    async def stop(self) -> None:
        """Take no more, finish what was taken, write `stop` as the last entry, close."""
        self._log.info(Event.NODE_DRAINING)
        if self._rounds is not None:
            self._rounds.cancel()
            with suppress(asyncio.CancelledError):
                await self._rounds
        if self._agency is not None:
            await self._agency.stop()
        if self._server is not None:
            await self._server.stop(_DRAIN_S)
        await self.asker.finish()
        await asyncio.to_thread(self.answerer.stop, _DRAIN_S)
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
        self.ground.database.close()
        self._log.info(Event.NODE_STOPPED)

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

    def _refused(self, member: str, error: LiaisonError) -> None:
        self._failures.note(member, error)
        self.ground.counters.add(Metric.REFUSALS, reason=error.reason.value, code=error.code)

    def _alarm(self, text: str) -> None:
        self._failures.note(self.ground.member, Misconfigured(text, code="tls-files"))

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
        )

    def _counterparts(self) -> list[PeerStatus]:
        view = self.parts.trust()
        return [self.peers.status(MemberId(name)) for name in view.members if name != self.ground.member]

    def _health(self) -> dict[str, Any]:
        sources = {wall.description.id: wall.health.last_error or "ok" for wall in self.ground.walls}
        return {"status": "ok", "member": self.ground.member, "sources": sources}

    async def _refused_call(self, call: RefusedCall) -> None:
        private = {"officer": call.officer, "client": call.client, "code": call.code}
        await self.scribes.operations.write(EntryDraft("denied", private=private, retention=Retention.OPERATIONS))
