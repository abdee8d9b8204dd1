"""Send notices of ours until each has its receipt or its time is over.

The process that leads has one sender for each counterpart: urgent ones first, then by time; one of each thread at a
time, its lowest number, and 64 at once. The same bytes are sent again until the receipt is durable here. A counterpart
that is out of reach is tried after 1, 2, 4 … 30 s, and at once when it greets us; with a FLASH notice that waits, every
2 s. Notices to a suspended counterpart are held, but for those that pass a suspension, until the switch changes.

A notice whose time is over is sent once more, since only the counterpart can tell whether it took it in time. One that
is refused for good leaves its thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from gateway.desk.delivery.taking import passes_suspension
from gateway.desk.entries import desk_clock, erased_notice, received_receipt, undelivered_notice
from gateway.desk.fold import kind_opened_by, taken_until_us, thread_without, told
from gateway.desk.pen import Pen
from gateway.errors import ConnectionLost, LiaisonError, Outdated, Overloaded, TimedOut, Unavailable, Unknown
from gateway.exchange.asking.check_answer import check_entry
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.desk.delivered import NoticeMessage, NoticeReceipt
from gateway.model.desk.notices import Notice, Urgency
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import DeliveryState
from gateway.model.exchange import AnswerMessage
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Delivery, DeskRows, DeskStore, Holding, NoticeRow, Thread, Work
from gateway.ports.journal import EntryDraft
from gateway.rpc.contract import Calls
from gateway.rpc.methods import DELIVER_NOTICE
from gateway.statements.envelope import Unsealed, check_signature
from gateway.statements.notices.notice import parse_notice, read_notice, resealed, unsealed_notice
from gateway.statements.notices.receipt import UnprovedReceipt, unproved_receipt

# ------------------------------------------------------------ ends of deliveries
# A delivery ends with a receipt, without one, or anew where the counterpart has lost what it took. A receipt is checked
# in the pen's worker, with those of its batch.
#
# Each end is written with the thread's next version, so that of two processes that send at once one ends it. A notice
# that the counterpart refuses for good is no part of the thread at either side: the next one of ours takes its place.
# What we wrote after it builds on it, was never taken, and ends with it; its author is told of each.


@dataclass(frozen=True, slots=True)
class _Receipt:
    """A receipt that verifies, with our notice, and the draft of the receipt's entry."""

    told: NoticeReceipt
    notice: Notice
    draft: Callable[[DeskRows], EntryDraft]


@dataclass(slots=True)
class _ComingReceipt:
    """A receipt of `peer` for the notice `ours`, in the right form. `holds` once it was checked as a whole."""

    parts: Parts
    peer: MemberId
    ours: Unsealed
    message: AnswerMessage
    unproved: UnprovedReceipt
    holds: bool = field(default=False)

    @classmethod
    def of(
        cls, parts: Parts, peer: MemberId, notice_id: ExchangeId, ours: Unsealed, message: AnswerMessage
    ) -> _ComingReceipt:
        """Return the receipt in a message; raise for one of another form, of another member, or for another notice."""
        unproved = unproved_receipt(
            message.envelope, member=peer, me=parts.member, notice_hash=ours.payload_hash, notice_id=notice_id
        )
        return cls(parts, peer, ours, message, unproved)

    def proved(self) -> _Receipt:
        """Verify the signature, then check the rest."""
        parts = self.parts
        check_signature(self.unproved.opened.unsealed, parts.trust(), self.peer, parts.clock.now_us())
        return self.checked()

    def checked(self) -> _Receipt:
        """Check the receipt's content and the counterpart's entry. Only once its signature was verified."""
        parts, message = self.parts, self.message
        receipt = self.unproved.accepted(parts.clock.now_us())
        told = receipt.value
        parts.signed_time(self.peer, told.issued_us)
        expected = (told.notice_id, told.notice_hash, receipt.payload_hash)
        entry, shown = check_entry(parts.trust(), self.peer, parts.member, message.entry, message.proof, expected)
        parts.note_head(shown)
        notice = read_notice(self.ours)
        self.holds = True

        def draft(rows: DeskRows) -> EntryDraft:
            made = received_receipt(notice, receipt, message, shown, entry.number or 0)
            made.rows = rows
            return made

        return _Receipt(told, notice, draft)


