"""A counterpart that lies, tampers or says nothing: the officer sees silence with a reason, never a hit."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from certs.profile import read_leaf
from gateway.clock import SystemClock
from gateway.model.exchange import AnswerMessage, LogProof, Outcome
from gateway.model.hit import Hit, Quality
from gateway.model.marking import ReleaseMarking
from gateway.model.names import MemberId
from gateway.model.search import Line
from gateway.records.sdjwt import RecordIssuer, base64url, issue, present
from gateway.signing.keys import SigningKey
from gateway.statements.request import request_reference
from tests.support.exchange import KH, VN, command, entries, kinds, lines, sample_world, stopping
from tests.support.forger import Forger, HostileNode, eventually_async, hostile
from tests.support.load import waiting
from tests.support.nodes import World, impatient, officer, silent_after
from tests.support.sealing import MARKING, PERSON, RECORD, decoded, new_key

pytestmark = pytest.mark.asyncio(loop_scope="module")

HIT = Hit("aGl0LXJlZmVyZW5jZQ", Quality.EXACT_ID, "TravelDocument", ("document number",))
AS_HIT: dict[str, Any] = {"outcome": Outcome.HIT, "hits": (HIT,)}
Make = Callable[[Forger, World, bytes], AnswerMessage | bytes | None]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = impatient(sample_world(tmp_path_factory.mktemp("hostile")))
    async with stopping(made):
        await made.start("th")
        yield made


async def ask(world: World, to: str = "vn") -> Line:
    member = VN if to == "vn" else KH
    found = lines(await world.nodes["th"].asking.searches.start(officer("th"), command(to=(member,))))
    line: Line = found[member]
    return line


async def heard(world: World) -> bool:
    return (await ask(world)).outcome is Outcome.NO_HIT


@pytest.fixture(autouse=True)
def honest(peer: HostileNode, forger: Forger) -> None:
    peer.behaviour, peer.ending = forger.message, None


async def silent(world: World, code: str = "", outcome: Outcome = Outcome.SILENT) -> None:
    """The line has this outcome with a reason, the entry says so, and no hit is shown."""
    line = await ask(world)
    assert line.refusal
    assert (line.outcome, line.hits) == (outcome, ()), line.refusal
    assert line.refusal.code
    assert kinds(world.nodes["th"], line.exchange_id) == ["asked", "silent"]
    entry = next(item for item in entries(world.nodes["th"]) if item.entry.exchange_id == line.exchange_id
                 and item.entry.kind == "silent")  # fmt: skip
    assert (entry.private["outcome"], entry.private["code"]) == (outcome.value, line.refusal.code)
    if code:
        assert line.refusal.code == code


async def test_the_forger_is_believed_when_it_does_not_lie(world: World, peer: HostileNode, forger: Forger) -> None:
    """The control of all that follows: a hit of the same making is shown."""
    assert await heard(world)
    peer.behaviour = lambda envelope: forger.message(envelope, **AS_HIT)
    line = await ask(world)
    assert (line.outcome, len(line.hits)) == (Outcome.HIT, 1)
    assert kinds(world.nodes["th"], line.exchange_id) == ["asked", "received"]


def _other_log_key() -> SigningKey:
    return SigningKey(Ed25519PrivateKey.generate())


def _proof_of_another_tree(forger: Forger, _: World, envelope: bytes) -> AnswerMessage:
    good = forger.message(envelope, **AS_HIT)
    proof = LogProof(good.proof.index, tuple(secrets.token_bytes(32) for _ in good.proof.hashes), good.proof.checkpoint)
    if not good.proof.hashes:
        proof = replace(proof, hashes=(bytes(32),))
    return replace(good, proof=proof)


def _head_of_an_older_tree(forger: Forger, _: World, envelope: bytes) -> AnswerMessage:
    older = forger.message(envelope)
    return replace(forger.message(envelope, **AS_HIT), proof=older.proof)


def _flipped(forger: Forger, _: World, envelope: bytes) -> AnswerMessage:
    good = forger.message(envelope, **AS_HIT)
    changed = bytearray(good.envelope)
    changed[120] ^= 1
    return replace(good, envelope=bytes(changed))


def _with(**changes: Any) -> Make:
    return lambda forger, _, envelope: forger.message(envelope, **AS_HIT, **changes)


def _replaced(**changes: Any) -> Make:
    return lambda forger, _, envelope: replace(forger.message(envelope, **AS_HIT), **changes)


LIES: dict[str, tuple[Make, str]] = {
    "an answer to another request": (_with(request_hash=hashlib.sha256(b"other").digest()), "wrong-request"),
    "an answer in another exchange": (_with(exchange_id="0" * 32), "wrong-request"),
    "signed by an unlisted key": (lambda f, _, e: f.message(e, key=new_key(), **AS_HIT), "not-listed"),
    "signed by another member's key": (
        lambda f, w, e: f.message(e, key=w.federation["kh"].key("statement"), **AS_HIT), "not-listed"),
    "signed by an agency's key": (
        lambda f, w, e: f.message(e, key=w.federation["vn"].key("agency-immigration"), **AS_HIT), "not-listed"),
    "for another audience": (_with(recipient=KH), "wrong-audience"),
    "in another member's name": (_with(sender=KH), "wrong-sender"),
    "from the future": (lambda f, _, e: f.message(e, issued_us=SystemClock().now_us() + 3_600_000_000, **AS_HIT), ""),
    "one bit changed": (_flipped, ""),
    "no envelope": (_replaced(envelope=b""), ""),
    "no entry": (_replaced(entry=b""), "bad-entry"),
    "an entry about another peer": (_with(entry={"peer": "kh"}), "wrong-entry"),
    "an entry about another exchange": (_with(entry={"exchange_id": "0" * 32}), "wrong-entry"),
    "an entry about another request": (_with(entry={"request_hash": bytes(32)}), "wrong-entry"),
    "an entry about another answer": (_with(entry={"answer_hash": bytes(32)}), "wrong-entry"),
    "an entry without a number": (_with(entry={"number": None}), "wrong-entry"),
    "an entry of an arrival (CASE-N222)": (_with(entry={"kind": "received"}), "wrong-entry"),
    "an entry of a refusal (CASE-N222)": (_with(entry={"kind": "refused"}), "wrong-entry"),
    "an entry with its time in milliseconds (CASE-N222)": (
        _with(entry={"time_us": SystemClock().now_us() // 1000}), "wrong-entry"),
    "an entry of an hour ago (CASE-N222)": (
        _with(entry={"time_us": SystemClock().now_us() - 3_600_000_000}), "wrong-entry"),
    "an entry of tomorrow (CASE-N222)": (
        _with(entry={"time_us": SystemClock().now_us() + 86_400_000_000}), "wrong-entry"),
    "an entry of another place": (_with(entry={"index": 999_999}), "wrong-entry"),
    "the operations log": (_with(log="vn.liaison.internal/operations/1"), "wrong-log"),
    "another member's log": (_with(log="kh.liaison.internal/exchange/1"), "wrong-log"),
    "a head by an unlisted key": (lambda f, _, e: f.message(e, log_key=_other_log_key(), **AS_HIT), "bad-checkpoint"),
    "the proof withheld": (_replaced(proof=LogProof(0, (), b"")), "bad-checkpoint"),
    "a proof of another tree": (_proof_of_another_tree, ""),
    "a head of an older tree": (_head_of_an_older_tree, ""),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "code"), LIES.values(), ids=LIES.keys())
async def test_a_lie_is_silence_with_a_reason_and_never_a_hit(
    world: World, peer: HostileNode, forger: Forger, lie: Make, code: str
) -> None:
    """An answer came, so the officer is told that it is not accepted; its entry is among the silent ones."""
    await eventually_async(lambda: heard(world))
    peer.behaviour = lambda envelope: lie(forger, world, envelope)
    await silent(world, code, Outcome.NOT_ACCEPTED)


async def test_bytes_on_the_stream_that_are_no_frames_are_not_accepted(world: World, peer: HostileNode) -> None:
    await eventually_async(lambda: heard(world))
    peer.behaviour = lambda _: b"\xff" * 50
    await silent(world, "malformed", Outcome.NOT_ACCEPTED)


async def test_a_hit_whose_record_does_not_verify_shows_no_record(
    world: World, peer: HostileNode, forger: Forger
) -> None:
    """CASE-K4: a record with a foreign signature is evidence of nothing."""
    hit = replace(HIT, record="eyJhbGciOiJFUzI1NiJ9.e30.AAAA~")
    peer.behaviour = lambda envelope: forger.message(envelope, outcome=Outcome.HIT, hits=(hit,))
    line = await ask(world)
    assert line.outcome is Outcome.HIT
    (shown,) = line.hits
    assert shown.record is None
    assert "record-not-verified" in shown.rules


def _good_for(days: int) -> ReleaseMarking:
    return replace(MARKING, not_after=SystemClock().now() + timedelta(days=days))


def _record(world: World, envelope: bytes, **changes: Any) -> str:
    """A record of a Vietnamese agency that answers this request, signed with its listed key unless `changes` say so."""
    file, agency, member = "agency-immigration", "immigration", "vn"
    file, agency, member = changes.pop("signer", (file, agency, member))
    der = read_leaf(world.federation[member].certificate(file)).der
    issuer = RecordIssuer(world.federation[member].key(file), der, MemberId(member), agency)
    reference = request_reference(envelope)
    assert reference is not None
    values: dict[str, Any] = {
        "audience": MemberId("th"),
        "request_hash": reference.request_hash,
        "marking": _good_for(1),
        "now_us": SystemClock().now_us(),
    }
    issued = issue(replace(RECORD, owner=issuer.name), issuer=issuer, **values | changes)
    return present(issued, PERSON)


def _unsigned(record: str) -> str:
    """The same without its signature, as a token of `alg` none would be."""
    token, tilde, rest = record.partition("~")
    head, body, _ = token.split(".")
    none = base64url(json.dumps(decoded(head) | {"alg": "none"}).encode())
    return f"{none}.{body}.{tilde}{rest}"


RECORDS: dict[str, Callable[[World, bytes], str]] = {
    "of an earlier request": lambda w, e: _record(w, e, request_hash=hashlib.sha256(b"earlier").digest()),
    "for another recipient": lambda w, e: _record(w, e, audience=MemberId("kh")),
    "whose time is over": lambda w, e: _record(w, e, marking=_good_for(-1)),
    "of another member's listed agency": lambda w, e: _record(w, e, signer=("agency-customs", "customs", "kh")),
    "signed with the node's own key": lambda w, e: _record(w, e, signer=("statement", "immigration", "vn")),
    "without a signature": lambda w, e: _unsigned(_record(w, e)),
}


@pytest.mark.parametrize("claimed", ["CaseReference", "Consignment", "Vessel"])
async def test_a_record_of_another_type_than_its_hit_says_is_not_shown(
    world: World, peer: HostileNode, forger: Forger, claimed: str
) -> None:
    """A type without the fields that are compared would hide that the record is another person's."""
    await eventually_async(lambda: heard(world))
    peer.behaviour = lambda envelope: forger.message(
        envelope, outcome=Outcome.HIT, hits=(replace(HIT, record_type=claimed, record=_record(world, envelope)),)
    )
    (shown,) = (await ask(world)).hits
    assert shown.record is None
    assert "record-not-verified" in shown.rules


