"""A person and the node's round may do one thing at the same moment: it is done once, and neither is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from gateway.app.run.node import Node
from gateway.model.desk.notices import ChangeCode, NoticeType
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import Direction, WorkKind
from gateway.model.handed.changes import ChangeCommand
from gateway.model.names import ExchangeId
from tests.support.alerts import author, raising, supervisor
from tests.support.approving import approve_waiting
from tests.support.exchange import TH, VN, command, sample_world
from tests.support.nodes import officer
from tests.support.originator import data_officer, work_of
from tests.support.reports import report
from tests.support.second_step import is_taken
from tests.support.simulator import simulated
from tests.support.waiting import until
from tests.support.watches import watching


async def test_a_round_that_read_its_work_before_a_person_did_it_answers_no_second_time(tmp_path: Path) -> None:
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        await th.asking.searches.start(officer(), command())
        (copy,) = vn.desk.parts.store.holdings(direction=Direction.OUT)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        withdrawn = ChangeCommand(code=ChangeCode.WITHDRAWN, record=copy.record)
        (key,) = (await vn.desk.originator.originator.change(owner, withdrawn)).threads
        await until(is_taken(vn, key), "the change is taken")
        (work,) = work_of(th, WorkKind.COMPLY)
        compliance, store = th.desk.originator.compliance, th.desk.parts.store
        await compliance.comply(data_officer("th"), work.id)
        with patch.object(type(store), "works", lambda *_: [work]):
            await compliance.round()
        rows = store.notices(ThreadKey(VN, key.thread_id))
        assert [row.placed.code for row in rows if row.placed.type is NoticeType.STATUS] == ["ERASED"]
        done = store.work(work.id)
        assert done is not None
        assert (done.by, done.result) == ("th.d.7", "ERASED")


async def _lifted_alert(th: Node) -> tuple[Any, ExchangeId]:
    own = th.desk.alerts.own
    alert_id = await own.raise_alert(author(), raising())
    await approve_waiting(own, supervisor(), alert_id)
    with _not_brought_up(own):
        await own.lift(author(), alert_id, "found")
    return own, alert_id


async def _ended_watch(th: Node) -> tuple[Any, ExchangeId]:
    own = th.desk.watches.own
    watch_id = await own.add(author(), watching("vn"))
    await approve_waiting(own, supervisor(), watch_id)
    with _not_brought_up(own):
        await own.end(author(), watch_id, "he was arrested")
    return own, watch_id


async def _withdrawn_report(th: Node) -> tuple[Any, ExchangeId]:
    own = th.desk.reports.own
    report_id = await own.publish(author(), report())
    await approve_waiting(own, supervisor(), report_id)
    with _not_brought_up(own):
        await own.withdraw(author(), report_id, "outdated")
    return own, report_id


def _not_brought_up(own: Any) -> Any:
    """A person's act is cut off after its own entry: its threads are still to follow."""

    async def rest(*_: Any) -> None:
        return None

    return patch.object(own, "_follow", rest)


@pytest.mark.parametrize("made", [_lifted_alert, _ended_watch, _withdrawn_report])
async def test_what_a_person_and_a_round_bring_to_its_end_at_once_ends_once(tmp_path: Path, made: Any) -> None:
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as world:
        th = world.nodes["th"]
        own, key = await made(th)
        store = th.desk.parts.store
        before = store.thread(ThreadKey(TH, key))
        await asyncio.gather(*(own._follow(key) for _ in range(4)))
        after = store.thread(ThreadKey(TH, key))
        assert before is not None
        assert after is not None
        assert after.state is ThreadState.ENDED
        assert after.version == before.version + 1
