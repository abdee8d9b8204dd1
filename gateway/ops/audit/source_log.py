"""List entries of an agency's own log for `liaison source log`, also while the source is served."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.audit.log.numbers import store_name
from gateway.audit.reading.show import Filter, Shown, show
from gateway.clock import rfc3339
from gateway.config.source_home import load_source
from gateway.errors import Misconfigured
from gateway.ops.stores import require_stores, source_stores
from gateway.ports.journal import LogName
from gateway.storage.database.engine import open_database
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore


def source_entries(home: Path, wanted: Filter, limit: int) -> list[Shown]:
    """Return at most `limit` matching entries of a source process's log. Raises `Misconfigured`, `Contradicted`."""
    settings = load_source(home)
    if not settings.home.database.exists():
        where = str(settings.home.database)
        raise Misconfigured("this source has not run yet", where=where, remedy="`liaison source serve`")
    with closing(open_database(settings.home.database, read_only=True)) as database:
        require_stores(source_stores(settings))
        keys = KeyStore(settings.path(settings.storage.keystore))
        return list(show(SqlLogStore(database), keys, store_name(LogName.SOURCE, 1), wanted, limit))


def source_value(shown: Shown) -> dict[str, Any]:
    """Return an entry as JSON."""
    entry, time = shown.entry, rfc3339(shown.entry.time_us)
    about = {"time": time, "kind": entry.kind, "peer": entry.peer, "exchange_id": entry.exchange_id}
    return {"index": entry.index, **about, "private": shown.private, **shown.gone()}
