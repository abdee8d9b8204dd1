"""Notices that are written while others are under way go in groups; a receipt that is wrong ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from liaison.exchange.v1 import envelope_pb2
from msgspec.structs import replace

from gateway.audit.tree.checkpoint import foreign_head
from gateway.desk import pen
from gateway.desk.delivery.authoring import Post
from gateway.exchange.asking import check_answer
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.desk.work import DeliveryState
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.entries import events
from gateway.statements.notices.notice import unproved_notice
from tests.federation.test_desk_machine import check_all
from tests.support.desks import Desk, Desks, entries_of, make_desks

TH, VN = MemberId("th"), MemberId("vn")
MANY = 100


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Desks]:
    made = make_desks(tmp_path)
    yield made
    await made.stop()


def post() -> Post:
    """A question of an officer of Thailand."""
    who = Requester("officer", "th.blo.one", "police", "0123456789abcdef")
    ask = Ask(About.QUESTION, "Whose lorry is it?", topic="vehicle")
    return Post(
        ask, Urgency.URGENT, Purpose.INVESTIGATION, Offence.NARC, who, case="TH-2026-0417", agreement="gms-border-2026"
    )


async def delivered(desk: Desk) -> None:
    """Wait until nothing waits, 30 s at most."""
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(desk.is_quiet):
            await asyncio.sleep(0.01)


@pytest.mark.long
async def test_notices_that_are_written_while_others_fly_share_the_reading_of_what_is_due(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, reads = desks.desks[TH], 0
    due = th.store.due

    def counted(*given: Any) -> Any:
        nonlocal reads
        reads += 1
        return due(*given)

    monkeypatch.setattr(th.store, "due", counted)
    await asyncio.gather(*(th.author.open(VN, post()) for _ in range(MANY)))
    await delivered(th)
    assert reads < MANY, "each notice was looked for by itself"
    assert check_all(desks) == MANY


@pytest.mark.long
async def test_a_receipt_that_does_not_verify_is_a_try_that_failed_and_the_notice_goes_again(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    take, spoiled = vn.take, 0

    async def spoil(peer: MemberId, request: Any) -> AnswerMessage:
        nonlocal spoiled
        answer = await take(peer, request)
        spoiled += 1
        return replace(answer, envelope=answer.envelope[:-1]) if spoiled == 1 else answer

    monkeypatch.setattr(vn, "take", spoil)
    key = await th.author.open(VN, post())
    async with asyncio.timeout(30):
        while not (await asyncio.to_thread(th.store.deliveries))[0].tries:
            await asyncio.sleep(0.01)
    (waiting,) = th.store.deliveries()
    assert waiting.problem
    assert not entries_of(th, events.RECEIVED)
    desks.clock.advance(timedelta(seconds=2))
    await th.sender.round()
    await delivered(th)
    (taken,) = th.store.deliveries((DeliveryState.TAKEN,), key=key)
    assert taken.tries == waiting.tries + 1
    assert len(entries_of(vn, events.DUPLICATE)) == 1
    assert check_all(desks) == 1


@pytest.mark.long
@pytest.mark.parametrize("together", ["check_signatures", "sealed_together"])
async def test_the_signatures_of_a_group_are_verified_and_made_together(
    desks: Desks, monkeypatch: pytest.MonkeyPatch, together: str
) -> None:
    sizes: list[int] = []
    done = getattr(pen, together)

    def counted(batch: Sequence[Any], *rest: Any) -> Any:
        sizes.append(len(batch))
        return done(batch, *rest)

    monkeypatch.setattr(pen, together, counted)
    th = desks.desks[TH]
    await asyncio.gather(*(th.author.open(VN, post()) for _ in range(MANY)))
    await delivered(th)
    assert sum(sizes) == 2 * MANY, "a notice and its receipt have one signature each"
    assert len(sizes) < MANY
    assert check_all(desks) == MANY


@pytest.mark.long
async def test_a_head_under_which_a_group_was_answered_is_verified_once(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[bytes] = []
    verify = foreign_head

    def counted(data: bytes, *rest: Any) -> Any:
        heads.append(data)
        return verify(data, *rest)

    monkeypatch.setattr(check_answer, "foreign_head", counted)
    th = desks.desks[TH]
    await asyncio.gather(*(th.author.open(VN, post()) for _ in range(MANY)))
    await delivered(th)
    assert 0 < len(heads) == len(set(heads)) < MANY


@pytest.mark.long
async def test_a_wrong_receipt_costs_the_others_of_its_group_nothing(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    take, spoiled = vn.take, set[str]()

    async def spoil(peer: MemberId, request: Any) -> AnswerMessage:
        answer = await take(peer, request)
        unproved = unproved_notice(request.envelope, peer=peer, me=VN)
        if len(spoiled) >= MANY // 4 or unproved.named[0] in spoiled:
            return answer
        spoiled.add(unproved.named[0])
        envelope = envelope_pb2.Envelope.FromString(answer.envelope)
        envelope.signatures[0].sig = bytes(64)
        return replace(answer, envelope=envelope.SerializeToString())

    monkeypatch.setattr(vn, "take", spoil)
    await asyncio.gather(*(th.author.open(VN, post()) for _ in range(MANY)))
    async with asyncio.timeout(30):
        while len(left := await asyncio.to_thread(th.store.deliveries)) != len(spoiled) or not all(
            each.tries for each in left
        ):
            await asyncio.sleep(0.01)
    assert {each.notice_id for each in left} == spoiled
    assert {each.problem for each in left} == {"bad-signature"}
    desks.clock.advance(timedelta(seconds=2))
    await th.sender.round()
    await delivered(th)
    assert check_all(desks) == MANY
