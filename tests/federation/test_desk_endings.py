"""How deliveries end: refused, expired, held, or for a counterpart that has lost what it took."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.config.suspensions import Action
from gateway.desk.delivery.authoring import Post
from gateway.desk.fold import told
from gateway.errors import Stale, Unknown, Unsupported
from gateway.model.desk.notices import About, Ask, Body, Change, ChangeCode, Note, NoticeType, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import DeliveryState
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import Delivery
from gateway.ports.entries import events
from gateway.ports.journal import LogName
from gateway.statements.notices.notice import parse_notice
from gateway.trust.documents.descriptor import Descriptor
from tests.support.audit_logs import LogHome
from tests.support.databases import server
from tests.support.desks import Desk, Desks, entries_of, make_desks

TH, VN = MemberId("th"), MemberId("vn")
HOUR_US = 3_600_000_000
QUESTION = Ask(About.QUESTION, "a truck was left at the bridge", topic="vehicle")
WORD = Note("en", "a word")


def post(body: Body, **changes: Any) -> Post:
    """A notice of an officer of Thailand that never expires."""
    who = Requester("officer", "th.blo.one", "police", "0123456789abcdef")
    made = Post(body, Urgency.FLASH, Purpose.INVESTIGATION, Offence.NARC, who, "TH-2026-0417", "", "gms-border-2026")
    return replace(made, **changes)


@pytest_asyncio.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Desks]:
    made = make_desks(tmp_path)
    yield made
    await made.stop()


def states(desk: Desk, key: ThreadKey) -> list[str]:
    """The states of a thread's deliveries by number."""
    found = desk.store.deliveries(tuple(DeliveryState), key=key)
    return [each.state.value for each in sorted(found, key=lambda each: each.seq)]


def tries(desk: Desk, delivery: Delivery) -> int:
    """How often a delivery was tried."""
    found = desk.store.delivery(delivery.notice_id)
    return found.tries if found else 0


def agree(desks: Desks, key: ThreadKey) -> None:
    """Check that both sides hold the same of a thread of Thailand."""
    th, vn = desks.desks[TH], desks.desks[VN]
    here, there = th.store.thread(key), vn.store.thread(ThreadKey(TH, key.thread_id))
    assert here is not None
    assert there is not None
    assert th.store.placed(key) == vn.store.placed(there.key)
    assert here.state is there.state is told(here.kind, th.store.placed(key))
    assert (here.ours, here.our_last) == (there.theirs, there.their_last)


async def test_a_refused_notice_leaves_its_thread_and_the_next_takes_its_place(desks: Desks) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    key = await th.author.open(VN, post(QUESTION))
    await desks.settle()
    desks.link.cut.add(frozenset((TH, VN)))
    await th.author.post(key, post(WORD, purpose=Purpose.TRAINING))  # no agreement covers it
    await th.author.post(key, post(WORD))  # it builds on the one that will be refused
    await desks.settle()
    assert states(th, key) == ["taken", "refused", "refused"]
    assert len(entries_of(th, events.SILENT)) == 1
    agree(desks, key)
    await th.author.post(key, post(WORD))
    await desks.settle()
    agree(desks, key)
    thread = vn.store.thread(ThreadKey(TH, key.thread_id))
    assert thread is not None
    assert thread.theirs == 2


async def test_a_thread_whose_first_notice_was_refused_is_over(desks: Desks) -> None:
    th = desks.desks[TH]
    key = await th.author.open(VN, post(QUESTION, purpose=Purpose.TRAINING))
    await desks.settle()
    thread = th.store.thread(key)
    assert thread is not None
    assert (thread.state, thread.ours) == (ThreadState.ENDED, 0)
    with pytest.raises(Stale, match="first notice"):
        await th.author.post(key, post(QUESTION))


