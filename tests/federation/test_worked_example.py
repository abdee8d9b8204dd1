"""The worked example of a border desk, minute by minute over a clock that is moved: from the scan at the gate to the
statistics. Thailand asks Viet Nam, which holds the record, and Cambodia, which is out of reach."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import SystemClock, steady_ns
from gateway.desk.originator.changing import ChangeCommand
from gateway.desk.second_step.commands import Decide, FollowUp
from gateway.desk.second_step.marking import Mark, Verdict
from gateway.errors import Forbidden
from gateway.model.desk.notices import ChangeCode, OutcomeCode, OutcomeReport, ReplyCode, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import HoldingState, Role, WorkKind
from gateway.model.exchange import Outcome
from gateway.model.purpose import Offence, Purpose
from gateway.trust.ceremony.ceremony import publish_status
from tests.support.exchange import KH, TH, VN, command, entries, kinds, lines, sample_world
from tests.support.moved_clock import Ahead
from tests.support.nodes import running
from tests.support.second_step import (
    DUTY,
    OFFICER,
    REASONS,
    SUPERVISOR,
    actor,
    is_taken,
    step,
    until,
    with_rules,
    works,
)

FIVE = ("doc_code", "issuer", "number", "holder_name", "status")


@pytest.fixture
def ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ahead:
    made = Ahead(tmp_path)
    monkeypatch.setattr(SystemClock.__init__, "__defaults__", (made.moved(time.time_ns), made.moved(steady_ns)))
    return made


async def test_the_worked_example(tmp_path: Path, ahead: Ahead) -> None:
    world = with_rules(sample_world(tmp_path, ("th", "vn", "kh")))
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

        # 0 s: the gate scans a document; 1 s: a hit without a record, and silence that is not "clear"
        asked = command(
            to=(VN, KH), offence=Offence.MONEY, purpose=Purpose.BORDER_CHECK, case="TH-2026-0417", ticket="CK-88213"
        )
        search = await th.asking.searches.start(OFFICER.officer, asked)
        found = lines(search)
        assert found[VN].outcome is Outcome.HIT
        assert [hit.record for hit in found[VN].hits] == [None]
        assert found[KH].outcome is Outcome.SILENT

        # 2 min: the same person, by a second identifier; a FLASH follow-up, held until 20 min
        at(minutes=2)
        mark = Mark(search_id=search.id, peer="vn", hit=0, verdict=Verdict.SAME, reason="national id and phone")
        await step(world, "th").marks.mark(OFFICER, mark)
        held_until_us = begun + 20 * 60 * 1_000_000
        reasons = replace(REASONS, held_until_us=held_until_us)
        told = FollowUp(
            search_id=search.id, peer="vn", hit=0, reasons=reasons, fields=FIVE, purpose=Purpose.INVESTIGATION
        )
        drafted = await step(world, "th").drafting.follow_up(OFFICER, told)
        key = drafted.key

        # 3 min: the shift supervisor approves, who is another person
        at(minutes=3)
        await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)
        await until(is_taken(th, key), "the ask is taken")
        there = ThreadKey(TH, key.thread_id)
        (work,) = works(vn, WorkKind.DECIDE, key=there)
        assert work.due_us - work.opened_us == 15 * 60 * 1_000_000

        # 9 min: the duty desk there releases 5 fields, for the investigation only
        at(minutes=9)
        decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="reported stolen", fields=FIVE)
        decided = await step(world, "vn").decisions.decide(DUTY, decide)
        assert (decided.state, len(decided.fields)) == ("sent", 5)
        await until(is_taken(vn, there), "the reply is taken")

        # 10 min: the unit opens the package, and the owner is told
        at(minutes=10)
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

        # 9 days: the owner withdraws; hidden at once, the reader is told, the end is confirmed
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

        # 30 days: the outcome is asked for, and told
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
        assert acts[:3] == ["mark", "draft", "open"]
