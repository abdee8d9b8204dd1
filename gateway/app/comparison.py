"""Compare a node's stores and logs with its home before anything is signed: at a start, and when a server comes back.

1. the keystore, the other folders and the database are those of this home, and the database is not empty;
2. its schema is that of this version;
3. each log holds all entries under the newest head that any process of this home has signed, and no others.

At a start, opening the database and the logs carries out 2 and 3. The server of a running node is compared here, by the
same functions and before anybody reads or writes there (decision 0131); its settings, cluster and timeline are looked
at with the first connection (`gateway.storage.database.postgres`).
"""

from __future__ import annotations

from gateway.audit.log.examine import examine_log
from gateway.audit.tree.checkpoint import HeadSigner
from gateway.config.home import Home
from gateway.config.schema import Settings
from gateway.model.names import MemberId
from gateway.ops.stores import node_stores, require_database, require_stores
from gateway.ports.journal import LogName
from gateway.storage.database.engine import Database
from gateway.storage.database.migrate import require_head
from gateway.storage.log.log_store import SqlLogStore

_REHASHED = 1 << 14
"""Entries at the end of a log that are hashed again. This process has hashed those before them."""


def require_own(settings: Settings) -> None:
    """Carry out 1. Raises `Misconfigured`, and what opening the database raises."""
    require_database(settings)
    require_stores(node_stores(settings))


def require_same(settings: Settings, database: Database, key: HeadSigner, member: MemberId) -> None:
    """Carry out 1 to 3 for a database that is open. Raises `Misconfigured`, `Contradicted`, `StorageBroken`."""
    require_own(settings)
    require_head(database)
    store, highwater = SqlLogStore(database), Home(settings.home).highwater
    for name in (LogName.EXCHANGE, LogName.OPERATIONS):
        examine_log(store, key, member, name, highwater, _REHASHED)
