"""Trust that changes while a notice is being taken: nothing is written then, and no receipt leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.errors import BadSignature, LiaisonError, Stale
from gateway.model.desk.delivered import NoticeMessage
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import new_exchange_id
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from tests.support.desks import Desk, Desks, entries_of, make_desks
from tests.unit.desk.delivery.test_groups import TH, VN, post


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Desks]:
    made = make_desks(tmp_path)
    yield made
    await made.stop()


async def notice_of(desks: Desks) -> tuple[ThreadKey, NoticeMessage]:
    """A notice of Thailand that has not reached Viet Nam: the link is cut."""
    desks.link.cut.add(frozenset((TH, VN)))
    th = desks.desks[TH]
    key = await th.author.open(VN, post())
    return ThreadKey(TH, key.thread_id), NoticeMessage(th.store.envelope(key.thread_id))


class Worker:
    """The worker of a desk's pen, held until a test lets it go on, so that what comes meanwhile is one batch."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._go_on, self._held = desk, threading.Event(), threading.Event()
        self._orders: list[asyncio.Task[object]] = []

    def _order(self, make: Callable[[], EntryDraft]) -> None:
        write = self._desk._pen.write(TH, ThreadKey(TH, new_exchange_id()), make)
        self._orders.append(asyncio.ensure_future(write))

    async def hold(self) -> None:
        def wait() -> EntryDraft:
            self._held.set()
            assert self._go_on.wait(30)
            raise Stale("nothing is written", code="not-now")

        self._order(wait)
        assert await asyncio.to_thread(self._held.wait, 30)

    def then(self, act: Callable[[], None]) -> None:
        """Do something in the worker's turn, after what has been ordered before."""

        def make() -> EntryDraft:
            act()
            raise Stale("nothing is written", code="not-now")

        self._order(make)

    async def go_on(self) -> None:
        self._go_on.set()
        await asyncio.gather(*self._orders, return_exceptions=True)


async def taken(desk: Desk, message: NoticeMessage) -> LiaisonError | None:
    try:
        await desk.take(TH, message)
    except LiaisonError as error:
        return error
    return None


@pytest.mark.long
async def test_a_member_that_is_removed_before_its_notice_is_written_is_turned_away(desks: Desks) -> None:
    key, message = await notice_of(desks)
    vn = desks.desks[VN]
    worker = Worker(vn)
    await worker.hold()
    taking = asyncio.ensure_future(taken(vn, message))
    while vn._pen._stage._inbox.empty():
        await asyncio.sleep(0)
    vn.remove(TH)
    await worker.go_on()
    assert isinstance(await taking, BadSignature)
    assert vn.store.thread(key) is None
    assert not entries_of(vn, events.ANSWERED, events.REFUSED)


@pytest.mark.long
async def test_a_member_that_is_removed_after_its_notice_is_written_gets_no_receipt(desks: Desks) -> None:
    key, message = await notice_of(desks)
    vn = desks.desks[VN]
    worker = Worker(vn)
    await worker.hold()
    taking = asyncio.ensure_future(taken(vn, message))
    while vn._pen._stage._inbox.empty():
        await asyncio.sleep(0)
    worker.then(lambda: vn.remove(TH))
    await asyncio.sleep(0)
    await worker.go_on()
    assert isinstance(await taking, BadSignature)
    assert set(entries_of(vn, events.ANSWERED)) == {key.thread_id}
    vn.read_documents()
    assert await taken(vn, message) is None, "the same bytes get the receipt, once it is a member again"
    assert len(entries_of(vn, events.ANSWERED)) == 1
