"""Put together the parts that erase the content of a log home, as a node does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.log.log import AuditLog
from gateway.audit.reading.show import Shown, open_entry
from gateway.audit.retention.destroyed_keys import Tombstones
from gateway.audit.retention.erase import Eraser
from gateway.audit.retention.erase_key import KeyEraser
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.erase_store import SqlErasableContent
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome


@dataclass
class Open:
    """An open log home, and the parts that erase its content."""

    home: LogHome
    store: SqlLogStore
    keys: KeyStore
    exchange: AuditLog
    operations: AuditLog
    documents: SqlDocumentStore
    tombstones: Tombstones
    one: KeyEraser
    eraser: Eraser

    def shown(self, log: str = "exchange/1") -> list[Shown]:
        """All entries of a log with their private parts."""
        state = self.store.state(log)
        assert state is not None
        return [open_entry(self.keys, log, stored) for stored in self.store.entries(log, 0, state.size)]

    def erased(self, log: str = "exchange/1") -> set[int]:
        """Indexes of the entries whose content is gone."""
        return {shown.entry.index for shown in self.shown(log) if shown.erased}


@contextmanager
def opened(home: LogHome) -> Iterator[Open]:
    """Open a log home for erasing."""
    with home.database() as database:
        keys = home.keystore
        store = SqlLogStore(database, keys)
        made = [
            AuditLog(store, keys, home.key, home.clock, "th", name, highwater=home.highwater)
            for name in ("exchange", "operations")
        ]
        exchange, operations = made

        def settle() -> None:
            exchange.settle()
            operations.settle()

        one = KeyEraser(
            store=store,
            content=SqlErasableContent(database, store),
            keys=keys,
            operations=operations,
            tombstones=Tombstones(home.highwater / "destroyed-keys"),
            clock=home.clock,
            settle=settle,
        )
        documents = SqlDocumentStore(database, keys, home.clock)
        try:
            yield Open(home, store, keys, exchange, operations, documents, one.tombstones, one, Eraser(one))
        finally:
            for log in made:
                log.close()


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Files below a folder that hold some bytes anywhere, pages that were freed included."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [str(path.relative_to(folder)) for path in paths if needle in path.read_bytes()]
