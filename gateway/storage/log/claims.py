"""Keep the claims that have not expired in memory: for each (sender, exchange id) the entry with its answer.

Exchange ids are random, so an index of them in the database would touch a page of its own for each entry, and the more
the longer the history. The rows that make a claim are in the log anyway, in order of writing: a start reads those of
the last minutes, and from then on every row passes through `ClaimIndex.add` before it is committed. Each transaction
compares the log's state, which shows rows of other processes.

A claim costs about 200 bytes of memory. Claims that expire within the same half minute are forgotten together, and not
before they were held for a while by the steady clock, since a system clock that jumped says nothing about their age
(decision 0044).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select, update

from gateway.clock import steady_ns
from gateway.errors import StorageBroken
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.log_store import NewEntry, Span
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import Prepared
from gateway.storage.database.tables import log_entry, log_state

BUCKET_US = 30_000_000
"""Claims are forgotten in buckets of this width, so up to this much after they expired."""

HELD_S = 180.0
"""Seconds for which a running node holds each claim at least: longer than from an answer to the claim's expiry, which
is at most 150 s (a skew of 30 s ahead, 60 s of validity, twice the skew)."""

_SHIFT = 48

Place = tuple[int, int]
"""A log's row id and the index of an entry in it."""


@dataclass(slots=True)
class _Bucket:
    """Claims that expire within one width: the place of each, and the first and last index in each log.

    `since_ns` is the time by the steady clock at which the newest of them was added.
    """

    places: dict[bytes, int] = field(default_factory=dict)
    ends: dict[int, Place] = field(default_factory=dict)
    since_ns: int = 0


