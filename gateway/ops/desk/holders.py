"""Tell who holds copies of a home's records, and of whose records it holds copies; nothing of their content."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from gateway.clock import SystemClock, rfc3339
from gateway.config import Home, load_settings
from gateway.errors import Misconfigured
from gateway.model.desk.work import Direction, HoldingState
from gateway.ports.desk import DeskStore, Holding
from gateway.storage.database.migrate import require_current
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.keys.keystore import KeyStore
from gateway.trust.keeper import TrustKeeper

MOST = 10_000
"""The most copies in one answer."""


def holders_of(home: Path, *, record: str = "", holder: str = "") -> dict[str, Any]:
    """Return the copies in a home's ledger as JSON. Raises `Misconfigured` where it holds no node's data."""
    settings = load_settings(home)
    if not settings.keystore.is_dir() or not is_made(settings):
        raise Misconfigured("there is no database", where=str(home), remedy="name the home of a node that has run")
    database = open_storage(settings, read_only=True)
    try:
        require_current(database)
        rows = find_holders(SqlDeskStore(database, KeyStore(settings.keystore)), record, holder)
    finally:
        database.close()
    return summary(rows, TrustKeeper(Home(settings.home).trust, SystemClock()).view.members)


def find_holders(store: DeskStore, record: str, holder: str, limit: int = MOST) -> list[Holding]:
    """Return the copies of a record, by its `jti` or the owner's own `source/key`; of all records without one."""
    found = store.holdings(jti=record, holder=holder, limit=limit)
    if record and not found:
        found = store.holdings(record=record, holder=holder, limit=limit)
    return sorted(found, key=lambda row: (row.record, row.jti, row.direction, row.holder))


def summary(rows: Sequence[Holding], members: Collection[str]) -> dict[str, Any]:
    """Return copies as JSON. Of those that we gave, `confirmed` of `total` are at their end.

    A holder that has left the federation is out of reach, and is not waited for.
    """
    given = [row for row in rows if row.direction is Direction.OUT]
    return {
        "holdings": [_row(row, out=row.holder not in members) for row in rows],
        "total": len(given),
        "confirmed": sum(row.state is HoldingState.ENDED for row in given),
        "out_of_reach": sorted({row.holder for row in rows if row.holder not in members}),
    }


def _row(row: Holding, *, out: bool) -> dict[str, Any]:
    return {
        "jti": row.jti,
        "direction": row.direction.value,
        "holder": row.holder,
        "owner": row.owner,
        "source": row.source,
        "state": row.state.value,
        "version": row.version,
        "record": row.record,
        "type": row.type,
        "due": rfc3339(row.due_us) if row.due_us else "",
        "expires": rfc3339(row.expires_us) if row.expires_us else "",
        "out_of_reach": out,
    }
