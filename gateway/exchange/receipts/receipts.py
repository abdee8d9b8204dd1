"""Acknowledge channels (step 8 of asking): send our receipts, at most once a second, and take those of others."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from gateway.audit.accounts.receipts import ChannelBook, Due, NumberedExchange, ReceiptBook
from gateway.audit.entries.entry import parse_entry
from gateway.errors import Contradicted, Forbidden, LiaisonError, Overloaded, Refused, StorageBroken
from gateway.exchange.asking.check_answer import check_entry
from gateway.exchange.asking.entries import their_entry
from gateway.exchange.parts import Parts
from gateway.model.exchange import LogProof, Receipt, ReceiptMessage
from gateway.model.names import MemberId
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event
from gateway.rpc.contract import Calls
from gateway.rpc.methods import ACKNOWLEDGE
from gateway.statements.receipt import RECEIPT_VERSIONS
from gateway.storage.log.group_commit import LogWriter
from gateway.throttle import Rates

_BURST = 5.0
_PER_SECOND = 2.0
"""A counterpart sends one receipt a second; many more are refused before a signature is checked."""


class Acknowledger:
    """Our receipts to counterparts. `received` notes an answer that is durable in our log; `round` sends."""

    def __init__(self, parts: Parts, book: ChannelBook, peers: Calls, operations: LogWriter) -> None:
        self._parts = parts
        self._book = book
        self._peers = peers
        self._operations = operations

    def received(self, peer: MemberId) -> None:
        """Note that an answer of `peer` is durable."""
        self._book.received(peer)

    def resume(self, peers: Iterable[MemberId]) -> None:
        """Take up what was not acknowledged before a restart."""
        self._book.resume(peers)

    async def round(self) -> None:
        """Send all due receipts at once; a counterpart that fails or refuses gets its receipt in a later round.

        Raises the first error that is not a counterpart's (`StorageBroken` before others), once all were served.
        """
        served = await asyncio.gather(*(self._serve(peer) for peer in self._book.peers()), return_exceptions=True)
        errors = [result for result in served if isinstance(result, BaseException)]
        if errors:
            raise next((error for error in errors if isinstance(error, StorageBroken)), errors[0])

    async def _serve(self, peer: MemberId) -> None:
        due = await asyncio.to_thread(self._book.due, peer)
        if due is not None:
            await self._send(due)

    async def _send(self, due: Due) -> None:
        receipt, entry, proof = due.receipt, b"", LogProof(0, (), b"")
        try:
            kind = RECEIPT_VERSIONS.newest(self._parts.trust(), receipt.recipient)
            sealed = kind.build(receipt, self._parts.key)
        except Refused:  # our own key was removed, or they read no version of ours: the receipt waits
            return
        if due.entry is not None:
            index, entry = due.entry
            proof = await asyncio.to_thread(self._parts.journal.proof, index, parse_entry(entry).log)
        try:
            await self._peers.call(receipt.recipient, ACKNOWLEDGE, ReceiptMessage(sealed.envelope, entry, proof))
        except Refused:
            return
        await asyncio.to_thread(self._book.sent, receipt, sealed.payload_hash)
        await self._operations.write(_entry(events.ACKNOWLEDGED, receipt.recipient, receipt, sealed.envelope))


class ReceiptTaker:
    """Takes counterparts' receipts to us."""

    def __init__(
        self, parts: Parts, book: ReceiptBook, operations: LogWriter, advanced: Callable[[MemberId, int], None]
    ) -> None:
        self._parts = parts
        self._book = book
        self._advanced = advanced
        self._operations = operations
        self._rates = Rates(_PER_SECOND, parts.clock.monotonic, _BURST / _PER_SECOND)

    async def take(self, peer: MemberId, message: ReceiptMessage) -> int:
        """Check a receipt and the sender's entry against our own log, note it, and return the number now acknowledged.

        A refusal has an entry with the hash of the message, not the message itself. Raises `Overloaded` with code
        `receipt-rate`, without an entry, when `peer` sends too many.
        """
        parts = self._parts
        if not self._rates.admits(peer):
            raise Overloaded("too many receipts", code="receipt-rate", where=peer)
        proved: list[Mapping[str, Any]] = []
        try:
            verified = RECEIPT_VERSIONS.verify(
                message.envelope, keys=parts.trust(), peer=peer, me=parts.member, now_us=parts.clock.now_us()
            )
            prove = partial(self._prove, peer, message, proved)
            through = await asyncio.to_thread(self._book.check_receipt, verified.value, verified.payload_hash, prove)
        except StorageBroken:
            raise
        except LiaisonError as error:
            refused = events.RECEIPT_REFUSED.draft(
                peer=peer,
                code=error.code,
                detail=str(error)[:300],
                statement_hash=hashlib.sha256(message.envelope).hexdigest(),
            )
            await self._operations.write(refused)
            if isinstance(error, Contradicted):  # the sender's own bytes contradict it: its fault, not ours
                raise Forbidden(error.message, code=error.code, where=error.where) from error
            raise
        for theirs in proved:  # empty where the receipt covers nothing new
            self._advanced(peer, through)
            await self._operations.write(_entry(events.RECEIPT, peer, verified.value, message.envelope, theirs))
        return through

    def _prove(
        self, peer: MemberId, message: ReceiptMessage, proved: list[Mapping[str, Any]], last: NumberedExchange | None
    ) -> None:
        """Prove that the sender's own log holds the last answer that its receipt covers, as ours does."""
        if last is None:  # nothing arrived, so the sender's signature is the only evidence that there can be
            proved.append({})
            return
        parts = self._parts
        expected = (last.exchange_id, last.request_hash, last.answer_hash)
        entry, shown = check_entry(parts.trust(), peer, parts.member, message.entry, message.proof, expected)
        if entry.kind not in events.ARRIVALS or entry.number != last.number:
            raise Forbidden("the entry does not say that our answer arrived", code="wrong-entry", where="entry")
        parts.note_head(shown)
        proved.append(their_entry(message, shown))


def _entry(
    event: Event, peer: MemberId, receipt: Receipt, envelope: bytes, theirs: Mapping[str, Any] = MappingProxyType({})
) -> EntryDraft:
    return event.draft(
        peer=peer,
        first=receipt.first,
        through=receipt.through,
        gaps=list(receipt.gaps),
        statement=_text(envelope),
        **theirs,
    )


def _text(envelope: bytes) -> str:
    return base64.b64encode(envelope).decode()
