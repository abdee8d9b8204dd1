"""Look at what lies in the place of a file of SQLite: its write-ahead log beside it, or another file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from gateway.errors import Misconfigured


def lies_still(path: Path) -> bool:
    """Tell whether the file is whole, in a folder that takes no writes: SQLite then reads it without a log.

    Raises `Misconfigured` for a log without its index: SQLite cannot read that without writing an index.
    """
    if os.access(path.parent, os.W_OK):
        return False
    log, index = (path.with_name(f"{path.name}-{kind}") for kind in ("wal", "shm"))
    if log.exists() and log.stat().st_size:
        if index.exists():
            return False
        raise Misconfigured(
            "the node was not stopped in order: commits lie in the write-ahead log, on a disk that takes no writes",
            code="log-not-moved",
            where=str(log),
            remedy="copy the home to a disk that takes writes, both files of the database together, and name that one",
        )
    return True


def keep_log(path: Path) -> None:
    """Raise `Misconfigured` for a log without its file: SQLite would delete it, with the commits in it."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size and not (path.exists() and path.stat().st_size):
        raise Misconfigured(
            "the file of the database is not there, but its write-ahead log is",
            code="database-missing",
            where=str(path),
            remedy="put the file back beside its log, then start again",
        )


def at_its_place(path: Path) -> Callable[[Connection], str]:
    """Return the `doubt` of a file: a commit into one that was removed or replaced is durable, and lost with it.

    Two looks at names for each commit.
    """
    file = str(path.resolve())
    log = f"{file}-wal"
    opened = path.stat()

    def doubt(_: Connection) -> str:
        try:
            found = os.stat(file)  # noqa: PTH116 - a path object costs three times as much
            os.stat(log)  # noqa: PTH116
        except OSError as error:
            return f"`{error.filename}` is not there any more: {error.strerror}"
        if (found.st_dev, found.st_ino) != (opened.st_dev, opened.st_ino):
            return f"another file lies in the place of `{file}`"
        return ""

    return doubt


def require_durable(connection: Connection) -> None:
    """Raise `Misconfigured` when the settings in force could lose a commit (CASE-H10)."""
    found = {
        name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    wrong = [
        f"{name} is `{found[name]}`"
        for name, good in (("journal_mode", {"wal"}), ("synchronous", {"2", "3"}), ("foreign_keys", {"1"}))
        if found[name] not in good
    ]
    if wrong:
        raise Misconfigured(
            "the database is not durable: {wrong}",
            code="weak-storage",
            where="database",
            remedy="use journal_mode WAL and synchronous FULL on a local disk",
            wrong=", ".join(wrong),
        )
