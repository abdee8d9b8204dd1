"""A person and the node's round may obey one change at the same moment: its owner is answered once."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from gateway.desk.originator.changing import ChangeCommand
from gateway.model.desk.notices import ChangeCode, NoticeType
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, WorkKind
from tests.support.exchange import VN, command, sample_world
from tests.support.nodes import officer
from tests.support.originator import data_officer, work_of
from tests.support.second_step import is_taken
from tests.support.simulator import simulated
from tests.support.waiting import until


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
