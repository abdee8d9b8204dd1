"""Streams of events: few for each session, none beyond it, and looks at the desk that do not grow with their number."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.console.frame import events as streams
from gateway.console.pages import desk as desk_page
from gateway.desk.worklist import queue as worklist
from gateway.https.listener import ConnectionLimits
from gateway.model.desk.notices import Urgency
from gateway.model.desk.work import Role, WorkKind
from gateway.ports.desk import DeskRows
from gateway.ports.desk_uses import WorkQuery
from gateway.ports.entries import events
from tests.support.console_nodes import DUTY, OFFICER, Consoles, Visitor, consoles
from tests.support.desk_rows import new_key, some_work
from tests.support.exchange import CLOCK, VN
from tests.support.nodes import officer
from tests.support.waiting import MOST_S, until

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

STREAM = {"accept": streams.EVENT_STREAM}
PATH = "/desk/events"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Consoles]:
    folder: Path = tmp_path_factory.mktemp("streams")
    async with consoles(folder) as found:
        yield found


@asynccontextmanager
async def stream(visitor: Visitor, **headers: str) -> AsyncIterator[AsyncIterator[str]]:
    """Open a stream of the desk, and yield its lines."""
    async with visitor.client.stream("GET", PATH, headers=STREAM | headers) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        await heard(lines, ": begun")
        yield lines


async def heard(lines: AsyncIterator[str], line: str) -> list[str]:
    """Wait for a line; return what came before it."""
    before: list[str] = []
    async with asyncio.timeout(MOST_S):
        async for each in lines:
            if each == line:
                return before
            before.append(each)
    raise AssertionError(before)


async def refused(visitor: Visitor) -> httpx2.Response:
    async with asyncio.timeout(MOST_S):
        return await visitor.client.get(PATH, headers=STREAM)


async def test_newer_streams_of_a_session_take_the_place_of_the_oldest_and_a_flood_is_refused(
    running: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running.visitor(DUTY) as duty, running.visitor(OFFICER) as other, AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(stream(duty)) for _ in range(2 * streams.OF_SESSION)]
        answer = await refused(duty)
        assert answer.status_code == 429
        assert answer.headers["x-frame-options"] == "DENY"
        await stack.enter_async_context(stream(other))
        monkeypatch.setattr(streams, "PAUSE_S", 0.1)
        for old in opened[: streams.OF_SESSION]:
            await heard(old, "event: over")
        for new in opened[streams.OF_SESSION :]:
            await heard(new, ": nothing new")
        assert (await duty.get("/desk")).status_code == 200


async def test_all_streams_together_are_bounded(running: Consoles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "most_pages", lambda: 1)
    async with running.visitor(DUTY) as duty, running.visitor(OFFICER) as other, stream(duty):
        assert (await refused(other)).status_code == 429


async def test_n290_streams_take_no_place_of_pages_where_all_come_from_one_address(
    running: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    console: Any = running.node()._console
    monkeypatch.setattr(console._listener, "_limits", ConnectionLimits(per_system=2))
    async with running.visitor(DUTY) as duty, running.visitor(OFFICER) as other, AsyncExitStack() as stack:
        for visitor in (duty, other) * streams.OF_SESSION:
            await stack.enter_async_context(stream(visitor))
        assert (await other.get("/desk")).status_code == 200


async def test_a_stream_ends_with_its_session(running: Consoles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PAUSE_S", 0.1)
    monkeypatch.setattr(streams, "LOOK_S", 0.2)
    async with running.visitor(DUTY, anew=True) as duty, stream(duty) as lines:
        await heard(lines, ": nothing new")
        await duty.post("/logout")
        assert "event: changed" not in await heard(lines, "event: over")
        assert (await refused(duty)).status_code == 401


async def test_a_connection_that_is_made_anew_is_told_at_once_that_something_may_have_changed(
    running: Consoles,
) -> None:
    again = STREAM | {"last-event-id": "1"}
    async with running.visitor(DUTY) as duty, duty.client.stream("GET", PATH, headers=again) as answer:
        assert await heard(answer.aiter_lines(), "event: changed") == ["id: 1", ": begun", ""]


async def test_what_changed_between_a_page_and_its_stream_is_told_at_once_and_else_nothing_is(
    running: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PAUSE_S", 0.2)
    async with running.visitor(DUTY) as duty:
        for is_changed in (False, True):
            page = (await duty.get("/desk")).text
            live = unescape(page.partition('data-live="')[2].partition('"')[0])
            if is_changed:
                await write(running.node(), office="th.blo.aranyaprathet")
            async with duty.client.stream("GET", live, headers=STREAM) as answer:
                if is_changed:  # a pause may come before it, where the look at the desk takes longer than one
                    await heard(answer.aiter_lines(), "event: changed")
                else:
                    assert "event: changed" not in await heard(answer.aiter_lines(), ": nothing new")


async def write(node: Node, **fields: Any) -> None:
    """Raise work in a thread of its own."""
    now_us = CLOCK.now_us()
    times = {"opened_us": now_us, "half_us": now_us + 10**9, "due_us": now_us + 2 * 10**9}
    work = some_work(new_key(VN), not_by="", **(times | fields))
    draft = events.DESK_ACT.draft(act="raise", work=work.id, rows=DeskRows(works=(work,)))
    await node.desk.parts.pen.write(VN, work.key, lambda: draft)


async def test_those_who_follow_look_at_their_own_work_and_not_at_what_others_do(
    running: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = running.node()
    desk = node.desk.uses.queue
    who = officer()
    looks, works = [0], desk.works

    async def counted(*asked: Any) -> Any:
        looks[0] += 1
        return await works(*asked)

    monkeypatch.setattr(desk, "works", counted)
    follows: Any = desk.follow(who, WorkQuery())
    before = await anext(follows)
    told = asyncio.ensure_future(anext(follows))
    for number in range(20):
        await write(node, kind=WorkKind.CONFIRM, role=Role.OFFICER, agency="customs", office=f"th.x.{number}")
    assert not told.done()
    assert looks[0] == 1
    await write(node, kind=WorkKind.CONFIRM, role=Role.OFFICER, office=who.office)
    found = await asyncio.wait_for(told, MOST_S)
    assert len(found) == len(before) + 1
    await follows.aclose()


async def test_a_hundred_who_follow_look_no_more_often_together_than_ten(running: Consoles) -> None:
    desk: Any = running.node().desk.uses.queue
    await until(lambda: desk._followers == 0, "the streams of other tests have ended")
    follows = [desk.follow(officer(), WorkQuery()) for _ in range(100)]
    for each in follows:
        await anext(each)
    assert len(follows) / desk._pause <= 10
    assert desk._pause >= worklist.SHARED_S
    for each in follows:
        await each.aclose()
    assert desk._followers == 0


async def test_a_long_list_shows_its_first_rows_leads_on_to_more_and_is_followed_at_that_length(
    running: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(55):
        await write(running.node(), office="th.blo.aranyaprathet")
    async with running.visitor(DUTY) as duty:
        lengths = []
        for path in (
            "/desk?list=all",
            "/desk?list=all&kind=&rows=100",
            "/desk?list=all&rows=7",
            "/desk?list=all&rows=x",
        ):
            page = (await duty.get(path)).text
            lengths.append(page.count("<time "))
            if lengths[-1] == 50:
                assert 'href="/desk?list=all&amp;kind=&amp;rows=100"' in page
            else:
                assert "Only the first" not in page
            live = unescape(page.partition('data-live="')[2].partition('"')[0])
            async with duty.client.stream("GET", live, headers=STREAM) as answer:
                assert "event: changed" not in await heard(answer.aiter_lines(), ": nothing new")
        assert lengths[0] == lengths[2] == lengths[3] == 50
        assert 55 <= lengths[1] < 100
        # Where there are no more rows of a page, it leads on behind itself.
        monkeypatch.setattr(desk_page, "_ROWS", (50,))
        paths, length, link = ["/desk?list=all"], 0, ""
        while path := paths.pop():
            link = path
            page = (await duty.get(path)).text
            length += page.count("<time ")
            paths += ["", *(unescape(link) for link in re.findall(r'href="(/desk[?][^"]*after=[^"]*)"', page))]
            live = unescape(page.partition('data-live="')[2].partition('"')[0])
            async with duty.client.stream("GET", live, headers=STREAM) as answer:
                assert "event: changed" not in await heard(answer.aiter_lines(), ": nothing new")
        assert length == lengths[1]
        # What presses is told on each page, also where it stands before the rows of the page.
        for path in ("/desk?list=mine", link):
            page = (await duty.get(path)).text
            live = unescape(page.partition('data-live="')[2].partition('"')[0])
            await write(running.node(), office="th.blo.aranyaprathet", urgency=Urgency.FLASH)
            async with duty.client.stream("GET", live, headers=STREAM) as answer:
                await heard(answer.aiter_lines(), "event: changed")


async def test_the_counts_of_a_list_are_of_the_whole_list_on_each_of_its_pages(
    running: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of one kind, and of what waits; of more than are counted the page says that there is more."""
    for number in range(110):
        kind = WorkKind.ACKNOWLEDGE if number % 4 == 0 else WorkKind.DECIDE
        await write(running.node(), kind=kind, role=Role.DUTY, office="th.blo.aranyaprathet")
    monkeypatch.setattr(desk_page, "_ROWS", (50,))
    async with running.visitor(DUTY) as duty:
        paths, counts, shown = ["/desk"], [], 0
        while path := paths.pop():
            page = (await duty.get(path)).text
            shown += page.count("<time ")
            counts.append(re.findall(r'class="count[^"]*">([^<]*)<', page))
            paths += ["", *(unescape(link) for link in re.findall(r'href="(/desk[?][^"]*after=[^"]*)"', page))]
        assert len(counts) >= 3
        assert all(each == counts[0] for each in counts)
        waiting, every, *kinds = counts[0]
        assert [int(waiting), int(every), sum(map(int, kinds))] == [shown] * 3
        chosen = (await duty.get("/desk?kind=acknowledge")).text
        assert re.findall(r'class="count[^"]*">([^<]*)<', chosen) == counts[0]
        monkeypatch.setattr(desk_page, "_COUNTED", 20)
        page = (await duty.get("/desk")).text
        assert re.findall(r'class="count[^"]*">([^<]*)<', page)[0] == "20+"
