"""Days' accounts between real nodes: what is compared once a day, and what is said where it differs."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import grpc
import pytest
import pytest_asyncio
from msgspec import structs
from sqlalchemy import delete, update

from gateway.audit.accounts.receipts import exchanges_hash
from gateway.audit.entries.entry import build_entry
from gateway.clock import SystemClock
from gateway.errors import Overloaded, Unavailable
from gateway.exchange.receipts import days
from gateway.exchange.receipts.days import GIVEN, TAKEN, DayAccounts, DayState
from gateway.model.evidence.day_account import DayAccount
from gateway.model.names import MemberId
from gateway.rpc import methods
from gateway.rpc.contract import A, Method, Q
from gateway.statements.account import ACCOUNT_KIND, verify_account_answer
from gateway.storage.database.tables import log_entry
from tests.support.cli import Liaison
from tests.support.exchange import NO_PASSPORT, TH, VN, Logged, caller, command, entries, sample_world, stopping
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Later(SystemClock):
    """The machine's clock, some days ahead."""

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead

    def now_us(self) -> int:
        return super().now_us() + self.ahead * 86_400_000_000

    def now(self) -> datetime:
        return super().now() + timedelta(days=self.ahead)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("days"), ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


@pytest.fixture(scope="module")
def clock() -> Later:
    return Later(1)


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def next_day(world: World, clock: Later) -> None:
    """Another day is over for both nodes, and its accounts are drawn up when a test says so. What other tests left, cut
    logs as well, is compared before, with one answer behind it."""
    clock.ahead += 1
    for node in world.nodes.values():
        node.answering.days = DayAccounts(
            replace(node.core.parts, clock=clock),
            node.resources.store,
            "exchange/1",
            node.core.peers,
            node.core.writers.operations,
            node.answering.days._members,
        )
    await answered(world, 1)
    await compared(world)
    clock.ahead += 1


async def answered(world: World, times: int) -> list[Logged]:
    """Thailand asks, Viet Nam answers; Viet Nam's entries."""
    for _ in range(times):
        await world.nodes["th"].asking.searches.start(officer("th"), command(NO_PASSPORT))
    return [item for item in entries(world.nodes["vn"]) if item.entry.kind == "answered"][-times:]


async def compared(world: World) -> dict[str, Logged]:
    """A round of Viet Nam's; what each node's log says of it, the newest entry."""
    before = {name: len(_days(world, name)) for name in world.nodes}
    await world.nodes["vn"].answering.days.round()
    return {name: found[-1] for name in world.nodes if len(found := _days(world, name)) > before[name]}


def _days(world: World, member: str) -> list[Logged]:
    return [item for item in entries(world.nodes[member], "operations") if item.entry.kind.startswith("day-")]


def tamper(world: World, member: str, channel: str, number: int, body: bytes = b"") -> None:
    """Somebody with the database of a node deletes an entry, or writes another one in its place."""
    here = (log_entry.c.channel == channel, log_entry.c.number == number)
    with world.nodes[member].resources.database.write("test") as connection:
        if body:
            connection.execute(update(log_entry).where(*here).values(body=body))
        else:
            connection.execute(delete(log_entry).where(*here))


def ids(*items: Logged) -> list[str]:
    return [item.entry.exchange_id for item in items]


async def test_both_logs_say_that_they_hold_the_same_of_a_day(world: World, clock: Later) -> None:
    items = await answered(world, 3)
    found = await compared(world)
    first, through = items[0].entry.number, items[-1].entry.number
    for name, side in (("vn", GIVEN), ("th", TAKEN)):
        entry = found[name]
        assert entry.entry.kind == "day-compared"
        assert {key: entry.private[key] for key in ("side", "first", "through")} == {
            "side": side,
            "first": first,
            "through": through,
        }
    trust, now_us = world.nodes["th"].core.parts.trust(), clock.now_us()
    envelope = base64.b64decode(found["th"].private["statement"])
    account = ACCOUNT_KIND.verify(envelope, keys=trust, peer=VN, me=TH, now_us=now_us)
    assert (account.value.day, account.value.given) == (found["th"].private["day"], through)
    word = base64.b64decode(found["vn"].private["statement"])
    answer = verify_account_answer(
        word, keys=trust, peer=TH, me=VN, account_hash=account.payload_hash, now_us=now_us
    ).value
    assert (answer.exchanges_hash, answer.missing) == (account.value.exchanges_hash, ())
    assert await compared(world) == {}  # once a day
    clock.ahead += 1
    assert await compared(world) == {}  # nothing was asked that day


