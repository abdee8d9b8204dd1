"""Reports are asked for at the node that published them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace as replaced
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from gateway.clock import DAY_US, HOUR_US, SystemClock
from gateway.desk.reports.asked import PublishedReports, Shelf
from gateway.desk.reports.values import LIFE_US
from gateway.errors import Unavailable
from gateway.model.desk.work import Direction, HoldingState, Role
from gateway.model.exchange import Answer, Outcome
from gateway.model.hit import OWN_AGENCY, Quality
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence
from gateway.model.query import ReportQuery
from gateway.model.requester import Officer
from gateway.model.search import Line
from gateway.ports.sources import CLASSES_CHANGED, View
from gateway.signing.keys import load_signing_key
from gateway.storage.desk.reports import SqlReports
from gateway.trust.ceremony.ceremony import certified_key
from gateway.trust.ceremony.found_member import create_member_keys
from gateway.trust.documents.descriptor import sign_descriptor
from tests.support.alerts import actor, author, supervisor
from tests.support.approving import approve_waiting
from tests.support.exchange import (
    KH,
    TH,
    VN,
    answer_of,
    caller,
    command,
    entries,
    last,
    lines,
    sample_world,
    sealed,
    stopping,
)
from tests.support.nodes import World, officer
from tests.support.reports import METHOD, report
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = structs.replace(officer("vn"), agency="immigration")
HIM = structs.replace(officer("kh"), agency="customs")
SOURCE = "th.desk.reports.police"
NAVY = actor("th", Role.OFFICER, agency="navy")
GOLD = {"method": "gold leaf between the pages of school books", "indicators": ["heavy books"], "route": []}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("asked"))
    async with stopping(made):
        for member in ("th", "vn", "kh"):
            await made.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def published(world: World) -> dict[str, ExchangeId]:
    """A report for everybody, and one for Cambodia only."""
    return {"all": await publish(world), "kh": await publish(world, fields=GOLD, to=(KH,))}


async def publish(world: World, **changes: Any) -> ExchangeId:
    own = world.nodes["th"].desk.reports.own
    made = await own.publish(author(), report(**changes))
    await approve_waiting(own, supervisor(), made)
    return made


async def answer(world: World, query: ReportQuery, who: Officer = HER, member: str = "vn", **changes: Any) -> Line:
    asking = world.nodes[member].asking.searches
    return lines(await asking.start(who, command(query, (TH,), **changes)))[TH]


async def raw(world: World, query: ReportQuery, member: MemberId = VN) -> tuple[Answer, bytes]:
    """Ask without a node of our own, whose checks a counterpart may have taken out."""
    asked = sealed(
        world.federation[member],
        sender=member,
        recipient=TH,
        query=query,
        agreement="mekong-drugs-2026",
        offence=Offence.NARC,
        requester=HER.as_requester("0123456789abcdef"),
    )
    message = await caller(world, member, TH).submit(asked)
    return answer_of(message), message.envelope


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        (ReportQuery("false FLOORS"), ("report-words",)),
        (ReportQuery("ยาบ้า"), ("report-words",)),
        (ReportQuery("車底"), ("report-words",)),
        (ReportQuery(offence="NARC", period="2026-04"), ("report-offence", "report-period")),
        (ReportQuery(place="Chiang Rai"), ("report-place",)),
        (ReportQuery(place="တာချီလိတ်"), ("report-place",)),
        (ReportQuery("welds", crossing="mae-sai.tachilek"), ("report-words", "report-crossing")),
    ],
)
@pytest.mark.usefixtures("published")
async def test_a_report_is_found_by_what_it_says_and_comes_signed(
    world: World, query: ReportQuery, rules: tuple[str, ...]
) -> None:
    line = await answer(world, query)
    assert line.outcome is Outcome.HIT, line
    (hit,) = line.hits
    assert (hit.record_type, hit.quality, hit.rules) == ("ModusOperandiReport", Quality.STRONG, rules)
    assert hit.record is not None
    assert hit.record.owner == "th.police"
    assert hit.record.fields == METHOD | {"offence": "NARC", "no_personal_data": True}
    assert (hit.record.marking["level"], hit.record.marking["onward"]) == ("OFFICIAL", "SAME_COUNTRY")
    there = last(world.nodes["th"])
    assert (there.entry.kind, there.private["query"]) == ("answered", "report")
    assert [source["id"] for source in there.private["sources"] if source["hits"]] == [SOURCE]
    assert last(world.nodes["vn"]).entry.kind == "received"


@pytest.mark.parametrize(
    "query",
    [
        ReportQuery("floor ivory"),
        ReportQuery("ยาไอซ์"),
        ReportQuery("floor", period="2026-06"),
        ReportQuery("floor", offence="TIP"),
        ReportQuery(place="Poipet"),
    ],
)
@pytest.mark.usefixtures("published")
async def test_what_no_report_says_is_no_hit(world: World, query: ReportQuery) -> None:
    line = await answer(world, query)
    assert (line.outcome, line.missing) == (Outcome.NO_HIT, ())


def noted_sources(world: World) -> list[dict[str, object]]:
    """What the entry of the last answer says of each source, but for when it was searched."""
    noted = last(world.nodes["th"]).private["sources"]
    return sorted(({key: value for key, value in each.items() if key != "as_of_us"} for each in noted), key=str)


@pytest.mark.usefixtures("published")
async def test_a_report_for_another_country_looks_like_none(world: World) -> None:
    hidden, envelope = await raw(world, ReportQuery("gold books"))
    noted = noted_sources(world)
    nothing, other = await raw(world, ReportQuery("gold bocks"))
    fresh = {"exchange_id", "request_hash", "issued_us", "withheld_commitment", "searched"}
    told = [{k: v for k, v in structs.asdict(each).items() if k not in fresh} for each in (hidden, nothing)]
    assert told[0] == told[1]
    assert (hidden.outcome, len(envelope)) == (Outcome.NO_HIT, len(other))
    assert noted == noted_sources(world), "it was not there for the search"
    theirs = await answer(world, ReportQuery("gold books"), HIM, "kh")
    assert [hit.record and hit.record.fields["method"] for hit in theirs.hits] == [GOLD["method"]]


@pytest.mark.usefixtures("published")
async def test_n210_reports_for_another_country_take_no_place_of_those_for_this_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.desk.reports.asked.MAX_CANDIDATES", 1)
    shelf, until, query = source(world), SystemClock().monotonic() + 60, ReportQuery(offence="NARC")
    classes = frozenset(shelf.classes())
    its = frozenset(each for each in classes if each[1].releasable_to != frozenset({"kh"}))
    both, one = shelf.search(query, until), shelf.within(View(its, classes)).search(query, until)
    assert (len(both.candidates), both.capped) == (1, True)
    assert (len(one.candidates), one.capped) == (1, False), "the other one is not there"
    held = View(its, classes, frozenset({one.candidates[0].key}))
    assert shelf.within(held).search(query, until).candidates == (), "it was withdrawn"
    with pytest.raises(Unavailable) as refused:
        shelf.within(View(its, its)).search(query, until)
    assert refused.value.code == CLASSES_CHANGED


@pytest.mark.usefixtures("published")
async def test_our_own_officers_are_told_that_it_stands_at_home(world: World) -> None:
    hers = structs.replace(officer("th"), agency="police")
    found = lines(await world.nodes["th"].asking.searches.start(hers, command(ReportQuery("false floor"), (VN,))))
    (hit,) = found[TH].hits
    assert hit.rules == ("report-words", OWN_AGENCY)
    assert found[VN].outcome is Outcome.NO_HIT, "it has the report, and did not publish it"


@pytest.mark.parametrize("text", ["call ๐๘๑-234-5678", "1-1017-00203-45-1", "---"])
async def test_what_asks_for_a_person_or_for_nothing_is_refused_there_too(world: World, text: str) -> None:
    refused, _ = await raw(world, ReportQuery(text))
    assert (refused.outcome, refused.hits) == (Outcome.REFUSED, ())
    assert refused.refusal is not None
    assert refused.refusal.code == ("bad-query" if text == "---" else "personal-data")


@pytest.mark.usefixtures("published")
async def test_policy_decides_as_on_every_question(world: World) -> None:
    line = await answer(world, ReportQuery("false floor"), agreement="gms-border-2026")
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.REFUSED, "query-not-covered")


class Later(SystemClock):
    """A clock that is ahead."""

    def __init__(self, ahead_us: int) -> None:
        super().__init__()
        self._ahead_us = ahead_us

    def now_us(self) -> int:
        return super().now_us() + self._ahead_us


def source(world: World, ahead_us: int = 0, served: Collection[str] = ("police",)) -> PublishedReports:
    """The source of Thailand's police, as it is at another time."""
    node = world.nodes["th"]
    rows = SqlReports(node.resources.database, node.resources.keystore)
    shelf = Shelf(TH, node.core.desk, rows)
    return PublishedReports(shelf, "police", served, Later(ahead_us), lambda: ("kh", "th", "vn"))


