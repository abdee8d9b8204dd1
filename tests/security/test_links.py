"""CASE-I4 to CASE-I6: a link that dies in silence, stalls or is cut, and a counterpart that hangs (CASE-I1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import grpc
import pytest
import pytest_asyncio

from gateway.errors import ConnectionLost, LiaisonError, Unavailable
from gateway.exchange.asking.breaker import IN_A_ROW
from gateway.model.exchange import Outcome
from gateway.model.search import Line
from gateway.node.asking_stream import peer_error
from gateway.ports.journal import EntryDraft, Logged
from tests.support.exchange import VN, command, entries, kinds, lines, sample_world, stopping, watch
from tests.support.forger import eventually, eventually_async
from tests.support.link import Link, linked
from tests.support.load import waiting
from tests.support.nodes import World, impatient, officer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

BACK_S = 5.0
"""Seconds after which a counterpart is heard again once its link is back."""

BUSY = 2.0
"""Seconds of this process's own turns (`waiting`) for what it does itself; other processes' do not count."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    yield impatient(sample_world(tmp_path_factory.mktemp("links"), ("th", "vn")))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def link(world: World) -> AsyncIterator[Link]:
    async with stopping(world), linked(world, "vn") as made:
        for member in ("vn", "th"):
            await world.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def heard(world: World, link: Link) -> None:
    link.restore()
    await eventually_async(lambda: _answers(world))


async def ask(world: World) -> Line:
    return lines(await world.nodes["th"].asking.searches.start(officer("th"), command()))[VN]


async def _answers(world: World) -> bool:
    return (await ask(world)).outcome is Outcome.HIT


async def back_within(world: World) -> float:
    """Ask again and again; return the seconds until the first answer."""
    with waiting() as watch:
        await eventually_async(lambda: _answers(world))
    return watch.seconds


async def test_connections_that_die_in_silence_are_replaced_and_no_question_waits_for_them(
    world: World, link: Link
) -> None:
    before = link.accepted
    link.lose()
    link.restore()
    assert await back_within(world) < BACK_S + BUSY
    assert link.accepted > before
    assert [(await ask(world)).outcome for _ in range(4)] == [Outcome.HIT] * 4


async def test_a_link_that_was_lost_for_long_is_back_within_seconds(world: World, link: Link) -> None:
    link.lose()
    found = await asyncio.gather(*(ask(world) for _ in range(IN_A_ROW)))
    assert {line.outcome for line in found} == {Outcome.SILENT}
    assert world.nodes["th"].asking.asker.breakers.open == [VN]
    await asyncio.sleep(6)  # long enough for gRPC to have given up some attempts to connect
    link.restore()
    assert await back_within(world) < BACK_S + BUSY


async def test_keepalive_notices_a_dead_connection_on_which_nothing_is_asked(world: World, link: Link) -> None:
    node = world.nodes["th"]
    streams = [each._stream for each in node.core.peers._links[VN]._connections]
    link.lose()
    link.restore()
    await eventually(lambda: all(stream is None or stream.broken for stream in streams))


async def test_a_connection_that_is_cut_under_a_question_costs_a_repetition_and_no_silence(
    world: World, link: Link
) -> None:
    source = watch(world.nodes["vn"])
    source.gate.clear()
    asking = asyncio.create_task(ask(world))
    await eventually(lambda: source.searches == 1)
    link.cut()
    await asyncio.sleep(0.2)
    source.gate.set()
    line = await asking
    assert line.outcome is Outcome.HIT
    assert kinds(world.nodes["th"], line.exchange_id) == ["asked", "received"]
    answered = kinds(world.nodes["vn"], line.exchange_id)
    assert answered.count("answered") == 1
    assert set(answered) <= {"answered", "duplicate"}


async def as_many_as_fit(world: World) -> int:
    """Return how many questions at once a machine that is busy with other things answers in a fifth of their time."""
    count = 60
    while count > 8:
        begun = time.monotonic()
        await asyncio.gather(*(ask(world) for _ in range(count)))
        if time.monotonic() - begun < 0.6:
            break
        count //= 2
    return count


@pytest.mark.timed
async def test_cuts_under_load_make_nobody_silent(world: World, link: Link) -> None:
    await asyncio.gather(*(ask(world) for _ in range(60)))  # the first answers of a new node take longer
    count = await as_many_as_fit(world)
    asking = [asyncio.create_task(ask(world)) for _ in range(count)]
    for _ in range(3):
        await asyncio.sleep(0.05)
        link.cut()
    assert [line.outcome for line in await asyncio.gather(*asking)] == [Outcome.HIT] * count


async def test_a_write_that_fails_since_its_connection_broke_is_sent_again_and_no_answer_of_a_counterpart_is() -> None:
    def told(details: str) -> LiaisonError:
        nothing = grpc.aio.Metadata()
        return peer_error("vn", grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, details))

    assert isinstance(told("Internal error from Core"), ConnectionLost)  # gRPC's own word, before it has a status
    assert not isinstance(told("the database is gone"), ConnectionLost)


async def test_i1_officers_do_not_wait_for_a_counterpart_that_hangs_and_hear_since_when(
    world: World, link: Link
) -> None:
    th = world.nodes["th"]
    link.stall()
    await asyncio.gather(*(ask(world) for _ in range(IN_A_ROW)))
    with_breaker = [await _timed(world) for _ in range(5)]
    assert max(seconds for seconds, _ in with_breaker) < 1.0
    for _, line in with_breaker:
        assert line.outcome is Outcome.SILENT
        assert line.refusal
        assert line.refusal.code == "silent-since"
        assert line.silent_since_us
        assert kinds(th, line.exchange_id) == ["asked", "silent"]
        entry = next(each for each in entries(th) if each.entry.exchange_id == line.exchange_id
                     and each.entry.kind == "silent")  # fmt: skip
        assert entry.private["code"] == "silent-since"
    link.restore()
    assert await back_within(world) < BACK_S + BUSY
    assert th.asking.asker.breakers.open == []


async def test_an_answer_that_could_not_be_kept_here_leaves_no_counterpart_silent_for_ever(
    world: World, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a trial came, and our own node had no room for its entry."""
    writer = world.nodes["th"].core.writers.exchange
    write, refused = writer.write, 0

    async def without_room(draft: EntryDraft) -> Logged:
        nonlocal refused
        if draft.event.kind == "received" and not refused:
            refused += 1
            raise Unavailable("no room", code="disk-reserve")
        return await write(draft)

    link.lose()
    await asyncio.gather(*(ask(world) for _ in range(IN_A_ROW)))
    monkeypatch.setattr(writer, "write", without_room)
    link.restore()
    with suppress(Unavailable):
        await back_within(world)
    assert refused == 1
    assert await back_within(world) < BACK_S + BUSY


async def _timed(world: World) -> tuple[float, Line]:
    with waiting() as watch:
        line = await ask(world)
    return watch.seconds, line
