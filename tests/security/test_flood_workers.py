"""A member that floods a node with a worker: the front turns it away, and another member's answers are as they were."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from gateway.errors import Overloaded
from gateway.exchange.answering.job import Job
from gateway.exchange.workers.pool import Pool
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.purpose import Purpose
from gateway.node import wire
from gateway.rpc import methods
from tests.support.exchange import CLOCK, answer_of, caller, sample_world, sealed
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.policies import NATIONAL
from tests.support.torture_load import Counterpart

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

RATE, BURST = 10, 100
FLOOD, QUIET = 1_500, 15
QUOTA = 5


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A node of Viet Nam with a worker, a rate of a member that is soon reached, and a quota."""
    made = sample_world(tmp_path_factory.mktemp("flood"))
    home = made.home("vn")
    shutil.copytree(NATIONAL / "vn", home / "policy")
    (home / "policy" / "quotas.toml").write_text(f"[in.th]\n{Purpose.CUSTOMS_CONTROL} = {QUOTA}\n")
    file = home / "node.toml"
    rates = f"[limits]\nrate_per_member = {RATE}\nburst_per_member = {BURST}"
    file.write_text(file.read_text().replace("[limits]", rates) + '\n[policy]\nnational = "policy"\n')
    await made.start("vn", workers=1)
    yield made
    await made.stop("vn")


def pool_of(world: World) -> Pool:
    pool = world.nodes["vn"].answering.pool
    assert pool is not None
    return pool


async def flood(world: World, envelopes: Sequence[bytes]) -> list[AnswerMessage | Exception]:
    """Thailand's questions on one stream, as fast as it goes; the replies to all of them."""
    replies: dict[int, AnswerMessage | Exception] = {}
    frames = [wire.request_frame(number, wire.submit(each, 3000)) for number, each in enumerate(envelopes)]
    async with asyncio.timeout(120), caller(world).channel() as channel:
        call = channel.stream_stream(methods.STREAM.path)()
        for message in wire.pack_requests(frames):
            await call.write(message)
        while len(replies) < len(envelopes):
            replies.update(wire.parse_replies(await call.read()))
    return [replies[number] for number in sorted(replies)]


async def test_a_quota_is_used_to_the_last_also_where_the_worker_ends_meanwhile(world: World) -> None:
    """The front charges it, once for each question; the successor of a worker charges nothing again."""
    pool, member, who = pool_of(world), world.federation["th"], caller(world)
    envelopes = [sealed(member, purpose=Purpose.CUSTOMS_CONTROL, case="TH-2026-0417") for _ in range(QUOTA + 4)]
    asking = [asyncio.create_task(who.submit(envelope, 20_000)) for envelope in envelopes]
    await eventually(lambda: pool.reports()[0].requests > 0 or all(task.done() for task in asking), 20)
    os.kill(pool.reports()[0].pid, signal.SIGKILL)
    answers = [answer_of(message) for message in await asyncio.gather(*asking)]
    refused = [answer.refusal.code for answer in answers if answer.refusal is not None]
    assert refused.count("quota") == 4
    assert set(refused) <= {"quota", "no-worker"}
    used = [use.used for use in world.nodes["vn"].core.parts.quotas.used(CLOCK.now_us())]
    assert used == [QUOTA]
    await eventually(lambda: pool.serves(), 60)
    assert answer_of(await who.submit(sealed(member, purpose=Purpose.CUSTOMS_CONTROL))).refusal is not None
    assert answer_of(await who.submit(sealed(member))).outcome is Outcome.HIT


async def test_a_flood_is_turned_away_at_the_front_and_others_have_whole_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, quiet = (
        pool_of(world),
        Counterpart(caller(world, "kh"), world.federation["kh"].key("statement"), asyncio.Event()),
    )
    inside: Counter[str] = Counter()
    give = pool.give

    def counting(jobs: Sequence[Job]) -> None:
        inside.update(job.line for job in jobs)
        give(jobs)

    monkeypatch.setattr(pool, "give", counting)
    envelopes = [sealed(world.federation["th"]) for _ in range(FLOOD)]
    began = CLOCK.monotonic()
    flooding = asyncio.create_task(flood(world, envelopes))
    answers = [answer_of(await quiet.client.submit(quiet.new(number)[1])) for number in range(QUIET)]
    replies = await flooding
    assert {(answer.outcome, answer.missing) for answer in answers} == {(Outcome.NO_HIT, ())}
    served = [answer_of(reply) for reply in replies if isinstance(reply, AnswerMessage)]
    turned = [reply for reply in replies if isinstance(reply, Overloaded)]
    assert len(served) + len(turned) == FLOOD
    assert {error.code for error in turned} <= {"rate-limit", "in-flight-limit"}
    assert len(served) <= BURST + RATE * (CLOCK.monotonic() - began) + 1
    assert inside == {"th": len(served), "kh": QUIET}, "what was turned away never came to the worker"
