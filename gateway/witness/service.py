"""A witness of logs, by the rules of C2SP tlog-witness. `add_checkpoint` checks:

1. the request parses: old size, proof of at most 63 hashes, a head without extension lines;
2. the log is witnessed here, and is one of the caller's own member (404);
3. a key that is listed for this log now signed the head (403);
4. the old size is not larger than the head's (400);
5. our memory was not put back: the caller holds no larger head with our own cosignature;
6. a head of the same size as our newest one, or as one that we saw, is the same head (409);
7. the old size is that of the newest head that we cosigned (409, with that size);
8. the consistency proof leads from our head to this one (422);
9. no evidence shows that the log has forked (409): from then on only its next number is cosigned;
10. the head also extends the largest one that we saw in an answer or a receipt: once 8 holds, 409 asks for the proof
   from there (`Due`);
11. the head is durable as our newest, in one step with 7, before anything is signed (else 409).

A head's age is not checked: a cosignature repeats for the same head, at a later time. Two heads that contradict each
other are kept as evidence, since both are signed by the log.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.audit.tree.checkpoint import Checkpoint, foreign_head, parse_checkpoint
from gateway.audit.tree.cosignature import Cosigner
from gateway.audit.tree.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from gateway.clock import Clock, check_time
from gateway.errors import (
    BadProof,
    Contradicted,
    HeadConflict,
    Malformed,
    Overloaded,
    Stale,
    Unavailable,
)
from gateway.model.evidence.witness import HeadEvidence, WitnessedHead
from gateway.model.names import MemberId
from gateway.witness.ports import WitnessedLogs, WitnessStore
from gateway.witness.seen_heads import FORKS, MAX_EVIDENCE, MAX_LOGS, SeenHeads

MAX_PROOF = 63
MAX_BODY = 32 * 1024
"""Bytes of a request to cosign, and of a head that is shown with it."""

BEHIND_US = 60_000_000
"""A smaller head may have been overtaken on its way, but not by one that we cosigned longer ago than this."""

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign: the size that the log believes we have, the proof from there, and the head."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint


@dataclass(slots=True)
class Due:
    """A head that was seen elsewhere, and that the next cosigned ones must extend.

    A head on its way may be smaller, for as long as `BEHIND_US` after `since_us`. `proven` is the head of which the
    caller has shown that it extends the one cosigned last. `met` says that a head extends this one. `corrected` and
    `spared`: a caller of version 0.1.0 asks twice at most, so that one who had to be told the size of the cosigned head
    is spared this once.
    """

    head: Checkpoint
    since_us: int
    proven: tuple[int, bytes] | None = None
    met: bool = False
    corrected: bool = False
    spared: bool = False


def build_request(old: int, proof: Sequence[bytes], checkpoint: bytes) -> bytes:
    """Return the body of a request to cosign."""
    lines = [f"old {old}\n", *(f"{base64.b64encode(item).decode()}\n" for item in proof), "\n"]
    return "".join(lines).encode() + checkpoint


def parse_request(body: bytes) -> AddCheckpoint:
    """Return a request to cosign (check 1). Raises `Malformed`."""
    if len(body) > MAX_BODY:
        raise _bad("it is too long")
    head, separator, note = body.partition(b"\n\n")
    try:
        first, *rest = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _bad("it is not ASCII") from error
    match = _OLD.fullmatch(first)
    if not separator or not match:
        raise _bad("it does not begin with the old size")
    if len(rest) > MAX_PROOF:
        raise _bad(f"the proof has more than {MAX_PROOF} hashes")
    checkpoint = parse_checkpoint(note)
    if checkpoint.extensions:
        raise _bad("the head has extension lines, about which a cosignature would say nothing")
    return AddCheckpoint(int(match[1]), tuple(_hash(line) for line in rest), checkpoint)


class WitnessService:
    """A witness. `found` is called with new evidence. Thread-safe; every call is durable when it returns.

    A log gets one cosignature in `pause_s` seconds at most: they cost an ML-DSA signature and a sync of the disk.
    """

    def __init__(
        self,
        cosigner: Cosigner,
        store: WitnessStore,
        logs: WitnessedLogs,
        clock: Clock,
        found: Callable[[HeadEvidence], None],
        *,
        heads: SeenHeads | None = None,
        pause_s: float = 0.5,
    ) -> None:
        self._cosigner = cosigner
        self._store = store
        self._logs = logs
        self._clock = clock
        self._found = found
        self._heads = heads or SeenHeads(store, clock)
        self._due: dict[str, Due] = {}
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def add_checkpoint(self, caller: MemberId, body: bytes, cosigned: bytes = b"") -> bytes:
        """Return signature lines by our keys for the head in `body`. `cosigned` is a head that the caller has from us.

        Raises `Malformed`, `Unknown`, `Forbidden`, `HeadConflict`, `BadProof`, `Overloaded`, and `Unavailable` where
        our clock has jumped, since a cosignature carries its time.
        """
        self._check_time()
        request = parse_request(body)  # 1
        checkpoint = self._signed(caller, request.checkpoint)  # 2, 3
        if request.old > checkpoint.size:  # 4
            raise _bad("the old size is larger than the head's")
        known = self._store.witnessed(checkpoint.origin)
        if known is None:
            self._check_room(caller)
        known = self._recall(caller, checkpoint.origin, known, cosigned)  # 5
        self._check_known(request, checkpoint, known)  # 6 to 10
        self._check_pause(checkpoint.origin)
        now_us = self._clock.now_us()
        head = WitnessedHead(checkpoint.origin, checkpoint.size, checkpoint.root, checkpoint.data, now_us)
        if not self._store.advance(known, head):  # 11
            newest = self._store.witnessed(checkpoint.origin)
            raise HeadConflict("another head came in between", newest.size if newest else 0)
        if (due := self._due.get(checkpoint.origin)) and due.met:
            del self._due[checkpoint.origin]  # the next request has to extend the largest head of then
        return self._cosigner.cosign(checkpoint, now_us // 1_000_000)

    def largest_head(self, caller: MemberId, origin: str) -> bytes:
        """Return the largest head of the caller's own log that we cosigned or saw; empty when there is none.

        Raises `Unknown`, `Forbidden`.
        """
        self._logs.keys(caller, origin)
        known = self._store.witnessed(origin)
        seen = self._store.seen(origin)
        if seen and (known is None or parse_checkpoint(seen).size > known.size):
            return seen
        return known.checkpoint if known else b""

    def _check_time(self) -> None:
        """Raise `Unavailable` after a jump of our clock: `Stale` has the status of a proof that does not hold."""
        try:
            check_time(self._clock)
        except Stale as error:
            raise Unavailable(error.message, code=error.code, where=error.where, remedy=error.remedy) from error

    def _signed(self, caller: MemberId, checkpoint: Checkpoint) -> Checkpoint:
        """Return the head with the log's own signature line only: a kept or shown head must not be padded."""
        return foreign_head(checkpoint.data, checkpoint.origin, self._logs.keys(caller, checkpoint.origin))

    def _check_pause(self, origin: str) -> None:
        with self._lock:
            now = self._clock.monotonic()
            if now - self._last.get(origin, -self._pause_s) < self._pause_s:
                raise Overloaded("this log was cosigned a moment ago", code="witness-pause")
            self._last[origin] = now

    def _check_room(self, member: MemberId) -> None:
        if sum(head.origin.startswith(f"{member}.") for head in self._store.origins()) >= MAX_LOGS:
            raise Overloaded("more than {limit} logs of one member", code="too-many-logs", limit=MAX_LOGS)

    def _recall(
        self, caller: MemberId, origin: str, known: WitnessedHead | None, cosigned: bytes
    ) -> WitnessedHead | None:
        """Return the head that we have. A larger one that the caller shows under our own cosignature takes its place:
        our memory was put back, and we never cosigned a head that did not extend the one before."""
        if not cosigned or len(cosigned) > MAX_BODY:
            return known
        shown = parse_checkpoint(cosigned)
        if shown.origin != origin or (known and shown.size <= known.size) or not self._cosigner.has_cosigned(shown):
            return known
        shown = self._signed(caller, shown)
        head = WitnessedHead(origin, shown.size, shown.root, shown.data, self._clock.now_us())
        if not self._store.advance(known, head):
            raise HeadConflict("another head came in between", shown.size)
        self._keep("went-back", known.checkpoint if known else b"", shown)
        return head

    def _check_known(self, request: AddCheckpoint, checkpoint: Checkpoint, known: WitnessedHead | None) -> None:
        size, root = (known.size, known.root) if known else (0, EMPTY_ROOT)
        if known and checkpoint.size == size and checkpoint.root != root:  # 6
            self._keep("fork", known.checkpoint, checkpoint)
            raise HeadConflict("a head of this size and another root was cosigned", size)
        if (other := self._heads.compare(checkpoint)) is not None:
            self._keep("fork", other.data, checkpoint)
            raise HeadConflict("a head of this size and another root was seen", size)
        due = self._due_head(checkpoint.origin, size)
        if due and due.proven == (checkpoint.size, checkpoint.root) and request.old == due.head.size:
            self._check_forked(checkpoint, size)  # 9
            self._check_due(due, request, checkpoint, size)  # 10
            return
        if request.old != size:  # 7
            if known and checkpoint.size < size and self._clock.now_us() - known.time_us > BEHIND_US:
                self._keep("behind", known.checkpoint, checkpoint)
            if due:
                due.corrected = True
            raise HeadConflict("the newest cosigned head has {length} entries", size, length=size)
        self._check_extends(size, root, known.checkpoint if known else b"", checkpoint, request.proof)  # 8
        self._check_forked(checkpoint, size)  # 9
        if due:
            self._check_due(due, request, checkpoint, size)  # 10

    def _check_extends(
        self, size: int, root: bytes, before: bytes, checkpoint: Checkpoint, proof: Sequence[bytes]
    ) -> None:
        """Check that the proof leads from a head to this one; keep both where it does not."""
        try:
            _check_proof(size, root, checkpoint, proof)
        except Contradicted as error:
            if before:
                self._keep("no-proof", before, checkpoint)
            raise BadProof(error.message, where="consistency proof") from error

    def _due_head(self, origin: str, size: int) -> Due | None:
        """Return the head that is due to be extended: the largest one seen when it was asked for first."""
        due = self._due.get(origin)
        if due is None and (seen := self._heads.largest(origin)) is not None and seen.size > size:
            due = self._due[origin] = Due(seen, self._clock.now_us())
        return due

    def _check_due(self, due: Due, request: AddCheckpoint, checkpoint: Checkpoint, size: int) -> None:
        """Check that a head extends the one that is due (10). It extends the one cosigned last."""
        head, shown = due.head, (checkpoint.size, checkpoint.root)
        if checkpoint.size < head.size:
            if self._clock.now_us() - due.since_us > BEHIND_US:
                raise HeadConflict("a head over {length} entries was seen", size, length=head.size)
        elif checkpoint.size == head.size:
            if checkpoint.root != head.root:  # seen before a start, or by another process
                self._keep("fork", head.data, checkpoint)
                raise HeadConflict("a head of this size and another root was seen", size)
            due.met = True
        elif request.old == head.size and shown == due.proven:
            self._check_extends(head.size, head.root, head.data, checkpoint, request.proof)
            due.met = True
        elif due.corrected and not due.spared:
            due.spared = True
        else:
            due.proven = shown
            raise HeadConflict("show the proof from the seen head over {length} entries", head.size, length=head.size)

    def _check_forked(self, checkpoint: Checkpoint, size: int) -> None:
        if any(item.origin == checkpoint.origin and item.code in FORKS for item in self._store.evidence()):
            raise HeadConflict("the log has forked, and only its next number is cosigned", size)

    def _keep(self, code: str, known: bytes, offered: Checkpoint) -> None:
        evidence = HeadEvidence(offered.origin, code, known, offered.data, self._clock.now_us())
        if self._store.keep_evidence(evidence, MAX_EVIDENCE):
            self._found(evidence)


def _check_proof(old: int, root: bytes, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
    if old:
        verify_consistency(old, checkpoint.size, root, checkpoint.root, proof)
    elif proof or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
        raise Contradicted("the proof from nothing is empty, and so is the root of nothing")


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except ValueError as error:
        raise _bad("a hash is not base64") from error
    if len(raw) != HASH_BYTES or base64.b64encode(raw).decode() != line:
        raise _bad("a hash has 32 bytes")
    return raw


def _bad(why: str) -> Malformed:
    return Malformed("this is not a request to cosign: {why}", code="bad-request", where="add-checkpoint", why=why)
