"""`liaison source log`: what the agency's own log says of the node's questions, also while it is served."""

from __future__ import annotations

from pathlib import Path

from gateway.audit.log.numbers import store_name
from gateway.audit.reading.show import Filter, Shown, show
from gateway.config.source_home import load_source
from gateway.ports.journal import LogName
from gateway.storage.database.engine import open_database
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore


def source_entries(home: Path, wanted: Filter, limit: int) -> list[Shown]:
    """At most `limit` entries of a source process's log that fit. Raises `Misconfigured`, `Contradicted`."""
    settings = load_source(home)
    database = open_database(settings.home.database, read_only=True)
    try:
        keys = KeyStore(settings.path(settings.storage.keystore))
        return list(show(SqlLogStore(database), keys, store_name(LogName.SOURCE, 1), wanted, limit))
    finally:
        database.close()
