"""Choose the process of a node that makes the rounds to be made once: receipts, decisions, deletions.

The leader holds an advisory lock of PostgreSQL on a connection of its own. The server gives the lock to another process
as soon as that connection ends, however it ends. A leader that stands still may come back to a round that another one
has made meanwhile: rounds do no harm when they are done twice. A file of SQLite has one process, which leads.
"""

from __future__ import annotations

from sqlalchemy import Connection

from gateway.errors import StorageBroken
from gateway.storage.database.engine import Database, storage_errors

_LEADING = 0x6C6961 << 32
_TAKE = f"SELECT pg_try_advisory_lock({_LEADING} + 'log_state'::regclass::oid::bigint)"
"""The number of the table makes the lock another one for each node whose tables are in this database."""


class Leader:
    """The candidacy of this process. Not thread-safe: one round asks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._leads = not database.shared

    def leads(self) -> bool:
        """Tell whether this process leads now. It becomes the leader when there is none. Raises `StorageBroken`."""
        if not self._database.shared:
            return True
        with storage_errors("leader"):
            if self._connection is None:
                self._connection = self._database.connect_apart()
            if self._leads:
                self._connection.exec_driver_sql("SELECT 1")  # the lock is there as long as the connection is
            else:
                self._leads = bool(self._connection.exec_driver_sql(_TAKE).scalar())
        return self._leads

    def close(self) -> None:
        """Let another process lead."""
        if self._connection is not None:
            try:
                with storage_errors("leader"):
                    self._connection.close()
            except StorageBroken:
                return  # then the server has released the lock, too
