"""The claims that have not expired, in memory: for each (sender, exchange id) the entry with its answer.

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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gateway.clock import steady_ns
from gateway.errors import StorageBroken
from gateway.ports.log_store import Span

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
