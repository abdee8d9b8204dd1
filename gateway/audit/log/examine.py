"""Check the log of a home that no process serves as its next start will, and write nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.audit.log.head import LogHead, known_state
from gateway.audit.log.highwater import high_water_path, moved, newest_seen
from gateway.audit.log.numbers import newest_number, require_begun, store_name
from gateway.audit.tree.checkpoint import HeadSigner, LogKeys, Signer, origin
from gateway.ports.log_store import LogStore


@dataclass(frozen=True, slots=True)
class ExaminedLog:
    """A log whose rows are those that were signed. `moved` is as in `AuditLog`."""

    name: str
    store_name: str
    origin: str
    moved: str
    head: LogHead

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.head.state.size

    @property
    def checkpoint(self) -> bytes:
        """The head over all entries."""
        return self.head.checkpoint

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` entries. Raises `Malformed` when there are not so many."""
        return self.head.tree.root(size)

    def follow(self) -> None:
        """Take up nothing: no other process writes to this log."""


def examine_log(
    store: LogStore, key: HeadSigner, member: str, name: str, highwater: Path, rehashed: int | None = None
) -> ExaminedLog | None:
    """Return a log after all checks of a start; None for one that was never opened. `rehashed` is how many of the
    newest entries are hashed again, where it is not as many as at a start.

    Raises `Contradicted`, `Misconfigured` and `StorageBroken` as opening it does.
    """
    number = newest_number(store, highwater, name)
    signer = Signer(origin(member, name, number), key)
    keys, log = LogKeys.of(key).verifiers, store_name(name, number)
    seen = newest_seen(high_water_path(highwater, name, number), signer.origin, keys)
    from_elsewhere = moved(seen, store.identity())
    state = known_state(store, log, seen, from_elsewhere)
    require_begun(log, number, state)
    if state is None:
        return None
    head = LogHead(store, signer, keys, state, seen, from_elsewhere, examined=True, rehashed=rehashed)
    return ExaminedLog(name, log, signer.origin, from_elsewhere, head)
