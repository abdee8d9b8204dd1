"""The descriptors of this process: open files and sockets come out of one number, and strangers can use up sockets.

The number is raised at the start as far as the machine allows. `RESERVED` of them are kept from callers' connections,
for the database, keys, sources, and our own calls.
"""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

RESERVED = 256
"""Descriptors that no caller's connection may use."""

SCARCE = 32
"""With fewer free ones a process is not ready: it may fail to open a key or to call a counterpart."""

_ENOUGH = 65_536
_MOST_CONNECTIONS = 4096
_FEWEST_CONNECTIONS = 64
_MOST_STREAMS = 4096
_MOST_PAGES = 2048
_OPEN = Path("/dev/fd")
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE})


def allowed() -> int:
    """Return how many descriptors the machine allows a process, 65,536 at most: more are never needed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)


def raise_limit() -> None:
    """Raise the limit of this process to what the machine allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit() < allowed():
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed(), hard))


def limit() -> int:
    """Return how many descriptors this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def most_connections() -> int:
    """Return how many connections callers of one port may hold: half of what is not reserved."""
    return max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, (limit() - RESERVED) // 2))


def most_streams() -> int:
    """Return how many streams of events our own systems may hold: a quarter of what is not reserved."""
    return max(_FEWEST_CONNECTIONS, min(_MOST_STREAMS, (limit() - RESERVED) // 4))


def most_pages() -> int:
    """Return how many streams of events the console's pages may hold: an eighth of what is not reserved."""
    return max(_FEWEST_CONNECTIONS, min(_MOST_PAGES, (limit() - RESERVED) // 8))


def free() -> int:
    """Return how many descriptors are left; 0 when they cannot even be counted."""
    try:
        return max(0, limit() - len(os.listdir(_OPEN)))  # noqa: PTH208 - names only
    except OSError:
        return 0


def is_exhausted(error: BaseException | None = None) -> bool:
    """Tell whether `error` says that no descriptor was left, or whether none can be opened at this moment.

    SQLite and libpq report a lack of descriptors as a file that cannot be opened, without the system's error.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _EXHAUSTED
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as found:
        return found.errno in _EXHAUSTED
    return False
