"""Real logs in a temporary folder: database, keystore, high-water file and key, that can be closed and opened."""

from __future__ import annotations

import atexit
import contextlib
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.log.log import AuditLog
from gateway.clock import Clock, ManualClock
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event, Logged, ReplayClaim, StoredAnswer
from gateway.signing.keys import SigningKey
from gateway.storage.database.engine import Database, SqliteSettings, open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.database.postgres import open_postgres
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support import schemas

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
VN = MemberId("vn")


@cache
def _empty_database() -> Path:
    """A database without entries, migrated once in a test process."""
    folder = Path(tempfile.mkdtemp(prefix="lsn-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with contextlib.closing(open_database(folder / "node.sqlite")) as database:
        migrate(database)
    return folder / "node.sqlite"


@dataclass
class LogHome:
    """A folder with everything a log needs; on PostgreSQL its tables are a schema of their own.

    `engine` is that of new homes (the fixture `engine` of `tests.support.schemas`); one that is there keeps its own.
    """

    engine: ClassVar[str] = "sqlite"

    folder: Path
    key: SigningKey = field(default_factory=lambda: SigningKey(Ed25519PrivateKey.generate()))
    clock: Clock = field(default_factory=lambda: ManualClock(NOON))
    settings: SqliteSettings | None = None

    @property
    def database_path(self) -> Path:
        return self.folder / "node.sqlite"

    @property
    def highwater(self) -> Path:
        return self.folder / "highwater"

    @property
    def keystore(self) -> KeyStore:
        return KeyStore(self.folder / "keystore")

    def copy(self, to: Path) -> LogHome:
        """The same home elsewhere, for changing."""
        shutil.copytree(self.folder, to)
        if self.url:
            schemas.copy(self.folder, to)
        return LogHome(to, self.key, self.clock, self.settings)

    @property
    def url(self) -> str:
        """The address of its tables on PostgreSQL; empty where they are in a file."""
        return schemas.address(self.folder, make=self.engine == "postgresql" and not self.database_path.exists())

    def open(self, *, read_only: bool = False) -> Database:
        """Open the database, whatever is in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.url:
            return open_postgres(self.url, read_only=read_only)
        return open_database(self.database_path, self.settings, read_only=read_only)

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        if not (self.settings or self.url or self.database_path.exists()):
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(_empty_database(), self.database_path)
        database = self.open()
        try:
            migrate(database)
            yield database
        finally:
            database.close()

    @contextlib.contextmanager
    def store(self) -> Iterator[SqlLogStore]:
        with self.database() as database:
            yield SqlLogStore(database, self.keystore)

    @contextlib.contextmanager
    def documents(self) -> Iterator[SqlDocumentStore]:
        with self.database() as database:
            yield SqlDocumentStore(database, self.keystore, self.clock)

    @contextlib.contextmanager
    def log(self, name: str = "exchange", member: str = "th") -> Iterator[AuditLog]:
        with self.store() as store:
            log = AuditLog(store, self.keystore, self.key, self.clock, member, name, highwater=self.highwater)
            try:
                yield log
            finally:
                log.close()

    def sql(self, *statements: str) -> None:
        """Change the database behind the node's back."""
        if self.url:
            schemas.execute(self.folder, statements)
            return
        with contextlib.closing(sqlite3.connect(self.database_path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def raw(self) -> bytes:
        """All that the database has written, in files or tables."""
        if self.url:
            return schemas.dump(self.folder)
        return b"".join(path.read_bytes() for path in self.folder.glob("node.sqlite*"))

    def fill(self, count: int, batch: int = 1) -> None:
        """Append `count` answered entries in batches."""
        with self.log() as log:
            for first in range(0, count, batch):
                log.append([answered() for _ in range(min(batch, count - first))])


def new_id() -> ExchangeId:
    """A fresh exchange id."""
    return ExchangeId(secrets.token_hex(16))


def answered(
    exchange_id: str = "",
    request_hash: bytes = b"",
    event: Event = events.ANSWERED,
    private: Mapping[str, Any] = MappingProxyType({"case": "VN-2026-0007", "outcome": "no_hit"}),
    **more: Any,
) -> EntryDraft:
    """The draft of an answer to `vn`, whose statements are random bytes."""
    exchange = ExchangeId(exchange_id) if exchange_id else new_id()
    request_hash = request_hash or secrets.token_bytes(32)
    fields: dict[str, Any] = {
        "peer": VN,
        "exchange_id": exchange,
        "request_hash": request_hash,
        "answer_hash": secrets.token_bytes(32),
        "channel": "in:vn",
        "request": b"request " + secrets.token_bytes(40),
        "answer": b"answer " + secrets.token_bytes(40) + bytes(200) + b"end",
        "retention": Retention.NO_HIT,
        "claim": ReplayClaim(VN, exchange, request_hash, 1),
    }
    return event.draft_of(dict(private), **(fields | more))


def logged(results: list[Logged | StoredAnswer]) -> list[Logged]:
    """The results, all of which are new entries."""
    found = [result for result in results if isinstance(result, Logged)]
    assert len(found) == len(results)
    return found
