"""A member that floods: what its requests leave, what it is told, and what others notice of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from gateway.cli.main import run
from gateway.errors import Overloaded
from gateway.exchange.answering.admission import FAULTS_BURST_S, FAULTS_PER_S, WHOLE_PER_MINUTE
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.node import wire
from gateway.rpc import methods
from gateway.trust.ceremony.ceremony import publish_status
from tests.support.exchange import (
    VN,
    Logged,
    answer_of,
    caller,
    command,
    entries,
    kinds,
    lines,
    sample_world,
    sealed,
    stopping,
    submission,
)
from tests.support.forger import eventually
from tests.support.nodes import World, officer
from tests.support.sealing import new_key
from tests.support.tables import table

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE, BURST = 1, 120
"""Questions in a second that Viet Nam's node takes of a member, and after a pause: few, so that a test reaches them."""

FAULTS = int(FAULTS_PER_S * FAULTS_BURST_S)


def limit(world: World, rate: int, burst: int) -> None:
    """Give Viet Nam's node another rate of a member, from its next start on."""
    file = world.home("vn") / "node.toml"
    kept = [line for line in file.read_text().splitlines() if "_per_member" not in line]
    kept.insert(kept.index("[limits]") + 1, f"rate_per_member = {rate}\nburst_per_member = {burst}")
    file.write_text("\n".join(kept) + "\n")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("rates"))
    limit(made, RATE, BURST)
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


@asynccontextmanager
async def again(world: World) -> AsyncIterator[None]:
    """Start Viet Nam's node anew, whose members have not asked yet, and stop it when the block ends."""
    await world.stop("vn")
    await world.start("vn")
    yield
    await world.stop("vn")
    await world.start("vn")


async def asked(world: World, envelopes: Sequence[bytes], who: str = "th") -> list[AnswerMessage | Exception]:
    """Ask on one stream as fast as it goes; return the replies in the order of the requests."""
    replies: dict[int, AnswerMessage | Exception] = {}
    frames = [wire.request_frame(number, wire.submit(each, 3000)) for number, each in enumerate(envelopes)]
    async with asyncio.timeout(120), caller(world, who).channel() as channel:
        call = channel.stream_stream(methods.STREAM.path)()
        for message in wire.pack_requests(frames):
            await call.write(message)
        while len(replies) < len(envelopes):
            replies.update(wire.parse_replies(await call.read()))
    return [replies[number] for number in sorted(replies)]


def since(world: World, before: int, log: str = "exchange") -> list[Logged]:
    return entries(world.nodes["vn"], log)[before:]


def size(world: World, log: str = "exchange") -> int:
    return len(entries(world.nodes["vn"], log))


def stored_bytes(home: Path) -> int:
    """Bytes of the database of a node that was stopped."""
    return sum(file.stat().st_size for file in home.glob("node.sqlite*"))


def turned_away(world: World) -> list[Logged]:
    return [item for item in entries(world.nodes["vn"], "operations") if item.entry.kind == "turned-away"]


async def test_up_to_its_rate_each_refusal_is_signed_and_beyond_it_nothing_is(world: World) -> None:
    async with again(world):
        before, told = size(world), len(turned_away(world))
        envelopes = [sealed(world.federation["th"], agreement="no-such-agreement") for _ in range(400)]
        replies = await asked(world, envelopes)
        signed = [reply for reply in replies if isinstance(reply, AnswerMessage)]
        bare = [reply for reply in replies if isinstance(reply, Overloaded)]
        assert len(signed) + len(bare) == 400
        assert {error.code for error in bare} <= {"rate-limit", "in-flight-limit"}
        assert BURST <= len(signed) <= BURST + 60 * RATE
        assert {answer_of(reply).outcome for reply in signed} == {Outcome.REFUSED}
        written = since(world, before)
        assert [item.entry.kind for item in written] == ["refused"] * len(signed), "no entry of those beyond the rate"
        numbers = [item.entry.number or 0 for item in written]
        assert numbers == list(range(numbers[0], numbers[0] + len(signed))), "and no number of the channel"
        assert len(turned_away(world)) == told, "their entry comes when the minute is over, or at a stop"
    by_code = Counter(error.code for error in bare)
    said = turned_away(world)[told:]
    assert {item.private["code"]: item.private["count"] for item in said} == by_code
    assert len(said) == len(by_code), "one entry for each member, limit and minute"
    for item in said:
        assert item.entry.peer == "th"
        assert item.private["first_us"] <= item.private["last_us"] <= item.entry.time_us


async def test_what_is_turned_away_may_be_asked_again_and_is_answered_then(world: World) -> None:
    """Nothing is claimed: the same bytes are not a repetition of an answered question."""
    async with again(world):
        envelopes = [sealed(world.federation["th"]) for _ in range(BURST + 100)]
        replies = await asked(world, envelopes)
        envelope = next(each for each, reply in zip(envelopes, replies, strict=True) if isinstance(reply, Overloaded))
    (reply,) = await asked(world, [envelope])
    assert isinstance(reply, AnswerMessage)
    assert answer_of(reply).outcome is Outcome.HIT
    assert kinds(world.nodes["vn"], answer_of(reply).exchange_id) == ["answered"]


async def test_a_call_beyond_the_rate_is_a_bare_status(world: World) -> None:
    async with again(world):
        await asked(world, [sealed(world.federation["th"]) for _ in range(BURST + 10)])
        data = [submission(sealed(world.federation["th"])) for _ in range(30)]
        async with caller(world).channel() as channel:
            calls = (channel.unary_unary(methods.SUBMIT.path)(each, timeout=60) for each in data)
            results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
        assert refused, "thirty at once, where one a second is left"
        told = {(error.code(), error.details()) for error in refused}
        assert told == {(grpc.StatusCode.RESOURCE_EXHAUSTED, "rate-limit")}


