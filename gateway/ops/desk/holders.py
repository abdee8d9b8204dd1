"""Tell who holds copies of a home's records, whether its node runs or not; nothing of their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.desk.originator.holders import HoldersPage, HoldersView
from gateway.errors import Misconfigured
from gateway.model.faces.told import told
from gateway.model.names import member_id
from gateway.ops.stores import own_keystore
from gateway.storage.database.migrate import require_current
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.trust.keeper import TrustKeeper

PAGE = 100
"""The copies of a page of the ledger, where nothing else is said."""

MOST = 1_000


def holders_of(home: Path, record: str = "", after: str = "", limit: int = PAGE) -> dict[str, Any]:
    """Return a record's holders, or a page of the ledger, as JSON. Raises `Misconfigured` where there is no data."""
    settings = load_settings(home)
    if not settings.keystore.is_dir() or not is_made(settings):
        raise Misconfigured("there is no database", where=str(home), remedy="name the home of a node that has run")
    trust = TrustKeeper(Home(settings.home).trust, SystemClock()).view
    agencies = {source.id: source.agency for source in settings.sources}
    database = open_storage(settings, read_only=True)
    try:
        require_current(database)
        view = HoldersView(
            member_id(settings.node.member),
            SqlDeskStore(database, own_keystore(settings)),
            trust.active,
            lambda source: agencies.get(source, ""),
        )
        return summary(view.of_record(record) if record else view.listed(None, 0, after, limit))
    finally:
        database.close()


def summary(page: HoldersPage) -> dict[str, Any]:
    """Return a page of the ledger as JSON. Of `changed` copies so many are `confirmed`, over its records.

    `waited` copies of the whole ledger are not confirmed yet. A holder that has left the federation is out of reach,
    and is not waited for.
    """
    found = page.found
    return {
        "records": [told(each) for each in found],
        "changed": sum(each.changed for each in found),
        "confirmed": sum(each.confirmed for each in found),
        "objected": sum(each.objected for each in found),
        "out_of_reach": sorted({member for each in found for member in each.out_of_reach}),
        "waited": page.waited,
        "left": page.left,
        "next": page.next,
    }
