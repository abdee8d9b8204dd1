"""Move SQLite's write-ahead log into the file, in a thread of its own.

SQLite would do it inside a commit: then one batch in thirty waits for some eight megabytes and two syncs more, which
made the slowest answers. A passive checkpoint holds up neither writers nor readers. Should the log ever be
`SqliteSettings.wal_pages` long, since a reader kept it, a commit moves it after all, so that it stays bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import Engine

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
        """Held while the log is moved: `Database.truncate_wal` waits for that."""
        self._commits = 0
        self._wanted = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """Note a commit. The writer calls it, one at a time."""
        self._commits += 1
        if self._commits % EACH:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wal-mover", daemon=True)
            self._thread.start()
        self._wanted.set()

    def stop(self) -> None:
        """End the thread, and wait until it has released the database."""
        self._stopped = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            with self._engine.connect() as connection:
                cursor = connection.connection.cursor()
                while self._wanted.wait() and not self._stopped:
                    self._wanted.clear()
                    with self.turn:
                        for _ in range(_PASSES):
                            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except BaseException as error:  # noqa: BLE001 - it is raised at the next write, whose caller can act on it
            self._failed(error)
