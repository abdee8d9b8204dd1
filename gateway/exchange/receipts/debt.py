"""Receipt debt: answers of ours that a counterpart has not acknowledged (design, section 7; CASE-G13).

A round once a second reads how far each counterpart's receipts have come; each request costs two look-ups in memory.
Debt is *overdue* when `answers` are open and receipts have not advanced for `STALL_S`, or when the oldest open answer
is `seconds` old, however slowly receipts advance. Overdue debt has an entry and an alarm, and another entry when it is
over. With `_FLOOD` times as many open answers, `_FLOOD_STALL_S` are enough: an honest counterpart has so many only when
it loses an answer at a hundred questions a second, and receipts come once a second.

Overdue debt limits service only where the counterpart could pay: it is connected and has gone on asking for at least
as long. A counterpart that did not ask for `seconds` begins anew when it is back. Humanitarian purposes are always
served. In time in which the rounds stood still, with the process or with its database, no counterpart was late
(CASE-N281).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from gateway.audit.accounts.receipts import ReceiptBook
from gateway.clock import Clock, is_trusted
from gateway.config.suspensions import HUMANITARIAN
from gateway.errors import Unacknowledged
from gateway.model.names import MemberId
from gateway.pauses import OwnPauses
from gateway.ports.documents import DocumentStore
from gateway.ports.entries import events
from gateway.storage.log.group_commit import LogWriter

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