@pytest.mark.parametrize("made", RECORDS.values(), ids=RECORDS)
async def test_k4_f9_a_record_with_a_stale_a_foreign_or_no_signature_is_not_shown(
    world: World, peer: HostileNode, forger: Forger, made: Callable[[World, bytes], str]
) -> None:
    def answering(record: Callable[[World, bytes], str]) -> Callable[[bytes], AnswerMessage]:
        return lambda envelope: forger.message(
            envelope, outcome=Outcome.HIT, hits=(replace(HIT, record_type="Person", record=record(world, envelope)),)
        )

    await eventually_async(lambda: heard(world))
    peer.behaviour = answering(_record)
    (good,) = (await ask(world)).hits
    assert good.record is not None, "the control: the same making, with nothing wrong"
    peer.behaviour = answering(made)
    line = await ask(world)
    (shown,) = line.hits
    assert (line.outcome, shown.record) == (Outcome.HIT, None)
    assert "record-not-verified" in shown.rules
    assert PERSON["names"][0]["text"] not in str(line)


async def test_the_same_number_for_two_exchanges_does_not_harm_us(
    world: World, peer: HostileNode, forger: Forger
) -> None:
    peer.behaviour = lambda envelope: forger.message(envelope, entry={"number": 7})
    assert [(await ask(world)).outcome for _ in range(3)] == [Outcome.NO_HIT] * 3
    peer.behaviour = lambda envelope: forger.message(envelope, entry={"number": 10**17})
    assert (await ask(world)).outcome is Outcome.NO_HIT


