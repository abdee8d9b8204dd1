"""Workers that were taken over, and strangers at their socket: the front believes nothing that it did not ask for."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from gateway.app.node import Node
from gateway.config.home import Home
from gateway.errors import LiaisonError, Reason
from gateway.exchange.answering.job import Job
from gateway.exchange.workers import pool as workers_pool
from gateway.exchange.workers.check import check_result
from gateway.exchange.workers.frames import Result
from gateway.exchange.workers.pool import Pool
from gateway.host import confine
from gateway.model.exchange import Outcome
from gateway.statements.answer import ANSWER_VERSIONS
from tests.support.acts import switch_off
from tests.support.exchange import answer_of, caller, entries, kinds, sample_world, sealed
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.odd_worker import odd

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAYS = (
    *("wrong-batch", "wrong-place", "wrong-life", "unknown-kind", "no-frame", "too-long", "twice", "taken-twice"),
    *("claims", "nothing", "states", "policy", "ends", "flood", "empty", "ready-twice", "states-flood", "knocks"),
    *("strange-source", "strange-state"),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("workers"))
    await made.start("vn", workers=1)
    yield made
    await made.stop("vn")


def pool_of(node: Node) -> Pool:
    pool = node.answering.pool
    assert pool is not None
    return pool


async def replaced(pool: Pool) -> None:
    """End the worker, and wait until its successor serves."""
    before = pool.reports()[0].pid
    pool._places.all[0].pause_s = 0.0
    if before:
        os.kill(before, 9)
    await eventually(lambda: pool.reports()[0].state == "serving" and pool.reports()[0].pid != before, 30)


@pytest.mark.parametrize("way", WAYS)
async def test_a_worker_whose_frames_are_wrong_is_ended_and_an_alarm_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    node = world.nodes["vn"]
    pool, home = pool_of(node), world.home("vn")
    began: list[int] = []

    def spawn() -> object:
        began.append(1)
        return odd(home, way)

    monkeypatch.setattr(pool, "_spawn", spawn)
    await replaced(pool)
    alarms, restarts = node.resources.operations_log.size, pool.reports()[0].restarts
    pool._places.all[0].pause_s = 0.0
    envelope = sealed(world.federation["th"])
    message = await caller(world).submit(envelope)
    answer = answer_of(message)
    assert answer.outcome is Outcome.REFUSED
    assert answer.refusal is not None
    assert kinds(node, answer.exchange_id) == ["refused"]
    if way not in ("twice", "taken-twice", "flood"):  # of these the first frames are as they must be
        assert (answer.refusal.reason, answer.refusal.code) == (Reason.UNAVAILABLE, "no-worker")
    await eventually(lambda: pool.reports()[0].restarts > restarts, 10)
    await node.rounds.make("watch")

    def told() -> bool:
        codes = {item.private.get("code") for item in entries(node, "operations")[alarms:]}
        return bool(codes & {"bad-frame", "worker-lost"})

    await eventually(told, 10)
    again = await caller(world).submit(envelope)
    assert (again.envelope, again.entry) == (message.envelope, message.entry)


def alarms_of(node: Node, since: int) -> set[object]:
    return {item.private.get("code") for item in entries(node, "operations")[since:]}


@pytest.mark.parametrize("way", ["half", "drips", "silent"])
async def test_a_worker_whose_frames_do_not_come_to_an_end_is_ended(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    node, home = world.nodes["vn"], world.home("vn")
    pool = pool_of(node)
    with monkeypatch.context() as patch:
        patch.setattr(pool, "_spawn", lambda: odd(home, way))
        await replaced(pool)
        patch.setattr(workers_pool, "SILENT_S", 0.5)
        alarms, restarts = node.resources.operations_log.size, pool.reports()[0].restarts
        answer = answer_of(await caller(world).submit(sealed(world.federation["th"]), 2_000))
        assert answer.refusal is not None
        assert (answer.refusal.reason, answer.refusal.code) == (Reason.UNAVAILABLE, "no-worker")
        await eventually(lambda: pool.reports()[0].restarts > restarts, 10)
    await node.rounds.make("watch")
    await eventually(lambda: "worker-hangs" in alarms_of(node, alarms), 10)


async def test_a_worker_that_lives_and_is_never_ready_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    node, home = world.nodes["vn"], world.home("vn")
    pool = pool_of(node)
    with monkeypatch.context() as patch:
        patch.setattr(pool, "_spawn", lambda: odd(home, "never-ready"))
        patch.setattr(workers_pool, "_START_S", 2.5)
        restarts = pool.reports()[0].restarts
        pool._places.all[0].pause_s = 0.0
        pool.renew()
        await eventually(lambda: pool.reports()[0].restarts > restarts, 20)
        assert (
            answer_of(await caller(world).submit(sealed(world.federation["th"]))).refusal is not None or pool.serves()
        )


async def test_after_odd_workers_a_real_one_answers(world: World) -> None:
    await replaced(pool_of(world.nodes["vn"]))
    assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT


@pytest.mark.skipif(not confine.version(), reason="this system has no Landlock")
async def test_a_worker_can_open_no_key_of_the_logs_no_key_of_content_and_no_database(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node, out = world.nodes["vn"], tmp_path / "told"
    pool, home = pool_of(node), Home(world.home("vn"))
    contents = sorted(each for each in node.resources.settings.keystore.rglob("*") if each.is_file())
    shut = [home.key("log"), home.key("witness"), home.key("statement"), home.key("tls"), home.trust, home.path]
    shut += [node.resources.settings.database_file, home.suspensions, home.highwater]
    shut += [each for each in contents if each.parent.name != "references"]
    opened = [home.key("agency-immigration"), home.index]
    assert len(contents) > 1
    parent = str(os.getpid())
    places = [str(each) for each in (*shut, *opened)]
    monkeypatch.setattr(pool, "_spawn", lambda: odd(home.path, "look", parent, str(out), *places))
    await replaced(pool)
    await eventually(out.exists, 30)
    told = json.loads(out.read_text(encoding="utf-8"))
    assert {place: told[str(place)] for place in shut if place.exists()} == {
        place: "Permission denied" for place in shut if place.exists()
    }
    assert [told[str(place)] for place in opened] == ["open", "open"]
    assert told["signal"] == "Operation not permitted"
    assert told["memory"] == "Permission denied"
    assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT


async def test_a_stranger_at_the_socket_is_told_nothing(world: World) -> None:
    file = world.home("vn") / "workers-0.sock"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    folder = os.open(file.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(f"/proc/self/fd/{folder}/{file.name}")
        stranger.settimeout(10)
        assert await asyncio.to_thread(stranger.recv, 1) == b""
    os.close(folder)


async def test_an_answer_that_is_not_the_one_of_its_request_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker drew is checked word by word before the front signs it."""
    node = world.nodes["vn"]
    pool, drawn_jobs = pool_of(node), list[Job]()
    await replaced(pool)
    draw = pool.draw

    def noting(jobs: Sequence[Job]) -> Sequence[Job]:
        drawn_jobs.extend(jobs)
        return draw(jobs)

    monkeypatch.setattr(pool, "draw", noting)
    assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT
    (job,) = drawn_jobs
    assert job.drawn is not None
    kind, now_us = ANSWER_VERSIONS.numbered(job.answer_version()), node.core.parts.clock.now_us()
    drawn, answer = job.drawn, kind.parse(job.drawn.payload)

    def check(**changed: object) -> None:
        result = Result(0, 0, msgspec.structs.replace(drawn, **changed), None)
        check_result(result, job, node.core.parts.member, now_us, len(drawn.payload), pool._types_for(job))

    check()
    others = {
        "exchange_id": "0" * 32,
        "sender": "th",
        "recipient": "kh",
        "request_hash": bytes(32),
        "policy_hash": bytes(32),
        "issued_us": now_us + 3_600_000_000,
        "withheld_commitment": bytes(32),
    }
    for name, value in others.items():
        with pytest.raises(LiaisonError):
            check(payload=kind.payload(msgspec.structs.replace(answer, **{name: value})))
    lies: tuple[dict[str, object], ...] = (
        {"outcome": Outcome.NO_HIT},
        {"missing": ("police records",)},
        {"copies": drawn.copies * 30},
        {"times": []},
        {"times": [(0.0, float("nan"))] * len(drawn.sources)},
        {"withheld_salt": "00" * 16},
    )
    for changed in lies:
        with pytest.raises(LiaisonError):
            check(**changed)
    (hit,), (copy,) = answer.hits, drawn.copies

    def with_hit(**changed: object) -> bytes:
        return kind.payload(msgspec.structs.replace(answer, hits=(msgspec.structs.replace(hit, **changed),)))

    for payload in (
        with_hit(record_type="Vehicle"),
        with_hit(record=for_another(hit.record)),
        with_hit(record="a.b.c~"),
    ):
        with pytest.raises(LiaisonError):
            check(payload=payload)
    rows = ({"jti": "0" * 32}, {"record_type": "Person"}, {"expires_us": copy.expires_us + 1}, {"record": "a\0b"})
    for copies in ((), *((msgspec.structs.replace(copy, **changed),) for changed in rows)):
        with pytest.raises(LiaisonError):
            check(copies=copies)


