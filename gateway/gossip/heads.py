"""Heads of logs on their way through third members: what a log shows to others is compared with what it shows us.

A log that shows two members two histories is found by the first member that hears of both (design, section 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway.audit.tree.checkpoint import Checkpoint, foreign_head, parse_checkpoint
from gateway.clock import Clock
from gateway.errors import BadSignature, LiaisonError, Malformed
from gateway.model.names import MemberId
from gateway.ports.gossip import MAX_HEAD, MAX_HEADS, Told
from gateway.recent import Recent
from gateway.signing.strict_json import loads
from gateway.trust.view import TrustView
from gateway.witness.listed_logs import ListedLogs
from gateway.witness.seen_heads import SeenHeads

_MOST_WAITING = 256


class ThirdHeads:
    """Heads that are told, and those that were heard and wait for their signatures to be verified."""

    def __init__(self, seen: SeenHeads, trust: Callable[[], TrustView], clock: Clock, member: MemberId) -> None:
        self._seen = seen
        self._member = member
        self._logs = ListedLogs(trust, clock, member, domestic=False)
        self._waiting: Recent[bytes, MemberId] = Recent(_MOST_WAITING)

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

    def hear(self, speaker: MemberId, heads: Iterable[bytes]) -> None:
        """Keep heads until `verify`. Of too many, the speaker that brought the most loses its oldest ones."""
        for head in heads:
            self._waiting.put(speaker, head, speaker)

    def verify(self) -> None:
        """Verify the heads that wait, and note them as seen: a head that contradicts another is kept as evidence."""
        for data in self._waiting.latest(_MOST_WAITING):
            speaker = self._waiting.held.get(data)
            if speaker is None:  # it was pushed out since: heads come in while others are verified
                continue
            self._waiting.drop(speaker, data)
            if (head := self.signed(data)) is not None:
                self._seen.note_head(head)

    def verify_fork(self, lines: Sequence[bytes]) -> None:
        """Note both heads of a fork that another member found.

        Raises `Malformed`, and `BadSignature` where keys that the log lists did not sign both: then none is noted.
        """
        texts = [loads(line, 2 * MAX_HEAD) for line in lines[:3]]
        if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
            raise Malformed("the heads of a fork are two texts", code="malformed-fork")
        heads = [head for head in (self.signed(text.encode()) for text in texts) if head is not None]
        if len(heads) != 2 or heads[0].origin != heads[1].origin or heads[0].size != heads[1].size:
            raise BadSignature("these are not two signed heads of one log and size", code="malformed-fork")
        for head in heads:
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