@pytest.mark.parametrize(
    "status",
    [grpc.StatusCode.CANCELLED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INTERNAL],
    ids=lambda status: status.name,
)
async def test_a_stream_that_the_peer_ends_is_replaced(
    world: World, peer: HostileNode, status: grpc.StatusCode
) -> None:
    peer.ending = status
    for _ in range(2):
        await silent(world)
    peer.ending = None
    await eventually_async(lambda: heard(world))
    assert [await heard(world) for _ in range(4)] == [True] * 4, "all streams serve again"


async def fill_the_pool() -> None:
    """Let the loop's pool have all its threads, so that none is made later for other work."""
    together = threading.Event()
    tasks = [asyncio.ensure_future(asyncio.to_thread(together.wait)) for _ in range(64)]
    await asyncio.sleep(0)
    together.set()
    await asyncio.gather(*tasks)


async def test_i1_a_peer_that_accepts_and_never_answers_is_silent_inside_the_budget(
    world: World, peer: HostileNode
) -> None:
    await eventually_async(lambda: heard(world))
    await fill_the_pool()
    threads = threading.active_count()
    peer.behaviour = lambda _: None
    with waiting() as watch, silent_after(world.nodes["th"], 0.6):
        for _ in range(5):
            await silent(world, "timed-out")
    assert watch.seconds < 5 * 1.5
    assert threading.active_count() <= threads + 1


async def test_a15_the_server_of_another_member_on_the_address_is_not_spoken_to(world: World) -> None:
    forger = Forger(world.federation["kh"])
    async with hostile(world, "kh", forger.message, identity="vn") as impostor:
        line = await ask(world, "kh")
        assert line.outcome is Outcome.NOT_ACCEPTED
        assert line.refusal
        assert line.refusal.code == "tls-authority"
        assert impostor.requests == []
    assert kinds(world.nodes["th"], line.exchange_id) == ["asked", "silent"]
