"""The rows of audit logs, as the log uses them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import EncryptedContent
from gateway.ports.desk import DeskRows
from gateway.ports.journal import ReplayClaim

Span = tuple[int, int]
"""A time from its beginning to before its end, in microseconds since 1970."""


class StoredEntry(msgspec.Struct, frozen=True):
    """An entry in the database. `content` is None when it was erased or never existed."""

    index: int
    body: bytes
    content: EncryptedContent | None


class TreeNode(msgspec.Struct, frozen=True):
    """A node of a log's hash tree over 256^`level` entries, at least 256; `place` is its number among these."""

    level: int
    place: int
    hash: bytes


class NewEntry(msgspec.Struct, frozen=True):
    """An entry with its place, ready to be written. The last one of a batch has the `nodes` that are not stored yet."""

    index: int
    body: bytes
    leaf_hash: bytes
    kind: str
    peer: str
    exchange_id: str
    time_us: int
    channel: str
    number: int | None
    content: EncryptedContent
    claim: ReplayClaim | None
    rows: DeskRows | None = None
    nodes: Sequence[TreeNode] = ()


class LogState(msgspec.Struct, frozen=True):
    """The state of a log. `checkpoint` is that of the batch before; entries before `first` were pruned."""

    log: str
    number: int
    size: int
    root: bytes
    checkpoint: bytes
    counters: Mapping[str, int]
    first: int = 0


class LogStore(Protocol):
    """The storage of a log's rows. Every failure of the database or disk is `StorageBroken`."""

    def state(self, log: str) -> LogState | None:
        """Return the state of `log`, or None when it has never been opened."""

    @property
    def shared(self) -> bool:
        """Tell whether other processes may write to the same logs."""

    def identity(self) -> str:
        """Return the identity of this database, which stays while it is the same one; a copy has another."""

    def awaited(self, lock: threading.Lock, *, must: bool = False) -> AbstractContextManager[None]:
        """Wait for a server that is away, then hold `lock`; in the block it is `StorageAway`, and not waited for.

        A thread that other work needs is refused instead where many wait, unless it `must`.
        """

    def turn(self, known: LogState) -> AbstractContextManager[LogState]:
        """Yield the state of `known`'s log. It stays until the block ends, unless `commit` says that it did not."""

    def settle(self, log: str) -> None:
        """Return when each batch of `log` that another process had begun is written, or will be refused."""

    def thread_versions(self, keys: Collection[ThreadKey]) -> Mapping[ThreadKey, int]:
        """Return the versions of those threads that exist. No other writer can change one before the turn ends."""

    def commit(self, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        """Write entries, claims, rows of the desk, nodes and state in one durable transaction, if `before` is still the
        state. A node that is there is replaced. Return False, and write nothing, where another process has taken the
        log.

        With `before` None the log is made, unless another process has made it.
        """

    def entries(self, log: str, start: int, stop: int) -> Iterator[StoredEntry]:
        """Yield the entries with index in [start, stop), in order, a bounded number in memory at a time."""

    def bodies(self, log: str, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield index, body and stored leaf hash of the entries in [start, stop), in order."""

    def leaves(self, log: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the stored leaf hashes in [start, stop), those of pruned entries, too."""

    def nodes(self, log: str, level: int, start: int, stop: int) -> Mapping[int, bytes]:
        """Return the stored nodes of `level` with place in [start, stop), by place."""

    def logs(self) -> list[str]:
        """Return the names of the logs that were opened."""

    def checkpoints(self, log: str) -> list[bytes]:
        """Return all checkpoints that were stored with `log`, by size."""

    def find(
        self,
        log: str,
        *,
        peer: str = "",
        exchange_id: str = "",
        kind: str = "",
        since_us: int = 0,
        until_us: int = 0,
        limit: int = 1000,
    ) -> list[int]:
        """Return the indexes of entries that fit all given filters, newest first."""

    def of_exchanges(self, log: str, exchanges: Collection[str]) -> list[int]:
        """Return indexes of the entries of these exchanges, ascending, in one pass over the log."""

    def of_kinds(
        self, log: str, kinds: Collection[str], since_us: int, first: int = 0
    ) -> Iterator[tuple[int, int, str, str]]:
        """Yield index, time, kind and exchange id of the entries of these kinds at or after a time, in order.

        With `first` those from that index on, whatever their time.
        """

    def channel(self, log: str, channel: str, first: int, last: int) -> list[bytes]:
        """Return the bodies of the entries of `channel` whose number lies in [first, last], by number."""

    def highest(self, log: str, channel: str) -> int:
        """Return the highest number in `channel`, 0 when it has none."""

    def claimed(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], tuple[bytes, int]]:
        """Return request hash and entry index of those of `claims` that exist."""

    def claims_over(self, before_us: int, held_s: float) -> Sequence[Span]:
        """Return when the claims expired that `forget_claims` would forget now, in order; each span without its end."""

    def forget_claims(self, before_us: int, held_s: float = 0.0) -> int:
        """Forget claims that expired before `before_us` and are held for `held_s` seconds; return their number."""
