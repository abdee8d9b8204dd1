"""Let the same call have its effect once: its key is claimed before it is carried out, and its answer is kept with it.

What the call opens has an id that is made of the person and the key. So a call that was broken off between its effect
and its answer finds what it opened, and opens nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import msgspec

from gateway.clock import Clock
from gateway.errors import Malformed, Replayed
from gateway.model.names import ExchangeId, exchange_id
from gateway.ports.documents import DocumentStore

_KIND = "desk-keys"
_KEPT_US = 7 * 86_400_000_000
_HASH = 64


class Claim(msgspec.Struct, frozen=True):
    """A call under a key. `name` is the id of what it opens, `answer` what it was answered before; empty: nothing."""

    name: ExchangeId
    same: bytes
    answer: bytes = b""
    first: bool = False


def part_of(name: ExchangeId, part: str) -> ExchangeId:
    """Return the id of one of several things that a call opens."""
    return exchange_id(hashlib.sha256(f"{name}\n{part}".encode()).hexdigest()[:32])


class OnceKeys:
    """The idempotency keys of people at the desk. Thread-safe but for `once`, which belongs to one loop."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._running: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def once(self, person: str, key: str, asked: bytes) -> AsyncIterator[Claim]:
        """Hold a key while its call is carried out; the same call at the same time waits until this one is over.

        A first call that is not well formed sets its key free. One that breaks off leaves it without an answer, so the
        next one carries it out. Raises `Replayed` as `claim` does.
        """
        lock = self._running.setdefault(_name(person, key), asyncio.Lock())
        async with lock:
            claim = await asyncio.to_thread(self.claim, person, key, asked)
            try:
                yield claim
            except Malformed:
                if claim.first:
                    await asyncio.to_thread(self.release, claim)
                raise

    def claim(self, person: str, key: str, asked: bytes) -> Claim:
        """Claim a key for a call; `asked` is all that the call says. Raises `Replayed` where it came with another."""
        name = _name(person, key)
        same = hashlib.sha256(asked).hexdigest().encode()
        found = self._documents.put_new(_KIND, name, same, self._until_us)
        if found is not None and found[:_HASH] != same:
            raise Replayed(
                "this idempotency key was used for another request",
                where="idempotency-key",
                remedy="use a new key for a new request",
            )
        return Claim(exchange_id(name), same, (found or b"")[_HASH:], first=found is None)

    def keep(self, claim: Claim, answer: bytes) -> None:
        """Keep the answer of a call, for those that come again."""
        self._documents.put(_KIND, claim.name, claim.same + answer, self._until_us)

    def release(self, claim: Claim) -> None:
        """Let a key be used anew: its call was not well formed, and did nothing."""
        self._documents.delete(_KIND, claim.name)

    @property
    def _until_us(self) -> int:
        return self._clock.now_us() + _KEPT_US


def _name(person: str, key: str) -> str:
    return hashlib.sha256(f"liaison desk\n{person}\n{key}".encode()).hexdigest()[:32]
