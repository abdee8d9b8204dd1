"""`liaison source serve`: an agency's source as a process of its own, put together from its parts."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

from adapters.access import files_named
from adapters.base import Adapter
from adapters.load import open_source
from adapters.remote.accepted import AcceptedNode
from adapters.remote.server import SourceServer
from adapters.remote.service import SourceService
from certs.hsm.keys import self_test
from certs.hsm.token import when_lost
from certs.names import CertificateName
from certs.ownership import check_ownership
from certs.profile import Leaf, check_issued, read_ca, read_leaf
from certs.tls import TlsIdentity, check_floor, server_credentials
from gateway import __version__
from gateway.app.rounds import WATCH_S
from gateway.app.run.telemetry import SOURCE, describe_process, exporting
from gateway.audit.log.log import AuditLog
from gateway.clock import Clock, SystemClock, is_trusted
from gateway.config.load import host_port
from gateway.config.source_home import SourceProcess, load_source
from gateway.errors import LiaisonError, Misconfigured, StorageBroken
from gateway.host import descriptors, memory
from gateway.host.confine import confine
from gateway.host.durable import make_folder
from gateway.host.ending import end_process
from gateway.host.service_manager import serve_until_signal
from gateway.model.names import member_id
from gateway.model.strictness import Strictness
from gateway.ops.homes.found_source import certificate_names
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.sources.places import process_place
from gateway.ops.stores import give_id, misfits, require_stores, source_stores
from gateway.ports.content_keys import Retention
from gateway.ports.journal import LogName
from gateway.records.sdjwt import RecordIssuer
from gateway.signing.keys import load_signing_key
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.database.open import watch_disks
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.claims import HELD_S
from gateway.storage.log.log_store import SqlLogStore
from gateway.telemetry import Logger, LogLine, configure_logging

_DRAIN_S = 10.0
_INIT = "`liaison source init` makes it"


def serve_source(home: Path) -> int:
    """Run the source process of `home` until SIGTERM or SIGINT; return its exit code. Raises `LiaisonError`."""
    settings = load_source(home)
    configure_logging(settings.telemetry.log_level)
    descriptors.raise_limit()
    memory.share_pools()
    with only_one(settings.home.path / "source.lock"):
        use_own_tables(settings.home.path)
        log = Logger(component="source", member=settings.source.member)
        log.info(LogLine.SOURCE_CONFINED, state="by Landlock" if _confine(settings) else "by file modes")
        name = f"{settings.source.agency}.{settings.source.member}"
        about = describe_process(SOURCE, settings.source.member, name)
        with exporting(settings.telemetry, settings.home.path, about, SystemClock()):
            serve_until_signal(lambda: Process(settings), WATCH_S, partial(log.error, LogLine.STOP_HANGS))
    return 0


def _confine(settings: SourceProcess) -> bool:
    """Confine this process to what it needs, where the system can; make before that what it cannot make then.

    It may make no file in its home, where one would be a key that it accepts. So the database and the files beside it,
    which SQLite would make and remove, are there from now on. Temporary files of SQLite lie with the index.
    """
    home = settings.home
    hold_stores(settings)
    make_folder(home.highwater)
    os.environ["SQLITE_TMPDIR"] = str(home.index)
    for ending in ("-wal", "-shm"):
        home.database.with_name(f"{home.database.name}{ending}").touch(mode=0o600)
    access = files_named(settings.path(settings.source.access)) if settings.source.access else []
    return confine((*settings.opened, *access), settings.written)


def hold_stores(settings: SourceProcess) -> None:
    """Refuse stores of another home, and ones without id, before anything is written; bring the database up to date.

    A database of before there were ids, and what fits it, get the id of this home.
    """
    stores = source_stores(settings)
    require_stores(stores)
    for misfit in misfits(stores):
        raise misfit
    with closing(open_database(settings.home.database)) as database:
        migrate(database)
        give_id(stores, database)


class Process:
    """An agency's system, its key, its log and its server. The constructor raises an error for a wrong file."""

    def __init__(self, settings: SourceProcess, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._log = Logger(component="source", member=settings.source.member, agency=settings.source.agency)
        home = settings.home
        check_ownership([home.keys, home.accepted], settings.read)
        hold_stores(settings)
        when_lost(partial(end_process, partial(self._log.error, LogLine.KEYS_LOST)))
        self.issuer = record_issuer(settings, self._clock)
        check_certificate(settings, "tls", self._clock)
        self.accepted = accepted_node(settings, self._clock)
        self.adapter = open_adapter(settings, self._clock)
        self._database = open_database(home.database)
        folders = {"home": home.path, "keystore": settings.path(settings.storage.keystore)}
        self._reserve = watch_disks(self._database, folders, settings.storage.reserve_mib)
        self._store, self.journal = _open_log(settings, self._database, self._clock)
        self.service = SourceService(
            self.adapter,
            self.issuer,
            self.accepted,
            self.journal,
            self._clock,
            Strictness(settings.limits.strictness),
        )
        credentials = server_credentials(
            lambda: TlsIdentity.load(home.key("tls"), home.certificate("tls")), home.ca.read_bytes, self._alarm
        )
        self._server = SourceServer(
            self.service,
            self.accepted,
            credentials,
            self._clock,
            settings.limits.threads,
            self._fatal,
            self._reserve.check,
        )
        self._begun = self._clock.monotonic()
        self._ended = threading.Event()
        self._rounds = threading.Thread(target=self._refresh, name="refresh", daemon=True)
        self.address = ""

    def start(self) -> None:
        """Write the start, listen, and check that the port speaks TLS 1.3 only."""
        self.service.started(__version__)
        host, port = host_port(self._settings.listen.address)
        port = self._server.start(f"{host}:{port}")
        check_floor(host, port)
        self.address = f"{host}:{port}"
        self._rounds.start()
        self._log.info(LogLine.NODE_STARTED, address=self.address, source=self.adapter.describe().id)

    def stop(self) -> None:
        """Take no more, finish what was taken, write the end, close."""
        self._log.info(LogLine.NODE_DRAINING)
        self._ended.set()
        self._server.stop(_DRAIN_S)
        self._rounds.join(_DRAIN_S)
        self.service.stopped()
        self.journal.close()
        self._database.close()
        self.adapter.close()
        self._log.info(LogLine.NODE_STOPPED)

    def look(self) -> str:
        """Look at disks and security module. Return the state for the service manager."""
        self_test()
        return "STATUS=not ready: disk-reserve" if self._reserve.look() else "STATUS=ready"

    def _refresh(self) -> None:
        """Update the key index from the agency's system and forget old references, again and again.

        When the system cannot be asked, the index stays as it is.
        """
        while not self._ended.wait(self._settings.limits.refresh_s):
            try:
                self._store.forget_claims(self._over_us())
                self.adapter.refresh()
            except StorageBroken as error:
                self._fatal(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, claims must go on being forgotten
                self._log.error(LogLine.ROUNDS_FAILED, error)

    def _over_us(self) -> int:
        """Return the time before which a claim is over for certain; 0 while that is not known (decision 0044).

        What this process claimed expires by its own clock, which follows no jump. For what it found at its start, only
        the time since then counts.
        """
        held_s = self._clock.monotonic() - self._begun
        return self._clock.now_us() if held_s >= HELD_S and is_trusted(self._clock) else 0

    def _fatal(self, error: BaseException) -> None:
        """End the process: an answer that cannot be logged must not leave (FACT-13)."""
        end_process(partial(self._log.error, LogLine.STORAGE_BROKEN), error)

    def _alarm(self, text: str) -> None:
        self._log.error(LogLine.ROUNDS_FAILED, Misconfigured(text, code="tls-files"))


def record_issuer(settings: SourceProcess, clock: Clock) -> RecordIssuer:
    """Return the agency's own key and certificate. Raises `Misconfigured` when they are missing or do not fit."""
    leaf = check_certificate(settings, "record", clock)
    key = load_signing_key(settings.home.key("record"))
    return RecordIssuer(key, leaf.der, leaf.name.member, leaf.name.name)


def check_certificate(settings: SourceProcess, name: str, clock: Clock) -> Leaf:
    """Return the certificate of the key `name`; it must be for this agency and use, by our CA, and in its time."""
    home, source = settings.home, settings.source
    path = home.certificate(name)
    expected = certificate_names(member_id(source.member), source.agency)[name]
    try:
        leaf = read_leaf(_bytes(path))
        start, end = check_issued(leaf, [read_ca(_bytes(home.ca))])
    except LiaisonError as error:
        if isinstance(error, Misconfigured):
            raise
        raise Misconfigured(error.message, code="bad-key-file", where=str(path), remedy=_INIT) from error
    if leaf.name != expected or leaf.spki != load_signing_key(home.key(name)).spki:
        raise _wrong(path, leaf.name, expected)
    if not start <= clock.now_us() < end:
        raise Misconfigured("the certificate is outside its time", code="certificate-expired", where=str(path))
    return leaf


def accepted_node(settings: SourceProcess, clock: Clock) -> AcceptedNode:
    """Return the node that the process serves."""
    home, source = settings.home, settings.source
    return AcceptedNode(home.accepted, _bytes(home.ca), member_id(source.member), source.nodes, clock)


def open_adapter(settings: SourceProcess, clock: Clock) -> Adapter:
    """Return the agency's system behind its adapter. Raises what the adapter raises."""
    source = settings.source
    adapter = open_source(process_place(settings, clock))
    if adapter.describe().agency != source.agency:
        adapter.close()
        raise Misconfigured(
            "the mapping is of `{agency}`, and the key of `{source_agency}`",
            code="not-the-owner",
            where=settings.origin["source.agency"],
            remedy="the agency of the mapping and of the key must be the same",
            agency=adapter.describe().agency,
            source_agency=source.agency,
        )
    return adapter


def _open_log(settings: SourceProcess, database: Database, clock: Clock) -> tuple[SqlLogStore, AuditLog]:
    home, member = settings.home, member_id(settings.source.member)
    keystore = KeyStore(settings.path(settings.storage.keystore))
    keystore.hold_open((Retention.HIT, Retention.NO_HIT, Retention.OPERATIONS), clock.now_us())
    key = load_signing_key(home.key("log"))
    store = SqlLogStore(database)
    return store, AuditLog(store, keystore, key, clock, member, LogName.SOURCE, highwater=home.highwater)


def _wrong(path: Path, found: CertificateName, expected: CertificateName) -> Misconfigured:
    if found == expected:
        return Misconfigured("the certificate is for another key", code="bad-key-file", where=str(path), remedy=_INIT)
    return Misconfigured(
        "the certificate is for `{uri}`, not for `{expected_uri}`",
        code="bad-key-file",
        where=str(path),
        uri=found.uri,
        expected_uri=expected.uri,
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}",
            code="no-certificate",
            where=str(path),
            remedy="the authority makes it of record.csr and tls.csr: `liaison source certify --help`; put it there",
            strerror=error.strerror,
        ) from error
