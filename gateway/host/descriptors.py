"""The descriptors of this process: open files and sockets come out of one number, and strangers can use up sockets.

The number is raised at the start as far as the machine allows. Some are kept from callers' connections (`Budget`), for
the database, keys, sources, and our own calls. What callers may hold at all ports together is less than the rest.
"""

from __future__ import annotations

import errno
import os
import resource
import select
from dataclasses import dataclass
from pathlib import Path

RESERVED = 256
"""Descriptors that no caller's connection may use, where the machine allows enough of them."""

SCARCE = 32
"""With fewer free ones a process is not ready: it may fail to open a key or to call a counterpart."""

_LANE_SOCKETS = 3
"""Sockets of one caller at the TLS lane (`gateway.rpc.lane`): the caller's, ours to gRPC, and gRPC's end of it."""

_ENOUGH = 65_536
_MOST_PLACES = 512
_MOST_CONNECTIONS = 4096
_MOST_STREAMS = 4096
_MOST_PAGES = 2048
_OPEN = Path("/dev/fd")
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE})


def allowed() -> int:
    """Return how many descriptors the machine allows a process, 65,536 at most: more are never needed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)


def is_ready(descriptor: int, seconds: float, *, to_write: bool = False) -> bool:
    """Wait until a descriptor can be read, or written; tell whether it can. An end counts, as a read would tell of it.

    `select.select` takes numbers below 1,024 alone, and a busy node opens more.
    """
    looked = select.poll()
    looked.register(descriptor, select.POLLOUT if to_write else select.POLLIN)
    return bool(looked.poll(seconds * 1_000))


def raise_limit() -> None:
    """Raise the limit of this process to what the machine allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit() < allowed():
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed(), hard))


def limit() -> int:
    """Return how many descriptors this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


@dataclass(frozen=True, slots=True)
class Budget:
    """How `limit` descriptors are given out: what callers may hold at all ports together is less than what is not
    reserved, however few there are.
    """

    limit: int

    @property
    def reserved(self) -> int:
        """Descriptors that no caller's connection may use: 256, and no more than a quarter of all."""
        return min(RESERVED, self.limit // 4)

    @property
    def places(self) -> int:
        """Connections at one of the two HTTPS ports: 512, and no more than a share of what is not reserved."""
        return min(_MOST_PLACES, (self.limit - self.reserved) // 8)

    @property
    def handshakes(self) -> int:
        """Connections at one of the two HTTPS ports that have shown no certificate yet, beside its places."""
        return max(1, self.places // 4)

    @property
    def connections(self) -> int:
        """Connections of counterparts: half of what is neither reserved nor the HTTPS ports'."""
        return min(_MOST_CONNECTIONS, self._shared // 2)

    @property
    def lane_connections(self) -> int:
        """Connections of counterparts at the TLS lane, which takes three of those of `connections` for each of them."""
        return (self.connections - self.lane_handshakes) // _LANE_SOCKETS

    @property
    def lane_handshakes(self) -> int:
        """Connections at the TLS lane that have shown no certificate yet, beside the others."""
        return max(1, self.connections // 16)

    @property
    def streams(self) -> int:
        """Streams of events of our own systems: half as many as counterparts', where no cap is reached."""
        return min(_MOST_STREAMS, self._shared // 4)

    @property
    def pages(self) -> int:
        """Streams of events of the console's pages: a quarter as many as counterparts'."""
        return min(_MOST_PAGES, self._shared // 8)

    @property
    def _shared(self) -> int:
        return self.limit - self.reserved - 2 * (self.places + self.handshakes)


def budget() -> Budget:
    """Return how the descriptors of this process are given out now."""
    return Budget(limit())


def most_connections() -> int:
    """Return how many connections counterparts may hold."""
    return budget().connections


def most_streams() -> int:
    """Return how many streams of events our own systems may hold."""
    return budget().streams


def most_pages() -> int:
    """Return how many streams of events the console's pages may hold."""
    return budget().pages


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
