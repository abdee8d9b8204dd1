"""A clock that jumps between starts, and a node that was down, escalate each kind of work to each level once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.audit.reading.show import Filter, show
from gateway.desk.clocks import ESCALATION
from gateway.desk.delivery.authoring import Post
from gateway.desk.second_step.escalation import Escalation
from gateway.model.desk.notices import About, Alert, Ask, Change, ChangeCode, StatusCode, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Level, WorkKind
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import DeskRows, Work, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import LogName
from tests.support.desks import Desk, Desks, make_desks

TH, VN = MemberId("th"), MemberId("vn")
DAY_US = 86_400_000_000
LEVELS = list(Level)


def post(body: Any) -> Post:
    who = Requester("officer", "th.blo.one", "police", "0123456789abcdef")
    made = Post(body, Urgency.FLASH, Purpose.INVESTIGATION, Offence.NARC, who)
    return changed(made, case="TH-2026-0417", agreement="gms-border-2026")


async def every_kind(desks: Desks) -> list[Work]:
    """Work of every kind at Viet Nam: what its notices raise, and all others beside it."""
    th, vn = desks.desks[TH], desks.desks[VN]
    until_us = desks.clock.now_us() + 60 * DAY_US
    change = Change(ChangeCode.WITHDRAWN, ("ab" * 16,), erase_by_us=desks.clock.now_us() + DAY_US)
    for body in (Ask(About.QUESTION, "a truck", topic="vehicle"), Alert("a.b.c", "STOP", until_us), change):
        await th.author.open(VN, post(body))
    await desks.until(th.is_quiet, "all is taken")
    raised = vn.store.works(WorkFilter())
    (decide,) = (work for work in raised if work.kind is WorkKind.DECIDE)
    others = [
        replace(decide, id=f"{kind.value}.th.made", kind=kind, due_us=decide.opened_us + 2 * DAY_US)
        for kind in WorkKind
        if kind not in {work.kind for work in raised}
    ]
    draft = events.DESK_ACT.draft(peer=TH, exchange_id=decide.key.thread_id, rows=DeskRows(works=tuple(others)))
    vn.logs[LogName.OPERATIONS].append([draft])
    found = vn.store.works(WorkFilter())
    assert {work.kind for work in found} == set(WorkKind) == set(ESCALATION)
    return found


def starts(desk: Desk) -> Escalation:
    """The round of a process that has just started."""
    return Escalation(desk.author._parts, desk.store, desk.author._pen, desk.author)


def clocked(desk: Desk) -> Counter[tuple[str, str]]:
    """How often each level of each item of work was written; alarms count as none."""
    log = desk.logs[LogName.OPERATIONS].store_name
    shown = list(show(desk.log_store, desk.home.keystore, log, Filter(kind="desk-clock"), limit=10_000))
    return Counter((each.private["work"], each.private["level"]) for each in shown if not each.private["code"])


@pytest.mark.parametrize("seed", range(6))
async def test_each_level_is_reached_once_at_every_kind_of_work(tmp_path: Path, seed: int) -> None:
    desks, chance = make_desks(tmp_path), random.Random(seed)
    try:
        works = await every_kind(desks)
        vn, start_us = desks.desks[VN], desks.clock.now_us()
        round_ = starts(vn)
        before = {work.id: work for work in works}
        for _ in range(10):
            desks.clock._us = start_us + chance.randrange(-2 * DAY_US, 10 * DAY_US)
            if chance.random() < 0.5:
                round_ = starts(vn)
            await round_.round()
            after = {work.id: work for work in vn.store.works(WorkFilter())}
            for name, work in after.items():
                was = before[name]
                assert LEVELS.index(work.level) >= LEVELS.index(was.level)
                assert (work.half_us, work.due_us, work.done_us) == (was.half_us, was.due_us, was.done_us)
            before = after
        desks.clock._us = start_us + 400 * DAY_US
        await round_.round()
        await starts(vn).round()
        assert {work.level for work in vn.store.works(WorkFilter())} == {Level.END}
        assert max(clocked(vn).values()) == 1
        told = {
            thread.kind: [placed.code for placed in vn.store.placed(thread.key)].count(StatusCode.OVERDUE)
            for thread in vn.store.threads()
        }
        assert set(told.values()) == {1}, "each counterpart is told once"
    finally:
        await desks.stop()


async def test_alarms_that_a_wrong_clock_had_put_off_are_planned_anew(tmp_path: Path) -> None:
    desks = make_desks(tmp_path)
    try:
        works = await every_kind(desks)
        vn, start_us = desks.desks[VN], desks.clock.now_us()
        (alert,) = (work for work in works if work.kind is WorkKind.ACKNOWLEDGE)
        desks.clock._us = start_us + 30 * DAY_US
        await starts(vn).round()
        desks.clock._us = start_us
        desks.clock.advance(timedelta(seconds=61))
        await starts(vn).round()
        found = vn.store.work(alert.id)
        assert found is not None
        assert found.alarm_us == alert.opened_us + 120_000_000
        assert found.key == ThreadKey(TH, alert.key.thread_id)
    finally:
        await desks.stop()
