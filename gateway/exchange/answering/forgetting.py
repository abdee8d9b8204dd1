"""Forget claims, and remember of which times they were: a request of these is not accepted any more (decision 0044).

A claim keeps an exchange from being answered twice. The times whose claims are forgotten are durable before the first
of them is. So whatever the clock says later, a request finds its claim or is refused: by a clock that is behind, one
that was answered long ago would look fresh. What was answered while the clock was ahead refuses nothing of now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from gateway.clock import Clock, is_trusted
from gateway.ports.documents import DocumentStore
from gateway.ports.log_store import LogStore, Span
from gateway.signing import strict_json
from gateway.storage.log.claims import HELD_S

_KIND, _KEY = "claims", "forgotten"
_MAX_SPANS = 64
_MAX_BYTES = 16 * 1024
_BEFORE_S = 1.0
"""Claims are told as over so much earlier than they are forgotten, so that none is forgotten that was not told."""


class Forgetting:
    """Forgets the claims of a node. `spans` are the times whose claims may be forgotten, in order."""

    def __init__(self, store: LogStore, documents: DocumentStore, clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._clock = clock
        store.claims_over(0, HELD_S)  # reads the claims before the times, to which another process may add meanwhile
        self.spans = self._kept()

    def has(self, expiry_us: int) -> bool:
        """Tell whether the claim of a request would be forgotten that expires at this time."""
        spans = self.spans
        if not spans or expiry_us >= spans[-1][1]:
            return False
        place = bisect_right(spans, expiry_us, key=_first) - 1
        return place >= 0 and expiry_us < spans[place][1]

    def forget(self) -> None:
        """Forget what expired and was held for long enough, while our own time is to be trusted. Blocks."""
        if not is_trusted(self._clock):
            return
        over = self._store.claims_over(self._clock.now_us(), HELD_S - _BEFORE_S)
        if not over:
            return
        kept = self._kept()
        spans = joined((*kept, *self.spans, *over))
        if spans != kept:
            self._documents.put(_KIND, _KEY, strict_json.dumps({"spans": [list(span) for span in spans]}))
        self.spans = spans
        self._store.forget_claims(over[-1][1], HELD_S)

    def _kept(self) -> tuple[Span, ...]:
        data = self._documents.get(_KIND, _KEY)
        if not data:
            return ()
        return joined((first, end) for first, end in strict_json.loads(data, _MAX_BYTES)["spans"])


def joined(spans: Iterable[Span], most: int = _MAX_SPANS) -> tuple[Span, ...]:
    """Return spans in order, those that touch as one; of more than `most` the nearest are joined, too."""
    found: list[Span] = []
    for first, end in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((first, end))
    while len(found) > most:
        place = _nearest(found)
        found[place : place + 2] = [(found[place][0], found[place + 1][1])]
    return tuple(found)


def _first(span: Span) -> int:
    return span[0]


def _nearest(spans: Sequence[Span]) -> int:
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(spans)]
    return gaps.index(min(gaps))
