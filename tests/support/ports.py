"""Ports of loopback for what is started later, and perhaps started again at the same place.

Whoever asks the system for a free port and lets go of it may find it taken: by another test process, or by any
connection, since the system gives those ports of the same range. A connection to a port of that range on which no one
listens can even be given that very port, and meet itself. So ours come from below that range, and each process takes
them from a block of its own, which is its own while it listens on the first port of the block.
"""

from __future__ import annotations

import errno
import itertools
import random
import socket
from collections.abc import Iterator
from functools import cache

_FIRST, _END, _BLOCK = 10_000, 32_000, 500
"""44 blocks: enough for seven whole runs beside each other, of six processes each."""

_held: list[socket.socket] = []


def free_port() -> int:
    """Return a port that is free, and that is not given again before all others of the block."""
    return next(_ports())


@cache
def _ports() -> Iterator[int]:
    return (port for port in itertools.cycle(_own_block()) if is_free(port))


def _own_block() -> range:
    starts = list(range(_FIRST, _END, _BLOCK))
    random.SystemRandom().shuffle(starts)
    for start in starts:
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", start))
            listener.listen()
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        _held.append(listener)
        return range(start + 1, start + _BLOCK)
    raise RuntimeError(f"all blocks of ports from {_FIRST} to {_END} are taken")


def is_free(port: int, *, again: bool = False) -> bool:
    """Tell whether no one has a port of loopback; `again` lets connections linger on it that have been closed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, again)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