async def test_another_member_keeps_its_own_rate(world: World) -> None:
    async with again(world):
        await asked(world, [sealed(world.federation["th"]) for _ in range(BURST + 50)])
        (reply,) = await asked(world, [sealed(world.federation["kh"], sender="kh")], "kh")
        assert isinstance(reply, AnswerMessage)


async def test_the_asker_notes_too_many_and_never_shows_it_as_no_hit(world: World) -> None:
    async with again(world):
        await asked(world, [sealed(world.federation["th"]) for _ in range(BURST + 10)])
        th = world.nodes["th"]
        searches = await asyncio.gather(*(th.asking.searches.start(officer("th"), command()) for _ in range(20)))
        search = next(each for each in searches if lines(each)[VN].outcome is Outcome.TOO_MANY)
        line = lines(search)[VN]
        assert line.refusal
        assert (line.refusal.code, line.hits) == ("rate-limit", ())
        assert kinds(th, line.exchange_id) == ["asked", "too-many"]
        assert kinds(world.nodes["vn"], line.exchange_id) == [], "the counterpart has nothing of it"
        assert (await th.asking.searches.get(officer("th"), search.id)).lines == search.lines, "kept as it was shown"


@table("code", ["suspended", "no-hit", "no hit", "<b>", "\x1b[2J", "x" * 10_000, ""])
async def test_a_counterpart_does_not_choose_the_words_in_which_it_turns_us_away(code: str) -> None:
    error = wire.refusal_error("RESOURCE_EXHAUSTED", code)
    assert isinstance(error, Overloaded)
    assert (error.code, code in str(error) and bool(code)) == ("overloaded", False)


async def test_requests_without_a_proved_sender_leave_their_hash_and_a_few_of_them_whole(world: World) -> None:
    """Requests in a member's name by a key that no one lists. Few of them leave more than a hash."""
    await world.stop("vn")
    disk = stored_bytes(world.home("vn"))
    limit(world, 10**5, 10**6)
    await world.start("vn")
    before, ops = size(world), size(world, "operations")
    count, forged = 3 * FAULTS, sealed(world.federation["th"], new_key())
    replies: list[AnswerMessage | Exception] = []
    for _ in range(count // 200):
        replies += await asked(world, [forged] * 200)
    signed = [reply for reply in replies if isinstance(reply, AnswerMessage)]
    bare = [reply for reply in replies if isinstance(reply, Overloaded)]
    assert FAULTS <= len(signed) < count
    assert {error.code for error in bare} <= {"fault-limit", "in-flight-limit"}
    written = since(world, before)
    assert [item.entry.kind for item in written] == ["refused"] * len(signed)
    whole = [item for item in written if item.request]
    assert WHOLE_PER_MINUTE <= len(whole) <= 4 * WHOLE_PER_MINUTE
    assert {item.private["size"] for item in written} == {len(forged)}
    assert len({item.entry.request_hash for item in written}) == 1
    (reply,) = await asked(world, [sealed(world.federation["th"])])
    assert isinstance(reply, AnswerMessage), "the questions of the member that verify have a rate of their own"
    assert answer_of(reply).outcome is Outcome.HIT
    await world.stop("vn")
    assert stored_bytes(world.home("vn")) - disk < 4_000 * len(signed) + 100_000
    await world.start("vn")
    assert sum(
        item.private["count"] for item in since(world, ops, "operations") if item.entry.kind == "turned-away"
    ) == len(bare)


async def test_bytes_that_do_not_parse_leave_no_more(world: World) -> None:
    before, junk = size(world), os.urandom(15_000)
    replies = await asked(world, [junk] * 50)
    assert not any(isinstance(reply, AnswerMessage) for reply in replies)
    written = since(world, before)
    assert {item.private["size"] for item in written} == {len(junk)}
    assert {item.entry.request_hash for item in written} == {hashlib.sha256(junk).digest()}
    assert len([item for item in written if item.request]) < 2 * WHOLE_PER_MINUTE
    assert await asyncio.to_thread(run, ["audit", "verify", "--home", str(world.home("vn"))]) == 0


async def test_a_removed_member_ends_with_its_stream_and_its_flood_is_counted(world: World) -> None:
    """The last test of the module: Cambodia is removed for good."""
    kh = world.federation["kh"]
    key_id = next(key.key_id for key in kh.view().descriptor("kh").keys if key.use == "tls")
    async with asyncio.timeout(60), caller(world, "kh").channel() as channel:
        call = channel.stream_stream(methods.STREAM.path)()
        frame = wire.request_frame(1, wire.submit(sealed(kh, sender="kh"), 3000))
        (message,) = wire.pack_requests([frame])
        await call.write(message)
        assert await call.read()
        world.federation.share(publish_status(kh.home, kh.clock, removed=[key_id]))
        await eventually(lambda: world.nodes["vn"].core.parts.trust().status("kh").removed == (key_id,))  # type: ignore[union-attr]
        before = size(world)
        # The stream may have ended before the frame is written: then gRPC says so to the writer.
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(message)
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
    assert size(world) == before, "nothing of what a removed member sends is kept"
    await eventually(
        lambda: any(
            item.private.get("code") == "not-listed" and item.entry.peer == "kh"
            for item in entries(world.nodes["vn"], "operations")
        )
    )
