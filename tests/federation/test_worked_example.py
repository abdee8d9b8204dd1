"""The worked example of a border desk, step by step over a moved clock: from the scan at the gate to the outcome.

Thailand asks Viet Nam, which holds the record, and Cambodia, which is out of reach. Each step says its time in the
example, where the scan is at 14:02:10.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.clock import SystemClock, steady_ns
from gateway.desk.second_step.arriving import LATE
from gateway.errors import Forbidden
from gateway.exchange.receipts.days import GIVEN
from gateway.model.desk.notices import ChangeCode, OutcomeCode, OutcomeReport, ReplyCode, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import HoldingState, Role, WorkKind
from gateway.model.exchange import Outcome
from gateway.model.handed.asks import Decide, FollowUp, Question
from gateway.model.handed.changes import ChangeCommand
from gateway.model.handed.work import Mark, Verdict
from gateway.model.hit import Quality
from gateway.model.purpose import Offence, Purpose
from gateway.trust.ceremony.ceremony import publish_status
from tests.support.exchange import KH, TH, VN, command, entries, kinds, lines, sample_world
from tests.support.moved_clock import Ahead
from tests.support.nodes import impatient, running
from tests.support.second_step import (
    DUTY,
    OFFICER,
    REASONS,
    SUPERVISOR,
    actor,
    is_taken,
    step,
    with_rules,
    works,
)
from tests.support.waiting import until

FIVE = ("doc_code", "issuer", "number", "holder_name", "status")


@pytest.fixture
def ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ahead:
    made = Ahead(tmp_path)
    monkeypatch.setattr(SystemClock.__init__, "__defaults__", (made.moved(time.time_ns), made.moved(steady_ns)))
    return made


def codes(node: Node, key: ThreadKey) -> list[str]:
    """What the notices of a thread say."""
    return [each.placed.code for each in node.desk.parts.store.notices(key)]


def compared(node: Node, peer: str) -> list[tuple[int, int]]:
    """First and last number of what a node gave to a counterpart, of the days that both found equal."""
    found = [each for each in entries(node, "operations") if each.entry.peer == peer]
    assert not [each for each in found if each.entry.kind == "day-differs"]
    days = [each.private for each in found if each.entry.kind == "day-compared"]
    return [(day["first"], day["through"]) for day in days if day["side"] == GIVEN]


async def test_the_worked_example(tmp_path: Path, ahead: Ahead) -> None:
    world = with_rules(impatient(sample_world(tmp_path, ("th", "vn", "kh"))))
    begun = SystemClock().now_us()

    def at(**after: int) -> None:
        """Move the clock to a time after the scan; what the steps took by themselves is part of it."""
        left = begun + timedelta(**after) // timedelta(microseconds=1) - SystemClock().now_us()
        ahead.move(timedelta(microseconds=max(0, left)))

    def renew() -> None:
        """Publish each member's status anew: days have passed."""
        for member in ("th", "vn", "kh"):
            home = world.home(member)
            publish_status(home, SystemClock())
            world.federation.share((home / "trust" / "statuses" / f"{member}.json").read_bytes())

    async with running(world, ("th", "vn")):
        th, vn = world.nodes["th"], world.nodes["vn"]

        # 14:02:10: the gate scans a document. 14:02:11: a hit without a record, and silence that is not "clear"
        await until(lambda: th.core.peers.status(VN).connected, "they are connected")
        asked = command(
            to=(VN, KH), offence=Offence.MONEY, purpose=Purpose.BORDER_CHECK, case="TH-2026-0417", ticket="CK-88213"
        )
        search = await th.asking.searches.start(OFFICER.officer, asked)
        found = lines(search)
        assert found[VN].outcome is Outcome.HIT
        assert [(hit.record, hit.quality) for hit in found[VN].hits] == [(None, Quality.EXACT_ID)]
        assert found[KH].outcome is Outcome.SILENT
        assert not found[KH].hits

        # 14:04: the same person, by a second identifier; a FLASH follow-up, held until 14:30. The country that was
        # silent is back: what its sources were asked is asked of its humans
        at(minutes=1, seconds=50)
        mark = Mark(search_id=search.id, peer="vn", hit=0, verdict=Verdict.SAME, reason="national id and phone")
        await step(world, "th").marks.mark(OFFICER, mark)
        held_until_us = begun + (27 * 60 + 50) * 1_000_000
        reasons = replace(REASONS, held_until_us=held_until_us)
        told = FollowUp(
            search_id=search.id, peer="vn", hit=0, reasons=reasons, fields=FIVE, purpose=Purpose.INVESTIGATION
        )
        drafted = await step(world, "th").drafting.follow_up(OFFICER, told)
        key = drafted.key
        kh = await world.start("kh")
        question = Question(
            peer=KH,
            reasons=REASONS,
            purpose=Purpose.INVESTIGATION,
            offence=Offence.MONEY,
            topic="person",
            case="TH-2026-0417",
        )
        silent = await step(world, "th").drafting.question(OFFICER, question)

        # 14:05: the shift supervisor approves, who is another person
        at(minutes=2, seconds=50)
        with pytest.raises(Forbidden):
            await step(world, "th").approvals.approve(OFFICER, drafted.work.id)
        for each in (drafted, silent):
            await step(world, "th").approvals.approve(SUPERVISOR, each.work.id)
            await until(is_taken(th, each.key), "the ask is taken")
        there = ThreadKey(TH, key.thread_id)
        (work,) = works(vn, WorkKind.DECIDE, key=there)
        assert work.due_us - work.opened_us == 15 * 60 * 1_000_000

        # 14:11: the duty desk there releases 5 fields, for the investigation only
        at(minutes=8, seconds=50)
        decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="reported stolen", fields=FIVE)
        decided = await step(world, "vn").decisions.decide(DUTY, decide)
        assert (decided.state, len(decided.fields)) == ("sent", 5)
        await until(is_taken(vn, there), "the reply is taken")

        # 14:12: the unit opens the package, and the owner is told
        at(minutes=9, seconds=50)
        package = await step(world, "th").packages.open(OFFICER, key)
        (record,) = package.records
        assert set(record.fields) == set(FIVE)
        assert not package.late
        assert record.marking["purposes"] == [Purpose.INVESTIGATION]
        await until(is_taken(th, key), "the word of the opening is taken")
        assert vn.desk.parts.store.notices(there)[-1].placed.code == StatusCode.READ

        # both logs hold each exchange, each its own entry
        for row in th.desk.parts.store.notices(key):
            ours, theirs = kinds(th, row.notice_id), kinds(vn, row.notice_id)
            assert {tuple(ours), tuple(theirs)} == {("asked", "received"), ("answered",)}

        # 14:20: the other country answers late, after its 15 minutes; the answer stands in the officer's list as LATE
        before = ThreadKey(TH, silent.key.thread_id)
        (late,) = works(kh, WorkKind.DECIDE, key=before)
        at(minutes=17, seconds=50)
        ahead.move(timedelta(microseconds=max(0, late.due_us + 1 - SystemClock().now_us())))
        await until(lambda: StatusCode.OVERDUE in codes(th, silent.key), "the asker is told that it is overdue")
        here = actor("kh", "d1", Role.DUTY, Role.NATIONAL_DESK, agency=late.agency or "police")
        nothing = Decide(work=late.id, answer=ReplyCode.NOTHING_HELD, reason="no such person")
        await step(world, "kh").decisions.decide(here, nothing)
        await until(is_taken(kh, before), "the late answer is taken")
        reading = [each for each in works(th, WorkKind.READ, key=silent.key) if each.result == LATE]
        assert [each.assigned for each in reading] == [OFFICER.officer.person]
        told_late = await step(world, "th").packages.open(OFFICER, silent.key)
        assert (told_late.late, told_late.reply.code) == (True, ReplyCode.NOTHING_HELD)

        # 00:00 UTC: both sides compare the day, and hold the root under which the other's log has it
        at(days=1, minutes=15)
        renew()
        for _ in range(200):
            for node in (th, vn):
                await node.answering.days.round()
            if compared(th, "vn") and compared(vn, "th"):
                break
            await asyncio.sleep(0.1)  # the new statuses are on their way
        for row in th.desk.parts.store.notices(key):
            taker, author = (th, vn) if kinds(th, row.notice_id) == ["answered"] else (vn, th)
            (given,) = [each.entry for each in entries(taker) if each.entry.exchange_id == row.notice_id]
            peer = "vn" if author is vn else "th"
            assert any(first <= (given.number or 0) <= last for first, last in compared(taker, peer))
            head = author.core.heads.largest(given.log)
            assert head is not None
            assert head.size > given.index

        # +9 days: the owner withdraws; hidden at once, the reader is told, the end is confirmed
        at(days=9)
        renew()
        data = actor("vn", "data1", Role.DATA_OFFICER, agency="immigration")
        (copy,) = vn.desk.parts.store.holdings(jti=record.jti)
        await vn.desk.originator.originator.change(
            data, ChangeCommand(code=ChangeCode.WITHDRAWN, record=copy.record, reason="found")
        )

        def hidden() -> bool:
            return all(each.state is not HoldingState.HELD for each in th.desk.parts.store.holdings(jti=record.jti))

        await until(hidden, "the package is hidden")
        with pytest.raises(Forbidden):
            await step(world, "th").packages.open(OFFICER, key)

        # +30 days: the outcome is asked for, and told
        at(days=30, hours=1)
        renew()
        now_us = SystemClock().now_us()
        assert [each for each in works(th, WorkKind.OUTCOME, key=key) if each.opened_us <= now_us]
        seized = OutcomeReport(OutcomeCode.SEIZED, "methamphetamine", grams=12_000)
        await step(world, "th").packages.tell_outcome(OFFICER, key, seized)
        await until(is_taken(th, key), "the outcome is taken")
        thread = vn.desk.parts.store.thread(there)
        assert thread is not None
        assert thread.state is ThreadState.ENDED
        left = works(th, WorkKind.OUTCOME, key=key)
        assert [each.opened_us > now_us for each in left] == [True]
        acts = [each.private["act"] for each in entries(th, "operations") if each.entry.kind == "desk-act"]
        assert acts[:5] == ["mark", "draft", "draft", "open", "open"]