async def test_an_expired_notice_raises_work_once_and_what_comes_after_it_finds_out(desks: Desks) -> None:
    th = desks.desks[TH]
    key = await th.author.open(VN, post(QUESTION))
    await desks.settle()
    desks.link.cut.add(frozenset((TH, VN)))
    await th.author.post(key, post(WORD, expires_us=desks.clock.now_us() + HOUR_US))
    desks.clock.advance(timedelta(hours=2))
    await desks.until(th.is_quiet, "it expires")
    assert states(th, key) == ["taken", "expired"]
    assert len(th.undelivered) == 1
    await th.author.post(key, post(WORD))  # the counterpart says `gap`, then `expired`
    await desks.settle()
    assert states(th, key) == ["taken", "refused", "refused"]
    assert [code for _, code in th.undelivered] == ["expired", "not-sent"]
    agree(desks, key)
    await th.author.post(key, post(WORD))
    await desks.settle()
    agree(desks, key)


async def test_a_notice_that_was_taken_in_time_is_found_out_after_its_end(desks: Desks) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    desks.link.deaf = True
    key = await th.author.open(VN, post(QUESTION, expires_us=desks.clock.now_us() + HOUR_US))
    there = ThreadKey(TH, key.thread_id)
    await desks.until(lambda: vn.store.thread(there) is not None, "it is taken")
    desks.clock.advance(timedelta(hours=2))
    await desks.settle()
    assert states(th, key) == ["taken"]
    assert th.undelivered == []
    agree(desks, key)


async def test_notices_to_a_suspended_member_are_held_and_leave_when_the_switch_changes(desks: Desks) -> None:
    th = desks.desks[TH]
    th.switch(Action.SUSPEND, "peer:vn")
    desks.clock.advance(timedelta(seconds=2))
    key = await th.author.open(VN, post(QUESTION))
    life = await th.author.open(VN, post(QUESTION, purpose=Purpose.THREAT_TO_LIFE))
    changed = await th.author.open(VN, post(Change(ChangeCode.WITHDRAWN, ("ab" * 16,), reason="mistaken")))
    await desks.until(lambda: states(th, changed) == ["taken"], "a change passes")
    await desks.until(lambda: {each.problem for each in th.store.deliveries()} == {"suspended"}, "they are held")
    assert states(th, key) == states(th, life) == ["waiting"]
    sent = desks.link.sent
    desks.clock.advance(timedelta(seconds=60))
    await desks.until(lambda: True, "a round")
    assert desks.link.sent == sent, "what is held costs no calls"
    th.switch(Action.SUSPEND, "peer:vn", humanitarian="minister")
    desks.clock.advance(timedelta(seconds=2))
    await desks.until(lambda: states(th, life) == ["taken"], "the exception lets it pass")
    assert states(th, key) == ["waiting"]
    th.switch(Action.RESUME, "peer:vn")
    desks.clock.advance(timedelta(seconds=2))
    await desks.until(lambda: states(th, key) == ["taken"], "exchange goes on")


async def test_what_a_restored_desk_holds_leaves_as_soon_as_its_counterpart_is_heard(desks: Desks) -> None:
    th = desks.desks[TH]
    th.unheard.add(VN)
    key = await th.author.open(VN, post(QUESTION))
    await desks.until(lambda: {each.problem for each in th.store.deliveries()} == {"restoring"}, "it is held")
    assert desks.link.sent == 0
    th.unheard.clear()
    await desks.until(lambda: states(th, key) == ["taken"], "it leaves, and no time has to pass")


async def test_failures_of_one_moment_count_once_and_flash_does_not_wait(desks: Desks) -> None:
    th = desks.desks[TH]
    desks.link.cut.add(frozenset((TH, VN)))
    for _ in range(8):
        await th.author.open(VN, post(QUESTION, urgency=Urgency.ROUTINE))
    line = th.sender._lines[VN]
    await desks.until(lambda: line.failures > 0, "the first one is tried")
    for _ in range(5):
        desks.clock.advance(timedelta(seconds=31))
        before, sent = line.failures, desks.link.sent
        await desks.until(lambda sent=sent: desks.link.sent == sent + 8, "all are tried again")  # type: ignore[misc]
        await desks.until(lambda: not line.flying, "all have failed")
        assert line.failures == before + 1
    sent = desks.link.sent
    await th.author.open(VN, post(QUESTION))
    desks.clock.advance(timedelta(seconds=3))
    await desks.until(lambda: desks.link.sent > sent, "a FLASH notice is tried after 2 s")


