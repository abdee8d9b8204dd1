"""What one member's export says of its exchanges with another, in the form in which two of them are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.audit.checkpoint import verify_checkpoint
from gateway.audit.entry import Entry, decode_private, parse_entry
from gateway.audit.evidence import Row
from gateway.audit.merkle import leaf_hash, verify_inclusion
from gateway.errors import LiaisonError
from gateway.signing.keys import VerifyKey

ANSWERS = frozenset({"answered", "refused"})
ARRIVALS = frozenset({"received", "late"})


@dataclass(frozen=True, slots=True)
class Seen:
    """The counterpart's own entry as it came with its answer: its place, and whether the export has the same there.

    `proven`: it has not, and a head that the counterpart signed shows that it had.
    """

    log: str
    index: int
    same: bool
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """One entry about an exchange. `held`: the other side's signed statement is kept with it."""

    entry: Entry
    held: bool
    seen: Seen | None = None


@dataclass(slots=True)
class Side:
    """One member's entries about exchanges with `peer`, by exchange id, and what bounds them.

    `bodies` are exact public parts by (log, index); `last_us` is the time of the newest entry; `acknowledged` is
    the highest number of the peer's channel that its receipts cover.
    """

    member: str
    peer: str
    asked: dict[str, Note] = field(default_factory=dict)
    arrived: dict[str, Note] = field(default_factory=dict)
    answered: dict[str, list[Note]] = field(default_factory=dict)
    bodies: dict[tuple[str, int], bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    last_us: int = 0
    acknowledged: int = 0

    def take_answers(self, rows: Iterable[Row]) -> None:
        """Read what this member answered, and what bounds its log. Rows that are no entries are the verifier's."""
        for entry, row in _entries(rows):
            self.last_us = max(self.last_us, entry.time_us)
            self.sizes[entry.log] = entry.index + 1
            if entry.peer != self.peer:
                continue
            if entry.kind == "receipt":
                self._receipt(row)
            elif entry.kind in ANSWERS and entry.exchange_id:
                self.bodies[entry.log, entry.index] = row.body
                self.answered.setdefault(entry.exchange_id, []).append(Note(entry, bool(row.request)))

    def take_questions(self, rows: Iterable[Row], answerer: Side, keys: Sequence[VerifyKey]) -> None:
        """Read what this member asked `answerer`, whose answers were read before; `keys` are its listed log keys."""
        for entry, row in _entries(rows):
            if entry.peer != self.peer or not entry.exchange_id:
                continue
            if entry.kind == "asked":
                self.asked[entry.exchange_id] = Note(entry, False)
            elif entry.kind in ARRIVALS:
                self.arrived[entry.exchange_id] = Note(entry, bool(row.answer), _seen(row, answerer, keys))

    def answers(self) -> Iterator[Note]:
        """Everything that was answered or refused."""
        for notes in self.answered.values():
            yield from notes

    def _receipt(self, row: Row) -> None:
        through = _private(row).get("through")
        if type(through) is int:
            self.acknowledged = max(self.acknowledged, through)


def _entries(rows: Iterable[Row]) -> Iterator[tuple[Entry, Row]]:
    for row in rows:
        try:
            yield parse_entry(row.body), row
        except LiaisonError:
            continue


def _seen(row: Row, answerer: Side, keys: Sequence[VerifyKey]) -> Seen | None:
    private = _private(row)
    body, index = private.get("their_entry"), private.get("their_index")
    if not isinstance(body, str) or type(index) is not int:
        return None
    try:
        log = parse_entry(body.encode()).log
    except LiaisonError:
        return None
    same = answerer.bodies.get((log, index)) == body.encode()
    return Seen(log, index, same, not same and _is_proven(log, index, body.encode(), private, keys))


def _is_proven(log: str, index: int, body: bytes, private: Mapping[str, object], keys: Sequence[VerifyKey]) -> bool:
    """Whether a head that the counterpart signed covers this entry in this place."""
    head, hashes = private.get("their_checkpoint"), private.get("their_hashes")
    if not isinstance(head, str) or not isinstance(hashes, list):
        return False
    for key in keys:
        try:
            checkpoint = verify_checkpoint(head.encode(), log, key)
            path = [bytes.fromhex(item) for item in hashes]
            verify_inclusion(leaf_hash(body), index, checkpoint.size, path, checkpoint.root)
        except (LiaisonError, ValueError, TypeError):
            continue
        return True
    return False


def _private(row: Row) -> dict[str, object]:
    if row.private is None:
        return {}
    try:
        return decode_private(row.private)
    except LiaisonError:
        return {}
