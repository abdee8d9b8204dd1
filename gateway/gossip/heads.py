"""Heads of logs on their way through third members: what a log shows to others is compared with what it shows us.

A log that shows two members two histories is found by the first member that hears of both (design, section 7).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from gateway.audit.tree.checkpoint import Checkpoint, foreign_head, parse_checkpoint
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed
from gateway.model.names import MemberId
from gateway.ports.gossip import Told
from gateway.signing.strict_json import loads
from gateway.trust.view import TrustView
from gateway.witness.listed_logs import ListedLogs
from gateway.witness.seen_heads import SeenHeads

MAX_HEADS = 16
"""Heads in one greeting; the others come with the next."""

MAX_HEAD = 2_048
"""Bytes of one head: three short lines, and the one signature of its log."""

_MOST_WAITING = 256


class ThirdHeads:
    """Heads that are told, and those that were heard and wait for their signatures to be verified."""

    def __init__(self, seen: SeenHeads, trust: Callable[[], TrustView], clock: Clock, member: MemberId) -> None:
        self._seen = seen
        self._member = member
        self._logs = ListedLogs(trust, clock, member, domestic=False)
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)

    def tell(self, listener: MemberId, told: Told) -> tuple[bytes, ...]:
        """Return the largest heads of logs of third members that are new to this listener; note them in `told`."""
        found: list[bytes] = []
        for head in self._seen.newest():
            if len(found) == MAX_HEADS:
                break
            if _owner(head.origin) != listener and told.get(head.origin, -1) < head.size and len(head.data) <= MAX_HEAD:
                told[head.origin] = head.size
                found.append(head.data)
        return tuple(found)

    def hear(self, heads: Iterable[bytes]) -> None:
        """Keep heads until `verify`; the oldest of too many are left out."""
        self._waiting.extend(heads)

    def verify(self) -> None:
        """Verify the heads that wait, and note them as seen: a head that contradicts another is kept as evidence."""
        while self._waiting:
            head = self.signed(self._waiting.popleft())
            if head is not None:
                self._seen.note_head(head)

    def verify_fork(self, lines: Iterable[bytes]) -> None:
        """Note both heads of a fork that another member found. Heads that no listed key signed are left out."""
        for line in lines:
            text = loads(line, 2 * MAX_HEAD)
            if not isinstance(text, str):
                raise Malformed("the heads of a fork are two texts", code="malformed-fork")
            if (head := self.signed(text.encode())) is not None:
                self._seen.note_head(head)

    def signed(self, data: bytes) -> Checkpoint | None:
        """Return a head of a third member that a key signed which its log lists; None for any other."""
        try:
            log = parse_checkpoint(data[:MAX_HEAD]).origin
            owner = MemberId(_owner(log))
            return foreign_head(data, log, self._logs.keys(owner, log)) if owner != self._member else None
        except LiaisonError:
            return None


def _owner(origin: str) -> str:
    return origin.partition(".")[0]
