"""The heads that we have seen of counterparts' logs, in answers, receipts and requests to cosign (design, section 7).

Between two rounds of cosigning a counterpart has answered with larger heads than the one that we cosigned. It asks for
the largest one before it signs after a start, so they are remembered; durable with the next round to our witnesses.

Each head is compared with those seen before. Two roots over one size are a fork. So is an entry, or a whole part of the
tree, that is another one under a later head: two trees that share a part share it for ever.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from gateway.audit.tree.checkpoint import Checkpoint, Shown, parse_checkpoint, whole_parts
from gateway.audit.tree.merkle import node_hash
from gateway.clock import Clock
from gateway.model.evidence.witness import HeadEvidence
from gateway.witness.ports import WitnessStore

MAX_LOGS = 16
"""Logs of one member that are witnessed and remembered: two, each with a few numbers."""

MAX_EVIDENCE = 64
"""Pairs of heads that are kept of one log; one is enough to prove a fork."""

FORKS = frozenset(("fork", "apart"))
"""Codes of evidence after which a log is not cosigned any more: only its next number is."""

_MAX_HEADS = 1_024
_MAX_PARTS = 4_096

_Part = tuple[int, int]


class _Seen:
    """The heads and parts of one log, the oldest first."""

    def __init__(self) -> None:
        self.largest: Checkpoint | None = None
        self.heads: OrderedDict[int, Checkpoint] = OrderedDict()
        self.offered: OrderedDict[int, Checkpoint] = OrderedDict()
        self.parts: OrderedDict[_Part, tuple[bytes, Checkpoint]] = OrderedDict()

    def shown(self, head: Checkpoint) -> Checkpoint | None:
        """Remember a head from an answer or receipt; return one of its size with another root."""
        return _other(head, _remember(self.heads, head), self.offered.get(head.size))

    def offer(self, head: Checkpoint) -> Checkpoint | None:
        """Remember a head that is to be cosigned; return a shown one of its size with another root.

        One that was offered before proves nothing here: it may have been refused, and this one be right.
        """
        _remember(self.offered, head)
        return _other(head, self.heads.get(head.size))

    def other_part(self, shown: Shown) -> Checkpoint | None:
        """Return a head under which a part of the tree is another one; remember the parts where there is none."""
        for level, place, digest in whole_parts(shown):
            if (other := self._add(level, place, digest, shown.head)) is not None:
                return other
        while len(self.parts) > _MAX_PARTS:
            self.parts.popitem(last=False)
        return None

    def _add(self, level: int, place: int, digest: bytes, head: Checkpoint) -> Checkpoint | None:
        """Add a part, and each larger one that it completes."""
        parts = self.parts
        while True:
            known = parts.get((level, place))
            if known is not None:
                parts.move_to_end((level, place))
                return known[1] if known[0] != digest else None
            parts[level, place] = (digest, head)
            beside = parts.get((level, place ^ 1))
            if beside is None:
                return None
            left, right = (beside[0], digest) if place & 1 else (digest, beside[0])
            level, place, digest = level + 1, place >> 1, node_hash(left, right)


def _remember(heads: OrderedDict[int, Checkpoint], head: Checkpoint) -> Checkpoint:
    known = heads.setdefault(head.size, head)
    if len(heads) > _MAX_HEADS:
        heads.popitem(last=False)
    return known


def _other(head: Checkpoint, *known: Checkpoint | None) -> Checkpoint | None:
    return next((each for each in known if each is not None and each.root != head.root), None)


def forked_logs(evidence: Iterable[HeadEvidence]) -> frozenset[str]:
    """Return the logs of which the evidence shows two versions."""
    return frozenset(item.origin for item in evidence if item.code in FORKS)


class SeenHeads:
    """Heads, compared on the path of an exchange (some look-ups in memory) and written beside it. Thread-safe."""

    def __init__(self, store: WitnessStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._logs: dict[str, _Seen] = {}
        self._written: dict[str, int] = {}
        self._found: list[HeadEvidence] = []
        self._forked = forked_logs(store.evidence())

    def note(self, shown: Shown) -> None:
        """Note a head that came with an answer or a receipt. What contradicts it waits for `keep`."""
        self._note(shown.head, shown)

    def note_head(self, head: Checkpoint) -> None:
        """Note a head that a third member was shown; its signature was verified."""
        self._note(head, None)

    def _note(self, head: Checkpoint, shown: Shown | None) -> None:
        with self._lock:
            log = self._log(head.origin)
            if log is None:
                return
            if (other := log.shown(head)) is not None:
                self._contradicts("fork", other, head)
            elif shown is not None and (other := log.other_part(shown)) is not None:
                self._contradicts("apart", other, head)
            elif log.largest is None or log.largest.size < head.size:
                log.largest = head

    def newest(self) -> list[Checkpoint]:
        """Return the largest head of each log that this process has seen."""
        with self._lock:
            return [log.largest for log in self._logs.values() if log.largest is not None]

    def compare(self, head: Checkpoint) -> Checkpoint | None:
        """Note a head that is to be cosigned; return a head of its size with another root, if one was shown."""
        with self._lock:
            log = self._log(head.origin)
            return log.offer(head) if log is not None else None

    def largest(self, origin: str) -> Checkpoint | None:
        """Return the largest head that was seen, also by another process and before a start; None without one."""
        with self._lock:
            log = self._logs.get(origin)
            here = log.largest if log is not None else None
        data = self._store.seen(origin)
        kept = parse_checkpoint(data) if data else None
        return max((head for head in (here, kept) if head is not None), key=lambda head: head.size, default=None)

    def write(self) -> None:
        """Make the largest heads durable, and compare them with what other processes saw and what was cosigned."""
        with self._lock:
            largest = [log.largest for log in self._logs.values() if log.largest is not None]
        for head in largest:
            if self._written.get(head.origin, -1) < head.size:
                self._store.put_seen(head.origin, head.size, head.data)
                self._written[head.origin] = head.size
                self._compare_kept(head)

    def keep(self) -> list[HeadEvidence]:
        """Make found contradictions durable; return those that were new."""
        with self._lock:
            found = list(self._found)
        new = [evidence for evidence in found if self._store.keep_evidence(evidence, MAX_EVIDENCE)]
        forked = forked_logs(self._store.evidence())  # also what the witness's service and other processes found
        with self._lock:
            self._forked = forked
            del self._found[: len(found)]
        return new

    @property
    def forked(self) -> frozenset[str]:
        """The logs of which two versions are known, by what is kept or was just found."""
        with self._lock:
            return self._forked.union(item.origin for item in self._found)

    def is_forked(self, origin: str) -> bool:
        """Tell whether two versions of a log are known."""
        return origin in self.forked

    def _compare_kept(self, head: Checkpoint) -> None:
        seen, cosigned = self._store.seen(head.origin), self._store.witnessed(head.origin)
        for data in (seen, cosigned.checkpoint if cosigned else None):
            known = parse_checkpoint(data) if data else head
            if known.size == head.size and known.root != head.root:
                with self._lock:
                    self._contradicts("fork", known, head)

    def _contradicts(self, code: str, known: Checkpoint, head: Checkpoint) -> None:
        if sum(item.origin == head.origin for item in self._found) < MAX_EVIDENCE:
            self._found.append(HeadEvidence(head.origin, code, known.data, head.data, self._clock.now_us()))

    def _log(self, origin: str) -> _Seen | None:
        """Return what is known of a log; None for one more than a member may have."""
        log = self._logs.get(origin)
        if log is None:
            owner = origin.partition(".")[0]
            if sum(name.startswith(f"{owner}.") for name in self._logs) >= MAX_LOGS:
                return None
            log = self._logs[origin] = _Seen()
        return log
