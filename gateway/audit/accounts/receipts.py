"""Receipts: the asking side acknowledges which numbers of a channel arrived, cumulatively (design, section 7).

Answers without an acknowledgement are receipt debt. The hash is SHA-256 over one line for each exchange that arrived,
in the order of its number: `<number> <exchange id> <request hash> <answer hash>`, hashes in hexadecimal digits.

With a receipt comes the asking side's own entry of the last answer that it covers, with its proof: so each side holds
the other's statement and the other's signed head, and neither can rewrite its log later without contradicting one.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from gateway.audit.entries.entry import parse_entry
from gateway.clock import Clock
from gateway.errors import Contradicted, Malformed
from gateway.model.exchange import Receipt
from gateway.model.names import MemberId
from gateway.ports.documents import DocumentStore
from gateway.ports.log_store import LogStore
from gateway.statements.receipt import MAX_GAPS

MAX_RANGE = 4096
"""The most numbers that one receipt covers."""

INTERVAL_US = 1_000_000
"""The shortest time between two receipts of a channel."""

GAP_PATIENCE_US = 20_000_000
"""The time for which a number that did not arrive holds back the acknowledgement of those after it."""

_KIND_SENT = "receipt-sent"
_KIND_TAKEN = "receipt-taken"


@dataclass(frozen=True, slots=True)
class NumberedExchange:
    """One exchange of a channel, as both sides hold it."""

    number: int
    exchange_id: str
    request_hash: bytes
    answer_hash: bytes


def exchanges_hash(exchanges: Iterable[NumberedExchange]) -> bytes:
    """Return the hash over `exchanges`, which are in the order of their numbers."""
    digest = hashlib.sha256()
    for item in exchanges:
        line = f"{item.number} {item.exchange_id} {item.request_hash.hex()} {item.answer_hash.hex()}\n"
        digest.update(line.encode())
    return digest.digest()


@dataclass(slots=True)
class _Channel:
    """When we sent a receipt, and since when a missing number holds back those after it (0: none does)."""

    last_us: int = 0
    hole_us: int = 0
    open: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """A receipt to send, with index and public part of our entry of the last answer that it covers. `entry` is None
    where nothing of its range arrived."""

    receipt: Receipt
    entry: tuple[int, bytes] | None


class ChannelBook:
    """The asking side's book of arrivals, one channel for each counterpart. Thread-safe.

    Both ends of an open range are on disk: `documents` hold the last receipt sent, and the log holds the arrivals. So a
    receipt says the same after a restart, for any number of answers, in any process of the node.
    """

    def __init__(self, documents: DocumentStore, store: LogStore, log: str, clock: Clock, member: MemberId) -> None:
        self._documents = documents
        self._store = store
        self._log = log
        self._clock = clock
        self._member = member
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}

    def received(self, peer: MemberId) -> None:
        """Note that an answer of `peer` is durable in our log."""
        with self._lock:
            self._channels.setdefault(peer, _Channel()).open = True

    def resume(self, peers: Iterable[MemberId]) -> None:
        """Look for answers of these peers that arrived before a restart and are not acknowledged."""
        for peer in peers:
            self.received(peer)

    def peers(self) -> list[MemberId]:
        """Return counterparts to whom a receipt may be due."""
        with self._lock:
            return [MemberId(peer) for peer, channel in self._channels.items() if channel.open]

    def due(self, peer: MemberId) -> Due | None:
        """Return the receipt to send to `peer` now, or None. It counts as sent only after `sent`. Call this in one
        thread for each peer."""
        now = self._clock.now_us()
        with self._lock:
            channel = self._channels.setdefault(peer, _Channel())
            if not channel.open or now - channel.last_us < INTERVAL_US:
                return None
            channel.open = False
        sent, previous = _recall(self._documents, _KIND_SENT, peer)
        arrived = self._arrived(peer, sent)
        through = self._through(channel, peer, sent, arrived)
        if through > sent or channel.hole_us:
            channel.open = True  # until a look finds nothing more
        if through == sent:
            return None
        channel.last_us = now
        numbers = range(sent + 1, through + 1)
        covered = [arrived[number] for number in numbers if number in arrived]
        gaps = tuple(number for number in numbers if number not in arrived)
        digest = exchanges_hash(item for item, _ in covered)
        receipt = Receipt(self._member, peer, sent + 1, through, digest, gaps, previous, now)
        return Due(receipt, (parse_entry(covered[-1][1]).index, covered[-1][1]) if covered else None)

    def sent(self, receipt: Receipt, payload_hash: bytes) -> None:
        """Note that the counterpart has taken `receipt`."""
        _remember(self._documents, _KIND_SENT, receipt.recipient, receipt.through, payload_hash)

    def _arrived(self, peer: str, sent: int) -> dict[int, tuple[NumberedExchange, bytes]]:
        bodies = self._store.channel(self._log, f"out:{peer}", sent + 1, sent + MAX_RANGE)
        return {item.number: (item, body) for body in bodies if (item := _exchange(body))}

    def _through(self, channel: _Channel, peer: str, sent: int, arrived: Collection[int]) -> int:
        """Return the highest number to acknowledge: the last before a missing one, or past it after `GAP_PATIENCE_US`.

        A range that goes past a gap ends with an answer that arrived, or is full: later numbers can still arrive.
        """
        number = sent
        while number + 1 in arrived:
            number += 1
        further = max(arrived, default=0) > number or (
            number == sent and self._store.highest(self._log, f"out:{peer}") > number
        )
        if number > sent or not further:
            channel.hole_us = 0
            return number
        now = self._clock.now_us()
        channel.hole_us = channel.hole_us or now
        if now - channel.hole_us < GAP_PATIENCE_US:
            return sent
        channel.hole_us = 0
        fitting = (number for place, number in enumerate(sorted(arrived)) if number - sent - place - 1 <= MAX_GAPS)
        return max(fitting, default=sent + MAX_GAPS)


def settled(documents: DocumentStore, channel: str) -> int:
    """Return the highest number of a channel (`in:vn`, `out:vn`) whose receipt was taken (in) or sent (out)."""
    way, _, peer = channel.partition(":")
    return _recall(documents, _KIND_TAKEN if way == "in" else _KIND_SENT, peer)[0]


def settle(documents: DocumentStore, peer: str, through: int) -> None:
    """Count answers through this number as acknowledged: some of their entries are lost, so no receipt can name them.
    Changes nothing where more is acknowledged."""
    taken, previous = _recall(documents, _KIND_TAKEN, peer)
    if through > taken:
        _remember(documents, _KIND_TAKEN, peer, through, previous)


class ReceiptBook:
    """The answering side's book of receipts: which answers are acknowledged, and which are not yet. Thread-safe."""

    def __init__(self, documents: DocumentStore, store: LogStore, log: str) -> None:
        self._documents = documents
        self._store = store
        self._log = log
        self._lock = threading.Lock()

    def check_receipt(
        self, receipt: Receipt, payload_hash: bytes, prove: Callable[[NumberedExchange | None], object]
    ) -> int:
        """Compare `receipt` with our own entries and note it. Return the highest number now acknowledged.

        `prove` is called before anything is noted, with the last exchange of the receipt that arrived, as our log holds
        it, or None where none arrived. It raises where the sender does not show that its own log holds the same.

        A receipt below the acknowledged number changes nothing. One that overlaps it and goes further is taken without
        the link to the one before: a sender that was killed or restored may not have noted that one.

        Raises `Malformed` (it leaves numbers out, does not name the receipt before, or is too wide) and `Contradicted`
        (it is about other exchanges than our log holds).
        """
        with self._lock:
            through, previous = _recall(self._documents, _KIND_TAKEN, receipt.sender)
            if receipt.through < through:
                return through
            if receipt.first > through + 1 or (receipt.first == through + 1 and receipt.previous != previous):
                raise Malformed(
                    "the receipt does not follow the one through {through}",
                    code="receipt-out-of-order",
                    where="receipt",
                    through=through,
                )
            if receipt.through - receipt.first >= MAX_RANGE:
                raise Malformed("a receipt covers {limit} numbers at most", code="receipt-too-wide", limit=MAX_RANGE)
            last = self._compare(receipt)
            if receipt.through > through:
                prove(last)
            _remember(self._documents, _KIND_TAKEN, receipt.sender, receipt.through, payload_hash)
            return receipt.through

    def _compare(self, receipt: Receipt) -> NumberedExchange | None:
        """Return the last exchange that arrived by `receipt`. Raises `Contradicted` unless our log holds the same."""
        bodies = self._store.channel(self._log, f"in:{receipt.sender}", receipt.first, receipt.through)
        ours = {item.number: item for body in bodies if (item := _exchange(body))}
        lost = range(receipt.first, receipt.through + 1) if self._has_lost(receipt) else range(0)
        if any(number not in ours for number in lost):
            # Our log says that entries of this range are lost: a hash over the rest cannot be equal.
            last = ours.get(receipt.through)
            return None if receipt.through in receipt.gaps else last
        if len(ours) != receipt.through - receipt.first + 1:
            raise Contradicted(
                "the receipt goes to number {through}, and we have given fewer answers",
                code="receipt-ahead",
                where="receipt",
                through=receipt.through,
            )
        gaps = set(receipt.gaps)
        arrived = [ours[number] for number in sorted(ours) if number not in gaps]
        if exchanges_hash(arrived) != receipt.exchanges_hash:
            raise Contradicted(
                "the receipt is about other exchanges than our log holds", code="receipt-differs", where="receipt"
            )
        return arrived[-1] if arrived else None

    def _has_lost(self, receipt: Receipt) -> bool:
        """Tell whether our log may lack numbers of this range: all were given, and the log goes on after a loss."""
        return not self._log.endswith("/1") and receipt.through <= self.given().get(receipt.sender, 0)

    def acknowledged(self, peer: MemberId) -> int:
        """Return the highest number that `peer` has acknowledged."""
        return _recall(self._documents, _KIND_TAKEN, peer)[0]

    def given(self) -> dict[str, int]:
        """Return how many answers were given to each counterpart."""
        state = self._store.state(self._log)
        counters = state.counters if state else {}
        return {name.removeprefix("in:"): count for name, count in counters.items() if name.startswith("in:")}

    def given_us(self, peer: MemberId, number: int) -> int:
        """Return when the answer of this number was given, by its entry; 0 where there is none."""
        bodies = self._store.channel(self._log, f"in:{peer}", number, number)
        return parse_entry(bodies[0]).time_us if bodies else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of receipts between us and `peer`: for our answers (`given`) and for those of theirs that `arrived`.

    `oldest_us` is when the first answer of ours that has no receipt was given, 0 where all have one.
    """

    peer: MemberId
    given: int
    acknowledged: int
    oldest_us: int
    arrived: int
    sent: int


def standing(documents: DocumentStore, store: LogStore, log: str, peers: Iterable[MemberId]) -> list[Standing]:
    """Return the state of receipts with each of `peers`; reads only."""
    book = ReceiptBook(documents, store, log)
    given = book.given()
    found = []
    for peer in peers:
        acknowledged, count = book.acknowledged(peer), given.get(peer, 0)
        oldest_us = book.given_us(peer, acknowledged + 1) if count > acknowledged else 0
        arrived, sent = store.highest(log, f"out:{peer}"), _recall(documents, _KIND_SENT, peer)[0]
        found.append(Standing(peer, count, acknowledged, oldest_us, arrived, sent))
    return found


def _exchange(body: bytes) -> NumberedExchange | None:
    entry = parse_entry(body)
    if entry.number is None:
        return None
    return NumberedExchange(entry.number, entry.exchange_id, entry.request_hash, entry.answer_hash)


def _remember(documents: DocumentStore, kind: str, peer: str, through: int, payload_hash: bytes) -> None:
    documents.put(kind, peer, json.dumps({"through": through, "previous": payload_hash.hex()}).encode())


def _recall(documents: DocumentStore, kind: str, peer: str) -> tuple[int, bytes]:
    value = documents.get(kind, peer)
    if value is None:
        return 0, b""
    fields = json.loads(value)
    return int(fields["through"]), bytes.fromhex(fields["previous"])
