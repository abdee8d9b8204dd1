"""The pages of oversight: done by whom they are for, and closed to others, forged forms and hostile words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.model.desk.work import Role, WorkKind
from gateway.model.query import DocumentQuery
from gateway.ports.desk import Work, WorkFilter
from tests.support.exchange import command, sample_world
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.nodes import World
from tests.support.second_step import actor
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
EVIL = "<script>alert(1)</script> stolen"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Two nodes with consoles; the first reviews each question."""
    made = with_consoles(sample_world(tmp_path_factory.mktemp("oversight"), ("th", "vn")))
    with (made.home("th") / "node.toml").open("a") as file:
        file.write("[oversight]\nreview_percent = 100.0\n")
    async with simulated(made, is_open=True) as made:
        yield made


def works(world: World, member: str, kind: WorkKind) -> list[Work]:
    return world.nodes[member].desk.parts.store.works(WorkFilter(kinds=(kind,)))


async def test_an_incident_goes_from_one_console_to_the_other_and_back(world: World) -> None:
    async with visitor(world, "th.o.s1") as security, visitor(world, "th.o.7") as supervisor:
        assert (await see(supervisor, "/incidents")).status_code == 403
        tell = {"incident-code": "INCIDENT", "incident-text": EVIL}
        assert (await send(supervisor, "/incidents", tell)).status_code == 403
        assert (await send(security, "/incidents", tell, sec_fetch_site="cross-site")).status_code == 403
        assert (await send(security, "/incidents", {"incident-code": "x", "incident-text": "y"})).status_code == 400
        assert (await send(security, "/incidents", tell | {"incident-text": " "})).status_code == 400
        for _ in range(2):
            assert (await send(security, "/incidents", tell)).status_code == 303
        page = await see(security, "/incidents")
        assert page.status_code == 200
        assert page.text.count('href="/incidents/') == 1, "a second press tells nobody twice"
        name = page.text.split('href="/incidents/')[1].split('"')[0]
        path = f"/incidents/{name}"
        await until(lambda: works(world, "vn", WorkKind.INCIDENT), "it has come")
        (work,) = works(world, "vn", WorkKind.INCIDENT)
        async with visitor(world, "vn.o.s1") as theirs, visitor(world, "vn.o.d7") as duty:
            matter = f"/desk/work/{work.id}/matter"
            assert (await see(duty, matter)).status_code == 404
            assert (await send(duty, matter, {"matter-text": "x"})).status_code == 404
            shown = await see(theirs, matter)
            assert shown.status_code == 200
            assert "<script>alert" not in shown.text
            assert "stolen" in shown.text
            assert f'href="{matter}"' in (await see(theirs, "/desk")).text
            assert f'href="{matter}"' in (await see(theirs, f"/threads/th/{work.key.thread_id}")).text
            assert (await send(theirs, matter, {"matter-text": EVIL})).status_code == 303
        store = world.nodes["th"].desk.parts.store
        await until(lambda: any(one.theirs for one in store.threads()), "the answer has come")
        shown = await see(security, path)
        assert "<script>alert" not in shown.text
        assert "1 of 1" in shown.text
        assert (await send(security, path, {"do": "close", "incident-text": "over"})).status_code == 303
        assert (await send(security, path, {"do": "more", "incident-text": "late"}, form="B" * 22)).status_code == 400


async def test_a_review_is_done_at_the_console_by_the_supervisor_alone(world: World) -> None:
    who = actor("th", "1042", Role.OFFICER)
    await world.nodes["th"].asking.searches.start(who.officer, command(DocumentQuery("SECRET77")))
    await until(lambda: works(world, "th", WorkKind.REVIEW), "it is picked")
    (work,) = works(world, "th", WorkKind.REVIEW)
    matter = f"/desk/work/{work.id}/matter"
    for name in ("th.o.1042", "th.o.s1"):
        async with visitor(world, name) as other:
            answer = await see(other, matter)
            assert answer.status_code in (200, 404)
            assert "SECRET77" not in answer.text
            await send(other, matter, {"matter-result": "in-order"})
            assert works(world, "th", WorkKind.REVIEW) == [work]
    async with visitor(world, "th.o.7") as supervisor:
        page = await see(supervisor, matter)
        assert "SECRET77" in page.text
        assert "th.o.1042" in page.text
        assert (await send(supervisor, matter, {"matter-result": "well"})).status_code == 400
        assert (await send(supervisor, matter, {"matter-result": "not-in-order"})).status_code == 400
        found = {"matter-result": "not-in-order", "matter-text": "no such case"}
        assert (await send(supervisor, matter, found)).status_code == 303
        assert not works(world, "th", WorkKind.REVIEW)
    findings = [one for one in works(world, "th", WorkKind.INCIDENT) if one.not_by == "th.o.1042"]
    async with visitor(world, "th.o.s1") as security:
        page = await see(security, f"/desk/work/{findings[0].id}/matter")
        assert "th.o.1042" in page.text
        assert "SECRET77" not in page.text, "references only"
        settled = {"matter-result": "explained"}
        assert (await send(security, f"/desk/work/{findings[0].id}/matter", settled)).status_code == 303
