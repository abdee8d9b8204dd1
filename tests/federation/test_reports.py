"""Reports between running nodes: written, approved, sent, found in all scripts, and gone once withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from adapters.indexed import IndexedSource
from gateway.clock import DAY_US
from gateway.desk.acting.home import Stand
from gateway.desk.ending.closing import Closing
from gateway.desk.reports.library import Found
from gateway.desk.reports.values import LibraryQuery
from gateway.desk.watches import wide
from gateway.errors import Forbidden, Malformed, Unknown
from gateway.model.desk.notices import StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import DeliveryState, Direction, HoldingState, Role
from gateway.model.names import ExchangeId
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm
from tests.support.alerts import actor, author, supervisor
from tests.support.approving import approve_waiting
from tests.support.desk_faces import Caller
from tests.support.exchange import CLOCK, TH, VN, entries, sample_world
from tests.support.reports import METHOD, report
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until
from tests.support.watches import change_row, source_file, watching


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulated(sample_world(tmp_path, ("th", "vn")), is_open=True) as made:
        yield made


def reader() -> Any:
    return actor("vn", Role.OFFICER, person="3")


async def published(world: Simulation, **changes: Any) -> tuple[ExchangeId, ThreadKey]:
    """Publish a report; return its id, and its thread as the counterpart names it once that has taken it."""
    th = world.nodes["th"].desk
    report_id = await th.reports.own.publish(author(), report(**changes))
    await approve_waiting(th.reports.own, supervisor(), report_id)
    (to,) = [to for to in (await th.reports.own.show(author(), report_id)).to if to.member == VN]
    key = ThreadKey(VN, to.thread_id)
    await until(lambda: th.parts.store.deliveries((DeliveryState.TAKEN,), key=key), "it is taken")
    return report_id, ThreadKey(TH, key.thread_id)


async def test_a_report_is_approved_sent_found_read_and_gone_once_withdrawn(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"].desk, own_world.nodes["vn"].desk
    own = th.reports.own
    draft = await own.check(author(), report())
    assert [to.member for to in draft.report.to] == [VN]
    assert not draft.traces
    report_id = await own.publish(author(), report())
    assert await vn.reports.library.search(reader(), LibraryQuery()) == Found(())
    with pytest.raises(Forbidden) as caught:
        await approve_waiting(own, actor("th", Role.SUPERVISOR), report_id)
    assert caught.value.code == "own-approval"
    await approve_waiting(own, supervisor(), report_id)
    shown = await own.show(author(), report_id)
    assert (shown.stand, [to.member for to in shown.to]) == (Stand.PUBLISHED, [VN])
    key = ThreadKey(VN, shown.to[0].thread_id)
    await until(lambda: th.parts.store.deliveries((DeliveryState.TAKEN,), key=key), "it is taken")
    taken = ThreadKey(TH, key.thread_id)

    for library, who in ((th.reports.library, author()), (vn.reports.library, reader())):
        for query in (
            LibraryQuery("false floor"),
            LibraryQuery("FLOORS pick"),
            LibraryQuery("ยาบ้า"),
            LibraryQuery("車底"),
            LibraryQuery("ໄມ້"),
            LibraryQuery(offence="NARC", period="2026-04"),
            LibraryQuery(crossing="mae-sai.tachilek"),
            LibraryQuery(place="Chiang Rai"),
            LibraryQuery(place="Mae Sai"),
            LibraryQuery(place="တာချီလိတ်"),
            LibraryQuery(owner="th"),
        ):
            assert [one.id for one in (await library.search(who, query)).reports] == [report_id], query
        for query in (
            LibraryQuery("floor ivory"),
            LibraryQuery("ยาไอซ์"),
            LibraryQuery(offence="TIP"),
            LibraryQuery(period="2026-06"),
            LibraryQuery(place="Poipet"),
            LibraryQuery(owner="vn"),
        ):
            assert await library.search(who, query) == Found(()), query

    found = await vn.reports.library.read(reader(), report_id)
    assert found.fields == {**METHOD, "offence": "NARC", "no_personal_data": True}
    await vn.reports.library.read(reader(), report_id)
    reads = [row for row in vn.parts.store.placed(taken) if row.code == StatusCode.READ]
    assert len(reads) == 1, "the owner is told once that it was read"
    (fed,) = await vn.reports.library.added(reader(), 0)
    assert (fed.id, fed.version, fed.withdrawn_us) == (report_id, 1, 0)

    await own.withdraw(author(), report_id, "outdated")
    await until(lambda: vn.parts.store.placed(taken)[-1].code == "WITHDRAWN" or None, "it is withdrawn there")
    for library, who in ((th.reports.library, author()), (vn.reports.library, reader())):
        assert await library.search(who, LibraryQuery("floor")) == Found(())
        with pytest.raises(Unknown):
            await library.read(who, report_id)
    (gone,) = await vn.reports.library.added(reader(), fed.added_us)
    assert (gone.id, gone.version, gone.fields) == (report_id, 2, {})
    assert gone.withdrawn_us
    notices = vn.parts.store.notices(taken)
    assert notices[0].envelope == b"", "its text is gone from the desk"
    (copy,) = vn.parts.store.holdings(source=taken.thread_id, direction=Direction.IN)
    assert copy.state is HoldingState.ENDED

    def ended() -> bool:
        (given,) = th.parts.store.holdings(source=key.thread_id, direction=Direction.OUT)
        return given.state is HoldingState.ENDED

    await until(ended, "the receipt confirms the end")
    home = th.parts.store.thread(ThreadKey(TH, report_id))
    assert home is not None
    assert home.state is ThreadState.ENDED
    acts = [
        each.private["act"] for each in entries(own_world.nodes["vn"], "operations") if each.entry.kind == "desk-act"
    ]
    assert {"search-reports", "read-report", "list-reports"} <= set(acts)


async def test_a_search_looks_at_all_reports_and_says_where_it_could_not(
    own_world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, shelf = own_world.nodes["th"].desk.reports.own, own_world.nodes["th"].desk.reports.library
    names = []
    for method in ("พบยาบ้าในรถ", "ยาบ บ้า", "ยาบ บ้า"):  # the last two have all pairs of signs of the word, not the word
        names.append(await own.publish(author(), report(fields={"method": method, "indicators": ["new welds"]})))
        await approve_waiting(own, supervisor(), names[-1])
    monkeypatch.setattr("gateway.desk.reports.library._READ", 1)
    query = LibraryQuery("ยาบ้า")
    found = await shelf.search(author(), query)
    assert ([one.id for one in found.reports], found.capped, found.partial) == (names[:1], False, False)
    found = await shelf.search(author(), LibraryQuery("welds"), 2)
    assert ([one.id for one in found.reports], found.capped, found.partial) == ([names[2], names[1]], True, False)
    assert not (await shelf.search(author(), LibraryQuery("welds"), 3)).capped

    monkeypatch.setattr("gateway.desk.reports.library._SEARCH_S", 0)
    assert await shelf.search(author(), query) == Found((), partial=True), "this is not the answer of no report"
    caller = Caller(own_world, author().officer.person)
    first = await caller.call("GET", "reports/own", limit=2)
    rest = await caller.call("GET", "reports/own", limit=2, after=first["next"])
    assert [[one["id"] for one in part["reports"]] for part in (first, rest)] == [names[:0:-1], names[:1]]
    assert rest["next"] == ""
    shown = await caller.call("GET", "reports", text="ยาบ้า")
    assert shown == {"reports": [], "next": "", "capped": False, "partial": True}


async def test_a_report_that_is_over_is_added_as_a_change_for_who_reads_on(own_world: Simulation) -> None:
    over_us = CLOCK.now_us() + 3 * DAY_US
    report_id, taken = await published(own_world, until_us=over_us - DAY_US)
    standing, _ = await published(own_world)
    for name, key, who in (("th", ThreadKey(TH, report_id), author()), ("vn", taken, reader())):
        desk = own_world.nodes[name].desk
        newest = (await desk.reports.library.added(who, 0))[-1]
        parts = desk.parts
        closing = Closing(parts.parts, parts.store, parts.pen, lambda: over_us, lambda _: [], lambda _: 0)
        await closing.round()
        thread = parts.store.thread(key)
        assert thread is not None
        assert thread.state is ThreadState.ENDED
        (gone,) = await desk.reports.library.added(who, newest.added_us)
        assert (gone.id, gone.version, gone.fields, gone.withdrawn_us) == (report_id, 2, {}, over_us)
        assert [one.id for one in (await desk.reports.library.search(who, LibraryQuery())).reports] == [standing]


async def test_a_report_with_a_person_in_it_is_not_written(own_world: Simulation) -> None:
    own = own_world.nodes["th"].desk.reports.own
    draft = await own.check(author(), report(fields={"price": "call ๐๘๑-234-5678"}))
    assert [str(trace) for trace in draft.traces] == ["price[5:17] phone"]
    with pytest.raises(Forbidden) as caught:
        await own.publish(author(), report(fields={"price": "call ๐๘๑-234-5678"}))
    assert caught.value.code == "personal-data"
    assert "price[5:17] phone" in str(caught.value)
    assert not own_world.nodes["th"].desk.parts.store.threads()


NAMED = (
    "the driver Aruni Panthong pays",
    "PANTHONG ARUNI",
    "paid by arunipanthong",
    "A r u n i P a n t h o n g",
    "a.r.u.n.i panthong",
    "Аruni Рanthоng",
    "Ａｒｕｎｉ Ｐａｎｔｈｏｎｇ",
    "พบอรุณีปานทองที่ด่านแม่สาย",
    "อรุณี ปานทอง",
    "อรุ\u200bณี ปาน\u200bทอง",
    "ອະລຸນີ ປານທອງ",
)
"""A person of the police's own records of the test, written in ways that hide her."""


