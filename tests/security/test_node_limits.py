"""A node beside its exchanges: rounds that do not end, receipts and calls with a limit for each member, health."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.app.resources import Resources, open_resources
from gateway.app.rounds import UPKEEP, WATCH
from gateway.app.run import node as app_node
from gateway.app.run.node import Node
from gateway.audit.accounts.receipts import Due
from gateway.config.home import Home
from gateway.config.schema import Settings
from gateway.errors import LiaisonError, Overloaded, Suspended, TimedOut, Unavailable, Unknown
from gateway.exchange.receipts import receipts as channels
from gateway.exchange.receipts.receipts import Acknowledger
from gateway.model.desk.delivered import NoticeMessage
from gateway.model.exchange import AnswerMessage, LogProof, Outcome, Receipt, ReceiptMessage
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.ports.journal import EntryDraft
from gateway.rpc import methods
from gateway.rpc.contract import A, Limit, Method, Q, Shape
from gateway.telemetry import Metric
from gateway.throttle import Rates, Throttle
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import (
    CLOCK,
    KH,
    TH,
    VN,
    Logged,
    answer_of,
    caller,
    entries,
    sample_world,
    sealed,
    stopping,
    submission,
    watch,
)
from tests.support.forger import eventually, eventually_async
from tests.support.load import in_turns
from tests.support.nodes import World, other_work
from tests.support.tables import table
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("review-node"), ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


def operations(node: Node, kind: str) -> list[Logged]:
    return [item for item in entries(node, "operations") if item.entry.kind == kind]


def details(node: Node) -> list[str]:
    return [item.private["detail"] for item in operations(node, "alarm") if item.private["code"] == "round-failed"]


# ---------------------------------------------------------------- rounds


async def _no_files() -> None:
    raise PermissionError("the folder of trust")


async def _closed_under_it() -> None:
    raise asyncio.CancelledError


async def test_a_foreign_exception_in_a_round_has_one_alarm_and_the_rounds_go_on(world: World) -> None:
    node, seen = world.nodes["vn"], asyncio.Event()
    (clock,) = (each.work for each in node.rounds.lines[WATCH] if each.name == "clock")

    async def after() -> None:
        await clock()
        seen.set()

    with other_work(node, {"trust": _no_files, "switches": _closed_under_it, "clock": after}):
        for _ in range(2):
            seen.clear()
            await in_turns(seen.wait(), 5)
    assert node._making is not None
    assert not node._making.done()
    found = details(node)
    assert found.count("trust: PermissionError") == 1
    assert found.count("switches: CancelledError") == 1


async def test_receipts_that_wait_for_a_counterpart_do_not_hold_up_the_look_at_switches(world: World) -> None:
    node, waiting, never = world.nodes["vn"], asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        waiting.set()
        await never.wait()

    with other_work(node, {"receipts": hang}):
        await in_turns(waiting.wait(), 5)
        before = len(operations(node, "suspend"))
        switch_off(Home(world.home("vn")), "peer:kh", "trial")
        await eventually(lambda: len(operations(node, "suspend")) == before + 1)
        await switch_on(Home(world.home("vn")), "peer:kh", "trial")
        never.set()


async def test_what_expires_is_forgotten_when_another_step_fails(world: World) -> None:
    node, done = world.nodes["vn"], asyncio.Event()

    async def forget() -> None:
        done.set()

    with other_work(node, {"copies": _no_files, "forget": forget}):
        await node.rounds.make(UPKEEP)
    assert done.is_set()


async def test_a_source_that_takes_long_to_compare_holds_up_neither_other_sources_nor_what_expires(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, other = threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        go_on.wait(30)

    made = sample_world(tmp_path, ("th", "vn"))

    def with_sources(settings: Settings, production: bool) -> Resources:
        resources = open_resources(settings, production)
        resources.refreshers = {"slow": hang, "quick": other.set}
        return resources

    monkeypatch.setattr(app_node, "open_resources", with_sources)
    async with stopping(made):
        node = await made.start("vn")
        await eventually(lambda: began.is_set() and other.is_set())
        await in_turns(node.rounds.make(UPKEEP), 10)
        await in_turns(node.rounds.make(WATCH), 10)
        go_on.set()


async def test_rounds_that_end_end_the_node_and_stop_still_writes_its_entry(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sample_world(tmp_path, ("th", "vn"))
    node = await made.start("vn")
    fatal: list[BaseException] = []
    monkeypatch.setattr(node, "_fatal", fatal.append)

    async def broken(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(node.rounds, "make", broken)
    await eventually(lambda: bool(fatal))
    assert not node._serving()
    written: list[str] = []
    write = node.core.writers.operations.write

    async def noted(draft: EntryDraft) -> object:
        place = await write(draft)
        written.append(draft.kind)
        return place

    monkeypatch.setattr(node.core.writers.operations, "write", noted)
    await made.stop("vn")
    assert written == ["stop"]


# ---------------------------------------------------------------- our receipts


class _Book:
    """Receipts due to three counterparts."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def peers(self) -> list[MemberId]:
        return [KH, VN, TH]

    def due(self, peer: MemberId) -> Due:
        return Due(Receipt(TH, peer, 1, 1, bytes(32), (), b"", CLOCK.now_us()), None)

    def sent(self, receipt: Receipt, _: bytes) -> None:
        self.taken.append(receipt.recipient)


