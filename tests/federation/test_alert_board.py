"""What people see of alerts between running nodes: the board, previews, what they may do; and acts that repeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.desk.alerts.taken import OUTCOME
from gateway.errors import Forbidden, Unknown
from gateway.model.desk.notices import REACTIONS, OutcomeCode, OutcomeReport, StatusCode
from gateway.model.desk.threads import Side, ThreadKey
from gateway.model.desk.work import Role
from gateway.model.names import ExchangeId
from tests.support.alerts import actor, author, duty, raising, supervisor, there
from tests.support.approving import approve_waiting
from tests.support.exchange import TH, entries, sample_world
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    """Two simulated nodes."""
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as made:
        yield made


def acts(world: Simulation) -> list[str]:
    """What people did at the desk of the first node, by its entries."""
    return [
        str(each.private["act"]) for each in entries(world.nodes["th"], "operations") if each.entry.kind == "desk-act"
    ]


async def test_an_alert_on_both_boards_from_its_preview_to_its_outcome(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"].desk.uses, own_world.nodes["vn"].desk.uses
    before = len(acts(own_world))
    preview = await th.own_alerts.preview(author(), raising())
    (reader,) = preview.readers
    assert reader.fields["alert_class"] == "DISCREET_CHECK"
    assert reader.marking["caveats"] == ["NOTIP"]
    assert len(acts(own_world)) == before
    assert await th.own_alerts.alive(author()) == []
    with pytest.raises(Forbidden):
        await th.own_alerts.preview(duty("th"), raising())

    alert_id = await th.own_alerts.raise_alert(author(), raising())
    own = await th.alerts.read_own(author(), alert_id)
    assert own.acts == {"renew", "lift", "close"}
    assert own.approval is not None
    assert {"approve", "decline"} <= (await th.alerts.read_own(supervisor(), alert_id)).acts
    assert "read-alert" in acts(own_world)
    await approve_waiting(th.own_alerts, supervisor(), alert_id)

    key = ThreadKey(TH, (await there(own_world.nodes["th"], alert_id)).thread_id)
    await until(lambda: key in own_world.nodes["vn"].asking.gate._book.alerts, "it is in the book")
    assert await th.alerts.unanswered() == {(alert_id, "vn")}
    (line,) = await vn.alerts.taken(duty())
    assert line.waits
    found = await vn.alerts.read_taken(duty(), key)
    assert found.acts == {*REACTIONS, OUTCOME}
    looker = actor("vn", Role.OFFICER, person="3")
    assert (await vn.alerts.read_taken(looker, key)).acts == {OUTCOME}
    assert await vn.alerts.find_taken(looker, key.thread_id) == key

    for _ in range(2):
        await vn.taken_alerts.tell(duty(), key, StatusCode.NOT_EXECUTED, "minor", "ask our court")
    report = OutcomeReport(OutcomeCode.LOCATED, persons=1)
    await asyncio.gather(*(vn.taken_alerts.report(duty(), key, report) for _ in range(2)), return_exceptions=True)
    said = [
        row.placed.code for row in own_world.nodes["vn"].desk.parts.store.notices(key) if row.placed.side is Side.OTHER
    ]
    assert said == ["READ", "NOT_EXECUTED", "LOCATED"]
    assert await vn.alerts.answers([key]) == {key: "LOCATED"}
    assert not (await vn.alerts.taken(duty()))[0].waits

    store = own_world.nodes["th"].desk.parts.store
    mine = next(one.key for one in store.threads(group_id=alert_id) if one.key.peer != TH)
    await until(lambda: len(store.notices(mine)) == 4, "all answers came")
    steps = (await th.alerts.read_own(author(), alert_id)).steps[mine.peer]
    assert [(step.code, step.reason) for step in steps if step.code == "NOT_EXECUTED"] == [("NOT_EXECUTED", "minor")]
    assert steps[-1].outcome == report
    assert await th.alerts.unanswered() == frozenset()

    await th.own_alerts.lift(author(), alert_id, "found")
    await until(lambda: key not in own_world.nodes["vn"].asking.gate._book.alerts, "it is gone")
    with pytest.raises(Unknown):
        await vn.alerts.read_taken(duty(), key)
    assert [(step.code, step.reason) for step in await vn.alerts.read_over(duty(), key)][-1] == ("WITHDRAWN", "found")
    with pytest.raises(Unknown):
        await vn.alerts.read_over(actor("vn", Role.ADMINISTRATOR), key)
    with pytest.raises(Unknown):
        await th.alerts.read_over(duty("th"), mine)


async def test_those_who_watch_are_told_of_the_alert_that_changed_and_of_no_other(own_world: Simulation) -> None:
    th = own_world.nodes["th"].desk.uses
    first = await th.own_alerts.raise_alert(author(), raising())
    second = await th.own_alerts.raise_alert(author(), replace(raising(), case="TH-2026-0418"))
    one, every = th.alerts.follow(first), th.alerts.follow()
    waits = [asyncio.ensure_future(anext(feed)) for feed in (one, every)]
    await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    await th.own_alerts.lift(author(), second, "wrong-data")
    await asyncio.wait_for(waits[1], 20)
    assert not waits[0].done()
    await th.own_alerts.lift(author(), first, "wrong-data")
    await asyncio.wait_for(waits[0], 20)
    for feed in (one, every):
        await feed.aclose()
    ended = await th.own_alerts.ended(author(), 10)
    assert {alert.id for alert in ended} == {first, second}
    with pytest.raises(Unknown):
        await th.alerts.read_own(author(), ExchangeId("0" * 32))
