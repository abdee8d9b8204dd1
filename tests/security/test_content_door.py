"""Who has the TLS key of a member and no more gets no content: fetches are signed, entered, limited and told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as replaced
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from liaison.exchange.v1 import fetch_pb2
from msgspec.structs import replace
from sqlalchemy import delete

from gateway.cli.main import run
from gateway.config.home import Home
from gateway.desk.originator.returning import MOST_RECOVERIES, Returns
from gateway.errors import LiaisonError, Overloaded, Unavailable
from gateway.model.desk.attachments import FetchWanted
from gateway.model.desk.delivered import Fetch, FetchMessage, NoticesPart, NoticesWanted
from gateway.model.desk.notices import About, Ask
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role, WorkKind
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.node.client import Deliveries
from gateway.ports.desk import Work, WorkFilter
from gateway.ports.entries import events
from gateway.rpc.methods import FETCH_NOTICES
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.statements.envelope import FETCHES, unseal
from gateway.statements.fetch import FETCH_KIND, FETCH_VERSIONS
from gateway.storage.database.tables import quota_use
from gateway.storage.documents.quotas import SqlQuotas
from gateway.trust.documents.descriptor import sign_descriptor
from tests.federation.test_desk_delivery import is_taken, post
from tests.support.acts import switch_off, switch_on
from tests.support.alerts import actor
from tests.support.exchange import KH, TH, VN, Logged, command, entries, sample_world, sealed
from tests.support.nodes import officer
from tests.support.sealing import envelope_of, new_key
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = 1_000_000
OLDEST = SECOND


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    """Thailand holds a record of Viet Nam, and has asked it a question: all of it is Viet Nam's to lose."""
    async with simulated(sample_world(tmp_path_factory.mktemp("door"), ("th", "vn"))) as made:
        th = made.nodes["th"]
        await th.asking.searches.start(officer(), command())
        asked = await th.desk.parts.author.open(VN, post(Ask(About.QUESTION, "who was it?", topic="vehicle")))
        await until(is_taken(th, asked), "the question is taken")
        yield made


@pytest.fixture(autouse=True)
def another_day(world: Simulation) -> None:
    """Each test begins with the whole of Viet Nam's quota and rate, and ends in its day."""
    th = world.nodes["th"]
    world.ahead.to_a_whole_day()
    with th.resources.database.write("test") as connection:
        connection.execute(delete(quota_use))
    th.core.parts.quotas._day = -1  # type: ignore[attr-defined]
    th.desk.originator.returns.rates.of.clear()


def fetch(world: Simulation, wanted: NoticesWanted | FetchWanted | None = None, **changes: Any) -> Fetch:
    """A fetch of Viet Nam at Thailand: the first page of a recovery, unless the test says otherwise."""
    fetch_id, now_us = new_exchange_id(), world.nodes["vn"].resources.clock.now_us()
    lost = wanted or NoticesWanted(OLDEST, recovery_id=fetch_id)
    return replace(Fetch(fetch_id, VN, TH, now_us, now_us + 60 * SECOND, lost), **changes)


def signed(world: Simulation, of: Fetch, key: SigningKey | None = None) -> bytes:
    return FETCH_KIND.build(of, key or world.federation["vn"].key("statement")).envelope


async def given(world: Simulation, message: bytes | FetchMessage) -> NoticesPart | str:
    """What Thailand gives to a caller with the TLS key of Viet Nam, or the code of its refusal."""
    calls = Deliveries(world.nodes["vn"].core.peers, past_suspension=False)
    try:
        return await calls.call(TH, FETCH_NOTICES, FetchMessage(message) if isinstance(message, bytes) else message)
    except LiaisonError as error:
        return error.code


def of_kind(world: Simulation, member: str, kind: str) -> list[Logged]:
    return [each for each in entries(world.nodes[member], "operations") if each.entry.kind == kind]


def alarms(world: Simulation) -> set[str]:
    return {each.private["code"] for each in of_kind(world, "th", "alarm")}


def told(world: Simulation) -> Sequence[Work]:
    """The work of Thailand's security officer."""
    return world.nodes["th"].desk.parts.store.works(WorkFilter(kinds=(WorkKind.INCIDENT,)))


