"""One member's entries about its exchanges with another, read from an export, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.audit.reading.evidence import Row
from gateway.audit.tree.checkpoint import signed_head
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.errors import LiaisonError
from gateway.ports.entries import events
from gateway.signing.keys import VerifyKey

MARGIN_US = 120_000_000
"""The most by which two members' clocks may differ: an event so near to the edge of an export may be missing in it."""

_NOTICE = b'"notice":'
"""Bytes of each private part that tells of a notice; others are not parsed to look for one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The place of the counterpart's own entry, as it came with its answer. `same`: the export holds it there.

    `proven`: the export does not hold it there, although a head that the counterpart signed covers it.
    """

    log: str
    index: int
    same: bool
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """One entry about an exchange. `held`: the other side's own signature over the same content was verified.

    `other_hands`: so was one by a key of the other side that may have been in other hands then.
    """

    entry: Entry
    seen: Seen | None = None
    held: bool = False
    other_hands: bool = False


class SignedBy(Protocol):
    """Checks that the counterpart signed a statement that is kept with an entry, and that both say the same."""

    def request(self, envelope: bytes, entry: Entry) -> bool:
        """Tell whether the counterpart signed this request, which is kept with the entry that answered it."""

    def answer(self, envelope: bytes, entry: Entry) -> bool:
        """Tell whether the counterpart signed this answer, which is kept with the entry of its arrival."""

    @property
    def whoever(self) -> SignedBy:
        """Return the same checks, for which keys count as well that may have been in other hands."""


@dataclass(slots=True)
class Ledger:
    """One member's entries about exchanges with `peer`, by exchange id, and the bounds of its export.

    `created_us` is the time of the export by its signed manifest: earlier events must be in it, from `since_us` until
    `until_us` (0: no bound). `opened`: private parts are in it, which tell of receipts. `bodies` are exact public parts
    by (log, index). `turned_away` are questions that the peer did not take, by this member's word: the peer has no
    entry of one. `waiting` are notices that are still to be delivered, by this member's word, with the time until which
    they are (0: however long that takes). `acknowledged` is the highest number of the peer's channel that its receipts
    cover. `lost` are the times between the last entry of a log's number and the first of the next one, which its log
    says are lost.
    """

    member: str
    peer: str
    created_us: int
    since_us: int = 0
    until_us: int = 0
    opened: bool = True
    asked: dict[str, Note] = field(default_factory=dict)
    arrived: dict[str, Note] = field(default_factory=dict)
    turned_away: set[str] = field(default_factory=set)
    waiting: dict[str, int] = field(default_factory=dict)
    answered: dict[str, list[Note]] = field(default_factory=dict)
    bodies: dict[tuple[str, int], bytes] = field(default_factory=dict)
    acknowledged: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)

    def may_have_lost(self, time_us: int) -> bool:
        """Tell whether the entry of an event at this time, by another clock, may be among the lost ones."""
        return any(since_us - MARGIN_US <= time_us <= until_us + MARGIN_US for since_us, until_us in self.lost)

    def covers(self, time_us: int) -> bool:
        """Tell whether an event at this time, by another clock, must be in this export."""
        end_us = min(self.created_us, self.until_us) if self.until_us else self.created_us
        begins = time_us >= self.since_us + MARGIN_US if self.since_us else True
        return begins and time_us <= end_us - MARGIN_US

    def take_answers(self, rows: Iterable[Row]) -> None:
        """Read this member's answers and receipts. Skips rows that are not entries, which the verifier reports."""
        for entry, row in _entries(rows):
            if entry.peer != self.peer:
                continue
            if entry.kind == events.RECEIPT.kind:
                self._receipt(row)
            elif entry.kind in events.ANSWERS and entry.exchange_id:
                self.bodies[entry.log, entry.index] = row.body
                self.answered.setdefault(entry.exchange_id, []).append(Note(entry))

    def take_questions(self, rows: Iterable[Row], answerer: Ledger, keys: Sequence[VerifyKey]) -> None:
        """Read this member's questions to `answerer`, whose answers were read before, with its log keys in `keys`."""
        for entry, row in _entries(rows):
            if entry.peer != self.peer or not entry.exchange_id:
                continue
            if entry.kind == events.ASKED.kind:
                self.asked[entry.exchange_id] = Note(entry)
                if row.private is not None and _NOTICE in row.private:
                    self._waits(entry.exchange_id, _private(row))
            elif entry.kind == events.TOO_MANY.kind:
                self.turned_away.add(entry.exchange_id)
            elif entry.kind == events.SILENT.kind:
                self.waiting.pop(entry.exchange_id, None)
            elif entry.kind in events.ARRIVALS:
                self.arrived[entry.exchange_id] = Note(entry, _seen(entry, row, answerer, keys))

    def prove(self, rows: Iterable[Row], exchange_ids: Set[str], signed: SignedBy) -> None:
        """Verify the other side's statements about these exchanges. Only verified ones can blame the other side."""
        for entry, row in _entries(rows):
            if entry.peer != self.peer or entry.exchange_id not in exchange_ids:
                continue
            if entry.kind in events.ANSWERS:
                held = signed.request(row.request, entry)
                lost = not held and signed.whoever.request(row.request, entry)
                notes = self.answered[entry.exchange_id]
                self.answered[entry.exchange_id] = [
                    replace(note, held=held, other_hands=lost) if note.entry == entry else note for note in notes
                ]
            elif entry.kind in events.ARRIVALS:
                held = signed.answer(row.answer, entry)
                lost = not held and signed.whoever.answer(row.answer, entry)
                note = self.arrived[entry.exchange_id]
                self.arrived[entry.exchange_id] = replace(note, held=held or note.held, other_hands=lost)

    def answers(self) -> Iterator[Note]:
        """Yield everything that was answered or refused."""
        for notes in self.answered.values():
            yield from notes

    def waits(self, exchange_id: str) -> bool:
        """Tell whether a notice was still to be delivered when the export was made."""
        until_us = self.waiting.get(exchange_id)
        return until_us is not None and (not until_us or until_us > self.created_us - MARGIN_US)

    def _waits(self, exchange_id: str, private: Mapping[str, object]) -> None:
        until_us = private.get("expires_us")
        if "notice" in private and type(until_us) is int:
            self.waiting[exchange_id] = until_us

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
    """Return the entry that came with the answer, if it is the answerer's entry about this exchange."""
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
