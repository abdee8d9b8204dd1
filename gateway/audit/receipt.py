"""Receipts: the asking side acknowledges which numbers of a channel arrived, cumulatively (design, section 7).

What is not acknowledged is receipt debt. The hash is SHA-256 over one line for each exchange that arrived, in the
order of its number: `<number> <exchange id> <request hash> <answer hash>`, hashes in hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.audit.entry import parse_entry
from gateway.clock import Clock
from gateway.errors import Contradicted, Malformed
from gateway.model.exchange import Receipt
from gateway.model.names import MemberId
from gateway.ports import DocumentStore, LogStore

MAX_RANGE = 4096
"""Numbers that one receipt speaks of."""

INTERVAL_US = 1_000_000
"""A channel is acknowledged at most once a second."""

GAP_PATIENCE_US = 60_000_000
"""How long a number that did not arrive holds back the acknowledgement of those after it."""

_KIND_SENT = "receipt-sent"
_KIND_TAKEN = "receipt-taken"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange of a channel, as both sides hold it."""

    number: int
    exchange_id: str
    request_hash: bytes
    answer_hash: bytes


def exchanges_hash(exchanges: Iterable[Exchange]) -> bytes:
    """The hash over `exchanges`, which are in the order of their numbers."""
    digest = hashlib.sha256()
    for item in exchanges:
        line = f"{item.number} {item.exchange_id} {item.request_hash.hex()} {item.answer_hash.hex()}\n"
        digest.update(line.encode())
    return digest.digest()


@dataclass(slots=True)
class _Channel:
    """What arrived from one counterpart and was not acknowledged yet."""

    through: int
    previous: bytes
    waiting: dict[int, Exchange]
    last_us: int = 0
    waiting_since_us: int = 0


class ChannelBook:
    """The asking side's book of what arrived, one channel for each counterpart. Thread-safe.

    What was sent is remembered in `documents`; what had arrived before a restart is read from the log.
    """

    def __init__(self, documents: DocumentStore, store: LogStore, log: str, clock: Clock, member: MemberId) -> None:
        self._documents = documents
        self._store = store
        self._log = log
        self._clock = clock
        self._member = member
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}

    def received(self, peer: MemberId, exchange: Exchange) -> None:
        """Note an answer that is durable in our log."""
        with self._lock:
            channel = self._channel(peer)
            # A number far ahead is a lie or a loss of thousands; it is not kept, and shows as a gap.
            if channel.through < exchange.number <= channel.through + MAX_RANGE:
                channel.waiting_since_us = channel.waiting_since_us or self._clock.now_us()
                channel.waiting[exchange.number] = exchange

    def peers(self) -> list[MemberId]:
        """Counterparts from whom something waits for its receipt."""
        with self._lock:
            return [MemberId(peer) for peer, channel in self._channels.items() if channel.waiting]

    def resume(self, peers: Iterable[MemberId]) -> None:
        """Read from the log what `peers` sent before a restart and we have not acknowledged."""
        with self._lock:
            for peer in peers:
                self._channel(peer)

    def due(self, peer: MemberId) -> Receipt | None:
        """The receipt to send to `peer` now, or None. It counts as sent only after `sent`."""
        now = self._clock.now_us()
        with self._lock:
            channel = self._channel(peer)
            if not channel.waiting or now - channel.last_us < INTERVAL_US:
                return None
            through = self._through(channel, now)
            if through == channel.through:
                return None
            first = channel.through + 1
            arrived = [channel.waiting[number] for number in range(first, through + 1) if number in channel.waiting]
            gaps = tuple(number for number in range(first, through + 1) if number not in channel.waiting)
            channel.last_us = now
            return Receipt(self._member, peer, first, through, exchanges_hash(arrived), gaps, channel.previous, now)

    def sent(self, receipt: Receipt, payload_hash: bytes) -> None:
        """Note that the counterpart has taken `receipt`."""
        with self._lock:
            channel = self._channel(receipt.recipient)
            channel.through, channel.previous = receipt.through, payload_hash
            channel.waiting = {number: item for number, item in channel.waiting.items() if number > receipt.through}
            channel.waiting_since_us = self._clock.now_us() if channel.waiting else 0
            _remember(self._documents, _KIND_SENT, receipt.recipient, receipt.through, payload_hash)

    def _through(self, channel: _Channel, now: int) -> int:
        """The highest number to acknowledge: up to the first gap, or past it once we have waited long enough."""
        number = channel.through
        while number + 1 in channel.waiting and number - channel.through < MAX_RANGE:
            number += 1
        if number == channel.through and now - channel.waiting_since_us >= GAP_PATIENCE_US:
            return min(max(channel.waiting), channel.through + MAX_RANGE)
        return number

    def _channel(self, peer: str) -> _Channel:
        channel = self._channels.get(peer)
        if channel is None:
            through, previous = _recall(self._documents, _KIND_SENT, peer)
            bodies = self._store.channel(self._log, f"out:{peer}", through + 1, through + MAX_RANGE)
            waiting = {item.number: item for body in bodies if (item := _exchange(body))}
            since = self._clock.now_us() if waiting else 0
            channel = self._channels[peer] = _Channel(through, previous, waiting, 0, since)
        return channel


