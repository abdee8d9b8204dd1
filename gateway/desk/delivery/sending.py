"""Send notices of ours until each has its receipt or its time is over.

The process that leads has one sender for each counterpart: urgent ones first, then by time; one of each thread at a
time, its lowest number, and 64 at once. The same bytes are sent again until the receipt is durable here. A counterpart
that is out of reach is tried after 1, 2, 4 … 30 s, and at once when it greets us; with a FLASH notice that waits, every
2 s. Notices to a suspended counterpart are held, but for those that pass a suspension.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from gateway.desk.delivery.pen import Pen
from gateway.desk.entries import received_receipt, undelivered_notice
from gateway.errors import ConnectionLost, LiaisonError, Suspended, TimedOut, Unavailable
from gateway.exchange.asking.check_answer import check_entry
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.desk.notices import NoticeMessage, NoticeReceipt, NoticeType, Urgency
from gateway.model.desk.work import DeliveryState
from gateway.model.exchange import AnswerMessage, Verified
from gateway.model.names import MemberId
from gateway.ports import events
from gateway.ports.desk import Delivery, DeskRows, DeskStore, Holding, NoticeRow, Thread, Work
from gateway.ports.journal import EntryDraft
from gateway.rpc.contract import Calls
from gateway.rpc.methods import DELIVER_NOTICE
from gateway.statements.notices.notice import parse_notice, resealed
from gateway.statements.notices.receipt import verify_receipt

IN_FLIGHT = 64
_LONGEST_WAIT_S = 30.0
_FLASH_WAIT_S = 2.0
_LOOK_S, _LEAST_S = 1.0, 0.05
"""While something waits, the rows are looked at so often without being woken: another process may have written."""

_PASSING = frozenset({NoticeType.CHANGE, NoticeType.SERVICE, NoticeType.STATUS})


@dataclass(slots=True)
class _Line:
    """The notices that wait for one counterpart."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    flying: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    failures: int = 0
    not_before: float = 0.0
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class SenderParts:
    """What sending works with.

    `received` notes that an answer of a counterpart is durable. `undelivered` returns the work of a refused or expired
    notice, and `taken` the copies that change with the receipt of one that was taken. `leads` tells whether this
    process sends.
    """

    parts: Parts
    store: DeskStore
    pen: Pen
    peers: Calls
    received: Callable[[MemberId], None]
    undelivered: Callable[[Delivery, str, int], tuple[Work, ...]]
    leads: Callable[[], bool]
    taken: Callable[[Delivery], tuple[Holding, ...]]


