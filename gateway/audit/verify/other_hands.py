"""Judge what a statement key signed that may have been in other hands then, by other evidence than that key.

A descriptor says since when a removed key may be in other hands. What it signed from then on is its member's own, from
before the removal took effect, or a thief's, and the key does not tell which. It is never evidence against its member.
It is proved by one of these:

1. a statement of the log's own member: a witness cosigned a head over its entry within a day of it. Who has the
   statement key alone writes no entry;
2. an answer or receipt that came: the other member's own entry of it came along, and its proof leads to a head by a log
   key that was in no other hands;
3. a request that came: a receipt of its sender covers its number, and its hash is that of our entries. The receipt is
   by another key, or has the sender's own entry and proof beside it. What its sender never asked is a gap in it.

All else is named, entry by entry: *key in other hands since …*.
"""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gateway.audit.accounts.receipts import MAX_RANGE, NumberedExchange, exchanges_hash
from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.audit.reading.evidence import Row
from gateway.audit.tree.checkpoint import foreign_head
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.audit.tree.quorum import Witnessed
from gateway.audit.verify.findings import Check, Report
from gateway.clock import DAY_US, HOUR_US, SECOND_US, rfc3339
from gateway.errors import Contradicted, LiaisonError
from gateway.model.exchange import Receipt
from gateway.model.names import MemberId
from gateway.ports.entries import events
from gateway.statements.envelope import Unsealed, check_signature, unseal
from gateway.statements.receipt import RECEIPT_VERSIONS
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.slots import IN_OTHER_HANDS
from gateway.trust.view import TrustView
from gateway.trust.withdrawn import WhoeverHasThem, lost_key, members_that_lost_a_key

_OF_ITS_TIME_US = DAY_US + HOUR_US
"""So long after an entry was written a head over it is of its time: of old heads a log keeps one for each day."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A statement by a key of `signer` that may have been in other hands; `since_us` says since when.

    `number` is that of its entry on the channel on which `signer` asks, None where it is no request to us. `is_shown`:
    the signer's own log holds it (2).
    """

    index: int
    time_us: int
    signer: str
    since_us: int
    number: int | None
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A receipt that counts: what its sender says of a range of numbers, and its own entry of the last that arrived."""

    sender: str
    receipt: Receipt
    last: NumberedExchange | None


@dataclass(slots=True)
class OtherHands:
    """Holds what rules 1 to 3 need of one log, or of a segment of it.

    `exchanges` are those of the channels on which members ask that lost a key, by the member and the number.
    """

    doubts: list[Doubt] = field(default_factory=list)
    exchanges: dict[str, dict[int, NumberedExchange]] = field(default_factory=lambda: defaultdict(dict))
    receipts: list[Acknowledged] = field(default_factory=list)

    def take(self, other: OtherHands) -> None:
        """Add what another segment has."""
        self.doubts += other.doubts
        self.receipts += other.receipts
        for member, exchanges in other.exchanges.items():
            self.exchanges[member].update(exchanges)


class Finder:
    """Finds in a segment's entries what `OtherHands` holds; costs next to nothing where no member lost a key."""

    def __init__(self, member: MemberId, view: TrustView, found: OtherHands) -> None:
        self._member = member
        self._view = view
        self._lost = members_that_lost_a_key(view)
        self._found = found

    def counted(self, entry: Entry) -> None:
        """Note an entry with a number of a channel."""
        if entry.peer in self._lost and entry.number is not None:
            found = NumberedExchange(entry.number, entry.exchange_id, entry.request_hash, entry.answer_hash)
            self._found.exchanges[entry.peer][entry.number] = found

    def wants(self, entry: Entry) -> bool:
        """Tell whether an entry is a receipt that may prove something."""
        return entry.kind == events.RECEIPT.kind and entry.peer in self._lost

    def receipt(self, entry: Entry, private: Mapping[str, Any]) -> None:
        """Note an entry's receipt, where it is one that counts."""
        if not self.wants(entry):
            return
        try:
            self._found.receipts.append(self._acknowledged(entry, private))
        except (LiaisonError, AttributeError, KeyError, TypeError, ValueError, binascii.Error):
            return  # it proves nothing; whether it is an entry of this log is asked elsewhere

    def doubted(self, signed: tuple[Unsealed, MemberId, int], entry: Entry, row: Row, refusal: LiaisonError) -> bool:
        """Note a statement whose signature is refused, if that is for hands alone; False where there is more to it."""
        unsealed, signer, at_us = signed
        key = lost_key(self._view, signer, unsealed.key_id, KeyUse.STATEMENT, at_us)
        if refusal.code != IN_OTHER_HANDS or key is None or key.compromised_us is None:
            return False
        try:
            check_signature(unsealed, WhoeverHasThem(self._view), signer, at_us)
        except LiaisonError:
            return False
        is_question = unsealed.payload_hash == entry.request_hash
        number = entry.number if is_question and signer == entry.peer else None
        shown = signer == entry.peer and not is_question and self._is_shown(entry, row)
        self._found.doubts.append(Doubt(entry.index, at_us, signer, key.compromised_us, number, shown))
        return True

    def _is_shown(self, entry: Entry, row: Row) -> bool:
        """Carry out rule 2."""
        try:
            theirs = proven_entry(self._view, entry.peer, decode_private(row.private or b""), entry.time_us)
        except (LiaisonError, AttributeError, KeyError, TypeError, ValueError):
            return False
        said = (theirs.peer, theirs.exchange_id, theirs.request_hash, theirs.answer_hash)
        return said == (self._member, entry.exchange_id, entry.request_hash, entry.answer_hash)

    def _acknowledged(self, entry: Entry, private: Mapping[str, Any]) -> Acknowledged:
        """Return the receipt of an entry, where rule 3 lets it count. Raises for another one."""
        unsealed = unseal(base64.b64decode(private["statement"], validate=True), *RECEIPT_VERSIONS.types)
        check_signature(unsealed, WhoeverHasThem(self._view), MemberId(entry.peer), entry.time_us)
        receipt = RECEIPT_VERSIONS.read(unsealed)
        if (receipt.sender, receipt.recipient) != (entry.peer, self._member):
            raise Contradicted("it is a receipt of others", code="wrong-sender")
        if receipt.through - receipt.first >= MAX_RANGE:
            raise Contradicted("it covers more than a receipt does", code="bad-range")
        if lost_key(self._view, entry.peer, unsealed.key_id, KeyUse.STATEMENT, entry.time_us) is None:
            return Acknowledged(entry.peer, receipt, None)
        theirs = proven_entry(self._view, entry.peer, private, entry.time_us)
        if theirs.kind not in events.ARRIVALS or theirs.peer != self._member or theirs.number is None:
            raise Contradicted("the entry does not say that our answer arrived", code="wrong-entry")
        last = NumberedExchange(theirs.number, theirs.exchange_id, theirs.request_hash, theirs.answer_hash)
        return Acknowledged(entry.peer, receipt, last)


