"""Once a day, two nodes compare what one answered to the other: counters, and a hash over the exchanges.

The side that answered writes the account, in ranges of the channel's numbers from where the last comparison ended. It
signs the account and gets the other side's signed answer. Where the two sides differ on a range, the range is sent
again in pieces that list each exchange, so that both sides learn the exchange ids concerned. Each side writes an entry
for each range: `day-compared`, or `day-differs`, which is an alarm. Only public parts are read, and nothing is
decrypted.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.audit.accounts import days
from gateway.audit.accounts.days import Held
from gateway.audit.accounts.receipts import NumberedExchange, exchanges_hash
from gateway.clock import DAY_US, check_time, from_us, to_us
from gateway.errors import Malformed, Overloaded, Refused
from gateway.exchange.parts import Parts
from gateway.model.evidence.day_account import DayAccount, DayAnswer
from gateway.model.names import MemberId
from gateway.ports.documents import DocumentStore
from gateway.ports.entries import events
from gateway.ports.log_store import LogStore
from gateway.rpc.contract import Calls
from gateway.rpc.methods import COMPARE_DAY
from gateway.statements.account import (
    ACCOUNT_ANSWER_VERSIONS,
    ACCOUNT_VERSIONS,
    MAX_LINES,
    MAX_WIDTH,
    verify_account_answer,
)
from gateway.statements.envelope import check_signer
from gateway.storage.log.group_commit import LogWriter
from gateway.throttle import Rates

GRACE_US = 600_000_000
"""The time after midnight (UTC) at which a day is closed: its answers have come, or are silent."""

GIVEN = "day-given"
TAKEN = "day-taken"
"""Kinds of the documents that hold the state of the last comparison, for what we gave and what we took."""

_NAMED = 100
_BURST = 300.0
_PER_SECOND = 0.1
"""Accounts that a counterpart may send.