def for_another(record: str) -> str:
    """A record as it would be if it were issued to another member; its signature is not looked at here."""
    head, _, rest = record.partition(".")
    body, _, rest = rest.partition(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert said["aud"] == "th"
    changed = base64.urlsafe_b64encode(json.dumps(said | {"aud": "kh"}).encode()).decode().rstrip("=")
    return f"{head}.{changed}.{rest}"


async def test_a_record_of_a_type_that_is_switched_off_is_none_that_a_worker_may_give(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, drawn_jobs = world.nodes["vn"], list[Job]()
    pool, suspensions, file = pool_of(node), node.core.parts.suspensions, Home(world.home("vn")).suspensions
    await replaced(pool)
    draw = pool.draw

    def noting(jobs: Sequence[Job]) -> Sequence[Job]:
        drawn_jobs.extend(jobs)
        return draw(jobs)

    monkeypatch.setattr(pool, "draw", noting)
    switch_off(Home(world.home("vn")), "peer:th/TravelDocument", "trial of the switch")
    suspensions._checked = float("-inf")  # as a second later
    try:
        assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.NO_HIT
        (job,) = drawn_jobs
        assert "TravelDocument" not in pool._types_for(job)
        file.write_bytes(b"")
        suspensions._checked = float("-inf")
        assert "TravelDocument" in pool._types_for(job), "what was switched since keeps the answer back itself"
    finally:
        file.write_bytes(b"")
        suspensions._checked = float("-inf")