async def test_a_name_of_our_own_records_is_found_in_whatever_way_it_is_written(own_world: Simulation) -> None:
    own = own_world.nodes["th"].desk.reports.own
    indicators = [*NAMED, "the driver pays at the second bridge", "ซ่อนยาบ้าใต้พื้นรถกระบะ", "车底夹层"]
    draft = await own.check(author(), report(fields={"indicators": indicators}))
    found = {trace.field for trace in draft.traces if trace.kind == "name"}
    assert found == {f"indicators.{number}" for number in range(len(NAMED))}
    assert draft.unchecked == ()


def looked_up(node: Any) -> list[dict[str, Any]]:
    """The entries of names that were looked up."""
    found = [item.private for log in ("exchange", "operations") for item in entries(node, log)]
    return [private for private in found if private.get("act") == "check-report"]


async def test_n211_names_in_a_report_are_looked_up_under_a_case_and_told_in_the_log(own_world: Simulation) -> None:
    th = own_world.nodes["th"]
    own, named = th.desk.reports.own, {"indicators": ["the driver Aruni Panthong pays"]}
    for ask in (own.check, own.publish):
        with pytest.raises(Malformed) as caught:
            await ask(author(), report(fields=named, case=""))
        assert caught.value.code == "missing-case"
    auditor = actor("th", Role.OFFICER)
    barred = replace(auditor, officer=structs.replace(auditor.officer, purposes=frozenset()))
    with pytest.raises(Forbidden):
        await own.check(barred, report(fields=named))
    assert looked_up(th) == [], "nothing was looked up"
    await own.check(author(), report(fields=named))
    (noted,) = looked_up(th)
    assert (noted["content"]["case"], noted["content"]["fields"]["indicators"]) == ("C-2026-88", named["indicators"])
    assert noted["content"]["names"] == ["indicators.0:11-25"]
    with pytest.raises(Forbidden, match=r"indicators\.0"):
        await own.publish(author(), report(fields=named))
    assert len(looked_up(th)) == 2, "a report that is refused told as much"


