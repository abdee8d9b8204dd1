"""Acknowledgement of channels (step 8 of asking): we send ours, at most once a second, and take those of others."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.audit.receipt import ChannelBook, Exchange, ReceiptBook
from gateway.errors import LiaisonError, Overloaded, Refused, StorageBroken
from gateway.exchange.parts import Parts
from gateway.exchange.scribe import Scribe
from gateway.model.exchange import Receipt
from gateway.model.names import MemberId
from gateway.ports import EntryDraft, Peers, Retention
from gateway.statements.receipt import build_receipt, verify_receipt

_BURST = 5.0
_PER_SECOND = 2.0
"""A counterpart sends one receipt a second; whoever sends many more is refused before any signature is checked."""


class Acknowledger:
    """Our receipts to counterparts. `received` notes an answer that is durable in our log; `round` sends."""

    def __init__(self, parts: Parts, book: ChannelBook, peers: Peers, operations: Scribe) -> None:
        self._parts = parts
        self._book = book
        self._peers = peers
        self._operations = operations

    def received(self, peer: MemberId, exchange: Exchange) -> None:
        """Note an answer."""
        self._book.received(peer, exchange)

    def resume(self, peers: Iterable[MemberId]) -> None:
        """Take up what was not acknowledged before a restart."""
        self._book.resume(peers)

    async def round(self) -> None:
        """Send what is due, to all at once; who cannot be reached or refuses gets its receipt in a later round.

        Raises the first error that is not a counterpart's (`StorageBroken` before others), once all were served.
        """
        served = await asyncio.gather(*(self._serve(peer) for peer in self._book.peers()), return_exceptions=True)
        errors = [result for result in served if isinstance(result, BaseException)]
        if errors:
            raise next((error for error in errors if isinstance(error, StorageBroken)), errors[0])

    async def _serve(self, peer: MemberId) -> None:
        receipt = await asyncio.to_thread(self._book.due, peer)
        if receipt is not None:
            await self._send(receipt)

    async def _send(self, receipt: Receipt) -> None:
        sealed = build_receipt(receipt, self._parts.key)
        try:
            await self._peers.acknowledge(receipt.recipient, sealed.envelope)
        except Refused:
            return
        await asyncio.to_thread(self._book.sent, receipt, sealed.payload_hash)
        await self._operations.write(_entry("acknowledged", receipt.recipient, receipt, sealed.envelope))


@dataclass(slots=True)
class _Bucket:
    """How many receipts a counterpart may still send now: `_BURST` at most, `_PER_SECOND` more each second."""

    tokens: float
    at: float

    def spend(self, now: float) -> bool:
        self.tokens, self.at = min(_BURST, self.tokens + (now - self.at) * _PER_SECOND), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class ReceiptTaker:
    """Counterparts' receipts to us."""

    def __init__(self, parts: Parts, book: ReceiptBook, operations: Scribe) -> None:
        self._parts = parts
        self._book = book
        self._operations = operations
        self._buckets: dict[MemberId, _Bucket] = {}

    async def take(self, peer: MemberId, envelope: bytes) -> int:
        """Check a receipt against our own log and note it; the number now acknowledged.

        Refusals have an entry, with the hash of what was sent and not the thing itself. Raises `Overloaded` with
        code `receipt-rate`, without an entry, when `peer` sends too many.
        """
        parts = self._parts
        now = parts.clock.monotonic()
        if not self._buckets.setdefault(peer, _Bucket(_BURST, now)).spend(now):
            raise Overloaded("too many receipts", code="receipt-rate", where=peer)
        try:
            verified = verify_receipt(
                envelope, keys=parts.trust(), peer=peer, me=parts.member, now_us=parts.clock.now_us()
            )
            through = await asyncio.to_thread(self._book.check_receipt, verified.value, verified.payload_hash)
        except LiaisonError as error:
            private = {
                "code": error.code,
                "detail": str(error)[:300],
                "statement_hash": hashlib.sha256(envelope).hexdigest(),
            }
            await self._operations.write(
                EntryDraft("receipt-refused", peer, private=private, retention=Retention.OPERATIONS)
            )
            raise
        await self._operations.write(_entry("receipt", peer, verified.value, envelope))
        return through


def _entry(kind: str, peer: MemberId, receipt: Receipt, envelope: bytes) -> EntryDraft:
    private = {
        "first": receipt.first,
        "through": receipt.through,
        "gaps": list(receipt.gaps),
        "statement": _text(envelope),
    }
    return EntryDraft(kind, peer, private=private, retention=Retention.OPERATIONS)


def _text(envelope: bytes) -> str:
    return base64.b64encode(envelope).decode()
