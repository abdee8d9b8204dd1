"""A counterpart's alert that the console's gate finds: its officer marks it there, as a hit of a counterpart."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.model.desk.work import Role, WorkKind
from gateway.ports.desk import WorkFilter
from tests.support.alerts import actor, raising, there
from tests.support.approving import approve_waiting
from tests.support.exchange import sample_world
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process
ASKED = {
    "asked": "Somchay Chaidee 1985-03-14", "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-0417",
    "to": "vn",
}  # fmt: skip


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulated(with_consoles(sample_world(tmp_path, ("th", "vn"))), is_open=True) as made:
        yield made


async def test_an_officer_marks_an_alert_where_the_gate_shows_it(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    author, approver = (
        actor("vn", role, person=person, agency="immigration")
        for role, person in ((Role.OFFICER, "1"), (Role.SUPERVISOR, "2"))
    )
    alert_id = await vn.desk.alerts.own.raise_alert(author, raising("th"))
    await approve_waiting(vn.desk.alerts.own, approver, alert_id)
    await there(vn, alert_id, "th")
    await until(lambda: th.asking.gate.alerts, "it warns")
    async with visitor(own_world, "th.o.1042") as gate:
        path = (await send(gate, "/gate", ASKED)).headers["location"]
        store = th.desk.parts.store
        await until(lambda: store.works(WorkFilter(kinds=(WorkKind.CONFIRM,))), "there is work to confirm it")
        (work,) = store.works(WorkFilter(kinds=(WorkKind.CONFIRM,)))

        async def asked() -> str:
            page = (await see(gate, path)).text
            return page if 'name="verdict"' in page else ""

        page = await until(asked, "the page of the search, once it is over, asks whether it is the same person")
        assert page.count('name="verdict"') == 3
        hidden = dict(re.findall(r'name="(search|from|hit|work)" value="([^"]*)"', page))
        assert hidden["work"] == work.id
        mark = hidden | {"verdict": "NOT_SAME", "reason": "another birth place"}
        assert (await send(gate, f"{path}/marks", mark | {"work": "confirm.vn.x.y"})).status_code == 404
        assert (await send(gate, f"{path}/marks", mark)).status_code == 303
        assert 'name="verdict"' not in (await see(gate, path)).text, "it is marked"
        done = store.work(work.id)
        assert done is not None
        assert (done.by, done.result) == ("th.o.1042", "NOT_SAME")
    await until(
        lambda: vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.DISTINGUISH,))), "its owner must tell them apart"
    )