class Sender:
    """Sends what waits for all counterparts, while this process leads."""

    def __init__(self, sender: SenderParts) -> None:
        self._it = sender
        self._lines: dict[MemberId, _Line] = {}
        self._problem: BaseException | None = None

    def wake(self, peer: MemberId) -> None:
        """Send what waits for a counterpart now: a notice was written. For the loop."""
        if self._it.leads():
            self._begin(peer)

    def reached(self, peer: MemberId) -> None:
        """Send what waits for a counterpart now: it has greeted us."""
        if (line := self._lines.get(peer)) is not None and line.failures:
            line.failures, line.not_before = 0, 0.0
            line.woken.set()

    async def round(self) -> None:
        """Serve each counterpart for whom something waits; raise an error of ours. Runs at the process that leads."""
        if self._problem is not None:
            problem, self._problem = self._problem, None
            raise problem
        for peer in await asyncio.to_thread(self._it.store.waiting):
            self._begin(peer)

    def _begin(self, peer: MemberId) -> None:
        line = self._lines.setdefault(peer, _Line())
        line.woken.set()
        if line.task is None or line.task.done():
            line.task = asyncio.create_task(self._serve(peer, line))
            line.task.add_done_callback(self._note_problem)

    async def finish(self) -> None:
        """Cancel what is being sent (the node stops); it is sent again after the next start."""
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        flights = [task for line in self._lines.values() for task in line.flying.values()]
        for task in (*tasks, *flights):
            task.cancel()
        await asyncio.gather(*tasks, *flights, return_exceptions=True)

    # ------------------------------------------------------------ one counterpart

    async def _serve(self, peer: MemberId, line: _Line) -> None:
        """Send until nothing waits for the counterpart any more; the next notice or round begins anew."""
        store, clock = self._it.store, self._it.parts.clock
        while True:
            line.woken.clear()
            if clock.monotonic() >= line.not_before:
                await self._launch(peer, line)
            if not line.flying and await asyncio.to_thread(store.next_due_us, peer) is None:
                if line.woken.is_set():
                    continue
                return
            wait_s = min(_LOOK_S, max(_LEAST_S, line.not_before - clock.monotonic()))
            with suppress(TimeoutError):
                await asyncio.wait_for(line.woken.wait(), _LOOK_S if line.flying else wait_s)

    async def _launch(self, peer: MemberId, line: _Line) -> None:
        room = IN_FLIGHT - len(line.flying)
        if room <= 0:
            return
        now_us = self._it.parts.clock.now_us()
        busy = frozenset(line.flying)
        due = await asyncio.to_thread(self._due, peer, now_us, busy, room)
        for delivery, envelope in due:
            thread = delivery.key.thread_id
            if thread not in line.flying:
                task = asyncio.create_task(self._send(peer, line, delivery, envelope))
                line.flying[thread] = task
                task.add_done_callback(lambda _done, name=thread: self._landed(line, name))  # type: ignore[misc]

    def _due(self, peer: MemberId, now_us: int, busy: frozenset[str], room: int) -> list[tuple[Delivery, bytes]]:
        found = self._it.store.due(peer, now_us, room + len(busy))
        free = [each for each in found if each.key.thread_id not in busy][:room]
        return [(each, self._it.store.envelope(each.notice_id)) for each in free]

    def _landed(self, line: _Line, thread: str) -> None:
        self._note_problem(line.flying.pop(thread))
        line.woken.set()

    def _note_problem(self, task: asyncio.Task[None]) -> None:
        """Keep an error of ours for the next round, which raises it."""
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._problem = problem

    async def _send(self, peer: MemberId, line: _Line, delivery: Delivery, envelope: bytes) -> None:
        parts = self._it.parts
        now_us = parts.clock.now_us()
        if delivery.expires_us and now_us >= delivery.expires_us:
            await self._ended(delivery, "expired", DeliveryState.EXPIRED)
            return
        try:
            self._check_open(peer, delivery, envelope)
            statement = resealed(envelope, parts.key)
            message = await self._it.peers.call(peer, DELIVER_NOTICE, NoticeMessage(statement))
            receipt, shown_draft = await asyncio.to_thread(self._checked, peer, delivery, message)
        except Exception as problem:  # noqa: BLE001 - whatever goes wrong in a delivery, it is tried again
            reraise_fatal(problem)
            await self._failed(line, delivery, as_error(problem))
            return
        line.failures, line.not_before = 0, 0.0
        await self._taken(peer, delivery, receipt, shown_draft)

    def _check_open(self, peer: MemberId, delivery: Delivery, envelope: bytes) -> None:
        """Raise while nothing may go to the counterpart: it is suspended for this purpose, or no active member."""
        parts = self._it.parts
        if not parts.trust().active(peer):
            raise Suspended("`{peer}` is no active member", code="not-active", peer=peer)
        if delivery.type in _PASSING:
            return
        if parts.suspensions.suspends(peer=peer) is None:
            return
        purpose = parse_notice(envelope).head.purpose.value
        if (reason := parts.suspensions.suspends(peer=peer, purpose=purpose)) is not None:
            raise Suspended("exchange with `{peer}` is suspended: {reason}", peer=peer, reason=reason)

    def _checked(
        self, peer: MemberId, delivery: Delivery, message: AnswerMessage
    ) -> tuple[Verified[NoticeReceipt], Callable[[DeskRows], EntryDraft]]:
        """Verify the receipt and the counterpart's entry; return it and the draft of our own entry."""
        parts = self._it.parts
        row = self._it.store.notice(peer, delivery.notice_id)
        assert isinstance(row, NoticeRow)
        receipt = verify_receipt(
            message.envelope,
            keys=parts.trust(),
            member=peer,
            me=parts.member,
            notice_id=delivery.notice_id,
            notice_hash=row.payload_hash,
            now_us=parts.clock.now_us(),
        )
        parts.signed_time(peer, receipt.value.issued_us)
        expected = (delivery.notice_id, row.payload_hash, receipt.payload_hash)
        entry, shown = check_entry(parts.trust(), peer, parts.member, message.entry, message.proof, expected)
        parts.note_head(shown)

        notice = parse_notice(row.envelope)

        def draft(rows: DeskRows) -> EntryDraft:
            made = received_receipt(notice, receipt, message, shown, entry.number or 0)
            made.rows = rows
            return made

        return receipt, draft

    async def _taken(
        self,
        peer: MemberId,
        delivery: Delivery,
        receipt: Verified[NoticeReceipt],
        draft: Callable[[DeskRows], EntryDraft],
    ) -> None:
        refusal = receipt.value.refusal
        state = DeliveryState.TAKEN if refusal is None else DeliveryState.REFUSED
        code = "" if refusal is None else refusal.code
        ended = replace(delivery, state=state, problem=code, tries=delivery.tries + 1)
        now_us = self._it.parts.clock.now_us()
        works = self._it.undelivered(ended, code, now_us) if refusal is not None else ()

        def write() -> EntryDraft:
            thread, before = self._answer_due(delivery, receipt.value.answer_by_us)
            copies = self._it.taken(ended) if refusal is None else ()
            return draft(DeskRows(thread=thread, before=before, deliveries=(ended,), works=works, holdings=copies))

        await self._it.pen.write(self._it.parts.member, delivery.key, write)
        self._it.received(peer)

    def _answer_due(self, delivery: Delivery, answer_by_us: int) -> tuple[Thread | None, int]:
        """Return the thread with the time until which a human there should answer, and its version before."""
        thread = self._it.store.thread(delivery.key) if answer_by_us else None
        if thread is None or thread.due_us == answer_by_us:
            return None, 0
        return replace(thread, due_us=answer_by_us, version=thread.version + 1), thread.version

    async def _ended(self, delivery: Delivery, code: str, state: DeliveryState) -> None:
        ended = replace(delivery, state=state, problem=code)
        now_us = self._it.parts.clock.now_us()
        works = self._it.undelivered(ended, code, now_us)

        def draft() -> EntryDraft:
            row = self._it.store.notice(delivery.key.peer, delivery.notice_id)
            assert isinstance(row, NoticeRow)
            made = undelivered_notice(parse_notice(row.envelope), row.payload_hash, code)
            made.rows = DeskRows(deliveries=(ended,), works=works)
            return made

        await self._it.pen.write(self._it.parts.member, delivery.key, draft)

    async def _failed(self, line: _Line, delivery: Delivery, error: LiaisonError) -> None:
        """Try again later: the whole line where the counterpart is out of reach, else this notice."""
        clock = self._it.parts.clock
        if _out_of_reach(error):
            line.failures = min(line.failures + 1, 10)
            longest = _FLASH_WAIT_S if delivery.urgency is Urgency.FLASH else _LONGEST_WAIT_S
            line.not_before = clock.monotonic() + min(2.0 ** (line.failures - 1), longest)
            if delivery.problem == error.code:
                return
            later = replace(delivery, problem=error.code)
        else:
            tries = delivery.tries + 1
            longest = _FLASH_WAIT_S if delivery.urgency is Urgency.FLASH else _LONGEST_WAIT_S
            wait_us = int(min(2.0 ** min(tries - 1, 10), longest) * 1_000_000)
            later = replace(delivery, tries=tries, problem=error.code, due_us=clock.now_us() + wait_us)
        if error.code == "gap":
            await self._again(delivery)
        await asyncio.to_thread(self._it.store.note_try, later)

    async def _again(self, delivery: Delivery) -> None:
        """Send earlier notices of a thread again: the counterpart has lost them, since its database was restored."""

        def draft() -> EntryDraft:
            taken = self._it.store.deliveries((DeliveryState.TAKEN,), key=delivery.key)
            again = [replace(each, state=DeliveryState.WAITING, due_us=0) for each in taken if each.seq < delivery.seq]
            made = events.DESK_CLOCK.draft(
                peer=delivery.key.peer, exchange_id=delivery.key.thread_id, notice=delivery.notice_id, code="gap"
            )
            made.rows = DeskRows(deliveries=tuple(again))
            return made

        await self._it.pen.write(self._it.parts.member, delivery.key, draft)


def _out_of_reach(error: LiaisonError) -> bool:
    """Tell whether nothing can be delivered now. A counterpart that gives a code has refused this one notice."""
    return isinstance(error, ConnectionLost | TimedOut) or error.code == Unavailable.default_code
