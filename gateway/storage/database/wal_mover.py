"""Move SQLite's write-ahead log into the file, in a thread of its own.

SQLite would do it inside a commit: then one batch in thirty waits for some eight megabytes and two syncs more, which
made the slowest answers. A passive checkpoint holds up neither writers nor readers. Should the log ever be
`SqliteSettings.wal_pages` long, since a reader kept it, a commit moves it after all, so that it stays bounded.

A server opens the connection at its start (`open`), since later there may be no descriptor for it. A lack of those, or
of room for what is moved, loses nothing: the log keeps it, and the next move tries again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from gateway.host.failures import can_wait

EACH = 24
"""Commits between two moves: with full batches they make some eight megabytes."""

_PASSES = 2
"""The second pass moves the few commits that came during the first: SQLite begins a log anew that is all moved."""

_STOP_S = 30.0


class WalMover:
    """Moves committed pages. The thread begins when there is something to move; `stop` ends it.

    `failed` gets the error of a failed move: later writes could be lost.
    """

    def __init__(self, engine: Engine, failed: Callable[[BaseException], None]) -> None:
        self._engine = engine
        self._failed = failed
        self.turn = threading.Lock()
        """Held while the log is moved: who cuts it waits for that."""
        self._connection: Connection | None = None
        self._commits = 0
        self._wanted = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Open the connection. Raises the driver's error."""
        self._connection = self._engine.connect()

    def committed(self, *, at_once: bool = False) -> None:
        """Note a commit, and let the log be moved in its turn or `at_once`. The writer calls it, one at a time."""
        self._commits += 1
        if self._commits % EACH and not at_once:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wal-mover", daemon=True)
            self._thread.start()
        self._wanted.set()

    def truncate(self) -> bool:
        """Move the whole log and cut it. False while a reader needs it, which is not waited for: it would hold up the
        writer. Raises the driver's error."""
        with self.turn:
            cursor = self._opened().connection.cursor()
            cursor.execute("PRAGMA busy_timeout=0")
            return not cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def stop(self) -> None:
        """End the thread, wait until it has finished, and close the connection."""
        self._stopped = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():  # the disk hangs, and so would the closing
                return
        if self._connection is not None:
            self._connection.close()

    def _opened(self) -> Connection:
        if self._connection is None:
            self.open()
        assert self._connection is not None
        return self._connection

    def _run(self) -> None:
        try:
            while self._wanted.wait() and not self._stopped:
                self._wanted.clear()
                with self.turn:
                    self._move()
        except BaseException as error:  # noqa: BLE001 - it is raised at the next write, whose caller can act on it
            self._failed(error)

    def _move(self) -> None:
        try:
            cursor = self._opened().connection.cursor()
            for _ in range(_PASSES):
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
                cursor.fetchone()
        except (DBAPIError, sqlite3.Error) as error:
            if not can_wait(getattr(error, "orig", None) or error):
                raise
