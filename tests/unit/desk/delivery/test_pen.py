"""The pen: entries with statements that are signed together, and orders that fail without the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.desk.pen import Pen, Unsigned, Written
from gateway.errors import LiaisonError, Unavailable
from gateway.exchange.parts import Parts
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import MemberId, new_exchange_id
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.statements.envelope import NOTICE_RECEIPT, Sealed
from tests.support.desks import Desks, make_desks

TH, VN = MemberId("th"), MemberId("vn")
FEW = 8


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Desks]:
    made = make_desks(tmp_path)
    yield made
    await made.stop()


def parts_of(desks: Desks) -> Parts:
    return desks.desks[TH].author._parts


def alarm(sealed: Sealed) -> EntryDraft:
    return events.ALARM.draft(peer=VN, code="test", detail=sealed.payload_hash.hex())


def unsigned(payload: bytes) -> Callable[[], Unsigned]:
    return lambda: Unsigned((NOTICE_RECEIPT, payload), alarm)


async def written(pen: Pen, *payloads: bytes) -> list[Written | BaseException]:
    """What becomes of one order for each payload, all in one group."""
    orders = [pen.write(TH, ThreadKey(VN, new_exchange_id()), unsigned(payload)) for payload in payloads]
    tasks = [asyncio.create_task(order) for order in orders]
    await asyncio.sleep(0)
    pen.start()
    try:
        return await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await asyncio.to_thread(pen.stop, 10)


@pytest.mark.long
async def test_one_wake_of_the_loop_tells_of_a_group_and_each_entry_is_told_once(desks: Desks) -> None:
    told: list[Written] = []
    pen = Pen(parts_of(desks), lambda error: None, told.append)
    results = await written(pen, *(bytes([number]) for number in range(FEW)))
    assert [result for result in results if isinstance(result, Written)] == told
    assert len({one.draft.private["detail"] for one in told}) == FEW


@pytest.mark.long
async def test_a_statement_that_is_too_large_costs_the_others_of_its_group_nothing(desks: Desks) -> None:
    pen = Pen(parts_of(desks), lambda error: None, lambda one: None)
    first, large, last = await written(pen, b"one", b"x" * (NOTICE_RECEIPT.largest + 1), b"two")
    assert all(isinstance(one, Written) for one in (first, last))
    assert isinstance(large, LiaisonError)
    assert large.code == "statement-too-large"


@pytest.mark.long
async def test_nothing_is_signed_once_our_own_key_was_removed(desks: Desks) -> None:
    parts = parts_of(desks)

    def removed() -> SimpleNamespace:
        raise Unavailable("our own documents removed the key", code="own-key-removed")

    pen = Pen(replace(parts, statement_key=removed), lambda error: None, lambda one: None)  # type: ignore[arg-type]
    for result in await written(pen, b"one", b"two"):
        assert isinstance(result, Unavailable)
        assert result.code == "own-key-removed"
    assert all(log.size == 0 for log in desks.desks[TH].logs.values())


@pytest.mark.long
async def test_a_watcher_that_fails_leaves_no_order_without_its_result(desks: Desks) -> None:
    def fails(_written: Written) -> None:
        raise RuntimeError("a fault of a watcher")

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    pen = Pen(parts_of(desks), lambda error: None, fails)
    assert all(isinstance(result, Written) for result in await written(pen, b"one", b"two"))
