"""Forget claims, and remember up to when: an older request is not accepted any more (decision 0046).

A claim keeps an exchange from being answered twice. The time before which claims are forgotten is durable before the
first of them is. So whatever the clock says later, a request finds its claim or is refused: by a clock that is behind,
one that was answered long ago would look fresh.
"""

from __future__ import annotations

from gateway.clock import Clock, is_trusted
from gateway.ports.documents import DocumentStore
from gateway.ports.log_store import LogStore
from gateway.storage.log.claims import HELD_S

_KIND, _KEY = "claims", "forgotten"


class Forgetting:
    """Forgets the claims of a node. `through_us` is the time before which expired ones may be forgotten."""

    def __init__(self, store: LogStore, documents: DocumentStore, clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._clock = clock
        store.claims_over(0, HELD_S)  # reads the claims before the time, which another process may move on meanwhile
        self.through_us = int(documents.get(_KIND, _KEY) or 0)

    def forget(self) -> None:
        """Forget what expired and was held for long enough, while our own time is to be trusted. Blocks."""
        if not is_trusted(self._clock):
            return
        over_us = self._store.claims_over(self._clock.now_us(), HELD_S)
        if not over_us:
            return
        if over_us > self.through_us:
            self._documents.put(_KIND, _KEY, str(over_us).encode())
            self.through_us = over_us
        self._store.forget_claims(over_us, HELD_S)
