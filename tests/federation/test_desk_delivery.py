"""A notice goes from node to node over gRPC: one exchange, whose evidence both sides hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.app.run.node import Node
from gateway.desk.delivery.authoring import Post
from gateway.model.desk.notices import About, Ask, Reply, ReplyCode, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import WorkFilter
from tests.support.exchange import CLOCK, TH, VN, entries, kinds, sample_world
from tests.support.nodes import officer
from tests.support.simulator import simulated
from tests.support.waiting import until

HOUR_US = 3_600_000_000


def post(body: Any, member: str = "th") -> Post:
    """A notice of an officer."""
    return Post(
        body,
        Urgency.FLASH,
        Purpose.INVESTIGATION,
        Offence.NARC,
        Requester("officer", f"{member}.blo.one", "police", "0123456789abcdef"),
        case="TH-2026-0417",
        agreement="gms-border-2026",
        expires_us=CLOCK.now_us() + HOUR_US,
        by=officer(member),
    )


def is_taken(node: Node, key: ThreadKey) -> Callable[[], bool]:
    """Tell whether all notices of ours in a thread have their receipts."""
    store = node.desk.parts.store
    return lambda: not store.deliveries(key=key) and bool(store.deliveries((DeliveryState.TAKEN,), key=key))


async def test_an_ask_is_taken_answered_and_seen_at_both_sides(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        ask = Ask(About.QUESTION, "a truck was left at the bridge", topic="vehicle")
        key = await th.desk.parts.author.open(VN, post(ask))
        there = ThreadKey(TH, key.thread_id)
        await until(is_taken(th, key), "the ask is taken")
        (work,) = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.DECIDE,)))
        assert work.key == there
        await vn.desk.parts.author.post(there, post(Reply(ReplyCode.NOTHING_HELD), "vn"))
        await until(is_taken(vn, there), "the reply is taken")
        for node, name in ((th, key), (vn, there)):
            thread = node.desk.parts.store.thread(name)
            assert thread is not None
            assert thread.state is ThreadState.ANSWERED
        (sent, back) = th.desk.parts.store.notices(key)
        assert kinds(th, sent.notice_id) == ["asked", "received"]
        assert kinds(vn, sent.notice_id) == ["answered"]
        assert kinds(th, back.notice_id) == ["answered"]
        assert kinds(vn, back.notice_id) == ["asked", "received"]
        ours = {each.entry.exchange_id: each.entry for each in entries(th) if each.entry.kind == "received"}
        theirs = {each.entry.exchange_id: each.entry for each in entries(vn) if each.entry.kind == "answered"}
        assert ours[sent.notice_id].answer_hash == theirs[sent.notice_id].answer_hash
        assert ours[sent.notice_id].number == theirs[sent.notice_id].number


async def test_a_notice_waits_for_a_counterpart_that_is_away_and_through_a_restart(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world, ("th",)) as world:
        key = await world.nodes["th"].desk.parts.author.open(
            VN, post(Ask(About.QUESTION, "who is on duty?", topic="duty"))
        )
        await world.stop("th")
        th = await world.start("th")
        assert [each.key for each in th.desk.parts.store.deliveries()] == [key]
        assert kinds(th, key.thread_id) == ["asked"]
        await world.start("vn")
        try:
            await until(is_taken(th, key), "the ask is taken")
            assert kinds(th, key.thread_id) == ["asked", "received"]
        finally:
            await world.stop("vn")
