"""`DocumentStore` in SQL: a small durable map. Values are encrypted like the log's content, since searches and the
results that officers saw are among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import BigInteger, Connection, bindparam, delete, select

from gateway.clock import Clock
from gateway.errors import Malformed
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import document
from gateway.storage.database.upsert import insert_for
from gateway.storage.keys.keystore import KeyStore

DOCUMENTS = "docs"
"""The class of the keys under which documents lie."""

SEALING = 0x6C6961
"""The advisory lock of PostgreSQL that is shared by those who seal a document, and held alone to retire a key."""


class SqlDocumentStore:
    """Documents of one node, by kind and key. Thread-safe; every write is durable when it returns."""

    def __init__(self, database: Database, keystore: KeyStore, clock: Clock) -> None:
        self._database = database
        self._keystore = keystore
        self._clock = clock
        c = document.c
        statement = insert_for(document, shared=database.shared)
        same, new = ["kind", "key"], {name: statement.excluded[name] for name in ("value", "expires_us")}
        over = (c.expires_us > 0) & (c.expires_us <= bindparam("now_us", type_=BigInteger))
        # Each is one statement, so that none fails where several processes write one key at once.
        self._put = statement.on_conflict_do_update(index_elements=same, set_=new)
        self._put_new = statement.on_conflict_do_update(index_elements=same, set_=new, where=over).returning(c.key)

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the value, or None when there is none or it has expired."""
        c = document.c
        statement = select(c.value, c.expires_us).where(c.kind == kind, c.key == key)
        with self._database.read("document") as connection:
            row = connection.execute(statement).first()
        if row is None or 0 < row.expires_us <= self._clock.now_us():
            return None
        return self._keystore.open(row.value, document_place(kind, key))

    def put(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> None:
        """Write a value durably, in place of an older one. `expires_us` 0: it does not expire."""
        with self._sealing() as connection:
            connection.execute(self._put, self._row(kind, key, value, expires_us))

    def put_new(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> bytes | None:
        """Write unless the key exists and has not expired. Return the existing value, or None when it was written."""
        c = document.c
        while True:
            with self._sealing() as connection:
                row = self._row(kind, key, value, expires_us)
                if connection.execute(self._put_new, row | {"now_us": self._clock.now_us()}).first() is not None:
                    return None
                existing = connection.execute(select(c.value).where(c.kind == kind, c.key == key)).scalar()
            if existing is not None:
                return self._keystore.open(existing, document_place(kind, key))

    @contextmanager
    def _sealing(self) -> Iterator[Connection]:
        """Yield a transaction that seals values under current keys, which cannot be retired before it ends."""
        with self._database.write("document") as connection:
            if self._database.shared:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({SEALING})")
                self._keystore.look_again()
            yield connection

    def keys(self, kind: str) -> list[str]:
        """Return all keys of a kind, sorted."""
        statement = select(document.c.key).where(document.c.kind == kind).order_by(document.c.key)
        with self._database.read("documents") as connection:
            return list(connection.execute(statement).scalars())

    def expired(self, kind: str, now_us: int) -> list[str]:
        """Return keys of a kind that have expired and are not deleted yet, sorted."""
        c = document.c
        statement = select(c.key).where(c.kind == kind, c.expires_us > 0, c.expires_us <= now_us).order_by(c.key)
        with self._database.read("documents") as connection:
            return list(connection.execute(statement).scalars())

    def delete(self, kind: str, key: str) -> None:
        """Delete a document, if it is there."""
        c = document.c
        with self._database.write("document") as connection:
            connection.execute(delete(document).where(c.kind == kind, c.key == key))

    def expire(self, now_us: int, *, but: str = "") -> int:
        """Delete expired documents of all kinds but one. Return their number."""
        c = document.c
        over = (c.expires_us > 0, c.expires_us <= now_us, c.kind != but)
        with self._database.write("expire documents") as connection:
            return int(connection.execute(delete(document).where(*over)).rowcount)

    def _row(self, kind: str, key: str, value: bytes, expires_us: int) -> dict[str, str | bytes | int]:
        if "\0" in kind + key:
            raise Malformed("a document's kind and key hold no NUL", where="document")
        sealed = self._keystore.seal(DOCUMENTS, self._clock.now_us(), value, document_place(kind, key))
        return {"kind": kind, "key": key, "value": sealed, "expires_us": expires_us}


def document_place(kind: str, key: str) -> bytes:
    """Return the bytes that bind a sealed document to its place."""
    return f"{kind}\0{key}".encode()