_GONE = (DeliveryState.TAKEN, DeliveryState.EXPIRED)
_OVER = "expired"


class _Settled(Outdated):
    """The delivery has ended already."""


class _Followed(Outdated):
    """Another notice of ours waits behind one that leaves its thread."""


class _Endings:
    """Writes how deliveries end.

    `undelivered` returns the work that a refused or expired notice raises, and `taken` the copies that change with the
    receipt of one that was taken.
    """

    def __init__(
        self,
        parts: Parts,
        store: DeskStore,
        pen: Pen,
        undelivered: Callable[[Delivery, str, int], tuple[Work, ...]],
        taken: Callable[[Delivery], tuple[Holding, ...]],
    ) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._undelivered = undelivered
        self._copies = taken

    async def answered(self, delivery: Delivery, come: _ComingReceipt) -> None:
        """Check and write a receipt. With a refusal the notice leaves its thread.

        Raises what its checks raise, and then `come.holds` is False.
        """
        if not come.unproved.refuses:
            await self._write(delivery, lambda: self._taken(delivery, come), come)
            return
        receipt = await asyncio.to_thread(come.proved)
        code = receipt.told.refusal.code if receipt.told.refusal else ""
        tried = replace(delivery, tries=delivery.tries + 1)
        # From the last one back: each notice builds on the one before it.
        while True:
            for later in await asyncio.to_thread(self._behind, delivery):
                await self._write(later, lambda one=later: self._unsent(one))  # type: ignore[misc]
            with suppress(_Followed):  # by a notice that was written just now
                await self._write(delivery, lambda: receipt.draft(self._left(tried, code, receipt.notice)))
                return

    async def unanswered(self, delivery: Delivery, code: str) -> None:
        """End a delivery without a receipt: whether the counterpart has the notice is not known."""

        def draft() -> EntryDraft:
            row = self._row(delivery)
            thread = self._current(delivery)
            made = undelivered_notice(parse_notice(row.envelope), row.payload_hash, code) if row.envelope else (
                erased_notice(row, code)
            )  # fmt: skip
            ended = replace(delivery, state=DeliveryState.EXPIRED, problem=code)
            works = self._works(delivery, ended)
            made.rows = DeskRows(
                thread=replace(thread, version=thread.version + 1),
                before=thread.version,
                deliveries=(ended,),
                works=works,
            )
            return made

        await self._write(delivery, draft)

    async def again(self, delivery: Delivery) -> None:
        """Send earlier notices of a thread again, which the counterpart does not have.

        Those whose time was over may never have come. Without any the counterpart has lost what it took, since its
        database was restored. After 1, 2, 4, 8 … tries of the one that it did not take: a counterpart that lies makes
        few entries.
        """
        if delivery.tries & (delivery.tries - 1):
            return

        def draft() -> EntryDraft:
            thread = self._current(delivery)
            gone = [each for each in self._store.deliveries(_GONE, key=delivery.key) if each.seq < delivery.seq]
            expired = [each for each in gone if each.state is DeliveryState.EXPIRED]
            before = [replace(each, state=DeliveryState.WAITING, due_us=0) for each in expired or gone]
            if not before:
                raise _Settled("nothing was taken before", code="settled")
            next_ = replace(thread, version=thread.version + 1)
            rows = DeskRows(thread=next_, before=thread.version, deliveries=tuple(before))
            return desk_clock(delivery.key, "gap", rows, notice=delivery.notice_id)

        await self._write(delivery, draft)

    # ------------------------------------------------------------ in the pen

    async def _write(
        self, delivery: Delivery, draft: Callable[[], EntryDraft], come: _ComingReceipt | None = None
    ) -> None:
        proof = come.unproved if come is not None else None
        with suppress(_Settled):
            await self._pen.write(self._parts.member, delivery.key, draft, proof)

    def _current(self, delivery: Delivery) -> Thread:
        """Return the thread while the delivery waits, else raise `_Settled`."""
        thread = self._store.thread(delivery.key)
        stands = self._store.delivery(delivery.notice_id)
        if thread is None or stands is None or stands.state is not DeliveryState.WAITING:
            raise _Settled("the delivery has ended", code="settled")
        return thread

    def _row(self, delivery: Delivery) -> NoticeRow:
        row = self._store.notice(delivery.key.peer, delivery.notice_id)
        assert row is not None
        return row

    def _taken(self, delivery: Delivery, come: _ComingReceipt) -> EntryDraft:
        """Draft the end of a notice that was taken, with the time until which a human there should answer."""
        receipt = come.checked()
        thread = self._current(delivery)
        ended = replace(delivery, state=DeliveryState.TAKEN, problem="", tries=delivery.tries + 1)
        after = replace(thread, due_us=receipt.told.answer_by_us or thread.due_us, version=thread.version + 1)
        if after.state is ThreadState.EXPIRED:  # it was taken in time, and its receipt came late
            after = replace(after, state=told(after.kind, self._store.placed(delivery.key)))
        after = replace(after, closed_us=taken_until_us(after, ended, receipt.notice.code, self._parts.clock.now_us()))
        rows = DeskRows(thread=after, before=thread.version, deliveries=(ended,), holdings=self._copies(ended))
        return receipt.draft(rows)

    def _behind(self, delivery: Delivery) -> Sequence[Delivery]:
        """Return what waits in the thread behind a delivery, the last one first."""
        waiting = self._store.deliveries(key=delivery.key)
        return sorted((each for each in waiting if each.seq > delivery.seq), key=lambda each: -each.seq)

    def _unsent(self, delivery: Delivery) -> EntryDraft:
        """Draft the end of a notice that cannot be taken any more, since one before it was refused."""
        row = self._row(delivery)
        notice = parse_notice(row.envelope)
        made = undelivered_notice(notice, row.payload_hash, "not-sent")
        made.rows = self._left(delivery, "not-sent", notice)
        return made

    def _works(self, before: Delivery, ended: Delivery) -> tuple[Work, ...]:
        """Return the work that the end of a delivery raises: none where its author was told that its time is over."""
        if before.problem == _OVER:
            return ()
        return self._undelivered(ended, ended.problem, self._parts.clock.now_us())

    def _left(self, delivery: Delivery, code: str, notice: Notice) -> DeskRows:
        """Return the rows of a notice that leaves its thread; it stays where the counterpart took a later one."""
        thread = self._current(delivery)
        if self._behind(delivery):
            raise _Followed("another notice waits behind it", code="followed")
        ended = replace(delivery, state=DeliveryState.REFUSED, problem=code)
        works = self._works(delivery, ended)
        after, outside = replace(thread, version=thread.version + 1), self._row(delivery)
        if thread.ours == notice.head.seq:
            placed = self._store.placed(ended.key)
            after = thread_without(thread, placed, notice, self._parts.clock.now_us())
            outside = replace(outside, placed=replace(outside.placed, seq=0))
        return DeskRows(thread=after, before=thread.version, notice=outside, deliveries=(ended,), works=works)


