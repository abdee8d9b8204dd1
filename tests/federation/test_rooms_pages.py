"""Operations in the console and over REST: opened, approved, joined, written and sealed by people of two countries."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from gateway.desk.rooms.values import home_key
from gateway.model.desk.work import WorkKind
from gateway.model.names import MemberId
from tests.support.desk_faces import Caller
from tests.support.exchange import CLOCK
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.rooms import said
from tests.support.second_step import step_world, works
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

END = f"{CLOCK.now() + timedelta(days=20):%Y-%m-%d}"
OPENING = {
    "title": "Mekong night",
    "to": "vn",
    "template": "joint-operation",
    "end": END,
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-17",
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    async with simulated(with_consoles(step_world(tmp_path_factory.mktemp("rooms-pages"))), is_open=True) as made:
        yield made


async def test_an_operation_from_page_to_page(world: Simulation) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    async with visitor(world, "th.o.1042") as officer:
        assert (await see(officer, "/operations")).status_code == 200
        bad = await send(officer, "/operations/open", OPENING | {"title": "", "case": "<b>1"})
        assert bad.status_code == 400
        assert "<b>1" not in bad.text
        made = await send(officer, "/operations/open", OPENING)
        assert made.status_code == 303, made.text
        path = made.headers["location"]
        room_id = path.rpartition("/")[2]
        (approval,) = works(th, WorkKind.APPROVE, key=home_key(MemberId("th"), room_id))
        async with visitor(world, "th.o.7") as supervisor:
            shown = await see(supervisor, f"/threads/th/{approval.key.thread_id}")
            assert shown.status_code == 200
            done = await send(supervisor, f"/desk/work/{approval.id}/approve", {"do": "approve"})
            assert done.status_code == 303, done.text
        await until(lambda: vn.desk.rooms.rooms._book.room(room_id), "the invitation has come")
        async with visitor(world, "vn.o.n1") as national, visitor(world, "vn.o.d9") as stranger:
            assert "Mekong night" in (await see(national, "/operations")).text
            (work,) = works(vn, WorkKind.ACKNOWLEDGE)
            led = await see(national, f"/operations/thread/th/{work.key.thread_id}")
            assert led.headers["location"] == path
            assert f"/operations/thread/th/{work.key.thread_id}" in (await see(national, "/desk")).text
            assert (await send(national, f"{path}/join", {})).status_code == 303
            assert (await see(stranger, "/operations/th." + "0" * 32)).status_code == 404
            note = {"text": "<script>a lorry</script>", "value-what": "sighting", "value-persons": "many"}
            assert (await send(national, f"{path}/note", note)).status_code == 400
            assert (await send(national, f"{path}/note", note | {"value-persons": "2"})).status_code == 303
            seized = {"outcome": "SEIZED", "substance": "ketamine", "grams": "12000"}
            assert (await send(national, f"{path}/outcome", seized)).status_code == 303
            assert (await send(national, f"{path}/seal", {"act": "seal"})).status_code == 403
        await until(lambda: len(said(th, room_id)) == 2, "both entries have come")
        page = await see(officer, path)
        assert html.escape("<script>a lorry</script>") in page.text
        assert "<script>a lorry" not in page.text
        assert "12 kg" in page.text
        sealed = await send(officer, f"{path}/seal", {"act": "seal", "words": "over"})
        assert sealed.status_code == 303, sealed.text
        pack = await see(officer, f"{path}/pack")
        assert pack.status_code == 200
        assert "outcome SEIZED" in pack.text


async def test_operations_over_rest_are_for_their_offices_only(world: Simulation) -> None:
    officer, other = Caller(world, "th.o.1042"), Caller(world, "th.o.2000", office="th.blo.mae-sot")
    body = {
        "to": [{"member": "vn"}],
        "title": "Aranya",
        "end": f"{END}T00:00:00Z",
        "purpose": "INVESTIGATION",
        "offence": "NARC",
        "case": "TH-2026-18",
    }
    opened = await officer.call("POST", "operations", body, key="k-1")
    again = await officer.call("POST", "operations", body, key="k-1")
    assert (again["id"], again["stand"]) == (opened["id"], "waiting")
    assert await other.code("GET", f"operations/{opened['id']}") == "no-such-operation"
    assert await officer.code("POST", f"operations/{opened['id']}/note", {"text": "x"}) == "operation-over"
    assert (
        await officer.code("POST", "operations", body | {"to": [{"member": "vn", "role": "LEAD"}]}) == "bad-operation"
    )
    assert await officer.code("POST", "operations", body | {"template": "nothing"}) == "unknown-template"
    assert await officer.code("POST", "operations", body | {"end": "2027-12-01T00:00:00Z"}) == "bad-operation"
    first, *_ = (await officer.call("GET", "operations"))["operations"]
    assert first["id"] == opened["id"]
    assert (await other.call("GET", "operations"))["operations"] == []