async def test_n240_the_tls_key_alone_gets_nothing_and_neither_does_a_fetch_that_is_not_its_members(
    world: Simulation,
) -> None:
    good, now_us = fetch(world), world.nodes["vn"].resources.clock.now_us()
    other = fetch(world, replace(good.wanted, recovery_id=new_exchange_id()))
    nothing = fetch_pb2.Fetch(blind=bytes(32), fetch_id=good.fetch_id, sender="vn", recipient="th")
    own = world.federation["vn"].key("statement")
    tries: dict[str, tuple[bytes | FetchMessage, str]] = {
        "no signature, as before": (FetchMessage(unsigned=NoticesWanted(OLDEST)), "unsigned-fetch"),
        "an empty envelope": (b"", "unsigned-fetch"),
        "no envelope": (b"\x0a\x01\x02\x03", "malformed"),
        "an unlisted key": (signed(world, good, new_key()), "not-listed"),
        "a key of an agency": (signed(world, good, world.federation["vn"].key("agency-immigration")), "not-listed"),
        "a key of the other side": (signed(world, good, world.federation["th"].key("statement")), "not-listed"),
        "in another's name": (signed(world, fetch(world, sender=KH)), "wrong-sender"),
        "to another": (signed(world, fetch(world, recipient=KH)), "wrong-audience"),
        "of an hour ago": (signed(world, fetch(world, issued_us=now_us - 3600 * SECOND)), "not-fresh"),
        "expired": (signed(world, fetch(world, expires_us=now_us - 1)), "expired"),
        "for an hour": (signed(world, fetch(world, expires_us=now_us + 3600 * SECOND)), "bad-validity"),
        "another statement": (sealed(world.federation["vn"], sender=VN, recipient=TH), "wrong-payload-type"),
        "of nothing": (envelope_of(nothing.SerializeToString(), FETCHES[0], own), "missing-wanted"),
        "of a file": (signed(world, fetch(world, FetchWanted(new_exchange_id(), bytes(32)))), "wrong-content"),
        "a page of no recovery": (signed(world, other), "no-recovery"),
        "a recovery that begins behind": (
            signed(world, replace(good, wanted=replace(good.wanted, after=f"{OLDEST}/"))), "bad-page"),
        "a page from before": (
            signed(world, fetch(world, NoticesWanted(now_us, "1/", new_exchange_id()))), "bad-page"),
    }  # fmt: skip
    before = of_kind(world, "th", "notices-given"), told(world)
    found = {name: await given(world, message) for name, (message, _) in tries.items()}
    assert found == {name: code for name, (_, code) in tries.items()}
    assert (of_kind(world, "th", "notices-given"), told(world)) == before
    await until(lambda: {"unsigned-fetch", "not-listed", "no-recovery"} <= alarms(world), "people are told")


async def test_n240_what_is_signed_is_given_once_with_an_entry_first_and_the_security_officer_is_told(
    world: Simulation,
) -> None:
    asked = fetch(world)
    message = signed(world, asked)
    page = await given(world, message)
    assert isinstance(page, NoticesPart)
    entry = of_kind(world, "th", "notices-given")[-1]
    assert (entry.entry.peer, entry.entry.exchange_id, entry.request) == ("vn", asked.fetch_id, message)
    assert FETCH_VERSIONS.parse(entry.request) == asked
    assert len(entry.private["answers"]) == len(page.answers) == 1
    assert await given(world, message) == "replayed"

    th = world.nodes["th"]
    following = replace(asked.wanted, after=page.next)
    rest = await given(world, signed(world, fetch(world, following)))
    assert isinstance(rest, NoticesPart)
    assert (len(rest.envelopes), rest.next) == (1, "")
    assert of_kind(world, "th", "notices-given")[-1].private["notices"] == [
        row.notice_id for row in th.desk.parts.store.between(VN, (0, ""), 9)
    ]
    work = told(world)[-1]
    looked = await th.desk.uses.reviews.look(actor("th", Role.SECURITY_OFFICER), work.id)
    assert (looked.rule, looked.member, looked.searches) == ("asked-again", "vn", (asked.fetch_id,))

    # The same signed fetch is of no use after a restart, nor is anything given that no entry tells of.
    await world.stop("th")
    await world.start("th")
    assert await given(world, message) == "replayed"