async def test_a_long_day_has_several_ranges_and_goes_on_where_it_was_interrupted(
    world: World, clock: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    await compared(world)
    clock.ahead += 1
    items = await answered(world, 5)
    monkeypatch.setattr(days, "MAX_WIDTH", 2)
    node = world.nodes["vn"]
    calls, send = [], node.core.peers.call

    async def one_call(member: MemberId, method: Method[Q, A], request: Q) -> A:
        calls.extend([member] if method.path == methods.COMPARE_DAY.path else [])
        if len(calls) == 2:
            raise Unavailable("cut")
        return await send(member, method, request)

    monkeypatch.setattr(node.core.peers, "call", one_call)
    before = len(_days(world, "th"))
    await node.answering.days.round()
    assert [(e.private["first"], e.private["through"]) for e in _days(world, "th")[before:]] == _ranges(items[:2])
    await node.answering.days.round()
    assert [(e.private["first"], e.private["through"]) for e in _days(world, "th")[before:]] == [
        *_ranges(items[:2]),
        *_ranges(items[2:4]),
        *_ranges(items[4:]),
    ]
    assert DayState.read(node.core.parts.documents, GIVEN, "th").closed


def _ranges(items: Sequence[Logged]) -> list[tuple[int | None, int | None]]:
    return [(items[0].entry.number, items[-1].entry.number)]


async def test_an_answer_that_the_asker_does_not_have_is_named_on_both_sides(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lost, _ = await answered(world, 3)
    assert lost.entry.number
    tamper(world, "th", "out:vn", lost.entry.number)
    found = await compared(world)
    for name in ("vn", "th"):
        assert found[name].entry.kind == "day-differs"
        assert (found[name].private["missing"], found[name].private["exchanges"]) == ([lost.entry.number], ids(lost))
        peer, kind = ("th", GIVEN) if name == "vn" else ("vn", TAKEN)
        state = DayState.read(world.nodes[name].core.parts.documents, kind, peer)
        assert (state.differs, state.exchanges) == (True, ids(lost))
    said = Liaison(capsys)("audit", "debt", "--home", world.home("vn")).out
    assert f"the logs differ, exchange {lost.entry.exchange_id}" in said


async def test_an_entry_that_the_answerer_has_not_any_more_is_named(world: World) -> None:
    _, dropped, _ = await answered(world, 3)
    assert dropped.entry.number
    tamper(world, "vn", "in:th", dropped.entry.number)
    found = await compared(world)
    assert found["th"].private["differing"] == found["vn"].private["differing"] == [dropped.entry.number]
    assert found["th"].private["exchanges"] == ids(dropped)


async def test_an_entry_that_was_altered_is_named_on_both_sides(world: World) -> None:
    _, altered, _ = await answered(world, 3)
    number = altered.entry.number
    assert number
    forged = structs.replace(altered.entry, answer_hash=bytes(32))
    tamper(world, "vn", "in:th", number, build_entry(forged))
    found = await compared(world)
    for name in ("vn", "th"):
        assert (found[name].private["differing"], found[name].private["exchanges"]) == ([number], ids(altered))


async def test_the_last_answers_of_a_log_that_was_cut_are_named(world: World) -> None:
    *_, last = await answered(world, 3)
    assert last.entry.number
    tamper(world, "vn", "in:th", last.entry.number)
    found = await compared(world)
    for name in ("vn", "th"):
        assert found[name].entry.kind == "day-differs"
        assert found[name].private["exchanges"] == ids(last)


async def test_an_account_of_a_day_that_is_not_over_and_one_of_somebody_else_are_refused(
    world: World, clock: Later
) -> None:
    now_us = clock.now_us()
    day = (clock.now() + timedelta(days=1)).date().isoformat()
    account = DayAccount(TH, VN, day, 1, 1, 1, exchanges_hash([]), False, (), now_us)
    key = world.federation["th"].key("statement")
    who, before = caller(world), len(_days(world, "vn"))
    for bad, signer in (
        (account, key),
        (structs.replace(account, sender=VN, recipient=TH, day="2026-01-01"), key),
        (structs.replace(account, day="2026-01-01"), world.federation["vn"].key("statement")),
    ):
        envelope = ACCOUNT_KIND.build(bad, signer).envelope
        status = await who.refused(methods.COMPARE_DAY.path, methods.COMPARE_DAY.request.write(envelope))
        assert status in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED)
    assert len(_days(world, "vn")) == before


async def test_accounts_have_a_limit(world: World) -> None:
    node, refused = world.nodes["vn"], 0
    for _ in range(400):
        try:
            node.answering.days._spend(TH)
        except Overloaded:
            refused += 1
    assert 99 <= refused <= 100


async def test_nothing_is_opened_for_an_account(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await answered(world, 1)

    def no(*_: object) -> None:
        raise AssertionError("content was opened")

    for node in world.nodes.values():
        monkeypatch.setattr(node.resources.keystore, "open_content", no)
    before = {name: node.resources.operations_log.size for name, node in world.nodes.items()}
    await world.nodes["vn"].answering.days.round()
    assert all(node.resources.operations_log.size > before[name] for name, node in world.nodes.items())
