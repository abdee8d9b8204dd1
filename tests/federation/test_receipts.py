"""Receipts between real nodes: what each side holds of the other, and what happens when none come."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import grpc
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.audit.accounts.receipts import exchanges_hash
from gateway.audit.entries.entry import parse_entry
from gateway.audit.tree.checkpoint import verify_checkpoint
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.errors import Unavailable
from gateway.exchange.receipts import receipts
from gateway.exchange.receipts.receipts import DebtLimits
from gateway.model.exchange import LogProof, Outcome, Receipt, ReceiptMessage
from gateway.model.purpose import Purpose
from gateway.rpc import methods
from gateway.rpc.contract import Method
from gateway.statements.receipt import RECEIPT_KIND
from gateway.trust.documents.descriptor import KeyUse
from tests.support.cli import Liaison
from tests.support.exchange import (
    CLOCK,
    NO_PASSPORT,
    TH,
    VN,
    Logged,
    caller,
    command,
    entries,
    lines,
    sample_world,
    stopping,
)
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.sealing import payload_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = officer("th", ("BORDER_CHECK", "INVESTIGATION", "MISSING_PERSON"))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("receipts"), ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World, purpose: Purpose = Purpose.INVESTIGATION) -> tuple[Outcome, str, str]:
    """Outcome, code and text of Viet Nam's line."""
    found = await world.nodes["th"].asking.searches.start(HER, command(NO_PASSPORT, purpose=purpose))
    line = lines(found)[VN]
    return line.outcome, line.refusal.code if line.refusal else "", line.refusal.text if line.refusal else ""


async def settled(world: World) -> None:
    """Return when Viet Nam has a receipt for all that it answered."""
    book = world.nodes["vn"].answering.receipts._book

    async def paid() -> bool:
        await world.nodes["th"].asking.acknowledger.round()
        through = book.given().get(TH, 0)
        receipts = [item.private["through"] for item in written(world, "receipt")]
        return book.acknowledged(TH) == through == max(receipts, default=0)

    await eventually_async(paid)


def written(world: World, kind: str) -> list[Logged]:
    return [item for item in entries(world.nodes["vn"], "operations") if item.entry.kind == kind]


async def test_each_side_holds_the_other_sides_statement_entry_and_signed_head(world: World) -> None:
    await ask(world)
    await settled(world)
    arrived = [item for item in entries(world.nodes["th"]) if item.entry.kind == "received"][-1]
    receipt = written(world, "receipt")[-1].private
    for private, member, kind in ((arrived.private, VN, "answered"), (receipt, TH, "received")):
        body, index = private["their_entry"].encode(), private["their_index"]
        entry = parse_entry(body)
        assert (entry.kind, entry.exchange_id, entry.number) == (kind, arrived.entry.exchange_id, arrived.entry.number)
        assert (entry.request_hash, entry.answer_hash) == (arrived.entry.request_hash, arrived.entry.answer_hash)
        key = world.nodes["vn"].core.parts.trust().vkeys(member, KeyUse.LOG)[0]
        head = verify_checkpoint(private["their_checkpoint"].encode(), entry.log, key)
        path = [bytes.fromhex(item) for item in private["their_hashes"]]
        verify_inclusion(leaf_hash(body), index, head.size, path, head.root)


