"""What was removed or switched off while its request was inside gets nothing and causes nothing (CASE-A11, CASE-J9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.clock import SystemClock
from gateway.config.home import Home
from gateway.exchange.answering.answer import Answerer
from gateway.model.evidence.day_account import DayAccount
from gateway.model.exchange import AnswerMessage
from gateway.node import wire
from gateway.ports.journal import EntryDraft
from gateway.rpc import methods
from gateway.statements.account import ACCOUNT_KIND
from gateway.trust.ceremony.ceremony import publish_status
from tests.support.acts import switch_off
from tests.support.exchange import TH, VN, Caller, caller, entries, sample_world, sealed, stopping, submission, watch
from tests.support.forger import eventually_async
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="function")

Remove = Callable[[World], None]


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    async with stopping(made):
        await made.start("vn")
        yield made


def removed(world: World, key_id: str) -> None:
    """Viet Nam takes Thailand's status that removes a key, as its round does each second."""
    federation = world.federation
    federation.share(publish_status(federation["th"].home, SystemClock(), removed=[key_id]))
    world.nodes["vn"].resources.trust.refresh()


def tls_key_removed(world: World) -> None:
    thailand = world.federation["th"]
    removed(world, world.federation.view("vn").peer(thailand.certificate("tls")).key_id)


def statement_key_removed(world: World) -> None:
    removed(world, world.federation["th"].key("statement").key_id)


def suspended(target: str) -> Remove:
    def switch(world: World) -> None:
        switch_off(Home(world.home("vn")), target, "trial of the switch")
        suspensions = world.nodes["vn"].answering.answerer._parts.suspensions
        suspensions._checked = float("-inf")  # as a second later

    return switch


WAYS: Sequence[tuple[str, Remove, grpc.StatusCode]] = (
    ("tls key", tls_key_removed, grpc.StatusCode.UNAUTHENTICATED),
    ("statement key", statement_key_removed, grpc.StatusCode.PERMISSION_DENIED),
    ("peer", suspended("peer:th"), grpc.StatusCode.UNAVAILABLE),
    ("source", suspended("source:vn.immigration.border"), grpc.StatusCode.UNAVAILABLE),
    ("type", suspended("peer:th/TravelDocument"), grpc.StatusCode.UNAVAILABLE),
)
ALL_WAYS = pytest.mark.parametrize(("remove", "status"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])
REMOVALS = pytest.mark.parametrize(
    ("remove", "status"), [way[1:] for way in WAYS[:2]], ids=[way[0] for way in WAYS[:2]]
)


async def by_call(who: Caller, envelope: bytes) -> AnswerMessage | grpc.StatusCode:
    """The reply to a unary call."""
    try:
        return await who.submit(envelope)
    except grpc.aio.AioRpcError as error:
        return error.code()


async def by_stream(who: Caller, envelope: bytes) -> AnswerMessage | Exception | grpc.StatusCode:
    """The reply that comes over a stream, or the status that ends it."""
    request = wire.request_frame(1, methods.SUBMIT.request.read(submission(envelope)))
    async with who.channel() as channel:
        call: Any = channel.stream_stream(methods.STREAM.path)()
        for message in wire.pack_requests([request]):
            await call.write(message)
        try:
            data = await call.read()
        except grpc.aio.AioRpcError as error:
            return error.code()
        if not isinstance(data, bytes):
            return grpc.StatusCode((await call.code()).value)
        ((_, reply),) = wire.parse_replies(data)
        return reply


def after_commit(answerer: Answerer, act: Callable[[], None]) -> None:
    """Let something happen between the commit of the next answer and its way out."""
    journal: Any = answerer._parts.journal
    append = journal.append

    def appending(drafts: Sequence[EntryDraft]) -> Any:
        logged = append(drafts)
        journal.append = append
        act()
        return logged

    journal.append = appending


def kept_back(world: World) -> list[dict[str, Any]]:
    found = entries(world.nodes["vn"], "operations")
    return [item.private for item in found if item.entry.kind == "kept-back" and item.entry.peer == "th"]