async def test_n240_nothing_leaves_without_its_entry(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    th = world.nodes["th"]
    write = th.desk.pen.write

    async def failing(line: str, *order: Any) -> Any:
        if line == VN:
            raise Unavailable("the log takes nothing", code="disk-reserve")
        return await write(line, *order)

    with monkeypatch.context() as patch:
        patch.setattr(type(th.desk.pen), "write", lambda _, *order: failing(*order))
        assert await given(world, signed(world, fetch(world))) == "disk-reserve"
    assert isinstance(await given(world, signed(world, fetch(world))), NoticesPart)


async def test_n241_a_first_fetch_that_breaks_off_behind_its_entry_leaves_nobody_unaware(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen, before, first = world.nodes["th"].desk.pen, len(told(world)), fetch(world)
    write = pen.write

    async def broken_off(line: str, *order: Any) -> Any:
        await write(line, *order)
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(type(pen), "write", lambda _, *order: broken_off(*order))
        assert not isinstance(await given(world, signed(world, first)), NoticesPart)
    assert of_kind(world, "th", "notices-given")[-1].entry.exchange_id == first.fetch_id
    assert len(told(world)) == before
    for _ in range(2):
        assert isinstance(await given(world, signed(world, fetch(world, first.wanted))), NoticesPart)
    assert len(told(world)) == before + 1


async def test_n241_a_suspended_member_gets_nothing_also_where_it_is_suspended_meanwhile(world: Simulation) -> None:
    home, suspensions = Home(world.home("th")), world.nodes["th"].core.parts.suspensions
    before, first = len(of_kind(world, "th", "notices-given")), fetch(world)
    page = await given(world, signed(world, first))
    assert isinstance(page, NoticesPart)
    switch_off(home, "peer:vn", "their keys are in doubt", humanitarian="THREAT_TO_LIFE")
    world.ahead.move(timedelta(seconds=2))
    await until(lambda: suspensions.suspends(peer="vn") is not None, "it is not suspended")
    following = replace(first.wanted, after=page.next)
    for wanted in (None, following):
        assert await given(world, signed(world, fetch(world, wanted))) == "suspended"
    assert len(of_kind(world, "th", "notices-given")) == before + 1
    await switch_on(home, "peer:vn")
    await until(lambda: suspensions.suspends(peer="vn") is None, "it is suspended")


async def test_n241_who_is_suspended_behind_the_entry_gets_nothing(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, th = Home(world.home("th")), world.nodes["th"]
    asked, suspensions, write = fetch(world), th.core.parts.suspensions, th.desk.pen.write

    async def switching_off(line: str, *order: Any) -> Any:
        written = await write(line, *order)
        if line == VN:
            switch_off(home, "peer:vn", "their keys are in doubt", humanitarian="THREAT_TO_LIFE")
            world.ahead.move(timedelta(seconds=2))
            await until(lambda: suspensions.suspends(peer="vn") is not None, "it is not suspended")
        return written

    with monkeypatch.context() as patch:
        patch.setattr(type(th.desk.pen), "write", lambda _, *order: switching_off(*order))
        assert await given(world, signed(world, asked)) == "suspended"
    assert of_kind(world, "th", "notices-given")[-1].entry.exchange_id == asked.fetch_id
    kept_back = of_kind(world, "th", "kept-back")[-1]
    assert (kept_back.entry.exchange_id, kept_back.private["code"]) == (asked.fetch_id, "suspended")
    await switch_on(home, "peer:vn")
    await until(lambda: suspensions.suspends(peer="vn") is None, "it is suspended")


async def test_n241_a_member_begins_few_recoveries_in_a_day_and_nobody_is_left_unaware(world: Simulation) -> None:
    before = len(told(world))
    for _ in range(MOST_RECOVERIES):
        assert isinstance(await given(world, signed(world, fetch(world))), NoticesPart)
    assert await given(world, signed(world, fetch(world))) == "recovery-quota"
    assert len(told(world)) == before + MOST_RECOVERIES
    await until(lambda: "recovery-quota" in alarms(world), "people are told")
    world.nodes["th"].desk.originator.returns.rates.of.clear()
    codes: set[NoticesPart | str] = set()
    for _ in range(2_000):  # calls that wait for a busy machine are within the rate
        if "fetch-rate" in codes:
            break
        codes.add(await given(world, b""))
    assert codes == {"unsigned-fetch", "fetch-rate"}


async def test_n241_recoveries_that_several_processes_begin_at_once_are_counted_each(world: Simulation) -> None:
    th = world.nodes["th"]
    desk, kept = th.desk.parts, th.desk.originator.returns
    processes = [
        Returns(
            replaced(desk, parts=replaced(desk.parts, quotas=SqlQuotas(th.resources.database))),
            kept._evidence,
            kept._door,
        )
        for _ in range(2)
    ]
    together = threading.Barrier(2 * MOST_RECOVERIES)

    def begin(process: Returns) -> str:
        asked = fetch(world)
        assert isinstance(asked.wanted, NoticesWanted)
        together.wait()
        try:
            process.spend(asked, asked.wanted)
        except Overloaded as error:
            return error.code
        return "begun"

    with ThreadPoolExecutor(2 * MOST_RECOVERIES) as threads:
        found = sorted(threads.map(begin, processes * MOST_RECOVERIES))
    assert found == ["begun"] * MOST_RECOVERIES + ["recovery-quota"] * MOST_RECOVERIES


async def test_a_page_that_was_lost_on_its_way_is_given_again_in_the_same_recovery(world: Simulation) -> None:
    before, first = len(told(world)), fetch(world)
    for of in (first, fetch(world, first.wanted), fetch(world, first.wanted)):
        assert isinstance(await given(world, signed(world, of)), NoticesPart)
    assert len(told(world)) == before + 1
    earlier = replace(first.wanted, since_us=2 * OLDEST, recovery_id=ExchangeId(first.fetch_id))
    assert await given(world, signed(world, fetch(world, earlier))) == "no-recovery"


async def test_n240_a_member_of_a_version_before_is_asked_as_before_and_gets_nothing_by_it(world: Simulation) -> None:
    vn, thailand = world.nodes["vn"], world.federation["th"]
    held = world.federation.view("vn").descriptor("th")
    reads = tuple(each for each in held.reads if each != "fetch.v1")
    older = replaced(held, version=held.version + 1, previous=held.hash.hex(), reads=reads, hash=b"", data=b"")
    world.federation.share(sign_descriptor(older, [load_signing_key(thailand.authority / "authority.key")]))
    for node in world.nodes.values():
        node.resources.trust.refresh()
    wanted = NoticesWanted(OLDEST, recovery_id=new_exchange_id())
    asked = fetch(world, wanted)
    entry = events.NOTICES_ASKED.draft(peer=TH, exchange_id=asked.fetch_id, since_us=OLDEST)
    fetching = vn.desk.originator.recovery.fetching
    message = await fetching.signed(TH, asked.fetch_id, wanted, ThreadKey(TH, asked.fetch_id), entry)
    assert message == FetchMessage(unsigned=wanted)
    assert of_kind(world, "vn", "notices-asked")[-1].request == b""
    assert await given(world, message) == "unsigned-fetch"


async def test_n240_the_fetch_in_the_log_is_checked_as_every_statement_is(world: Simulation) -> None:
    th, home = world.nodes["th"], world.home("th")
    assert isinstance(await given(world, signed(world, fetch(world))), NoticesPart)
    verify = ("audit", "verify", "--home", str(home))
    assert await asyncio.to_thread(run, list(verify)) == 0
    forged = signed(world, fetch(world), new_key())
    entry = events.NOTICES_GIVEN.draft(peer=VN, exchange_id=new_exchange_id(), since_us=OLDEST)
    entry.request, entry.request_hash = forged, unseal(forged, *FETCHES).payload_hash
    await th.desk.pen.write(TH, ThreadKey(VN, new_exchange_id()), lambda: entry)
    assert await asyncio.to_thread(run, list(verify)) == 1