async def test_a_receipt_without_the_senders_own_entry_and_proof_is_not_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    await ask(world)
    await settled(world)
    sent: list[ReceiptMessage] = []

    async def kept(_: object, method: Method[Any, Any], message: ReceiptMessage) -> None:
        if method.path == methods.ACKNOWLEDGE.path:
            sent.append(message)
        raise Unavailable("held back by the test")

    monkeypatch.setattr(th.core.peers, "call", kept)
    await ask(world)
    await eventually_async(lambda: _round(world, sent))
    good = sent[-1]
    other = entries(th)[-2]
    assert other.entry.kind == "asked"
    body = next(iter(th.resources.store.bodies("exchange/1", other.entry.index, other.entry.index + 1)))[1]
    flipped = (bytes([good.proof.hashes[0][0] ^ 1]) + good.proof.hashes[0][1:], *good.proof.hashes[1:])
    theirs = written(world, "receipt")[-1].private
    bad = [
        replace(good, entry=b""),
        replace(good, entry=body, proof=th.core.parts.journal.proof(other.entry.index)),
        replace(good, entry=theirs["their_entry"].encode()),
        replace(good, proof=replace(good.proof, hashes=flipped)),
        replace(good, proof=replace(good.proof, checkpoint=vn.core.parts.journal.proof(0).checkpoint)),
        replace(good, proof=LogProof(0, (), b"")),
    ]
    before, count = vn.answering.receipts._book.acknowledged(TH), len(written(world, "receipt-refused"))
    for message in bad:
        vn.answering.receipts._rates.of.clear()
        status = await caller(world).refused(methods.ACKNOWLEDGE.path, methods.ACKNOWLEDGE.request.write(message))
        assert status in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT)
    assert vn.answering.receipts._book.acknowledged(TH) == before
    assert len(written(world, "receipt-refused")) == count + len(bad)
    monkeypatch.undo()
    await settled(world)


async def _round(world: World, sent: list[ReceiptMessage]) -> bool:
    await world.nodes["th"].asking.acknowledger.round()
    return bool(sent)


async def test_a_receipt_that_says_that_nothing_arrived_is_taken_and_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    await ask(world)
    await settled(world)
    monkeypatch.setattr(th.asking.acknowledger._book, "peers", list)  # its own receipts wait meanwhile
    await ask(world)
    number = vn.answering.receipts._book.given()[TH]
    previous = base64.b64decode(written(world, "receipt")[-1].private["statement"])
    receipt = Receipt(
        TH, VN, number, number, exchanges_hash([]), (number,), sha256(payload_of(previous)).digest(), CLOCK.now_us()
    )
    sealed = RECEIPT_KIND.build(receipt, world.federation["th"].key("statement"))
    vn.answering.receipts._rates.of.clear()
    message = ReceiptMessage(sealed.envelope, b"", LogProof(0, (), b""))
    await caller(world).call(methods.ACKNOWLEDGE.path, methods.ACKNOWLEDGE.request.write(message))
    entry = written(world, "receipt")[-1].private
    assert (entry["through"], entry["gaps"], entry.get("their_entry")) == (number, [number], None)


async def test_g13_whoever_asks_on_without_receipts_is_told_what_is_due_and_served_when_it_comes(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    await settled(world)
    monkeypatch.setattr(receipts, "STALL_S", 0.0)
    monkeypatch.setattr(vn.answering.debts, "limits", DebtLimits(3, 600))
    monkeypatch.setattr(th.asking.acknowledger._book, "peers", list)
    first = vn.answering.receipts._book.given().get(TH, 0) + 1
    for _ in range(3):
        assert (await ask(world))[0] is Outcome.NO_HIT
    await vn.answering.debts.round()
    outcome, code, text = await ask(world)
    assert (outcome, code) == (Outcome.REFUSED, "receipts-due")
    assert text == f"receipts are due for 3 answers of ours, from number {first} on"
    refused = entries(vn)[-1]
    assert (refused.entry.kind, refused.private["reason"]) == ("refused", "RECEIPTS_DUE")
    assert (await ask(world, Purpose.MISSING_PERSON))[0] is Outcome.NO_HIT
    assert written(world, "receipts-overdue")[-1].private["first"] == first
    ran = Liaison(capsys)("audit", "debt", "--home", world.home("vn"), "--json")
    (owed,) = ran.value["counterparts"]
    assert (owed["member"], owed["they_owe"]["open"], owed["we_owe"]["open"]) == ("th", 5, 0)
    assert owed["they_owe"]["alarm_since"]
    said = Liaison(capsys)("audit", "debt", "--home", world.home("th")).out
    assert f"we owe receipts through number {first + 4}, and sent them through" in said
    monkeypatch.undo()
    await settled(world)
    assert (await ask(world))[0] is Outcome.NO_HIT
    await settled(world)
    await vn.answering.debts.round()
    assert written(world, "receipts-settled")
    assert "nobody owes a receipt" in Liaison(capsys)("audit", "debt", "--home", world.home("vn")).out