def proven_entry(view: TrustView, member: str, private: Mapping[str, Any], at_us: int) -> Entry:
    """Return the entry of another member that is kept beside ours, when its proof leads to a head of that member's log.

    The head's key was in no other hands at `at_us`. Raises `LiaisonError`, or what comes of members of another form.
    """
    body = private["their_entry"].encode()
    theirs = parse_entry(body)
    if not theirs.log.startswith(f"{member}.liaison.internal/exchange/"):
        raise Contradicted("the entry is of another log", code="wrong-log")
    keys = [key for key in view.vkeys(member, KeyUse.LOG) if not lost_key(view, member, key.key_id, KeyUse.LOG, at_us)]
    head = foreign_head(private["their_checkpoint"].encode(), theirs.log, keys)
    hashes = [bytes.fromhex(item) for item in private["their_hashes"]]
    verify_inclusion(leaf_hash(body), theirs.index, head.size, hashes, head.root)
    return theirs


def judge(
    found: OtherHands,
    log: str,
    member: str,
    heads: Sequence[Witnessed],
    receipts: Iterable[Acknowledged],
    report: Report,
) -> None:
    """Tell of each statement in `log` that rules 1 to 3 do not prove; the note names all of them."""
    if not found.doubts:
        return
    first_cosigned, covered = _first_cosigned(heads), _covered(found.exchanges, receipts)
    left: dict[int, Doubt] = {}
    for doubt in found.doubts:
        by_us = first_cosigned(doubt.index)
        is_ours = doubt.signer == member and 0 < by_us <= doubt.time_us + _OF_ITS_TIME_US
        if not (is_ours or doubt.is_shown or doubt.number in covered.get(doubt.signer, ())):
            left.setdefault(doubt.index, doubt)
    for index, doubt in sorted(left.items()):
        text = (
            f"a statement of `{doubt.signer}` is not provable by its key alone, and by nothing else here: "
            f"key in other hands since {rfc3339(doubt.since_us)}"
        )
        report.not_provable(Check.STATEMENTS, text, log, index)
    if left:
        report.notes.append(f"{log}: signed by a key in other hands, and by nothing proved: entries {_ranges(left)}")


def _first_cosigned(heads: Sequence[Witnessed]) -> Callable[[int], int]:
    """Return what gives the time by which an entry stood under a cosigned head, in microseconds; 0 for never."""
    times = sorted((head.head.size, min(item.time_s for item in head.by) * SECOND_US) for head in heads)

    def first(index: int) -> int:
        return min((time_us for size, time_us in times if size > index), default=0)

    return first


def _covered(
    exchanges: Mapping[str, Mapping[int, NumberedExchange]], receipts: Iterable[Acknowledged]
) -> Mapping[str, set[int]]:
    """Return the numbers of each member's channel that its receipts cover, where they say what our entries say."""
    covered: dict[str, set[int]] = defaultdict(set)
    for item in receipts:
        ours, receipt = exchanges.get(item.sender, {}), item.receipt
        gaps = set(receipt.gaps)
        numbers = [number for number in range(receipt.first, receipt.through + 1) if number not in gaps]
        lines = [ours[number] for number in numbers if number in ours]
        is_last = item.last is None or (bool(lines) and lines[-1] == item.last)
        if len(lines) == len(numbers) and is_last and exchanges_hash(lines) == receipt.exchanges_hash:
            covered[item.sender].update(numbers)
    return covered


def _ranges(indexes: Iterable[int]) -> str:
    """Return numbers in words, those in a row as one."""
    numbers = sorted(indexes)
    breaks = [place for place, (one, next_one) in enumerate(pairwise(numbers), 1) if next_one != one + 1]
    parts = [numbers[start:stop] for start, stop in pairwise([0, *breaks, len(numbers)])]
    return ", ".join(f"{part[0]}" if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)