class _OneBad:
    """Counterparts of whom one refuses, and the others answer only once it has."""

    def __init__(self, error: LiaisonError) -> None:
        self._error = error
        self._asked = asyncio.Event()

    async def call(self, member: MemberId, method: Method[Q, A], request: Q) -> A:
        assert method.path == methods.ACKNOWLEDGE.path
        if member == KH:
            await self._asked.wait()
            raise self._error
        self._asked.set()
        return method.answer.read(b"")


@pytest.mark.parametrize("error", [Unknown("x"), Suspended("x"), TimedOut("x"), Unavailable("x"), Overloaded("x")])
async def test_a_counterpart_that_refuses_its_receipt_stalls_no_other(world: World, error: LiaisonError) -> None:
    node, book = world.nodes["th"], _Book()
    sender = Acknowledger(node.core.parts, book, _OneBad(error), node.core.writers.operations)  # type: ignore[arg-type]
    await in_turns(sender.round(), 5)
    assert sorted(book.taken) == [TH, VN]


async def test_a_call_whose_channel_is_closed_under_it_is_unavailable_and_not_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = world.nodes["th"].core.peers
    link = peers._link(VN)

    async def closed(path: str, data: bytes, timeout: float) -> bytes:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(link, "call", closed)
        with pytest.raises(Unavailable):
            await peers.call(VN, methods.HEALTH_CHECK, None)
    assert await peers.call(VN, methods.HEALTH_CHECK, None)


async def test_a_link_that_is_closed_lets_calls_in_flight_come_back(world: World) -> None:
    source, node = watch(world.nodes["vn"]), world.nodes["th"]
    source.gate.clear()
    link = node.core.peers._link(VN)
    asking = asyncio.create_task(
        node.core.peers.call(VN, methods.SUBMIT, wire.submit(sealed(world.federation["th"]), 3000))
    )
    await eventually(lambda: source.searches == 1)
    del node.core.peers._links[VN]
    closing = asyncio.create_task(link.close())
    await asyncio.sleep(0)
    source.gate.set()
    assert answer_of(await asking).outcome
    await closing


# ---------------------------------------------------------------- their receipts


async def test_garbage_receipts_have_a_limit_and_only_their_hash_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, garbage = world.nodes["vn"], b"\x00" * 10_000
    slow = Rates(1e-6, lambda: 0.0, channels._BURST / 1e-6)  # however long forty calls take, only the first are let in
    monkeypatch.setattr(node.answering.receipts, "_rates", slow)
    sent = ReceiptMessage(garbage, b"", LogProof(0, (), b""))
    before, statuses = len(operations(node, "receipt-refused")), []
    async with caller(world).channel() as channel:
        for _ in range(40):
            try:
                await channel.unary_unary(methods.ACKNOWLEDGE.path)(
                    methods.ACKNOWLEDGE.request.write(sent), timeout=MOST_S
                )
            except grpc.aio.AioRpcError as error:
                statuses.append((error.code(), error.details()))
    written = operations(node, "receipt-refused")[before:]
    assert 1 <= len(written) <= channels._BURST
    assert statuses.count((grpc.StatusCode.RESOURCE_EXHAUSTED, "receipt-rate")) == 40 - len(written)
    assert written[0].private["statement_hash"] == hashlib.sha256(garbage).hexdigest()
    assert "statement" not in written[0].private
    await eventually(
        lambda: any(item.private["code"] == "receipt-rate" and item.private["count"] for item in _alarms(node))
    )


async def test_a_counterpart_may_send_two_receipts_a_second_and_five_at_once() -> None:
    rate = Throttle(channels._PER_SECOND, channels._BURST / channels._PER_SECOND)
    taken = [moment for moment in range(100) if rate.admits(moment / 10)]
    assert taken[:5] == [0, 1, 2, 3, 4]
    assert 5 + 2 * 9 <= len(taken) <= 5 + 2 * 10


def _alarms(node: Node) -> list[Logged]:
    return operations(node, "alarm")


# ---------------------------------------------------------------- calls and streams


@pytest_asyncio.fixture(loop_scope="module")
async def narrow(world: World) -> AsyncIterator[World]:
    server = world.nodes["vn"]._server
    assert server is not None
    limits = server._limits
    server._limits = replace(limits, streams_per_member=3, calls_per_member=2)
    yield world
    server._limits = limits