The burst covers a day of a million exchanges; few more are allowed, since each has an entry with its statement.
"""


@dataclass(slots=True)
class DayState:
    """The progress of comparing a channel: the number reached, its `day`, and the last day `closed` with all numbers.

    `differs` and the first `exchanges` concerned are those of `day`.
    """

    day: str = ""
    closed: str = ""
    through: int = 0
    differs: bool = False
    exchanges: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, documents: DocumentStore, kind: str, peer: str) -> DayState:
        """Return the state as it was stored."""
        value = documents.get(kind, peer)
        return cls(**json.loads(value)) if value is not None else cls()

    def write(self, documents: DocumentStore, kind: str, peer: str) -> None:
        """Store the state."""
        documents.put(kind, peer, json.dumps(asdict(self)).encode())

    def note(self, day: str, through: int, ids: Iterable[str], differs: bool) -> None:
        """Add one range; a new day begins a new list."""
        if day != self.day:
            self.day, self.exchanges, self.differs = day, [], False
        self.through = max(self.through, through)
        self.differs = self.differs or differs
        self.exchanges = list(dict.fromkeys((*self.exchanges, *ids)))[:_NAMED]


class DayAccounts:
    """Both halves: `round` sends our accounts, `take` answers those of others."""

    def __init__(
        self,
        parts: Parts,
        store: LogStore,
        log: str,
        peers: Calls,
        operations: LogWriter,
        members: Callable[[], Collection[MemberId]],
    ) -> None:
        self._parts = parts
        self._store = store
        self._log = log
        self._peers = peers
        self._operations = operations
        self._members = members
        self._rates = Rates(_PER_SECOND, parts.clock.monotonic, _BURST / _PER_SECOND)

    # ------------------------------------------------------------ what we answered

    async def round(self) -> None:
        """Compare the last closed day with each member where it is not compared yet; unreachable ones wait.

        Raises `Stale` while our own time is not to be trusted.
        """
        check_time(self._parts.clock)  # a clock that is ahead would close a day that is not over
        day = _closed(self._parts.clock.now_us())
        await asyncio.gather(*(self._compare(peer, day) for peer in self._members()))

    async def _compare(self, peer: MemberId, day: str) -> None:
        documents = self._parts.documents
        state = await asyncio.to_thread(DayState.read, documents, GIVEN, peer)
        if state.closed >= day:
            return
        given = await asyncio.to_thread(days.given_by, self._store, self._log, peer, _end_us(day))
        try:
            for start in range(state.through + 1, given + 1, MAX_WIDTH):
                await self._range(peer, day, start, min(given, start + MAX_WIDTH - 1), given)
        except Refused:
            return  # the next round begins where this one ended
        state = await asyncio.to_thread(DayState.read, documents, GIVEN, peer)
        state.closed = day
        await asyncio.to_thread(state.write, documents, GIVEN, peer)

    async def _range(self, peer: MemberId, day: str, first: int, through: int, given: int) -> None:
        items = await asyncio.to_thread(days.answers, self._store, self._log, peer, first, through)
        answer, statement = await self._send(peer, day, (first, through, given), items, listed=False)
        arrived = [item for item in items if item.number not in set(answer.missing)]
        same = not answer.missing and not answer.unknown and answer.exchanges_hash == exchanges_hash(arrived)
        if same:
            await self._note(peer, GIVEN, (day, first, through), {}, statement)
            return
        differing: list[int] = []
        for start in range(first, through + 1, MAX_LINES):
            stop = min(through, start + MAX_LINES - 1)
            listed = [item for item in items if start <= item.number <= stop]
            piece, _ = await self._send(peer, day, (start, stop, given), listed, listed=True)
            differing += piece.differing
        wrong = {*answer.missing, *differing}
        ids = [item.exchange_id for item in items if item.number in wrong]
        ids += [line.exchange_id for line in answer.unknown]
        said = {"missing": list(answer.missing), "differing": differing[:MAX_LINES], "exchanges": ids[:MAX_LINES]}
        await self._note(peer, GIVEN, (day, first, through), said, statement)

    async def _send(
        self, peer: MemberId, day: str, place: tuple[int, int, int], items: Iterable[NumberedExchange], *, listed: bool
    ) -> tuple[DayAnswer, bytes]:
        parts, (first, through, given), items = self._parts, place, list(items)
        lines = tuple(days.line_of(item) for item in items) if listed else ()
        now_us = parts.clock.now_us()
        digest = exchanges_hash(items)
        account = DayAccount(parts.member, peer, day, first, through, given, digest, listed, lines, now_us)
        sealed = ACCOUNT_VERSIONS.newest(parts.trust(), peer).build(account, parts.key)
        envelope = await self._peers.call(peer, COMPARE_DAY, sealed.envelope)
        verified = verify_account_answer(
            envelope,
            keys=parts.trust(),
            peer=peer,
            me=parts.member,
            account_hash=sealed.payload_hash,
            now_us=parts.clock.now_us(),
        )
        return verified.value, envelope

    # ------------------------------------------------------------ what we received

    async def take(self, peer: MemberId, envelope: bytes) -> bytes:
        """Compare a counterpart's account with our log, write the entry, and return our signed answer.

        Raises like `Kind.verify`, `Malformed` for a day that is not over, `Overloaded` when there are too many, and
        `Stale` while our own time is not to be trusted.
        """
        parts = self._parts
        check_time(parts.clock)
        self._spend(peer)
        now_us = parts.clock.now_us()
        verified = ACCOUNT_VERSIONS.verify(envelope, keys=parts.trust(), peer=peer, me=parts.member, now_us=now_us)
        account = verified.value
        if _end_us(account.day) > now_us:
            raise Malformed("the day is not over", code="day-not-over", where="day")
        held = await asyncio.to_thread(days.compare, self._store, self._log, account, _end_us(account.day))
        said = {"missing": list(held.missing), "differing": list(held.differing), "exchanges": list(held.ids)}
        place = (account.day, account.first, account.through)
        if not (held.same and account.listed):  # a piece without a difference adds nothing to the entry of its range
            await self._note(peer, TAKEN, place, {} if held.same else said, envelope)
        check_signer(parts.trust(), verified, parts.clock.now_us())
        return self._answer(peer, verified.payload_hash, held)

    def _answer(self, peer: MemberId, account_hash: bytes, held: Held) -> bytes:
        parts = self._parts
        answer = DayAnswer(
            parts.member,
            peer,
            account_hash,
            held.exchanges_hash,
            held.missing,
            held.differing,
            held.unknown,
            parts.clock.now_us(),
        )
        kind = ACCOUNT_ANSWER_VERSIONS.newest(parts.trust(), peer)
        return kind.build(answer, parts.key).envelope

    def _spend(self, peer: str) -> None:
        """Spend room for one account of `peer`, or raise `Overloaded`: each costs a read of some thousand entries."""
        if not self._rates.admits(peer):
            raise Overloaded("too many accounts", code="account-rate", where=peer)

    # ------------------------------------------------------------ both

    async def _note(
        self, peer: MemberId, kind: str, place: tuple[str, int, int], said: dict[str, Any], statement: bytes
    ) -> None:
        day, first, through = place
        event = events.DAY_DIFFERS if said else events.DAY_COMPARED
        await self._operations.write(
            event.draft(
                peer=peer,
                day=day,
                side=kind,
                first=first,
                through=through,
                **said,
                statement=base64.b64encode(statement).decode(),
            )
        )
        await asyncio.to_thread(self._store_state, peer, kind, place, said)

    def _store_state(self, peer: str, kind: str, place: tuple[str, int, int], said: dict[str, Any]) -> None:
        state = DayState.read(self._parts.documents, kind, peer)
        state.note(place[0], place[2], said.get("exchanges", ()), bool(said))
        state.write(self._parts.documents, kind, peer)


def _closed(now_us: int) -> str:
    """Return the last day (UTC) whose grace is over."""
    return (from_us(now_us - GRACE_US).date() - timedelta(days=1)).isoformat()


def _end_us(day: str) -> int:
    """Return the end of a day."""
    start = date.fromisoformat(day)
    return to_us(datetime(start.year, start.month, start.day, tzinfo=UTC)) + DAY_US