# ------------------------------------------------------------ sending


IN_FLIGHT = 64
_LONGEST_WAIT_S = 30.0
_FLASH_WAIT_S = 2.0
_MOST_DOUBLINGS = 10
_HOLD_US = 600_000_000
"""A held notice is looked at again after so long; all of them when a switch or a document changes, or
when a restored desk has heard its counterpart."""

_GATHER_S = 0.01
"""While notices are under way, those that are written meanwhile are gathered for so long: one read finds all of them,
and they go together. The first one on an idle link goes at once."""

_LOOK_S = 1.0
"""While something waits, the rows are looked at so often without being woken: another process may have written."""

SUSPENDED = "suspended"
"""The code of what is held by a suspension, ours or the counterpart's."""

_OUT_OF_REACH = (ConnectionLost, TimedOut, Overloaded)


@dataclass(slots=True)
class _Line:
    """The notices that wait for one counterpart.

    `failures` in a row count tries of the line as a whole, the last one at `failed` (monotonic). `under` are the
    documents and switches under which notices are held, and whether a restored desk has heard the counterpart.
    """

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    flying: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    failures: int = 0
    failed: float = 0.0
    under: tuple[object, object, bool] = (None, None, False)
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class SenderParts:
    """The parts that sending works with.

    `received` notes that an answer of a counterpart is durable. `undelivered` returns the work of a refused or expired
    notice, and `taken` the copies that change with the receipt of one that was taken. `leads` tells whether this
    process sends. `ahead` sends changes ahead that wait behind a notice which a suspension holds.
    """

    parts: Parts
    store: DeskStore
    pen: Pen
    peers: Calls
    received: Callable[[MemberId], None]
    undelivered: Callable[[Delivery, str, int], tuple[Work, ...]]
    leads: Callable[[], bool]
    taken: Callable[[Delivery], tuple[Holding, ...]]
    ahead: Callable[[Delivery], Awaitable[None]]


