"""Acknowledge channels (step 8 of asking): send our receipts, at most once a second, take others', and count debts."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from gateway.audit.accounts.receipts import ChannelBook, Due, NumberedExchange, ReceiptBook
from gateway.audit.entries.entry import parse_entry
from gateway.clock import Clock, is_trusted
from gateway.config.suspensions import HUMANITARIAN
from gateway.errors import Contradicted, Forbidden, LiaisonError, Overloaded, Refused, StorageBroken, Unacknowledged
from gateway.exchange.asking.check_answer import check_entry
from gateway.exchange.asking.entries import their_entry
from gateway.exchange.parts import Parts
from gateway.model.exchange import LogProof, Receipt, ReceiptMessage
from gateway.model.names import MemberId
from gateway.pauses import OwnPauses
from gateway.ports.documents import DocumentStore
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


# ------------------------------------------------------------ answers without an acknowledgement
# A round once a second reads how far each counterpart's receipts have come; each request costs two look-ups in memory.
# Debt is *overdue* when `answers` are open and receipts have not advanced for `STALL_S`, or when the oldest open answer
# is `seconds` old, however slowly receipts advance. Overdue debt has an entry and an alarm, and another entry when it
# is over. With `_FLOOD` times as many open answers, `_FLOOD_STALL_S` are enough: an honest counterpart has so many only
# when it loses an answer at a hundred questions a second, and receipts come once a second.
#
# Overdue debt limits service only where the counterpart could pay: it is connected and has gone on asking for at least
# as long. A counterpart that did not ask for `seconds` begins anew when it is back. Humanitarian purposes are always
# served. In time in which the rounds stood still, with the process or with its database, no counterpart was late
# (CASE-N281).


STALL_S = 30.0
"""The time without a new receipt after which receipts are stalled: a lost answer holds them back for 20 s."""

_FLOOD = 20
_FLOOD_STALL_S = 3.0

_LITTLE = 100

_STEP_S = 2.0
"""Rounds come once a second: what is longer between two of them was a pause of ours."""

OVERDUE = "receipts-overdue"
"""Kind of the documents that say which alarms have begun, and of the entry of an alarm."""


@dataclass(frozen=True, slots=True)
class DebtLimits:
    """The number of open answers, and the age in seconds of the oldest, at which debt is overdue."""

    answers: int = 100
    seconds: float = 600.0


@dataclass(slots=True)
class _Account:
    """One counterpart.

    `since` is when its receipts last advanced or its debt began, `asking` when it began to ask (both monotonic);
    `oldest_us` is when the first answer without a receipt was given, 0 where there is none.
    """

    given: int = 0
    acknowledged: int = 0
    since: float = 0.0
    asking: float = 0.0
    asked: float = float("-inf")
    oldest_us: int = 0

    @property
    def open(self) -> int:
        return max(0, self.given - self.acknowledged)

    @property
    def owed(self) -> str:
        """The text for the counterpart: its own debt, and nothing else of ours."""
        many = "1 answer" if self.open == 1 else f"{self.open} answers"
        return f"receipts are due for {many} of ours, from number {self.acknowledged + 1} on"


@dataclass(slots=True)
class _Seen:
    """The state that each request touches: when each counterpart asked last, and the texts for limited ones."""

    asked: dict[str, float] = field(default_factory=dict)
    limited: Mapping[str, str] = field(default_factory=dict)


class Debts:
    """The debts of counterparts. Each request calls `check`; `round` reads the log and writes entries."""

    def __init__(
        self,
        book: ReceiptBook,
        documents: DocumentStore,
        clock: Clock,
        operations: LogWriter,
        peers: Callable[[], Collection[str]],
        limits: DebtLimits,
    ) -> None:
        self._book = book
        self._documents = documents
        self._clock = clock
        self._operations = operations
        self._peers = peers
        self.limits = limits
        self._accounts: dict[str, _Account] = {}
        self._seen = _Seen()
        self._pauses = OwnPauses(_STEP_S, lambda: clock.now_us() / 1e6)

    def check(self, peer: str, purpose: str, now: float) -> None:
        """Note that `peer` asks at `now` (monotonic); raise `Unacknowledged` where its debt limits it."""
        seen = self._seen
        seen.asked[peer] = now
        if peer in seen.limited and purpose not in HUMANITARIAN:
            raise Unacknowledged(seen.limited[peer], where=peer)

    def advanced(self, peer: str, through: int) -> None:
        """Lift the limit of a counterpart that has paid all but a little; a round lifts the others."""
        account = self._accounts.get(peer)
        if account is not None and account.given - through < min(self.limits.answers, _LITTLE):
            self._seen.limited = {name: owed for name, owed in self._seen.limited.items() if name != peer}

    def open_answers(self) -> Mapping[str, float]:
        """Return the number of answers that are not acknowledged, by counterpart."""
        return {peer: float(account.open) for peer, account in self._accounts.items()}

    def oldest_s(self) -> Mapping[str, float]:
        """Return the age in seconds of the oldest of them, by counterpart; 0 where there is none."""
        return {peer: self._age(account) for peer, account in self._accounts.items()}

    async def round(self, leads: bool = True) -> None:
        """Read all counterparts, and write an entry for each debt that has become overdue or is over.

        Of several processes of one node, the one that `leads` writes entries. While our own time is not to be trusted,
        a round does nothing: ages are unknown, and no request is answered anyway.
        """
        if not is_trusted(self._clock):
            self._pauses.beat()
            return
        peers = await asyncio.to_thread(self._look)
        if not leads:
            return
        begun = set(await asyncio.to_thread(self._documents.keys, OVERDUE))
        for peer in peers:
            account = self._accounts[peer]
            overdue = self._overdue(account)
            if overdue and peer not in begun:
                await self._begin(MemberId(peer), account)
            elif not overdue and peer in begun:
                await self._end(MemberId(peer), account)

    def _look(self) -> list[str]:
        now = self._clock.monotonic()
        given = self._book.given()
        for peer in self._peers():
            account = self._accounts.get(peer)
            if account is None:
                account = self._accounts[peer] = _Account(since=now)
            self._move(account, given.get(peer, 0), peer, now)
        self._pauses.beat()  # behind what is read, for which a database may have kept us waiting
        self._seen.limited = {peer: item.owed for peer, item in self._accounts.items() if self._limits_service(item)}
        return list(self._accounts)

    def _move(self, account: _Account, given: int, peer: str, now: float) -> None:
        """Update one account: answers given, answers acknowledged, and when the counterpart asked."""
        was_open, account.given = account.open, given
        # Read anew only while something is open: another process of this node may have taken a receipt.
        if account.open:
            acknowledged = self._book.acknowledged(MemberId(peer))
            if acknowledged > account.acknowledged or not was_open:
                account.since, account.oldest_us = now, 0
            account.acknowledged = acknowledged
        if account.open and not account.oldest_us:
            account.oldest_us = self._book.given_us(MemberId(peer), account.acknowledged + 1)
        asked = self._seen.asked.get(peer, account.asked)
        if asked - account.asked >= self.limits.seconds:
            account.asking = asked
        account.asked = asked

    def _age(self, account: _Account) -> float:
        passed_s = max(0.0, (self._clock.now_us() - account.oldest_us) / 1e6) if account.open else 0.0
        return self._pauses.ran_s(passed_s)

    def _overdue(self, account: _Account) -> bool:
        stands = self._pauses.ran_s(self._clock.monotonic() - account.since)
        many = account.open >= self.limits.answers and stands >= self._patience(account)
        return many or self._age(account) >= self.limits.seconds

    def _patience(self, account: _Account) -> float:
        """Return the seconds without a new receipt after which receipts of this debt are stalled."""
        return _FLOOD_STALL_S if account.open >= _FLOOD * self.limits.answers else STALL_S

    def _limits_service(self, account: _Account) -> bool:
        now = self._clock.monotonic()
        asks_for_s = self._pauses.ran_s(now - account.asking)
        goes_on = now - account.asked < self.limits.seconds and asks_for_s >= self._patience(account)
        return goes_on and self._overdue(account)

    async def _begin(self, peer: MemberId, account: _Account) -> None:
        draft = events.RECEIPTS_OVERDUE.draft(
            peer=peer,
            open=account.open,
            first=account.acknowledged + 1,
            since_us=account.oldest_us,
            limited=peer in self._seen.limited,
        )
        await self._operations.write(draft)
        await asyncio.to_thread(self._documents.put, OVERDUE, peer, str(self._clock.now_us()).encode())

    async def _end(self, peer: MemberId, account: _Account) -> None:
        """Write that a debt is over; an alarm from before a restart lasts until new receipts have come."""
        begun_us = int(await asyncio.to_thread(self._documents.get, OVERDUE, peer) or 0)
        if account.open and account.oldest_us <= begun_us:
            return
        draft = events.RECEIPTS_SETTLED.draft(
            peer=peer, open=account.open, through=account.acknowledged, begun_us=begun_us
        )
        await self._operations.write(draft)
        await asyncio.to_thread(self._documents.delete, OVERDUE, peer)