@pytest.mark.usefixtures("published")
async def test_a_copy_ends_before_its_report_and_one_that_is_over_is_not_found(world: World) -> None:
    asked, deadline = ReportQuery("false floor"), SystemClock().monotonic() + 60

    def hours(ahead_us: int) -> list[int | None]:
        return [each.marking.keep_hours for each in source(world, ahead_us).search(asked, deadline).candidates]

    at = {0: 540 * 24, 200 * DAY_US: 365 * 24, LIFE_US - 2 * DAY_US: 24, LIFE_US - 2 * HOUR_US: 1}
    assert {ahead_us: hours(ahead_us) for ahead_us in at} == {ahead_us: [kept] for ahead_us, kept in at.items()}
    over = source(world, LIFE_US - HOUR_US // 2)
    assert over.search(asked, deadline).candidates == ()
    assert over.classes() == []
    classes = source(world).classes()
    assert {marking.releasable_to for _, marking, _ in classes} == {frozenset({"kh", "th", "vn"}), frozenset({"kh"})}


@pytest.mark.usefixtures("published")
async def test_reports_of_an_agency_without_a_source_are_missing_and_never_no_hit(world: World) -> None:
    with pytest.raises(Unavailable) as failed:
        source(world, served=("customs",)).search(ReportQuery("gold bocks"), SystemClock().monotonic() + 60)
    assert failed.value.code == "source-failed"


async def test_a_withdrawn_report_is_not_found_and_those_who_got_it_are_told(world: World) -> None:
    gone = await publish(world, fields={"method": "cigarettes in hollow logs", "concealment": ""}, to=(KH,))
    theirs = await answer(world, ReportQuery("hollow logs"), HIM, "kh")
    (hit,) = theirs.hits
    th = world.nodes["th"].desk
    await th.reports.own.withdraw(author(), gone, "outdated")
    line = await answer(world, ReportQuery("hollow logs"), HIM, "kh")
    assert (line.outcome, line.missing) == (Outcome.NO_HIT, ())
    kept = world.nodes["kh"].desk.parts.store

    def told() -> bool:
        rows = kept.holdings(source=theirs.exchange_id, direction=Direction.IN)
        return [row.state for row in rows] != [HoldingState.HELD]

    await th_round(world)
    await until(told, "the copy that was given in an answer is withdrawn, too")
    assert hit.record is not None


async def th_round(world: World) -> None:
    """Let the owner look at the rows behind the copies that it gave."""
    rounds = {each.name: each for each in world.nodes["th"].desk.rounds}
    await rounds["rows behind copies"].work()


def taken(world: World) -> int:
    """How many questions for reports have come to Thailand."""
    return sum(each.private.get("query") == "report" for each in entries(world.nodes["th"]))


async def test_a_question_that_more_reports_fit_than_are_told_says_so_there_and_at_home(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in ("one", "two"):
        await publish(world, fields={"method": f"hollow heels {number}"})
    monkeypatch.setattr("gateway.desk.reports.asked.MAX_CANDIDATES", 1)
    line = await answer(world, ReportQuery("hollow heels"))
    assert (len(line.hits), line.capped) == (1, True)
    assert not (await answer(world, ReportQuery("hollow heels two"))).capped
    hers = structs.replace(officer("th"), agency="police")
    found = lines(await world.nodes["th"].asking.searches.start(hers, command(ReportQuery("hollow heels"), (VN,))))
    assert (len(found[TH].hits), found[TH].capped) == (1, True)


@pytest.mark.usefixtures("published")
async def test_an_agency_whose_key_comes_while_the_node_runs_publishes_and_is_asked_at_once(world: World) -> None:
    node, thailand = world.nodes["th"], world.federation["th"]
    own = node.desk.reports.own
    with pytest.raises(Unavailable) as early:
        await own.publish(NAVY, report())
    assert early.value.code == "no-agency-key"
    assert "liaison init --agency navy" in early.value.remedy
    assert "docs/guides/desk.md" in early.value.remedy
    create_member_keys(thailand.home, thailand.authority, "th", ["navy"], thailand.name, thailand.clock)
    unlisted = str(thailand.home / "keys" / "agency-navy")
    await until(lambda: any(unlisted in str(each.private) for each in entries(node, "operations")), "it is seen")
    assert "th.navy" not in node.resources.keys.issuers, "no document lists it yet"
    held = world.federation.view("vn").descriptor("th")
    listed = (*held.keys, certified_key(thailand.home / "keys" / "agency-navy.pem"))
    after = replaced(
        held,
        version=held.version + 1,
        previous=held.hash.hex(),
        agencies=(*held.agencies, "navy"),
        keys=listed,
        hash=b"",
        data=b"",
    )
    world.federation.share(sign_descriptor(after, [load_signing_key(thailand.authority / "authority.key")]))
    for each in world.nodes.values():
        each.resources.trust.refresh()
    served = "th.desk.reports.navy"
    await until(lambda: served in {wall.description.id for wall in node.core.walls}, served)
    assert {wall.description.agency for wall in node.core.library} > {"police", "navy"}
    made = await own.publish(NAVY, report(fields={"method": "salt in the ballast tanks", "concealment": ""}))
    await approve_waiting(own, actor("th", Role.SUPERVISOR, person="7", agency="navy"), made)
    found = await answer(world, ReportQuery("false floor"))
    assert (found.outcome, found.missing) == (Outcome.HIT, ()), "the report of the navy is not missing"
    (wall,) = [each for each in node.core.walls if each.description.agency == "navy"]
    deadline = SystemClock().monotonic() + 60
    assert [each.source for each in wall.source.search(ReportQuery("ballast"), deadline).candidates]


async def test_a_member_that_does_not_list_the_question_is_not_asked(world: World) -> None:
    thailand = world.federation["th"]
    held = world.federation.view("vn").descriptor("th")
    reads = tuple(each for each in held.reads if not each.startswith(ReportQuery.part))
    older = replaced(held, version=held.version + 1, previous=held.hash.hex(), reads=reads, hash=b"", data=b"")
    world.federation.share(sign_descriptor(older, [load_signing_key(thailand.authority / "authority.key")]))
    for node in world.nodes.values():
        node.resources.trust.refresh()
    before = taken(world)
    line = await answer(world, ReportQuery("false floor"))
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.REFUSED, "part-not-read")
    assert taken(world) == before, "nothing was sent"
    assert not world.federation.view("vn").descriptor("th").can_be_asked("report")
