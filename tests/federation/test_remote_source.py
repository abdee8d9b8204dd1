"""An agency's source as a process of its own: its records are the agency's word, and its silence is said."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.reading.show import Filter
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.demo.sources import planted
from gateway.model.desk.notices import ReplyCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role, WorkKind
from gateway.model.exchange import Outcome
from gateway.model.handed.asks import Decide
from gateway.model.query import ContainerQuery, PersonQuery
from gateway.model.search import Line
from gateway.ops.audit.source_log import source_entries
from gateway.ops.doctor import source_processes
from gateway.ops.doctor.doctor import examine
from gateway.ops.finding import Severity
from gateway.ops.sources.places import describe_sources
from tests.support.exchange import CLOCK, KH, TH, command, last, lines, person, stopping
from tests.support.forger import eventually_async
from tests.support.nodes import fix_rest_ports, officer
from tests.support.second_step import OFFICER, SUPERVISOR, actor, follow_up, is_taken, works
from tests.support.source_process import KIND, RemoteWorld, SourceProcessUnderTest, log_entries, remote_world
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = officer("th")
RECORD_TYPES = {"Person", "Consignment", "Seizure", "Vessel"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RemoteWorld]:
    remote = remote_world(tmp_path_factory.mktemp("remote"))
    fix_rest_ports(remote.world)
    async with stopping(remote.world):
        yield remote


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def process(made: RemoteWorld) -> AsyncIterator[SourceProcessUnderTest]:
    served = SourceProcessUnderTest(made.home, made.port)
    await served.start()
    for member in ("th", "kh"):
        await made.world.start(member)
    try:
        yield served
    finally:
        await served.kill()


async def ask(made: RemoteWorld, query: PersonQuery | ContainerQuery) -> Line:
    """The line of Cambodia for a search of a Thai officer."""
    found = await made.world.nodes["th"].asking.searches.start(HER, command(query, (KH,)))
    line: Line = lines(found)["kh"]
    return line


async def test_a_source_that_was_never_seen_is_missing_and_known_when_it_comes(tmp_path: Path) -> None:
    remote = remote_world(tmp_path)
    served = SourceProcessUnderTest(remote.home, remote.port)
    async with stopping(remote.world):
        for member in ("th", "kh"):
            await remote.world.start(member)
        line = await ask(remote, person(planted.DRIVER))
        assert (line.outcome, line.missing) == (Outcome.NOT_SEARCHED, ("customs records",))
        settings = load_settings(remote.world.home("kh"))
        described = await asyncio.to_thread(describe_sources, settings, CLOCK)
        assert (described.kinds, described.unknown) == ((), (settings.sources[0].id,))
        try:
            await served.start()
            for refresh in remote.world.nodes["kh"].resources.refreshers.values():
                await asyncio.to_thread(refresh)
            assert remote.world.nodes["kh"].resources.walls[0].description.record_types == RECORD_TYPES
            (kind,) = (await asyncio.to_thread(describe_sources, settings, CLOCK)).kinds
            assert (kind.kind, kind.record_types) == (KIND, tuple(sorted(RECORD_TYPES)))
            assert "person" in kind.queries
            assert (await ask(remote, person(planted.DRIVER))).hits
        finally:
            await served.kill()


async def test_a_record_of_a_source_process_is_signed_with_the_agencys_own_key(
    made: RemoteWorld, process: SourceProcessUnderTest
) -> None:
    line = await ask(made, person(planted.DRIVER))
    (hit,) = line.hits
    assert hit.record is not None
    assert hit.record.own_key
    assert hit.record.owner == "kh.customs"
    assert hit.record.fields.keys() == {"names", "birth", "nationalities", "status"}
    assert last(made.world.nodes["kh"]).private["withheld"]
    assert not list((made.world.home("kh") / "keys").glob("agency-*"))


async def test_doctor_tells_who_gets_the_records_of_a_source_process_and_where_nothing_confines_it(
    made: RemoteWorld, process: SourceProcessUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_processes, "version", lambda: 0)  # as a kernel without Landlock says
    findings = await asyncio.to_thread(examine, made.world.home("kh"), SystemClock())
    (bare,) = [finding for finding in findings if finding.check == "source processes"]
    assert (bare.severity, "Landlock" in bare.remedy) == (Severity.WARN, True)
    told = [finding.text for finding in findings if finding.check == "release"]
    assert {text.partition(" ")[0] for text in told} == RECORD_TYPES
    boats = [text for text in told if text.startswith("Vessel ")]
    assert all("leaves under mekong-drugs-2026 to cn, la, mm, th, vn for" in text for text in boats)
    assert all("leaves under gms-border-2026 to th, vn for" in text for text in told if text not in boats)


async def test_doctor_names_a_source_process_that_does_not_take_the_statement_key_of_our_node(
    made: RemoteWorld, process: SourceProcessUnderTest, tmp_path: Path
) -> None:
    (accepted,) = (made.home / "accepted").glob("*.pem")
    kept = accepted.rename(tmp_path / accepted.name)

    async def is_missing() -> bool:
        return (await ask(made, person(planted.DRIVER))).outcome is Outcome.NOT_SEARCHED

    async def is_back() -> bool:
        return bool((await ask(made, person(planted.DRIVER))).hits)

    try:
        await eventually_async(is_missing)
        findings = await asyncio.to_thread(examine, made.world.home("kh"), SystemClock())
        (told,) = [finding for finding in findings if finding.check == "ready" and finding.severity is Severity.WARN]
        assert told.text.endswith("failed: source-refused")
        assert "keys/statement.pem" in told.remedy
    finally:
        shutil.move(kept, accepted)
        await eventually_async(is_back)


async def test_each_request_is_in_the_sources_own_log_with_the_nodes_reference(
    made: RemoteWorld, process: SourceProcessUnderTest
) -> None:
    before = len(log_entries(made.home))
    await ask(made, person(planted.DRIVER))
    exchange = last(made.world.nodes["kh"]).entry
    searched, issued = log_entries(made.home)[before:]
    assert [item.entry.kind for item in (searched, issued)] == ["source-searched", "source-issued"]
    assert {item.entry.exchange_id for item in (searched, issued)} == {exchange.exchange_id}
    assert {item.entry.peer for item in (searched, issued)} == {"th"}
    assert searched.private["request_hash"] == exchange.request_hash.hex()
    assert searched.private["reference"] == issued.private["reference"]
    assert searched.private["asked"]["names"][0]["text"] == planted.DRIVER.thai
    assert (issued.private["type"], issued.private["signed"]) == ("Person", True)


async def test_a_hidden_record_is_searched_for_and_never_asked_for(
    made: RemoteWorld, process: SourceProcessUnderTest
) -> None:
    before = len(log_entries(made.home))
    hidden = await ask(made, person(planted.HIDDEN))
    nobody = await ask(made, person(planted.NOBODY))
    assert (hidden.outcome, hidden.missing) == (nobody.outcome, nobody.missing) == (Outcome.NO_HIT, ())
    assert [item.entry.kind for item in log_entries(made.home)[before:]] == ["source-searched"] * 2


async def test_our_own_officers_search_is_referred_to_by_its_search_id(
    made: RemoteWorld, process: SourceProcessUnderTest
) -> None:
    before = len(log_entries(made.home))
    found = await made.world.nodes["kh"].asking.searches.start(officer("kh"), command(person(planted.DRIVER), (TH,)))
    own = lines(found)["kh"]
    (hit,) = own.hits
    assert hit.record is None
    (searched,) = log_entries(made.home)[before:]
    assert (searched.entry.exchange_id, searched.entry.peer) == (found.id, "kh")


async def test_a_source_that_was_killed_is_not_searched_and_names_its_kind(
    made: RemoteWorld, process: SourceProcessUnderTest
) -> None:
    await process.kill()
    line = await ask(made, person(planted.DRIVER))
    assert (line.outcome, line.missing) == (Outcome.NOT_SEARCHED, (KIND,))
    await process.start()
    line = await ask_until_there(made)
    assert (line.outcome, line.missing) == (Outcome.HIT, ())


async def ask_until_there(made: RemoteWorld) -> Line:
    """The first line in which the source is not missing: the channel finds it again within a second or two."""
    seen: list[Line] = []

    async def there() -> bool:
        seen.append(await ask(made, person(planted.DRIVER)))
        return not seen[-1].missing

    await eventually_async(there)
    return seen[-1]


async def test_the_agency_reads_its_own_log_while_it_is_served(
    made: RemoteWorld, process: SourceProcessUnderTest
) -> None:
    await ask_until_there(made)
    issued, searched, *_ = await asyncio.to_thread(source_entries, made.home, Filter(peer="th"), 10)
    assert (issued.entry.kind, searched.entry.kind) == ("source-issued", "source-searched")
    assert searched.private["purpose"] == "INVESTIGATION"


async def test_sigterm_drains_and_the_last_entry_says_so(made: RemoteWorld, process: SourceProcessUnderTest) -> None:
    assert await process.end(signal.SIGTERM) == 0
    try:
        assert log_entries(made.home)[-1].entry.kind == "source-stopped"
    finally:
        await process.start()
        await ask_until_there(made)


async def test_a_human_releases_a_record_that_its_agency_signs_itself(
    made: RemoteWorld, process: SourceProcessUnderTest
) -> None:
    th, kh = made.world.nodes["th"], made.world.nodes["kh"]
    found = await th.asking.searches.start(OFFICER.officer, command(person(planted.DRIVER), (KH,)))
    drafted = await th.desk.second_step.drafting.follow_up(OFFICER, follow_up(found.id, peer=KH, fields=("names",)))
    await th.desk.second_step.approvals.approve(SUPERVISOR, drafted.work.id)
    await until(is_taken(th, drafted.key), "the ask is taken")
    there = ThreadKey(TH, drafted.key.thread_id)
    (work,) = works(kh, WorkKind.DECIDE, key=there)
    assert work.agency == "customs"
    duty = actor("kh", "d1", Role.DUTY, agency="customs")
    before = len(log_entries(made.home))
    decided = await kh.desk.second_step.decisions.decide(
        duty, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="the driver is wanted")
    )
    assert decided.fields == ("names",)
    assert len(log_entries(made.home)) > before  # under a reference to the ask, in the agency's own log
    await until(is_taken(kh, there), "the reply is taken")
    (record,) = (await th.desk.second_step.packages.open(OFFICER, drafted.key)).records
    assert (record.own_key, record.owner, set(record.fields)) == (True, "kh.customs", {"names"})
