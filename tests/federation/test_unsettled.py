"""An error that its owner does not settle in two months is in the auditor's list until it is settled (DUTY-L22)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.desk.entries import desk_clock
from gateway.desk.second_step.unsettled import AFTER_US, Unsettled
from gateway.model.desk.notices import ReplyCode
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.handed.work import Mark, Verdict
from gateway.ports.desk import DeskRows, Work, WorkFilter
from gateway.ports.desk_uses import WorkQuery
from tests.support.exchange import CLOCK
from tests.support.nodes import World
from tests.support.second_step import OFFICER, actor, hit, step, step_world, works
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = step_world(tmp_path)
    async with simulated(made) as made:
        yield made


async def test_duty_l22_an_error_that_is_not_settled_in_two_months_is_told_to_the_auditor(own_world: World) -> None:
    vn, auditor = own_world.nodes["vn"], actor("vn", "a1", Role.AUDITOR).officer
    store = vn.desk.parts.store
    mark = Mark(search_id=await hit(own_world), peer="vn", hit=0, verdict=Verdict.NOT_SAME, reason="another birth")
    await step(own_world, "th").marks.mark(OFFICER, mark)
    await until(lambda: bool(works(vn, WorkKind.DISTINGUISH)), "the owner has work")
    (work,) = works(vn, WorkKind.DISTINGUISH)
    unsettled = Unsettled(vn.desk.parts)

    def listed() -> list[Work]:
        return store.works(WorkFilter(kinds=(WorkKind.READ,), roles=(Role.AUDITOR,)))

    async def overdue(by_us: int) -> None:
        late = replace(work, due_us=CLOCK.now_us() - by_us)
        await vn.desk.pen.write(
            vn.core.parts.member, work.key, lambda: desk_clock(work.key, "moved", DeskRows(works=(late,)))
        )
        await unsettled.round()

    await overdue(AFTER_US - 60_000_000)
    assert listed() == [], "two months are not over"
    await overdue(AFTER_US)
    await unsettled.round()
    (row,) = listed()
    assert (row.key, row.agency, row.notice_id) == (work.key, work.agency, work.notice_id)
    shown = await vn.desk.uses.queue.works(auditor, WorkQuery())
    assert [item.work.id for item in shown] == [row.id]
    data = actor("vn", "data1", Role.DATA_OFFICER, agency="immigration")
    answer = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="the row has a mark now", text="told apart")
    await step(own_world, "vn").decisions.decide(data, answer)
    await unsettled.round()
    assert listed() == []
    done = store.work(row.id)
    assert done is not None
    assert done.result == "settled"
    await unsettled.round()
    assert listed() == [], "it is not listed again"
