"""Let the same call have its effect once: a thread's id is made of the person and the key that came with the call."""

from __future__ import annotations

import hashlib

from gateway.clock import Clock
from gateway.errors import Replayed
from gateway.model.names import ExchangeId, exchange_id, new_exchange_id
from gateway.ports.documents import DocumentStore

_KIND = "desk-keys"
_KEPT_US = 7 * 86_400_000_000


class OnceKeys:
    """The idempotency keys of people at the desk. Thread-safe."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    def claim(self, person: str, key: str, asked: bytes) -> ExchangeId:
        """Return the id of the thread that this call opens or has opened; without a key it is a new one.

        `asked` is the body of the call. Raises `Replayed` where the key came with another one.
        """
        if not key:
            return new_exchange_id()
        name = hashlib.sha256(f"liaison desk\n{person}\n{key}".encode()).hexdigest()[:32]
        same = hashlib.sha256(asked).hexdigest().encode()
        until_us = self._clock.now_us() + _KEPT_US
        found = self._documents.put_new(_KIND, name, same, until_us)
        if found not in (None, same):
            raise Replayed("this idempotency key was used for another request", where="idempotency-key")
        return exchange_id(name)