class ClaimIndex:
    """The entries that answer claims. Thread-safe; a key is `claim_key`."""

    def __init__(self, steady: Callable[[], int] = steady_ns) -> None:
        self._steady = steady
        self._lock = threading.Lock()
        self._buckets: dict[int, _Bucket] = {}

    def add(self, rows: Iterable[tuple[bytes, int, int, int]]) -> None:
        """Add claims: key, expiry, log and index of the entry. Raises `StorageBroken` when one is taken already."""
        with self._lock:
            now_ns = self._steady()
            for key, expires_us, log_id, index in rows:
                if self._place(key) is not None:
                    raise StorageBroken("an exchange would be answered twice", where="append")
                bucket = self._buckets.get(expires_us // BUCKET_US)
                if bucket is None:
                    bucket = self._buckets[expires_us // BUCKET_US] = _Bucket()
                bucket.places[key] = log_id << _SHIFT | index
                bucket.since_ns = now_ns
                first, last = bucket.ends.get(log_id, (index, index))
                bucket.ends[log_id] = (min(first, index), max(last, index))

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Place]:
        """Return the places of those `keys` that are claimed."""
        with self._lock:
            found = ((key, self._place(key)) for key in keys)
            return {key: (place >> _SHIFT, place & (1 << _SHIFT) - 1) for key, place in found if place is not None}

    def over(self, before_us: int, held_s: float = 0.0) -> list[Span]:
        """Return beginning and end of each bucket that `forget` would drop, in order."""
        with self._lock:
            numbers = sorted(self._droppable(before_us, held_s))
        return [(number * BUCKET_US, (number + 1) * BUCKET_US) for number in numbers]

    def _droppable(self, before_us: int, held_s: float) -> list[int]:
        held_ns = self._steady() - int(held_s * 1e9)
        return [
            number
            for number, bucket in self._buckets.items()
            if (number + 1) * BUCKET_US <= before_us and bucket.since_ns <= held_ns
        ]

    def forget(self, before_us: int, held_s: float = 0.0) -> tuple[int, Mapping[int, int]]:
        """Drop the buckets that lie wholly before `before_us` and are held for `held_s` seconds.

        Return the number of claims in them, and for each of their logs the index from which on claims are left.
        """
        with self._lock:
            dropped = [self._buckets.pop(number) for number in self._droppable(before_us, held_s)]
            starts: dict[int, int] = {}
            for bucket in dropped:
                for log_id, (_, last) in bucket.ends.items():
                    starts[log_id] = max(starts.get(log_id, 0), last + 1)
            for bucket in self._buckets.values():
                for log_id, (first, _) in bucket.ends.items():
                    starts[log_id] = min(starts.get(log_id, first), first)
            return sum(len(bucket.places) for bucket in dropped), starts

    def _place(self, key: bytes) -> int | None:
        for bucket in self._buckets.values():
            place = bucket.places.get(key)
            if place is not None:
                return place
        return None


def claim_key(sender: str, exchange_id: str) -> bytes:
    """Return the key of a claim: 16 bytes of exchange id, then the sender."""
    return bytes.fromhex(exchange_id) + sender.encode()


# ------------------------------------------------------------ the claims of a database


class LogClaims:
    """The claims of all logs of a database, read from the rows at first use. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.RLock()
        self._index: ClaimIndex | None = None
        self._through: dict[int, int] = {}
        self._newer = Prepared(_NEWER_CLAIMS, database.engine.dialect)

    def find(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], tuple[bytes, int]]:
        """Return request hash and entry index of those `claims` that exist and are not forgotten."""
        keys = {claim_key(sender, exchange): (sender, exchange) for sender, exchange in claims}
        found: dict[tuple[MemberId, ExchangeId], tuple[bytes, int]] = {}
        index = self._index or self._opened()  # without the lock: an index that is there stays
        for key, (log_id, place) in index.find(keys).items():
            with self._database.read("claims") as connection:
                row = connection.execute(_REQUEST_HASH, {"the_id": log_id, "index": place}).first()
            if row is not None:  # else its transaction has not ended
                found[keys[key]] = (row[0], place)
        return found

    def over(self, before_us: int, held_s: float) -> list[Span]:
        """Return when the claims expired that `forget` would forget, in order."""
        return self._opened().over(before_us, held_s)

    def forget(self, before_us: int, held_s: float) -> int:
        """Forget claims that expired before `before_us` and are held for `held_s` seconds. Return their number.

        A claim expires twice the skew (30 s) after its request, and `check_fresh` of the statements refuses a request
        as stale from its own expiry on: a forgotten claim is never asked for again, not even by a node whose clock is
        put back by the skew. A node keeps what `over` said, for a clock that is put back further. The rows stay: they
        are entries of the log. The place from which on a start has to read claims is kept, so that it reads minutes and
        not the history.
        """
        count, starts = self._opened().forget(before_us, held_s)
        if count:
            with self._database.write("forget claims") as connection:
                for log_id, index in starts.items():
                    connection.execute(update(log_state).where(log_state.c.id == log_id).values(claims_from=index))
        return count

    def read(self, logs: Sequence[int], size: int | None = None) -> None:
        """Take in the claims that other processes have written to `logs` by now; up to `size`, where that is known.

        Entries become visible in order and without gaps, since each batch follows the state before. The lock ensures
        that no entry is read twice, and none that this process adds itself.
        """
        with self._locked():
            claims = self._opened()  # under this lock: another thread may forget the index, and begin another
            behind = {log_id: self._through.get(log_id, 0) for log_id in logs}
            if size is not None:
                behind = {log_id: through for log_id, through in behind.items() if through < size}
            for log_id, through in behind.items():
                with self._database.read("claims") as connection:
                    rows = self._newer.rows(connection, {"the_id": log_id, "first": through})
                claims.add(_claim(*row) for row in rows)
                self._through[log_id] = max((row[4] + 1 for row in rows), default=max(through, size or 0))

    def require_free(self, entries: Sequence[NewEntry]) -> None:
        """Raise `StorageBroken` when the claim of an entry is taken already."""
        if any(entry.claim for entry in entries) and self._opened().find(_keys(entries)):
            raise StorageBroken("an exchange would be answered twice", where="append")

    def add(self, log_id: int, size: int, entries: Sequence[NewEntry]) -> None:
        """Take in the claims of a batch that is committed, except those that were read since."""
        if self._index is None and not any(entry.claim for entry in entries):
            return  # a command that writes one entry does not read the claims of the history for it
        with self._locked():
            claims = self._opened()
            through = self._through.get(log_id, 0)
            claims.add(
                (claim_key(claim.sender, claim.exchange_id), claim.expires_us, log_id, entry.index)
                for entry in entries
                if (claim := entry.claim) and entry.index >= through
            )
            self._through[log_id] = max(through, size)

    def read_again(self) -> None:
        """Forget what is known, since a batch was not written after all: it is read from the rows at the next use."""
        with self._lock:
            self._index = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock in the block, which does not wait for a server that is away: who writes may wait for us."""
        absence = self._database.absence
        absence.require_here("claims", waits=True)
        with self._database.places.at("claims", self._lock), absence.held:
            yield

    def _opened(self) -> ClaimIndex:
        """Return the claims, read from the rows at first use."""
        with self._locked():
            if self._index is None:
                claims = ClaimIndex()
                with self._database.snapshot("claims") as connection:
                    self._through = {row.id: row.size for row in connection.execute(_SIZES)}
                    claims.add(_claim(*row) for row in connection.execute(_CLAIMS))
                self._index = claims
            return self._index


_CLAIMS = (
    select(log_entry.c.exchange_id, log_entry.c.peer, log_entry.c.expires_us, log_entry.c.log_id, log_entry.c.seq)
    .select_from(log_state.join(log_entry, log_entry.c.log_id == log_state.c.id))
    .where(log_entry.c.seq >= log_state.c.claims_from, log_entry.c.expires_us.is_not(None))
)
_SIZES = select(log_state.c.id, log_state.c.size)
_NEWER_CLAIMS = select(
    log_entry.c.exchange_id, log_entry.c.peer, log_entry.c.expires_us, log_entry.c.log_id, log_entry.c.seq
).where(
    log_entry.c.log_id == bindparam("the_id"),
    log_entry.c.seq >= bindparam("first"),
    log_entry.c.expires_us.is_not(None),
)
_REQUEST_HASH = select(log_entry.c.request_hash).where(
    log_entry.c.log_id == bindparam("the_id"), log_entry.c.seq == bindparam("index")
)


def _keys(entries: Sequence[NewEntry]) -> Iterator[bytes]:
    return (claim_key(claim.sender, claim.exchange_id) for entry in entries if (claim := entry.claim))


def _claim(exchange: bytes, peer: str, expires_us: int, log_id: int, index: int) -> tuple[bytes, int, int, int]:
    return exchange + peer.encode(), expires_us, log_id, index
