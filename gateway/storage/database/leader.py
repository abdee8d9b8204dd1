"""Choose the process of a node that makes the rounds to be made once: receipts, decisions, deletions.

The leader holds an advisory lock of PostgreSQL on a connection of its own. The server gives the lock to another process
as soon as that connection ends, however it ends. A leader that stands still may come back to a round that another one
has made meanwhile: rounds do no harm when they are done twice. A file of SQLite has one process, which leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from gateway.errors import LiaisonError
from gateway.storage.database.engine import Database, storage_errors

_LEADING = 0x6C6961 << 32
_TAKE = f"SELECT pg_try_advisory_lock({_LEADING} + 'log_state'::regclass::oid::bigint)"
"""The number of the table makes the lock another one for each node whose tables are in this database."""

_SERVE = "SELECT pg_advisory_lock_shared((7104866::bigint << 32) + 'log_state'::regclass::oid::bigint)"
COUNT_PROCESSES = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7104866 AND objsubid = 1 AND granted
AND objid = 'log_state'::regclass::oid AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""Each process holds a shared lock (`lib` in ASCII), which ends with it: the server knows how many are alive."""


def serving(database: Database) -> int:
    """Return how many processes serve the node whose tables are in this database of PostgreSQL."""
    with database.read("processes") as connection:
        return int(connection.exec_driver_sql(COUNT_PROCESSES).scalar() or 0)


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
        with self._asking() as connection:
            if self._leads:
                connection.exec_driver_sql("SELECT 1")  # the lock is there as long as the connection is
            else:
                self._leads = bool(connection.exec_driver_sql(_TAKE).scalar())
        return self._leads

    def processes(self) -> int:
        """Return how many processes serve this node now, this one included. Raises `StorageBroken`."""
        if not self._database.shared:
            return 1
        with self._asking() as connection:
            return max(1, int(connection.exec_driver_sql(COUNT_PROCESSES).scalar() or 0))

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """Yield the connection that holds this process's locks. Where it fails, they may be gone: the next one leads as
        any other process may."""
        try:
            with self._database.guarded("leader"):
                if self._connection is None:
                    self._connection = self._database.connect_apart()
                    self._connection.exec_driver_sql(_SERVE)
                yield self._connection
        except LiaisonError:
            self._leads = False
            self.close()
            self._connection = None
            raise

    def close(self) -> None:
        """Let another process lead."""
        if self._connection is not None:
            try:
                with storage_errors("leader"):
                    self._connection.close()
            except LiaisonError:
                return  # then the server has released the lock, too