@ALL_WAYS
async def test_j9_an_answer_that_was_committed_does_not_leave_once_its_sender_is_removed(
    own_world: World, remove: Remove, status: grpc.StatusCode
) -> None:
    vn, who = own_world.nodes["vn"], caller(own_world)
    envelope = sealed(own_world.federation["th"])
    after_commit(vn.answering.answerer, lambda: remove(own_world))
    assert await by_call(who, envelope) is status
    answered = entries(vn)[-1]
    assert (answered.entry.kind, answered.private["outcome"]) == ("answered", "hit")
    (said,) = kept_back(own_world)
    assert said["kept_index"] == answered.entry.index
    assert said["code"] in ("not-listed", "suspended")
    again = await by_call(who, envelope)  # the stored answer is not given either
    if isinstance(again, AnswerMessage):
        assert b"NARC" not in again.envelope
        assert again.envelope != answered.answer
        assert entries(vn)[-1].entry.kind == "refused"


@REMOVALS
async def test_a11_a_stream_brings_nothing_of_an_answer_either(
    own_world: World, remove: Remove, status: grpc.StatusCode
) -> None:
    vn, who = own_world.nodes["vn"], caller(own_world)
    after_commit(vn.answering.answerer, lambda: remove(own_world))
    reply = await by_stream(who, sealed(own_world.federation["th"]))
    assert not isinstance(reply, AnswerMessage)
    assert status.name in str(reply)
    assert len(kept_back(own_world)) == 1


@ALL_WAYS
async def test_j9_nothing_is_fetched_for_what_was_removed_while_the_source_searched(
    own_world: World, remove: Remove, status: grpc.StatusCode
) -> None:
    vn, who = own_world.nodes["vn"], caller(own_world)
    source = watch(vn)
    source.gate.clear()
    asking = asyncio.create_task(by_call(who, sealed(own_world.federation["th"])))

    async def searching() -> bool:
        return source.searches == 1

    await eventually_async(searching)
    before = told(vn)
    await asyncio.to_thread(remove, own_world)
    await eventually_async(lambda: is_told_otherwise(vn, before))  # a file is looked at again after a moment
    source.gate.set()
    reply = await asking
    assert source.fetches == 0
    refused = entries(vn)[-1]
    assert refused.entry.kind == "refused"
    if status is not grpc.StatusCode.UNAVAILABLE:  # what was removed gets not even a signed refusal
        assert reply is status
        assert len(kept_back(own_world)) == 1
    else:
        assert isinstance(reply, AnswerMessage)
        assert reply.envelope == refused.answer
        assert refused.private["reason"] == "SUSPENDED"


def told(node: Node) -> tuple[object, object]:
    """The trust documents and the switches that a node goes by."""
    return node.core.parts.trust(), node.core.parts.suspensions.in_force


async def is_told_otherwise(node: Node, before: tuple[object, object]) -> bool:
    return any(now is not known for now, known in zip(told(node), before, strict=True))


@REMOVALS
async def test_a11_a_request_that_waits_for_its_source_is_not_searched_for(
    own_world: World, monkeypatch: pytest.MonkeyPatch, remove: Remove, status: grpc.StatusCode
) -> None:
    vn, who = own_world.nodes["vn"], caller(own_world)
    source = watch(vn)
    gatherer = vn.answering.answerer._gatherer
    admitted = gatherer.ask_sources

    def removed_first(*arguments: Any) -> None:
        remove(own_world)
        admitted(*arguments)

    monkeypatch.setattr(gatherer, "ask_sources", removed_first)
    assert await by_call(who, sealed(own_world.federation["th"])) is status
    assert (source.searches, source.fetches) == (0, 0)


@REMOVALS
async def test_a11_a_call_of_another_kind_ends_without_its_answer(
    own_world: World, monkeypatch: pytest.MonkeyPatch, remove: Remove, status: grpc.StatusCode
) -> None:
    """The account of a day that ended before the first exchange: the answer is ready when its sender is removed."""
    who, days = caller(own_world), own_world.nodes["vn"].answering.days
    envelope = ACCOUNT_KIND.build(account(), own_world.federation["th"].key("statement")).envelope
    message = methods.COMPARE_DAY.request.write(envelope)
    assert methods.COMPARE_DAY.answer.read(await who.call(methods.COMPARE_DAY.path, message))
    note = days._note

    async def removed_meanwhile(*arguments: Any) -> None:
        await note(*arguments)
        remove(own_world)

    monkeypatch.setattr(days, "_note", removed_meanwhile)
    assert await who.refused(methods.COMPARE_DAY.path, message) is status


def account() -> DayAccount:
    """Thailand's account of a day long ago, of an answer that Viet Nam does not know."""
    return DayAccount(TH, VN, "2026-01-01", 1, 1, 1, bytes(32), False, (), SystemClock().now_us())
