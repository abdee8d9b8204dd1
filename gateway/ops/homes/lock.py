"""Let one process work on a home: a node that serves it, or a command that writes to its logs."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.audit.log.highwater import MAX_PROCESSES
from gateway.config import Home
from gateway.errors import Misconfigured


def places_held(home: Home) -> list[int]:
    """Return the numbers of the processes that serve a home."""
    return [place for place in range(MAX_PROCESSES) if is_held(home.lock_of(place))]


def is_held(file: Path) -> bool:
    """Tell whether a process holds the lock of a home, without making the file."""
    try:
        with file.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Hold the lock of a home, since SQLite means one process for each (design, section 9). Raises `Misconfigured`."""
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
