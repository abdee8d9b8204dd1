"""Replay and time over the wire (CASE-E): one signed answer for each exchange, whatever comes again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.clock import SystemClock
from gateway.config.home import Home
from gateway.errors import Reason
from gateway.model.exchange import Outcome, Request
from gateway.model.names import MemberId
from gateway.rpc import methods
from gateway.statements.envelope import REQUEST
from gateway.statements.request import REQUEST_KIND
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import (
    NO_PASSPORT,
    WatchedSource,
    answer_of,
    caller,
    entries,
    kinds,
    request,
    sample_world,
    stopping,
    submission,
    watch,
)
from tests.support.forger import eventually, eventually_async
from tests.support.nodes import World
from tests.support.processes import NodeProcess
from tests.support.sealing import envelope_of, request_message

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = 1_000_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("replay"), ("th", "vn"))
    async with stopping(made):
        await made.start("vn")
        yield made


@pytest.fixture
def source(world: World) -> WatchedSource:
    wall = world.nodes["vn"].resources.walls[0]
    if not isinstance(wall.source, WatchedSource):
        watch(world.nodes["vn"])
    assert isinstance(wall.source, WatchedSource)
    wall.source.reset()
    return wall.source


def signed(world: World, asked: Request) -> bytes:
    return REQUEST_KIND.build(asked, world.federation["th"].key("statement")).envelope


async def test_e1_the_same_bytes_again_get_the_stored_answer_and_ask_no_source(
    world: World, source: WatchedSource
) -> None:
    asked = request()
    envelope = signed(world, asked)
    first = await caller(world).submit(envelope)
    again = await caller(world).submit(envelope)
    assert source.searches == 1
    assert (first.envelope, first.entry) == (again.envelope, again.entry)
    assert kinds(world.nodes["vn"], asked.exchange_id) == ["answered", "duplicate"]


async def test_e1_the_same_bytes_many_times_at_once_get_one_answer_and_an_entry_each(
    world: World, source: WatchedSource
) -> None:
    asked = request()
    envelope = signed(world, asked)
    source.gate.clear()
    asking = [asyncio.create_task(caller(world).submit(envelope)) for _ in range(4)]
    await eventually(lambda: world.nodes["vn"].answering.answerer.inside == 4)
    source.gate.set()
    answers = await asyncio.gather(*asking)
    assert len({answer.envelope for answer in answers}) == 1
    assert sorted(kinds(world.nodes["vn"], asked.exchange_id)) == ["answered", *["duplicate"] * 3]


async def test_e1_a_repeated_request_is_decided_anew(world: World, source: WatchedSource) -> None:
    """Peer, trust and policy are checked again before the stored answer leaves."""
    vn = world.nodes["vn"]
    asked = request()
    envelope = signed(world, asked)
    assert answer_of(await caller(world).submit(envelope)).outcome is Outcome.HIT
    home = Home(world.home("vn"))
    switch_off(home, "peer:th", "trial")
    try:
        await eventually(lambda: vn.core.parts.suspensions.suspends(peer="th") is not None)
        again = answer_of(await caller(world).submit(envelope))
    finally:
        await switch_on(home, "peer:th", "trial")
    assert (again.outcome, again.hits) == (Outcome.SUSPENDED, ())
    assert kinds(vn, asked.exchange_id) == ["answered", "refused"]
    await eventually(lambda: vn.core.parts.suspensions.suspends(peer="th") is None)
    assert answer_of(await caller(world).submit(envelope)).outcome is Outcome.HIT
    assert source.searches == 1


async def test_e2_the_same_id_with_another_payload_is_refused_with_an_alarm(
    world: World, source: WatchedSource
) -> None:
    asked, before = request(), reuses(world)
    await caller(world).submit(signed(world, asked))
    other = answer_of(await caller(world).submit(signed(world, replace(asked, query=NO_PASSPORT))))
    assert other.outcome is Outcome.REFUSED
    assert other.refusal
    assert other.refusal.reason is Reason.ALREADY_EXISTS
    assert source.searches == 1
    assert kinds(world.nodes["vn"], asked.exchange_id) == ["answered", "refused"]
    await eventually(lambda: reuses(world) == before + 1)


def reuses(world: World) -> int:
    """How often alarms say that Thailand used an exchange id for another request."""
    found = [item for item in entries(world.nodes["vn"], "operations") if item.entry.kind == "alarm"]
    said = [item.private for item in found if item.entry.peer == "th"]
    return sum(
        item["count"] for item in said if (item["code"], "another request" in item["detail"]) == ("replayed", True)
    )


async def test_e2_another_payload_while_the_first_is_served_is_refused_with_an_entry(
    world: World, source: WatchedSource
) -> None:
    asked, before = request(), reuses(world)
    source.gate.clear()
    envelopes = [signed(world, asked), signed(world, replace(asked, query=NO_PASSPORT))]
    asking = [
        asyncio.create_task(caller(world).call(methods.SUBMIT.path, submission(envelope))) for envelope in envelopes
    ]
    await eventually(lambda: world.nodes["vn"].answering.answerer.inside == 2)
    source.gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    outcomes = sorted(map(_reason, results))
    assert outcomes in ([Reason.ALREADY_EXISTS, "hit"], [Reason.ALREADY_EXISTS, "no_hit"])  # whichever came first
    assert sorted(kinds(world.nodes["vn"], asked.exchange_id)) == ["answered", "refused"]
    await eventually(lambda: reuses(world) == before + 1)


def _reason(result: bytes | BaseException) -> str:
    """The outcome, or the reason of a refusal: signed, or bare where the first answer was just being written."""
    if isinstance(result, grpc.aio.AioRpcError):
        return result.code().name
    assert isinstance(result, bytes)
    answer = answer_of(methods.SUBMIT.answer.read(result))
    return answer.refusal.reason if answer.refusal else answer.outcome.value


async def test_e2_an_id_of_another_sender_is_another_exchange(world: World, source: WatchedSource) -> None:
    view = world.nodes["vn"].core.parts.journal
    asked = request()
    await caller(world).submit(signed(world, asked))
    assert (MemberId("kh"), asked.exchange_id) not in view.stored_answers([(MemberId("kh"), asked.exchange_id)])


async def test_e3_the_same_bytes_after_a_restart_get_the_stored_answer(world: World) -> None:
    asked = request()
    envelope = signed(world, asked)
    first = await caller(world).submit(envelope)
    await world.stop("vn")
    watched = watch(await world.start("vn"))
    again = await caller(world).submit(envelope)
    assert (first.envelope, first.entry) == (again.envelope, again.entry)
    assert watched.searches == 0
    assert kinds(world.nodes["vn"], asked.exchange_id) == ["answered", "duplicate"]


@pytest.mark.parametrize(
    ("offset_s", "accepted"), [(-31, False), (31, False), (-29, True), (28, True)], ids=lambda value: str(value)
)
async def test_e7_a_clock_may_differ_by_thirty_seconds(
    world: World, source: WatchedSource, offset_s: int, accepted: bool
) -> None:
    issued = SystemClock().now_us() + offset_s * SECOND
    answer = answer_of(await caller(world).submit(signed(world, request(issued_us=issued))))
    assert (answer.outcome is Outcome.HIT) is accepted
    if not accepted:
        assert answer.refusal
        assert answer.refusal.reason is Reason.FAILED_PRECONDITION
        assert source.searches == 0


@pytest.mark.parametrize(
    ("issued_s", "expires_s"),
    [(-1, 0), (0, 0), (0, -1), (0, 61), (0, 3600)],
    ids=["exp now", "exp = iat", "exp < iat", "61 s", "an hour"],
)
async def test_e11_times_that_make_no_sense_are_refused(
    world: World, source: WatchedSource, issued_s: int, expires_s: int
) -> None:
    now = SystemClock().now_us()
    message = request_message(signed(world, request()))
    message.issued_time.FromMicroseconds(now + issued_s * SECOND)
    message.expires_time.FromMicroseconds(now + expires_s * SECOND)
    envelope = envelope_of(message.SerializeToString(), REQUEST, world.federation["th"].key("statement"))
    answer = answer_of(await caller(world).submit(envelope))
    assert answer.refusal
    assert answer.refusal.reason is Reason.FAILED_PRECONDITION
    assert source.searches == 0


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("purpose", "SPORT", "unknown-purpose"),
        ("purpose", "", "missing-purpose"),
        ("offence", "HERESY", "unknown-offence"),
        ("case_number", "", "missing-case"),
        ("case_number", "TH-2026\u200d0417", "bad-reference"),
        ("agreement", "", "missing-agreement"),
    ],
)
async def test_f3_what_no_list_knows_is_refused_with_an_entry(
    world: World, source: WatchedSource, name: str, value: str, code: str
) -> None:
    """CASE-F3, CASE-B12: purpose unknown; ids in look-alike letters."""
    message = request_message(signed(world, request()))
    setattr(message, name, value)
    envelope = envelope_of(message.SerializeToString(), REQUEST, world.federation["th"].key("statement"))
    answer = answer_of(await caller(world).submit(envelope))
    assert answer.refusal
    assert (answer.refusal.reason, answer.refusal.code) == (Reason.INVALID_ARGUMENT, code)
    assert entries(world.nodes["vn"])[-1].private["code"] == code
    assert source.searches == 0


async def test_f4_an_active_member_without_an_agreement_is_refused(world: World, source: WatchedSource) -> None:
    asked = request(agreement="other-2026")
    answer = answer_of(await caller(world).submit(signed(world, asked)))
    assert answer.refusal
    assert answer.refusal.reason is Reason.PERMISSION_DENIED
    assert kinds(world.nodes["vn"], asked.exchange_id) == ["refused"]
    assert entries(world.nodes["vn"])[-1].private["code"] == answer.refusal.code == "agreement-unknown"
    assert source.searches == 0


async def test_a_node_that_dies_between_commit_and_answer_gives_the_same_answer_afterwards(world: World) -> None:
    """CASE-E3: kill -9 between commit and answer; still one backend call for what was committed."""
    asked = request()
    envelope = signed(world, asked)
    await world.stop("vn")
    async with NodeProcess(world.home("vn"), world.ports["vn"], "tests.support.dying_node:serve") as process:
        status = await caller(world).refused(methods.SUBMIT.path, submission(envelope))
        assert status is grpc.StatusCode.UNAVAILABLE
        assert await process.ended() == -9
    watched = watch(await world.start("vn"))

    async def answered() -> bool:
        return answer_of(await caller(world).submit(envelope)).outcome is Outcome.HIT

    await eventually_async(answered)
    assert watched.searches == 0
    assert kinds(world.nodes["vn"], asked.exchange_id) == ["answered", "duplicate"]


async def test_e1_the_same_bytes_get_nothing_once_their_source_is_suspended(
    world: World, source: WatchedSource
) -> None:
    asked = request()
    envelope = signed(world, asked)
    assert answer_of(await caller(world).submit(envelope)).outcome is Outcome.HIT
    switches, target = world.nodes["vn"].core.parts.suspensions, "source:vn.immigration.border"
    home = Home(world.home("vn"))
    switch_off(home, target, "trial")
    try:
        await eventually(lambda: switches.suspends(source="vn.immigration.border") is not None)
        assert answer_of(await caller(world).submit(envelope)).outcome is Outcome.SUSPENDED
    finally:
        await switch_on(home, target, "trial")
        await eventually(lambda: switches.suspends(source="vn.immigration.border") is None)


async def test_c10_a_source_cannot_have_another_agencys_record_signed(world: World, source: WatchedSource) -> None:
    source.change = lambda record: replace(record, owner="vn.police")
    answer = answer_of(await caller(world).submit(signed(world, request())))
    assert (answer.outcome, answer.hits, bool(answer.missing)) == (Outcome.NOT_SEARCHED, (), True)
