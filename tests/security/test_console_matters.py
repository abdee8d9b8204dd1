"""Attacks on pages of matters: threads of others, forms of other sites, records of other agencies, early opening."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.clock import DAY_US
from gateway.exchange.held_back import Held
from gateway.model.desk.notices import ReplyCode, StatusCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.asks import Decide
from tests.support.alerts import actor, author, raising, supervisor
from tests.support.approving import approve_waiting
from tests.support.exchange import TH
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.nodes import World
from tests.support.reports import report
from tests.support.second_step import DUTY, asked, is_taken, step, step_world, works
from tests.support.simulator import simulated
from tests.support.waiting import until
from tests.support.watches import watching

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = with_consoles(step_world(tmp_path_factory.mktemp("matters")))
    async with simulated(made, is_open=True) as made:
        yield made


async def test_a_thread_of_another_looks_like_one_that_is_not_there(world: World) -> None:
    key, _, _ = await asked(world)
    async with visitor(world, "th.o.2000") as other, visitor(world, "th.o.1042") as own:
        assert (await see(own, f"/threads/vn/{key.thread_id}")).status_code == 200
        for path in ("", "/package", "/form"):
            there = await see(other, f"/threads/vn/{key.thread_id}{path}")
            nowhere = await see(other, f"/threads/vn/{'0' * 32}{path}")
            assert (there.status_code, nowhere.status_code) == (404, 404)
            assert (
                there.text.replace(key.thread_id, "").split("<main")[1].split("</main>")[0]
                == (nowhere.text.replace("0" * 32, "").split("<main")[1].split("</main>")[0])
            )
        for act in ("open", "note", "withdraw", "outcome", "clarify", "not-same"):
            answer = await send(other, f"/threads/vn/{key.thread_id}/{act}", {"note-text": "x", "withdraw-reason": "x"})
            assert answer.status_code == 404, act
    assert len(world.nodes["th"].desk.parts.store.notices(key)) == 1


async def test_another_agency_sees_no_field_of_a_record_and_decides_nothing(world: World) -> None:
    _, there, work = await asked(world)
    async with visitor(world, "vn.o.d9") as other:
        answer = await see(other, f"/desk/work/{work.id}/decide")
        assert answer.status_code == 403
        assert 'name="fields"' not in answer.text
        fields = {"answer": "RELEASED", "reason": "r", "record": "1", "fields": "number"}
        assert (await send(other, f"/desk/work/{work.id}/decide", fields)).status_code in (403, 404)
        assert (await see(other, f"/desk/work/{work.id}/sign")).status_code in (403, 404, 409)
    assert [each.id for each in works(world.nodes["vn"], WorkKind.DECIDE, key=there)] == [work.id]


async def test_a_field_that_policy_keeps_back_is_neither_shown_nor_released_by_a_forged_tick(world: World) -> None:
    _, there, work = await asked(world)
    async with visitor(world, "vn.o.d7") as duty:
        page = await see(duty, f"/desk/work/{work.id}/decide")
        assert page.status_code == 200
        birth = page.text.split('value="birth"')[1].split("</label>")[0]
        assert "disabled" in birth
        assert "<br>" not in birth  # its value would be behind one
        fields = {"answer": "RELEASED", "reason": "r", "record": "1", "fields": "birth"}
        answer = await send(duty, f"/desk/work/{work.id}/decide", fields)
        assert answer.status_code == 400
    assert [each.placed.type for each in world.nodes["vn"].desk.parts.store.notices(there)] == ["ask"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "origin": "https://evil.example"},
        {"sec_fetch_site": "same-site"},
        {"origin": "null"},
    ],
)
async def test_no_form_of_another_site_acts_on_a_matter(world: World, headers: dict[str, str]) -> None:
    key, there, work = await asked(world)
    async with visitor(world, "vn.o.d7") as duty, visitor(world, "th.o.1042") as officer:
        decide = {"answer": "NOTHING_HELD", "reason": "r"}
        assert (await send(duty, f"/desk/work/{work.id}/decide", decide, **headers)).status_code == 403
        assert (
            await send(officer, f"/threads/vn/{key.thread_id}/withdraw", {"withdraw-reason": "x"}, **headers)
        ).status_code == 403
    assert len(world.nodes["vn"].desk.parts.store.notices(there)) == 1


async def test_looking_at_a_package_does_not_open_it_and_a_second_press_opens_it_once(world: World) -> None:
    key, there, work = await asked(world)
    vn, th = world.nodes["vn"], world.nodes["th"]
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
    await until(is_taken(vn, there), "the reply is taken")
    path = f"/threads/vn/{key.thread_id}"
    async with visitor(world, "th.o.1042") as officer:
        early = await see(officer, f"{path}/package")
        assert early.status_code == 400
        assert not [each for each in th.desk.parts.store.notices(key) if each.placed.code == StatusCode.READ]
        for _ in range(2):
            assert (await send(officer, f"{path}/open", {})).headers["location"] == f"{path}/package"
        opened = await see(officer, f"{path}/package")
        assert opened.status_code == 200
        assert "th.o.1042" in opened.text.split("print-line")[1]  # each print says who had it
        assert opened.headers["cache-control"] == "no-store"
    assert len([each for each in th.desk.parts.store.notices(key) if each.placed.code == StatusCode.READ]) == 1


async def test_a_note_leaves_once_however_often_its_form_is_sent(world: World) -> None:
    key, _, _ = await asked(world)
    path = f"/threads/vn/{key.thread_id}/note"
    async with visitor(world, "th.o.1042") as officer:
        for _ in range(3):
            assert (await send(officer, path, {"note-text": "he wears a red cap"})).status_code == 303
        assert (await send(officer, path, {"note-text": " "}, form="B" * 22)).status_code == 400
        assert (await send(officer, path, {"note-text": "and a beard"})).status_code == 303
    notes = [each for each in world.nodes["th"].desk.parts.store.notices(key) if each.placed.type == "note"]
    assert len(notes) == 2


@pytest.mark.parametrize("office", ["th.blo.nowhere", "zz.blo.one", "vn.blo.moc-bai"])
async def test_an_office_that_no_other_country_has_is_not_cut_off(world: World, office: str) -> None:
    async with visitor(world, "vn.o.p1") as owner:
        before = len(world.nodes["vn"].desk.parts.store.threads())
        answer = await send(
            owner, "/holders/cut", {"office": office, "text": "misuse"}, form=f"{office:_<22}"[:22].replace(".", "-")
        )
        assert (answer.status_code, 'id="office"' in answer.text) == (400, True)
        assert 'href="#office"' in answer.text, "the page says which field is wrong"
        assert len(world.nodes["vn"].desk.parts.store.threads()) == before


async def test_what_is_held_back_is_lifted_by_a_data_officer_of_its_agency_alone(world: World) -> None:
    vn, title = world.nodes["vn"], "Withdrawn records that are held back"
    record = Held(record="vn.immigration.border/1", type="TravelDocument", agency="immigration", since_us=1)
    async with visitor(world, "vn.o.p1") as owner, visitor(world, "vn.o.p9") as other:
        assert title not in (await see(owner, "/holders")).text
        vn.core.held_back.put(record)
        page = (await see(owner, "/holders")).text
        assert (title in page, page.count(record.record)) == (True, 2), "its value, and what is told of it"
        assert title not in (await see(other, "/holders")).text
        await send(other, "/holders/lift", {"held": record.record})
        assert vn.core.held_back.all() == [record]
        for _ in range(2):
            assert (await send(owner, "/holders/lift", {"held": record.record})).status_code == 303
        assert vn.core.held_back.all() == []
        assert title not in (await see(owner, "/holders")).text


async def test_a_search_of_reports_that_was_not_made_whole_never_reads_as_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = world.nodes["th"].desk.reports.own
    await approve_waiting(own, supervisor(), await own.publish(author(), report()))
    none = "No report fits"
    async with visitor(world, "th.o.1042") as officer:
        assert none in (await see(officer, "/reports?text=nothing")).text
        refused = (await see(officer, f"/reports?text={'+'.join(['word'] * 17)}")).text
        assert ("more than 16 words" in refused, none in refused) == (True, False)
        monkeypatch.setattr("gateway.desk.reports.library._SEARCH_S", 0)
        partial = (await see(officer, "/reports?text=floor")).text
        assert ("partial: not all reports could be searched" in partial, none in partial) == (True, False)


async def test_n248_a_form_of_approval_carries_the_work_that_its_page_shows(world: World) -> None:
    th = world.nodes["th"]
    own, writer = th.desk.alerts.own, actor("th", Role.OFFICER, office="th.blo.one")
    alert_id = await own.raise_alert(writer, raising())
    watch_id = await th.desk.watches.own.add(writer, watching("vn"))
    report_id = await th.desk.reports.own.publish(writer, report())
    async with visitor(world, "th.o.7") as boss:
        for kind, name in (("alerts", alert_id), ("watches", watch_id), ("reports", report_id)):
            path = f"/{kind}/{name}"
            (work,) = works(th, WorkKind.APPROVE, key=ThreadKey(TH, name))
            assert f'name="work" value="{work.id}"' in (await see(boss, path)).text
            for other in ({}, {"work": "another"}):
                assert (await send(boss, f"{path}/approve", {"act": "approve"} | other)).status_code == 400
            assert works(th, WorkKind.APPROVE, key=work.key) == [work]
            assert (await send(boss, f"{path}/approve", {"act": "approve", "work": work.id})).status_code == 303
        path, until_us = f"/alerts/{alert_id}", (await own.show(writer, alert_id)).until_us
        await own.renew(writer, alert_id, until_us + DAY_US)
        page = (await see(boss, path)).text
        read = {"act": "approve", "work": page.split('name="work" value="')[1].split('"')[0]}
        await own.renew(writer, alert_id, until_us)
        await own.renew(writer, alert_id, until_us + 40 * DAY_US)
        late = await send(boss, f"{path}/approve", read)
        assert (late.status_code, "something else waits now" in late.text, read["work"] in late.text) == (
            400,
            True,
            False,
        )
        assert (await own.show(writer, alert_id)).until_us == until_us
