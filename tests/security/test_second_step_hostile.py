"""Hostile asks, replies and words of the second step are refused with a code, an entry and work for a human."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.desk.delivery.authoring import Post
from gateway.model.desk.notices import About, Ask, Reply, ReplyCode, Status, StatusCode, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.names import new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.statements.notices.notice import parse_notice
from tests.support.exchange import CLOCK, TH, VN, entries
from tests.support.nodes import World, officer
from tests.support.second_step import DUTY, HOUR_US, OFFICER, asked, is_taken, step, step_world, works
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = step_world(tmp_path_factory.mktemp("hostile"))
    async with simulated(made) as made:
        yield made


def post(body: Any, member: str = "th", **changes: Any) -> Post:
    """A notice of a member whose own node checks nothing."""
    made = Post(
        body,
        Urgency.FLASH,
        Purpose.INVESTIGATION,
        Offence.MONEY,
        Requester("officer", f"{member}.blo.one", "police", "0123456789abcdef"),
        case="TH-2026-0417",
        agreement="gms-border-2026",
        expires_us=CLOCK.now_us() + HOUR_US if isinstance(body, Ask) else 0,
        by=officer(member),
        agency="police",
        office=f"{member}.blo.one",
        officer=OFFICER.officer.person,
    )
    return dataclasses.replace(made, **changes)


async def refused(world: World, member: str, key: ThreadKey) -> str:
    """Wait until a notice of a thread was refused; return the code."""
    store = world.nodes[member].desk.parts.store
    await until(lambda: bool(store.deliveries((DeliveryState.REFUSED,), key=key)), "the notice is refused")
    return store.deliveries((DeliveryState.REFUSED,), key=key)[-1].problem


async def real_ask(world: World) -> tuple[ThreadKey, ThreadKey, Ask]:
    """A follow-up that was taken."""
    key, there, _ = await asked(world)
    (row,) = world.nodes["th"].desk.parts.store.notices(key)
    body = parse_notice(row.envelope).body
    assert isinstance(body, Ask)
    return key, there, body


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exchange_id": new_exchange_id()}, "no-such-exchange"),
        ({"entry_index": 10**6}, "no-such-exchange"),
        ({"answer_hash": bytes(32)}, "wrong-answer"),
        ({"reference": "a-hit-that-was-never-given"}, "wrong-hit"),
        ({"record": "ab" * 16}, "wrong-record"),
    ],
)
async def test_an_ask_about_a_hit_that_was_never_given_is_refused(
    world: World, changes: dict[str, Any], code: str
) -> None:
    _, _, ask = await real_ask(world)
    assert ask.hit is not None
    forged = replace(ask, hit=replace(ask.hit, **changes))
    key = await world.nodes["th"].desk.parts.author.open(VN, post(forged))
    assert await refused(world, "th", key) == code
    vn = world.nodes["vn"]
    assert not works(vn, WorkKind.DECIDE, key=ThreadKey(TH, key.thread_id))
    (entry,) = [each for each in entries(vn) if each.entry.exchange_id == key.thread_id]
    assert (entry.entry.kind, entry.private["code"]) == ("refused", code)
    assert [each.kind for each in works(world.nodes["th"], WorkKind.READ, key=key)] == [WorkKind.READ]


async def test_an_ask_that_policy_does_not_allow_is_refused_at_the_taker(world: World) -> None:
    _, _, ask = await real_ask(world)
    key = await world.nodes["th"].desk.parts.author.open(VN, post(ask, agreement="never-signed-2026"))
    assert await refused(world, "th", key) == "agreement-unknown"


async def test_a_question_that_was_asked_back_is_not_answered_with_another_ask(world: World) -> None:
    key, there, ask = await real_ask(world)
    vn = world.nodes["vn"]
    (work,) = works(vn, WorkKind.DECIDE, key=there)
    clarify = Decide(work=work.id, answer=ReplyCode.CLARIFY, reason="unclear", text="whose bag?")
    await step(world, "vn").decisions.decide(DUTY, clarify)
    await until(is_taken(vn, there), "the question back is taken")
    assert ask.hit is not None
    await world.nodes["th"].desk.parts.author.post(key, post(Ask(About.QUESTION, "and this?", topic="vehicle")))
    assert await refused(world, "th", key) == "other-matter"
    found = vn.desk.parts.store.work(work.id)
    assert found is not None
    assert found.paused_us


@pytest.mark.parametrize("of", ["own", "unknown"])
async def test_word_of_a_notice_that_the_thread_does_not_have_is_refused(world: World, of: str) -> None:
    key, _, _ = await real_ask(world)
    notice_id = key.thread_id if of == "own" else new_exchange_id()
    await world.nodes["th"].desk.parts.author.post(key, post(Status(notice_id, StatusCode.READ)))
    assert await refused(world, "th", key) == "wrong-notice"


async def test_a_record_that_was_made_for_another_ask_is_refused(world: World) -> None:
    vn = world.nodes["vn"]
    _, first, _ = await real_ask(world)
    (work,) = works(vn, WorkKind.DECIDE, key=first)
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
    given = parse_notice(vn.desk.parts.store.notices(first)[-1].envelope).body
    assert isinstance(given, Reply)
    key, there, _ = await real_ask(world)
    await vn.desk.parts.author.post(there, post(Reply(ReplyCode.RELEASED, records=given.records), "vn"))
    assert await refused(world, "vn", there) == "wrong-record"
    th = world.nodes["th"]
    assert not th.desk.parts.store.holdings(source=vn.desk.parts.store.notices(there)[-1].notice_id)
    assert [each.placed.type for each in th.desk.parts.store.notices(key)] == ["ask"]
