"""End deliveries: with a receipt, without one, and anew where the counterpart has lost what it took.

Each end is written with the thread's next version, so that of two processes that send at once one ends it. A notice
that the counterpart refuses for good is no part of the thread at either side: the next one of ours takes its place.
What we wrote after it builds on it, was never taken, and ends with it; its author is told of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec.structs import replace

from gateway.desk.delivery.coming import ComingReceipt
from gateway.desk.entries import desk_clock, erased_notice, undelivered_notice
from gateway.desk.fold import told
from gateway.desk.pen import Pen
from gateway.desk.projection import thread_without
from gateway.desk.times import taken_until_us
from gateway.errors import Outdated
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Notice
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import DeliveryState
from gateway.ports.desk import Delivery, DeskRows, DeskStore, Holding, NoticeRow, Thread, Work
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.notice import parse_notice

_GONE = (DeliveryState.TAKEN, DeliveryState.EXPIRED)
_OVER = "expired"


class _Settled(Outdated):
    """The delivery has ended already."""


class _Followed(Outdated):
    """Another notice of ours waits behind one that leaves its thread."""


class Endings:
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

    async def answered(self, delivery: Delivery, come: ComingReceipt) -> None:
        """Check and write a receipt. With a refusal the notice leaves its thread.

        Raises what its checks raise, and then `come.holds` is False.
        """
        if not come.unproved.refuses:
            await self._write(delivery, lambda: self._taken(delivery, come), come)
            return
        receipt = await asyncio.to_thread(come.proved)
        code = receipt.told.refusal.code if receipt.told.refusal else ""
        tried = replace(delivery, tries=delivery.tries + 1)
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
        self, delivery: Delivery, draft: Callable[[], EntryDraft], come: ComingReceipt | None = None
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

    def _taken(self, delivery: Delivery, come: ComingReceipt) -> EntryDraft:
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