class Sender:
    """Sends what waits for all counterparts, while this process leads."""

    def __init__(self, sender: SenderParts) -> None:
        self._it = sender
        self._endings = _Endings(sender.parts, sender.store, sender.pen, sender.undelivered, sender.taken)
        self._lines: dict[MemberId, _Line] = {}
        self._problem: BaseException | None = None

    def wake(self, peer: MemberId) -> None:
        """Send what waits for a counterpart now: a notice was written. For the loop."""
        if self._it.leads():
            self._begin(peer)

    def reached(self, peer: MemberId) -> None:
        """Send what waits for a counterpart now: it has greeted us."""
        if (line := self._lines.get(peer)) is not None and line.failures:
            line.failures = 0
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
        """Send until nothing waits for the counterpart any more, or another process leads.

        The next notice or round begins anew.
        """
        store = self._it.store
        while self._it.leads():
            # Before the rows are read: what is written from now on wakes the line again.
            line.woken.clear()
            await self._release(peer, line)
            if await self._may_try(peer, line):
                await self._launch(peer, line)
            if not line.flying and await asyncio.to_thread(store.next_due_us, peer) is None:
                # Something was written between the reading and here.
                if line.woken.is_set():
                    continue
                return
            if line.flying:
                await asyncio.sleep(_GATHER_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(line.woken.wait(), _LOOK_S)

    async def _release(self, peer: MemberId, line: _Line) -> None:
        """Let held notices be looked at again once documents, switches or what was heard differ from when they were."""
        parts = self._it.parts
        now = (parts.trust(), parts.suspensions.in_force, parts.heard(peer))
        # Documents and switches are new objects where anything of them has changed.
        if any(was is not its for was, its in zip(line.under, now, strict=True)):
            await asyncio.to_thread(self._it.store.release, peer, parts.clock.now_us())
            line.under = now

    async def _may_try(self, peer: MemberId, line: _Line) -> bool:
        """Tell whether the pause after failures is over, which is shorter while a FLASH notice waits."""
        if not line.failures:
            return True
        clock = self._it.parts.clock
        passed_s, pause_s = clock.monotonic() - line.failed, 2.0 ** (line.failures - 1)
        if passed_s >= min(pause_s, _LONGEST_WAIT_S):
            return True
        if passed_s < _FLASH_WAIT_S:
            return False
        first = await asyncio.to_thread(self._it.store.due, peer, clock.now_us(), 1)
        return bool(first) and first[0].urgency is Urgency.FLASH

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
        """Return what is to be sent now, with the bytes; they are empty where they were erased."""
        # What is under way is still due, so as many more are read.
        found = self._it.store.due(peer, now_us, room + len(busy))
        free = [each for each in found if each.key.thread_id not in busy][:room]
        return [(each, self._envelope(each)) for each in free]

    def _envelope(self, delivery: Delivery) -> bytes:
        try:
            return self._it.store.envelope(delivery.notice_id)
        except Unknown:
            return b""

    def _landed(self, line: _Line, thread: str) -> None:
        self._note_problem(line.flying.pop(thread))
        line.woken.set()

    def _note_problem(self, task: asyncio.Task[None]) -> None:
        """Keep an error of ours for the next round, which raises it."""
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._problem = problem

    # ------------------------------------------------------------ one notice

    async def _send(self, peer: MemberId, line: _Line, delivery: Delivery, envelope: bytes) -> None:
        if not envelope:
            await self._endings.unanswered(delivery, "erased")
            return
        parts = self._it.parts
        is_over = 0 < delivery.expires_us <= parts.clock.now_us()
        if held := self._held(delivery, envelope):
            await (self._endings.unanswered(delivery, "expired") if is_over else self._hold(delivery, held))
            return
        begun = parts.clock.monotonic()
        come: _ComingReceipt | None = None
        try:
            ours = unsealed_notice(envelope)
            message = await self._it.peers.call(peer, DELIVER_NOTICE, NoticeMessage(resealed(ours, parts.key)))
            come = _ComingReceipt.of(parts, peer, delivery.notice_id, ours, message)
            await self._endings.answered(delivery, come)
        except Exception as problem:
            reraise_fatal(problem)
            if come is not None and come.holds:  # the fault is ours
                raise
            error = as_error(problem)
            self._note_failure(line, error, begun)
            await (self._endings.unanswered(delivery, "expired") if is_over else self._failed(delivery, error))
            return
        line.failures = 0
        self._it.received(peer)

    def _held(self, delivery: Delivery, envelope: bytes) -> str:
        """Return why a notice may not go now: `not-active`, `restoring` or `suspended`; empty where it may."""
        parts, peer = self._it.parts, delivery.key.peer
        if not parts.trust().active(peer):
            return "not-active"
        if not parts.heard(peer):
            return "restoring"
        if parts.suspensions.suspends(peer=peer) is None:
            return ""
        notice = parse_notice(envelope)
        purpose = notice.head.purpose.value
        thread = self._it.store.thread(delivery.key)
        kind = thread.kind if thread is not None else kind_opened_by(notice)
        passes = passes_suspension(notice, kind) or parts.suspensions.suspends(peer=peer, purpose=purpose) is None
        return "" if passes else SUSPENDED

    async def _hold(self, delivery: Delivery, why: str) -> None:
        now_us = self._it.parts.clock.now_us()
        due_us = min(now_us + _HOLD_US, delivery.expires_us or now_us + _HOLD_US)
        await asyncio.to_thread(self._it.store.note_try, replace(delivery, problem=why, due_us=due_us))
        if why == SUSPENDED:
            await self._it.ahead(delivery)

    def _note_failure(self, line: _Line, error: LiaisonError, begun: float) -> None:
        """Count a failure of the whole line; those that were under way together count once."""
        if _out_of_reach(error) and (begun > line.failed or not line.failures):
            line.failures = min(line.failures + 1, _MOST_DOUBLINGS)
            line.failed = self._it.parts.clock.monotonic()

    async def _failed(self, delivery: Delivery, error: LiaisonError) -> None:
        """Try again later: the whole line where the counterpart is out of reach, else this notice."""
        if _out_of_reach(error):
            # Nothing new: a counterpart that is away costs no write for each try of each notice.
            if delivery.problem == error.code:
                return
            later = replace(delivery, problem=error.code)
        else:
            tries = delivery.tries + 1
            longest = _FLASH_WAIT_S if delivery.urgency is Urgency.FLASH else _LONGEST_WAIT_S
            wait_us = int(min(2.0 ** min(tries - 1, _MOST_DOUBLINGS), longest) * 1_000_000)
            later = replace(delivery, tries=tries, problem=error.code, due_us=self._it.parts.clock.now_us() + wait_us)
        if error.code == "gap":
            await self._endings.again(later)
        await asyncio.to_thread(self._it.store.note_try, later)
        if error.code == SUSPENDED:
            await self._it.ahead(later)


def _out_of_reach(error: LiaisonError) -> bool:
    """Tell whether nothing can be delivered now. A counterpart that gives another code has refused this one notice."""
    return isinstance(error, _OUT_OF_REACH) or error.code == Unavailable.default_code