async def test_an_erased_notice_stops_no_other(desks: Desks) -> None:
    th = desks.desks[TH]
    desks.link.cut.add(frozenset((TH, VN)))
    gone = await th.author.open(VN, post(QUESTION))
    key = await th.author.open(VN, post(QUESTION))
    # The first one is tried as soon as it is written: that try must be over, else it may go with the bytes it has read.
    line = th.sender._lines[VN]
    await desks.until(lambda: line.failures > 0 and not line.flying, "no try is under way")
    th.home.sql(f"UPDATE desk_notice SET envelope = x'' WHERE notice_id = '{gone.thread_id}'")
    await desks.settle()
    assert (states(th, gone), states(th, key)) == (["expired"], ["taken"])
    assert th.undelivered == [(gone.thread_id, "erased")]


async def test_an_author_is_told_what_a_counterpart_does_not_take(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    th = desks.desks[TH]
    with pytest.raises(Unknown, match="no counterpart"):
        await th.author.open(TH, post(QUESTION))
    with pytest.raises(Unknown, match="no counterpart"):
        await th.author.open(MemberId("xx"), post(QUESTION))
    monkeypatch.setattr(Descriptor, "can_take", lambda _self, kind: kind is not NoticeType.ASK)
    with pytest.raises(Unsupported, match="takes no notices of the type `ask`"):
        await th.author.open(VN, post(QUESTION))
    assert th.store.threads() == []


async def test_a_counterpart_that_always_speaks_of_a_gap_makes_few_entries(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    th = desks.desks[TH]
    key = await th.author.open(VN, post(QUESTION))
    await desks.settle()
    await desks.until(lambda: not th.store.deliveries(), "nothing is on its way any more")
    liar = desks.desks[VN]
    take = liar.take

    async def lie(peer: MemberId, request: Any) -> Any:
        if parse_notice(request.envelope).head.seq > 1:
            raise Stale("there is a gap", code="gap")
        return await take(peer, request)

    monkeypatch.setattr(liar, "take", lie)
    await th.author.post(key, post(WORD))
    (waits,) = th.store.deliveries()
    for _ in range(12):
        desks.clock.advance(timedelta(seconds=31))
        before = tries(th, waits)
        await desks.until(lambda before=before: tries(th, waits) > before, "it is tried")  # type: ignore[misc]
    assert th.logs[LogName.OPERATIONS].size <= 5


@pytest.mark.process
async def test_two_processes_that_send_at_once_end_each_delivery_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogHome, "engine", "postgresql")
    server("postgresql")
    made = make_desks(tmp_path, several=("th",))
    made.link.cut.add(frozenset((TH, VN)))
    try:
        for _ in range(20):
            await made.desks[TH].author.open(VN, post(QUESTION))
        sent = made.link.sent
        await made.settle()
        received = entries_of(made.desks[TH], events.RECEIVED)
        assert len(received) == 20
        assert made.link.sent > sent + 20, "both have sent"
    finally:
        await made.stop()


async def test_a_counterpart_that_was_restored_takes_again_what_it_lost(desks: Desks, tmp_path: Path) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    await th.author.open(VN, post(QUESTION))
    await desks.settle()
    await vn.stop()
    shutil.copytree(vn.home.folder, tmp_path / "backup")
    vn.start()
    key = await th.author.open(VN, post(QUESTION))
    await th.author.post(key, post(WORD))
    await desks.settle()
    agree(desks, key)
    await vn.stop()
    shutil.rmtree(vn.home.folder)
    shutil.copytree(tmp_path / "backup", vn.home.folder)
    vn.start()
    assert vn.store.thread(ThreadKey(TH, key.thread_id)) is None
    await th.author.post(key, post(WORD))
    await desks.settle()
    assert states(th, key) == ["taken", "taken", "taken"]
    agree(desks, key)
    assert th.undelivered == []
