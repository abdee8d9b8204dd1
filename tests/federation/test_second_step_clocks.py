"""The clocks of the second step: work is escalated once, the asker is told, and a late answer still arrives."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app.run.node import Node
from gateway.desk.second_step.arriving import LATE
from gateway.desk.second_step.escalation import LAPSED, PHONE
from gateway.errors import Stale
from gateway.model.desk.notices import ReplyCode, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import Level, WorkKind
from gateway.model.handed.asks import Decide
from gateway.telemetry import Gauge
from tests.support.exchange import entries
from tests.support.moved_clock import Ahead
from tests.support.second_step import (
    DUTY,
    OFFICER,
    REASONS,
    SUPERVISOR,
    asked,
    follow_up,
    hit,
    is_taken,
    step,
    step_world,
    works,
)
from tests.support.simulator import simulated
from tests.support.waiting import until

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ahead(tmp_path: Path) -> Ahead:
    """Time that a test moves on, for all nodes that it starts."""
    return Ahead(tmp_path)


def clock_entries(node: Node, key: ThreadKey) -> list[dict[str, Any]]:
    """What the desk's clock wrote about a thread."""
    found = [each for each in entries(node, "operations") if each.entry.kind == "desk-clock"]
    return [each.private for each in found if each.entry.exchange_id == key.thread_id]


def level(node: Node, work_id: str) -> Level:
    """The level of some work."""
    work = node.desk.parts.store.work(work_id)
    assert work is not None
    return work.level


def codes(node: Node, key: ThreadKey) -> list[str]:
    """What the notices of a thread say."""
    return [each.placed.code for each in node.desk.parts.store.notices(key)]


def gauge(node: Node, name: Gauge) -> dict[Any, float]:
    """The values of a gauge, as metrics read them."""
    return dict(node.resources.counters.gauges()[name]())


async def test_a_decision_that_is_due_is_escalated_told_and_still_taken_late(tmp_path: Path, ahead: Ahead) -> None:
    world = step_world(tmp_path)
    async with simulated(world) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        key, there, work = await asked(world)
        thread = th.desk.parts.store.thread(key)
        assert thread is not None
        assert thread.due_us == work.due_us
        ahead.move(8 * MINUTE)
        await until(lambda: level(vn, work.id) is Level.HALF, "half of the time is over")
        assert StatusCode.OVERDUE not in codes(vn, there)
        assert gauge(vn, Gauge.WORK_OVERDUE) == {(): 0.0}
        ahead.move(8 * MINUTE)
        await until(lambda: level(vn, work.id) is Level.END, "all of the time is over")
        await until(lambda: StatusCode.OVERDUE in codes(th, key), "the asker is told")
        told = [(each["level"], each["work"]) for each in clock_entries(vn, there)]
        assert told == [("half", work.id), ("end", work.id)]
        assert gauge(vn, Gauge.WORK_OVERDUE) == {(): 1.0}
        (overdue,) = works(th, WorkKind.READ, key=key)
        assert overdue.assigned == OFFICER.officer.person
        decide = Decide(work=work.id, answer=ReplyCode.NOTHING_HELD, reason="late, and no")
        await step(world, "vn").decisions.decide(DUTY, decide)
        await until(is_taken(vn, there), "the late answer is taken")
        assert LATE in [each.result for each in works(th, WorkKind.READ, key=key)]
        package = await step(world, "th").packages.open(OFFICER, key)
        assert package.late


async def test_a_node_that_was_down_over_a_deadline_escalates_once(tmp_path: Path, ahead: Ahead) -> None:
    world = step_world(tmp_path)
    async with simulated(world) as world:
        key, there, work = await asked(world)
        await world.stop("vn")
        ahead.move(45 * MINUTE)
        vn = await world.start("vn")
        assert gauge(vn, Gauge.RETENTION_AGE)[()] < 60
        await until(lambda: level(vn, work.id) is Level.END, "all of the time is over")
        await until(lambda: StatusCode.OVERDUE in codes(world.nodes["th"], key), "the asker is told")
        await world.stop("vn")
        vn = await world.start("vn")
        ahead.move(45 * MINUTE)
        await vn.desk.second_step.rounds[0].work()
        assert [each["level"] for each in clock_entries(vn, there)] == ["end"]
        assert codes(vn, there).count(StatusCode.OVERDUE) == 1


async def test_a_draft_warns_its_author_before_it_lapses(tmp_path: Path, ahead: Ahead) -> None:
    world = step_world(tmp_path)
    async with simulated(world) as world:
        th = world.nodes["th"]
        drafted = await step(world, "th").drafting.follow_up(OFFICER, follow_up(await hit(world)))
        key = drafted.key
        ahead.move(2 * MINUTE)
        await until(lambda: bool(works(th, WorkKind.READ, key=key)), "the author is told to phone")
        (phone,) = works(th, WorkKind.READ, key=key)
        assert (phone.assigned, phone.result) == (OFFICER.officer.person, PHONE)
        ahead.move(5 * MINUTE)
        await until(lambda: level(th, drafted.work.id) is Level.END, "the time for the approval is over")
        assert th.desk.parts.store.thread(key).state is ThreadState.NEW  # type: ignore[union-attr]
        ahead.move(9 * MINUTE)
        await until(lambda: not works(th, WorkKind.APPROVE, key=key), "the draft lapses")
        thread = th.desk.parts.store.thread(key)
        assert thread is not None
        assert (thread.state, thread.draft) == (ThreadState.ENDED, b"")
        (left,) = works(th, WorkKind.READ, key=key)
        assert left.result == LAPSED
        with pytest.raises(Stale):
            await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)


async def test_a_question_back_stops_the_clock_twice_at_most(tmp_path: Path, ahead: Ahead) -> None:
    world = step_world(tmp_path)
    async with simulated(world) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        key, there, work = await asked(world)
        for stopped in (True, True, False):
            ahead.move(MINUTE)
            decide = Decide(work=work.id, answer=ReplyCode.CLARIFY, reason="unclear", text="which bag?")
            await step(world, "vn").decisions.decide(DUTY, decide)
            await until(is_taken(vn, there), "the question back is taken")
            (clarify,) = works(th, WorkKind.CLARIFY, key=key)
            assert clarify.assigned == OFFICER.officer.person
            before = vn.desk.parts.store.work(work.id)
            assert before is not None
            assert bool(before.paused_us) is stopped
            ahead.move(4 * MINUTE)
            await step(world, "th").packages.clarify(OFFICER, key, REASONS)
            await until(is_taken(th, key), "the answer to it is taken")
            after = vn.desk.parts.store.work(work.id)
            assert after is not None
            assert not after.paused_us
            moved = timedelta(microseconds=after.due_us - before.due_us)
            assert (moved >= 4 * MINUTE) is stopped
            assert not works(th, WorkKind.CLARIFY, key=key)
        assert len(works(vn, WorkKind.DECIDE, key=there)) == 1
