"""What one member's export says of its exchanges with another, in the form in which two of them are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.audit.reading.evidence import Row
from gateway.audit.tree.checkpoint import signed_head
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.errors import LiaisonError
from gateway.ports import events
from gateway.signing.keys import VerifyKey

MARGIN_US = 120_000_000
"""How much two members' clocks may differ: what happened so near to the edge of an export may be missing in it."""


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
    """One entry about an exchange. `held`: the other side's own signature over what it says was verified (`prove`)."""

    entry: Entry
    seen: Seen | None = None
    held: bool = False


class SignedBy(Protocol):
    """Whether the counterpart signed a statement that is kept with an entry, and it says what the entry says."""

    def request(self, envelope: bytes, entry: Entry) -> bool:
        """Return a request of the counterpart, kept with an entry of what was answered."""

    def answer(self, envelope: bytes, entry: Entry) -> bool:
        """Return an answer of the counterpart, kept with an entry of what arrived."""


@dataclass(slots=True)
class Ledger:
    """One member's entries about exchanges with `peer`, by exchange id, and what bounds them.

    `created_us` is when the export was made, by its signed manifest: what happened before must be in it, from
    `since_us` until `until_us` (0: no bound). `opened` says whether private parts are in it, which tell of receipts.
    `bodies` are exact public parts by (log, index); `acknowledged` is the highest number of the peer's channel that
    its receipts cover; `lost` are the times between the last entry of a log's number and the first of the next one,
    which its log says are lost.
    """

    member: str
    peer: str
    created_us: int
    since_us: int = 0
    until_us: int = 0
    opened: bool = True
    asked: dict[str, Note] = field(default_factory=dict)
    arrived: dict[str, Note] = field(default_factory=dict)
    answered: dict[str, list[Note]] = field(default_factory=dict)
    bodies: dict[tuple[str, int], bytes] = field(default_factory=dict)
    acknowledged: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)

    def may_have_lost(self, time_us: int) -> bool:
        """Tell whether what happened then, by another clock, may have stood in entries that are lost."""
        return any(since_us - MARGIN_US <= time_us <= until_us + MARGIN_US for since_us, until_us in self.lost)

    def covers(self, time_us: int) -> bool:
        """Tell whether what happened then, by another clock, must be in this export."""
        end_us = min(self.created_us, self.until_us) if self.until_us else self.created_us
        begins = time_us >= self.since_us + MARGIN_US if self.since_us else True
        return begins and time_us <= end_us - MARGIN_US

    def take_answers(self, rows: Iterable[Row]) -> None:
        """Read what this member answered. Rows that are no entries are the verifier's."""
        for entry, row in _entries(rows):
            if entry.peer != self.peer:
                continue
            if entry.kind == events.RECEIPT.kind:
                self._receipt(row)
            elif entry.kind in events.ANSWERS and entry.exchange_id:
                self.bodies[entry.log, entry.index] = row.body
                self.answered.setdefault(entry.exchange_id, []).append(Note(entry))

    def take_questions(self, rows: Iterable[Row], answerer: Ledger, keys: Sequence[VerifyKey]) -> None:
        """Read what this member asked `answerer`, whose answers were read before; `keys` are its listed log keys."""
        for entry, row in _entries(rows):
            if entry.peer != self.peer or not entry.exchange_id:
                continue
            if entry.kind == events.ASKED.kind:
                self.asked[entry.exchange_id] = Note(entry)
            elif entry.kind in events.ARRIVALS:
                self.arrived[entry.exchange_id] = Note(entry, _seen(entry, row, answerer, keys))

    def prove(self, rows: Iterable[Row], exchange_ids: Set[str], signed: SignedBy) -> None:
        """Verify the other side's statements about these exchanges; only they can put blame on it."""
        for entry, row in _entries(rows):
            if entry.peer != self.peer or entry.exchange_id not in exchange_ids:
                continue
            if entry.kind in events.ANSWERS and signed.request(row.request, entry):
                notes = self.answered[entry.exchange_id]
                self.answered[entry.exchange_id] = [
                    replace(note, held=True) if note.entry == entry else note for note in notes
                ]
            elif entry.kind in events.ARRIVALS and signed.answer(row.answer, entry):
                self.arrived[entry.exchange_id] = replace(self.arrived[entry.exchange_id], held=True)

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


def _seen(entry: Entry, row: Row, answerer: Ledger, keys: Sequence[VerifyKey]) -> Seen | None:
    """Return what came with the answer, if it is an entry of the answerer about this very exchange."""
    private = _private(row)
    body, index = private.get("their_entry"), private.get("their_index")
    if not isinstance(body, str) or type(index) is not int:
        return None
    try:
        theirs = parse_entry(body.encode())
    except LiaisonError:
        return None
    about = (theirs.peer, theirs.exchange_id, theirs.request_hash, theirs.answer_hash)
    if about != (answerer.peer, entry.exchange_id, entry.request_hash, entry.answer_hash):
        return None
    if theirs.kind not in events.ANSWERS or not theirs.log.startswith(f"{answerer.member}."):
        return None
    log = theirs.log
    same = answerer.bodies.get((log, index)) == body.encode()
    return Seen(log, index, same, not same and _is_proven(log, index, body.encode(), private, keys))


def _is_proven(log: str, index: int, body: bytes, private: Mapping[str, object], keys: Sequence[VerifyKey]) -> bool:
    """Tell whether a head that the counterpart signed covers this entry in this place."""
    head, hashes = private.get("their_checkpoint"), private.get("their_hashes")
    if not isinstance(head, str) or not isinstance(hashes, list):
        return False
    try:
        checkpoint = signed_head(head.encode(), log, keys)
        if checkpoint is not None:
            path = [bytes.fromhex(item) for item in hashes]
            verify_inclusion(leaf_hash(body), index, checkpoint.size, path, checkpoint.root)
    except (LiaisonError, ValueError, TypeError):
        return False
    return checkpoint is not None


def _private(row: Row) -> dict[str, object]:
    if row.private is None:
        return {}
    try:
        return decode_private(row.private)
    except LiaisonError:
        return {}
