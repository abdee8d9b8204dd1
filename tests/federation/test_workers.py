"""A front with real workers answers as one process does, and loses nothing when a worker ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import asdict

from gateway.app.node import Node
from gateway.bench.world import children_of
from gateway.config.home import Home
from gateway.demo import planted
from gateway.exchange.workers.pool import Pool
from gateway.exchange.workers.seat import Standing
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.query import DocumentQuery
from tests.support.acts import switch_off
from tests.support.exchange import (
    NO_PASSPORT,
    PASSPORT,
    answer_of,
    caller,
    entries,
    kinds,
    person,
    sample_world,
    sealed,
)
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.processes import NodeProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTIONS: dict[str, dict[str, Any]] = {
    "hit": {"query": PASSPORT},
    "no hit": {"query": NO_PASSPORT},
    "hidden": {"query": person(planted.HIDDEN)},
    "nobody": {"query": person(planted.NOBODY)},
    "name": {"query": person(planted.DRIVER)},
    "forbidden": {"query": PASSPORT, "agreement": "no-such-agreement"},
    "no such number": {"query": DocumentQuery("?", "VNM")},
}
_FRESH = {"exchange_id", "request_hash", "issued_us", "withheld_commitment", "policy_hash"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("workers"))
    await made.start("vn", workers=1)
    yield made
    for member in list(made.nodes):
        await made.stop(member)


def pool_of(node: Node) -> Pool:
    pool = node.answering.pool
    assert pool is not None
    return pool


async def told(world: World) -> dict[str, Any]:
    """What a node answers to each question, and notes of it, without what differs each time."""
    node, found = world.nodes["vn"], {}
    for name, changes in QUESTIONS.items():
        envelope = sealed(world.federation["th"], **changes)
        message = await caller(world).submit(envelope)
        answer = answer_of(message)
        noted = entries(node)[-1]
        private = {key: value for key, value in noted.private.items() if key not in ("withheld_salt", "withheld")}
        for decision in [private.get("decision") or {}]:
            decision.pop("at_us", None)
        hits = [asdict(hit) | {"record": bool(hit.record)} for hit in answer.hits]
        public = {key: value for key, value in asdict(answer).items() if key not in _FRESH} | {"hits": hits}
        found[name] = (public, private, noted.entry.kind, len(message.envelope))
        if answer.outcome is not Outcome.REFUSED:  # policy refuses a repeated question anew
            again = await caller(world).submit(envelope)
            assert (again.envelope, again.entry) == (message.envelope, message.entry)
    return found


async def test_the_answers_with_a_worker_are_those_of_one_process(world: World) -> None:
    beside = await told(world)
    await world.stop("vn")
    await world.start("vn")
    alone = await told(world)
    await world.stop("vn")
    await world.start("vn", workers=1)
    assert beside == alone
    assert {public["outcome"] for public, *_ in alone.values()} >= {Outcome.HIT, Outcome.NO_HIT, Outcome.REFUSED}


async def test_what_is_switched_off_at_the_front_is_not_searched_by_a_worker(world: World) -> None:
    node = world.nodes["vn"]
    switch_off(Home(world.home("vn")), "peer:th/TravelDocument", "trial of the switch")
    suspensions = node.core.parts.suspensions
    suspensions._checked = float("-inf")  # as a second later
    answer = answer_of(await caller(world).submit(sealed(world.federation["th"])))
    assert answer.outcome is Outcome.NO_HIT
    assert "TravelDocument records" in answer.missing
    Home(world.home("vn")).suspensions.write_bytes(b"")
    suspensions._checked = float("-inf")
    assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT


async def test_a_worker_that_is_killed_under_load_loses_nothing_and_answers_nothing_twice(world: World) -> None:
    node = world.nodes["vn"]
    pool, member, who = pool_of(node), world.federation["th"], caller(world)
    searched = (Outcome.HIT, Outcome.NO_HIT)
    killed = [pool.reports()[0].pid]

    done: list[tuple[bytes, AnswerMessage]] = []

    async def ask(number: int) -> None:
        for turn in range(3):
            envelope = sealed(member, query=PASSPORT if (number + turn) % 2 else NO_PASSPORT)
            done.append((envelope, await who.submit(envelope, 20_000)))

    asking = [asyncio.create_task(ask(number)) for number in range(14)]
    await eventually(lambda: len(done) > 0 and pool.reports()[0].requests > 0, 20)
    os.kill(killed[0], signal.SIGKILL)
    await asyncio.gather(*asking)
    for envelope, message in done:
        answer = answer_of(message)
        assert answer.outcome in (*searched, Outcome.NOT_SEARCHED, Outcome.REFUSED)  # the others: it came too late
        assert kinds(node, answer.exchange_id) in (["answered"], ["refused"])
        again = await who.submit(envelope)
        assert (again.envelope, again.entry) == (message.envelope, message.entry)
    assert any(answer_of(message).outcome in searched for _, message in done)
    await eventually(lambda: pool.reports()[0].state == "serving", 60)
    assert pool.reports()[0].pid not in killed
    await eventually(lambda: node.answering.answerer.inside == 0, 20)


async def test_successors_take_over_when_keys_change_and_nothing_is_refused(world: World) -> None:
    node = world.nodes["vn"]
    pool, who, before = pool_of(node), caller(world), pool_of(node).reports()[0].pid
    pool.renew()
    while pool.reports()[0].state != Standing.SERVING.value:
        answer = answer_of(await who.submit(sealed(world.federation["th"])))
        assert answer.outcome is Outcome.HIT
    assert pool.reports()[0].pid != before
    assert answer_of(await who.submit(sealed(world.federation["th"]))).outcome is Outcome.HIT
    await eventually(lambda: not pool._places.leaving, 20)
    assert not _lives(before)


async def test_workers_end_with_their_front(world: World) -> None:
    await world.stop("vn")
    home = world.home("vn")
    file = home / "node.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("workers = 0", "workers = 2"), encoding="utf-8")
    async with NodeProcess(home, world.ports["vn"]) as front:
        workers = children_of(front.pid)
        assert len(workers) == 2
        assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT
        front.signal(signal.SIGKILL)
        await front.ended()
        await eventually(lambda: not any(map(_lives, workers)), 20)
    await world.start("vn", workers=1)


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