async def test_n211_a_person_hidden_for_an_operation_is_not_found_by_writing_reports(own_world: Simulation) -> None:
    th = own_world.nodes["th"]
    (source,) = [wall.source for wall in th.resources.walls if isinstance(wall.source, IndexedSource)]
    await asyncio.to_thread(change_row, source_file(th), "UPDATE bukkhon SET patibatkan = '1'")
    await asyncio.to_thread(source.compare)
    draft = await th.desk.reports.own.check(author(), report(fields={"indicators": list(NAMED)}))
    assert [trace for trace in draft.traces if trace.kind == "name"] == []
    watch = watching(subject=PersonQuery((NameForm("Aruni Panthong"),)))
    assert await th.desk.watches.watching.looker.count(
        watch.subject, watch.purpose, th.resources.walls, author().officer
    ) == (0, False)


async def test_n211_how_wide_a_watch_is_is_told_with_an_entry(own_world: Simulation, monkeypatch: Any) -> None:
    monkeypatch.setattr(wide, "WIDE", 0)
    th = own_world.nodes["th"]
    with pytest.raises(Forbidden) as caught:
        await th.desk.watches.own.add(author(), watching("vn", subject=PersonQuery((NameForm("Aruni Panthong"),))))
    assert caught.value.code == "too-wide"
    found = [item.private for log in ("exchange", "operations") for item in entries(th, log)]
    (noted,) = [private for private in found if private.get("act") == "watch-too-wide"]
    assert noted["content"]["count"] > 0
