"""One process for each home: a node that serves it, or a command that writes to its logs."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import Misconfigured


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """SQLite means one process for each home (design, section 9): a lock on this file holds it to that."""
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Misconfigured(
                "another process serves this home",
                code="already-running",
                where=str(file.parent),
                remedy="stop it first",
            ) from error
        yield