async def test_streams_of_one_member_have_a_limit_and_its_calls_are_still_served(narrow: World) -> None:
    server = narrow.nodes["vn"]._server
    assert server is not None
    place = ("th", Limit.STREAMS)
    free = server._limits.streams_per_member - server._open[place]
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(caller(narrow).channel())
        idle = [channel.stream_stream(methods.STREAM.path)() for _ in range(free)]
        await asyncio.gather(*(call.write(b"") for call in idle))
        await eventually(lambda: server._open[place] == server._limits.streams_per_member)
        over = channel.stream_stream(methods.STREAM.path)()
        assert await over.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await over.details() == "stream-limit"
        assert answer_of(await caller(narrow).submit(sealed(narrow.federation["th"])))
        for call in idle:
            call.cancel()
    await eventually(lambda: server._open[place] < server._limits.streams_per_member)


async def test_calls_of_one_member_have_a_limit(narrow: World) -> None:
    source, server = watch(narrow.nodes["vn"]), narrow.nodes["vn"]._server
    assert server is not None
    source.gate.clear()
    asking = [asyncio.create_task(caller(narrow).submit(sealed(narrow.federation["th"]))) for _ in range(2)]
    await eventually(lambda: server._open[("th", Limit.CALLS)] == 2)
    status = await caller(narrow).refused(methods.SUBMIT.path, submission(sealed(narrow.federation["th"])))
    source.gate.set()
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    await asyncio.gather(*asking)
    assert server._open[("th", Limit.CALLS)] == 0


async def test_an_unforeseen_error_is_a_refusal_and_its_words_stay_at_home(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = world.nodes["vn"]

    async def broken(who: MemberId, message: NoticeMessage) -> AnswerMessage:
        raise ZeroDivisionError("a secret of the house")

    monkeypatch.setattr(node.desk.taker, "take", broken)
    data = methods.DELIVER_NOTICE.request.write(NoticeMessage(b"x"))
    async with caller(world).channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await channel.unary_unary(methods.DELIVER_NOTICE.path)(data, timeout=MOST_S)
    assert (refusal.value.code(), refusal.value.details()) == (grpc.StatusCode.INTERNAL, "internal")
    monkeypatch.undo()
    assert answer_of(await caller(world).submit(sealed(world.federation["th"])))


async def test_a_stream_on_which_nothing_comes_is_ended(world: World) -> None:
    server = world.nodes["vn"]._server
    assert server is not None
    limits, server._limits = server._limits, replace(server._limits, stream_idle_s=0.05)
    try:
        async with caller(world).channel() as channel:
            call = channel.stream_stream(methods.STREAM.path)()
            assert await in_turns(call.code(), 5) is grpc.StatusCode.OK
    finally:
        server._limits = limits


def streams_cut(node: Node) -> float:
    """The streams that a node cut since their peers did not read."""
    return node.resources.counters.value(Metric.REFUSALS, code="unread-replies")


async def test_a_peer_that_asks_and_does_not_read_is_cut_and_costs_the_others_nothing(world: World) -> None:
    server = world.nodes["vn"]._server
    assert server is not None
    limits, server._limits = server._limits, replace(server._limits, write_s=0.2)
    envelopes = [sealed(world.federation["th"]) for _ in range(64)]  # their answers are five windows of HTTP/2
    frames = [wire.request_frame(number, wire.submit(each, 3000)) for number, each in enumerate(envelopes)]
    (message,) = wire.pack_requests(frames)  # a second one might find the stream cut, and wait for ever
    try:
        async with (
            asyncio.timeout(60),
            caller(world).channel(("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536)) as channel,
        ):
            cut = streams_cut(world.nodes["vn"])
            call = channel.stream_stream(methods.STREAM.path)()
            await call.write(message)
            await eventually(lambda: streams_cut(world.nodes["vn"]) > cut)
            assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT
    finally:
        server._limits = limits


@table("method", [item for item in methods.NODE_METHODS if item.shape is Shape.UNARY])
async def test_a_message_over_the_limit_of_its_method_is_refused(world: World, method: Method[Any, Any]) -> None:
    status = await caller(world).refused(method.path, bytes(method.max_request_bytes + 1))
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_all_of_the_table_of_methods_is_served(world: World) -> None:
    server = world.nodes["vn"]._server
    assert server is not None
    assert {method.path for method in methods.NODE_METHODS} == set(server._handlers)


# ---------------------------------------------------------------- health, stop


async def test_a_node_that_suspends_everything_does_not_say_that_it_serves(world: World) -> None:
    peers, home = world.nodes["th"].core.peers, Home(world.home("vn"))

    async def says(well: bool) -> bool:
        with suppress(Unavailable, TimedOut):  # th, which was up first, may wait a moment before it tries again
            return await peers.call(VN, methods.HEALTH_CHECK, None) is well
        return False

    await eventually_async(lambda: says(True))
    switch_off(home, "all", "trial")
    await eventually_async(lambda: says(False))
    await switch_on(home, "all", "trial")
    await eventually_async(lambda: says(True))