class ReceiptBook:
    """The answering side's book of receipts: what counterparts acknowledged, and what they owe. Thread-safe."""

    def __init__(self, documents: DocumentStore, store: LogStore, log: str) -> None:
        self._documents = documents
        self._store = store
        self._log = log
        self._lock = threading.Lock()

    def check_receipt(self, receipt: Receipt, payload_hash: bytes) -> int:
        """Compare `receipt` with our own entries and note it; the highest number now acknowledged.

        A repeated receipt changes nothing. Raises `Malformed` (it does not follow the last one, or is too wide)
        and `Contradicted` (it is about other exchanges than our log holds).
        """
        with self._lock:
            through, previous = _recall(self._documents, _KIND_TAKEN, receipt.sender)
            if receipt.through <= through:
                return through
            if receipt.first != through + 1 or receipt.previous != previous:
                raise Malformed(
                    f"the receipt does not follow the one through {through}",
                    code="receipt-out-of-order",
                    where="receipt",
                )
            if receipt.through - receipt.first >= MAX_RANGE:
                raise Malformed(f"a receipt covers {MAX_RANGE} numbers at most", code="receipt-too-wide")
            self._compare(receipt)
            _remember(self._documents, _KIND_TAKEN, receipt.sender, receipt.through, payload_hash)
            return receipt.through

    def _compare(self, receipt: Receipt) -> None:
        bodies = self._store.channel(self._log, f"in:{receipt.sender}", receipt.first, receipt.through)
        ours = {item.number: item for body in bodies if (item := _exchange(body))}
        if len(ours) != receipt.through - receipt.first + 1:
            raise Contradicted(
                f"the receipt goes to number {receipt.through}, and we have given fewer answers",
                code="receipt-ahead",
                where="receipt",
            )
        gaps = set(receipt.gaps)
        if exchanges_hash(ours[number] for number in sorted(ours) if number not in gaps) != receipt.exchanges_hash:
            raise Contradicted(
                "the receipt is about other exchanges than our log holds", code="receipt-differs", where="receipt"
            )

    def acknowledged(self, peer: MemberId) -> int:
        """The highest number that `peer` has acknowledged."""
        return _recall(self._documents, _KIND_TAKEN, peer)[0]

    def debt(self, peer: MemberId) -> int:
        """How many answers to `peer` are not acknowledged."""
        state = self._store.state(self._log)
        given = state.counters.get(f"in:{peer}", 0) if state else 0
        return max(0, given - self.acknowledged(peer))


def _exchange(body: bytes) -> Exchange | None:
    entry = parse_entry(body)
    if entry.number is None:
        return None
    return Exchange(entry.number, entry.exchange_id, entry.request_hash, entry.answer_hash)


def _remember(documents: DocumentStore, kind: str, peer: str, through: int, payload_hash: bytes) -> None:
    documents.put(kind, peer, json.dumps({"through": through, "previous": payload_hash.hex()}).encode())


def _recall(documents: DocumentStore, kind: str, peer: str) -> tuple[int, bytes]:
    value = documents.get(kind, peer)
    if value is None:
        return 0, b""
    fields = json.loads(value)
    return int(fields["through"]), bytes.fromhex(fields["previous"])
