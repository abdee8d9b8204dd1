"""Requests for consent, and owners' words, from a counterpart that lies."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
import pytest_asyncio
from liaison.exchange.v1 import consent_pb2 as pb
from msgspec import structs

from gateway.app.node import Node
from gateway.app.rounds import UPKEEP
from gateway.config.home import Home
from gateway.desk.consents import CONSENT, ConsentBook, Decision
from gateway.errors import Forbidden, LiaisonError
from gateway.exchange.asking.copies import COPY
from gateway.model.consent import ConsentAnswer, ConsentState, OnwardUse, Place, Use
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.purpose import Purpose
from gateway.rpc import methods
from gateway.rpc.contract import A, Method, Q
from gateway.statements.consent import CONSENT_ANSWER_KIND, CONSENT_REQUEST, CONSENT_REQUEST_KIND
from gateway.throttle import Rates
from tests.support.acts import switch_off, switch_on
from tests.support.consents import (
    CUSTOMS,
    HOUR_US,
    Found,
    code_of,
    consent_request,
    found,
    sealed_consent,
    send,
)
from tests.support.exchange import CLOCK, KH, TH, VN, Logged, caller, command, entries, lines, sample_world, stopping
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.sealing import envelope_of, new_key, payload_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DENIED = grpc.StatusCode.PERMISSION_DENIED


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("consent-hostile"), ("th", "vn", "kh"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def about(world: World) -> AsyncIterator[Found]:
    """A fresh hit; afterwards the owner still answers."""
    yield await found(world)
    after = await world.nodes["th"].asking.searches.start(officer("th"), command())
    assert lines(after)[VN].outcome is Outcome.HIT


@pytest.fixture(autouse=True)
def no_rate(world: World) -> None:
    """Each test begins with the whole of its rate."""
    world.nodes["vn"].desk.consents._rates.of.clear()
    world.nodes["vn"].desk.consents._refusals.of.clear()


def last(node: Node, kind: str) -> Logged:
    return [item for item in entries(node, "operations") if item.entry.kind == kind][-1]


def kept(world: World) -> int:
    return len(world.nodes["vn"].core.parts.documents.keys(CONSENT))


# ---------------------------------------------------------------- at the owner


async def test_a_request_is_taken_once_however_often_it_comes(world: World, about: Found) -> None:
    before = kept(world)
    envelope = sealed_consent(world, consent_request(world, about))
    answers = await asyncio.gather(*(send(caller(world), envelope) for _ in range(4)))
    assert {code_of(answer) for answer in answers} == {"taken"}
    assert kept(world) == before + 1
    requested = [item for item in entries(world.nodes["vn"], "operations") if item.entry.kind == "consent-requested"]
    assert sum(item.entry.exchange_id == about.line.exchange_id for item in requested) == 1


async def test_the_same_id_with_other_bytes_is_refused(world: World, about: Found) -> None:
    request = consent_request(world, about)
    assert code_of(await send(caller(world), sealed_consent(world, request))) == "taken"
    again = sealed_consent(world, request)  # another blind
    assert code_of(await send(caller(world), again)) == "replayed"


async def test_an_entry_whose_request_was_not_kept_is_not_written_twice(world: World, about: Found) -> None:
    vn, request = world.nodes["vn"], consent_request(world, about)
    envelope = sealed_consent(world, request)
    await send(caller(world), envelope)
    vn.core.parts.documents.delete(CONSENT, f"th/{request.id}")  # as if the node had stopped between the two
    await send(caller(world), envelope)
    found = [item for item in entries(vn, "operations") if item.private.get("consent") == request.id]
    assert [item.entry.kind for item in found] == ["consent-requested"]


async def test_a_signer_who_is_not_the_peer_is_refused(world: World, about: Found) -> None:
    before, request = kept(world), consent_request(world, about)
    stranger = sealed_consent(world, request, new_key())
    of_kh = sealed_consent(world, request, world.federation["kh"].key("statement"))
    of_a_log_key = sealed_consent(world, request, world.federation["th"].key("tls"))
    for envelope in (stranger, of_kh, of_a_log_key):
        assert await caller(world).refused(methods.CONSENT.path, methods.CONSENT.request.write(envelope)) is DENIED
    as_kh = sealed_consent(world, structs.replace(request, sender=KH))
    assert await caller(world).refused(methods.CONSENT.path, methods.CONSENT.request.write(as_kh)) is DENIED
    assert kept(world) == before
    assert last(world.nodes["vn"], "consent-not-taken").private["code"] == "wrong-sender"


async def test_a_request_for_somebody_else_is_refused(world: World, about: Found) -> None:
    envelope = sealed_consent(world, consent_request(world, about, recipient=KH))
    assert await caller(world).refused(methods.CONSENT.path, methods.CONSENT.request.write(envelope)) is DENIED
    assert last(world.nodes["vn"], "consent-not-taken").private["code"] == "wrong-audience"


@pytest.mark.parametrize("issued", [-2 * HOUR_US, 2 * HOUR_US])
async def test_a_request_out_of_its_time_is_refused(world: World, about: Found, issued: int) -> None:
    now_us = CLOCK.now_us()
    request = consent_request(world, about, issued_us=now_us + issued, expires_us=now_us + issued + HOUR_US)
    message = methods.CONSENT.request.write(sealed_consent(world, request))
    status = await caller(world).refused(methods.CONSENT.path, message)
    assert status is grpc.StatusCode.FAILED_PRECONDITION


async def test_an_exchange_answer_or_record_that_never_was_is_refused(world: World, about: Found) -> None:
    before, right = kept(world), consent_request(world, about)
    other = await found(world)
    changes: list[tuple[str, dict[str, Any]]] = [
        ("no-such-exchange", {"exchange_id": new_exchange_id()}),
        ("no-such-exchange", {"entry_index": consent_request(world, other).entry_index}),
        ("no-such-exchange", {"entry_index": 2**63 - 1}),
        ("no-such-exchange", {"log_number": 7}),
        ("no-such-exchange", {"exchange_id": other.line.exchange_id}),
        ("wrong-answer", {"answer_hash": secrets.token_bytes(32)}),
        ("wrong-record", {"record": secrets.token_hex(16)}),
        ("wrong-record", {"record": consent_request(world, other).record}),
        ("wrong-record", {"reference": "another-one"}),
        ("purpose-not-covered", {"asked": OnwardUse(Place(TH), Purpose.TRAINING, Use.PASS_ON)}),
    ]
    for code, change in changes:
        world.nodes["vn"].desk.consents._rates.of.clear()
        world.nodes["vn"].desk.consents._refusals.of.clear()
        request = structs.replace(right, id=secrets.token_hex(16), **change)
        assert code_of(await send(caller(world), sealed_consent(world, request))) == code, change
        assert last(world.nodes["vn"], "consent-not-taken").private["code"] == code
    assert kept(world) == before


async def test_another_peer_s_exchange_is_no_exchange(world: World, about: Found) -> None:
    request = consent_request(world, about, sender=KH)
    answer = await send(caller(world, "kh"), sealed_consent(world, request))
    assert code_of(answer) == "no-such-exchange"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 100,
        methods.CONSENT.request.write(b""),
        methods.CONSENT.request.write(b"\x00" * 50),
        methods.CONSENT.request.write(b"\x0a\xff\xff\xff\xff\x0f"),
        methods.CONSENT.request.write(secrets.token_bytes(9 * 1024)),
        secrets.token_bytes(methods.CONSENT.max_request_bytes + 1),
    ],
    ids=["empty", "garbage", "no-envelope", "zeros", "long-length", "oversized", "over-the-method"],
)
async def test_what_does_not_parse_or_fit_is_refused(world: World, about: Found, data: bytes) -> None:
    status = await caller(world).refused(methods.CONSENT.path, data)
    assert status in (DENIED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)


@pytest.mark.parametrize(
    "change",
    [
        {"consent_id": "short"},
        {"exchange_id": "x" * 32},
        {"hit_reference": "a b"},
        {"justification": ""},
        {"justification": "x" * 501},
        {"justification": "line\x1b[2Jbreak"},
        {"case_number": "../../etc"},
        {"record_id": "0" * 31},
        {"blind": b"short"},
    ],
)
async def test_values_of_another_form_are_refused(world: World, about: Found, change: dict[str, Any]) -> None:
    message = pb.ConsentRequest.FromString(payload_of(sealed_consent(world, consent_request(world, about))))
    for name, value in change.items():
        setattr(message, name, value)
    envelope = envelope_of(message.SerializeToString(), CONSENT_REQUEST, world.federation["th"].key("statement"))
    status = await caller(world).refused(methods.CONSENT.path, methods.CONSENT.request.write(envelope))
    assert status is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_flood_is_refused_and_others_are_served(world: World, about: Found) -> None:
    envelope = sealed_consent(world, consent_request(world, about))

    async def one() -> str:
        try:
            return code_of(await send(caller(world), envelope))
        except grpc.aio.AioRpcError as error:
            return error.code().name

    answers = await asyncio.gather(*(one() for _ in range(40)))
    assert set(answers) == {"taken", "RESOURCE_EXHAUSTED"}
    kh = sealed_consent(world, consent_request(world, about, sender=KH))
    assert code_of(await send(caller(world, "kh"), kh)) == "no-such-exchange"


async def test_a_suspended_peer_is_told_so_and_people_in_danger_come_through(world: World, about: Found) -> None:
    home, danger = Home(world.home("vn")), structs.replace(CUSTOMS, purpose=Purpose.THREAT_TO_LIFE)

    async def told(**changes: Any) -> str:
        world.nodes["vn"].desk.consents._rates.of.clear()
        world.nodes["vn"].desk.consents._refusals.of.clear()
        request = consent_request(world, about, **changes)
        return code_of(await send(caller(world), sealed_consent(world, request)))

    async def suspended() -> bool:
        return await told() == "suspended"

    switch_off(home, "peer:th", "under review")
    await eventually_async(suspended)
    assert await told(asked=danger) == "suspended"
    switch_off(home, "peer:th", "under review", "minister of the interior")

    async def let_through() -> bool:
        return await told(asked=danger) == "taken"

    await eventually_async(let_through)
    assert await told() == "suspended"
    await switch_on(home, "all", "over")
    switch_off(home, "peer:th/TravelDocument", "under review")
    await eventually_async(suspended)
    await switch_on(home, "all", "over")

    async def over() -> bool:
        return await told() == "taken"

    await eventually_async(over)


# ---------------------------------------------------------------- at the asker


async def test_an_owner_that_we_suspended_is_not_asked_until_we_go_on(world: World, about: Found) -> None:
    home, th = Home(world.home("th")), world.nodes["th"]
    before = kept(world)
    switch_off(home, "peer:vn", "under review")

    async def suspended() -> bool:
        th.core.parts.suspensions.refresh()
        return "peer:vn" in th.core.parts.suspensions.active

    await eventually_async(suspended)
    waiting = await th.desk.onward.use(about.officer, about.wish())
    assert (waiting.state, waiting.problem) == ("waiting", "suspended")
    assert kept(world) == before
    await switch_on(home, "peer:vn", "over")

    async def taken() -> bool:
        answer = await th.desk.onward.use(about.officer, about.wish())
        return (answer.consent, answer.state) == (waiting.consent, "taken")

    await eventually_async(taken, 15)


async def test_each_copy_whose_time_is_over_has_one_entry_and_is_gone(world: World, about: Found) -> None:
    th = world.nodes["th"]
    keys = [f"{about.search.id}/{about.line.exchange_id}/{place}" for place in range(70, 170)]
    for key in keys:
        await asyncio.to_thread(th.core.parts.documents.put, COPY, key, b"{}", 1)
    await th.rounds.make(UPKEEP)
    await th.rounds.make(UPKEEP)
    gone = [item for item in entries(th, "operations") if item.entry.kind == "copy-deleted"]
    assert len([item for item in gone if item.private["search"] == about.search.id]) == len(keys)
    assert not set(keys) & set(th.core.parts.documents.keys(COPY))


class LyingOwner:
    """Stands where the owner would be: `word` makes the bytes that come back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.changes: dict[str, Any] = {}
        self.key: Any = None
        self.raw: bytes | None = None

    async def call(self, member: MemberId, method: Method[Q, A], request: Q) -> A:
        """An answer as the test wants it."""
        del member
        assert method.path == methods.CONSENT.path
        return method.answer.read(methods.CONSENT.answer.write(self.word(method.request.write(request))))

    def word(self, message: bytes) -> bytes:
        """The envelope of that answer."""
        if self.raw is not None:
            return self.raw
        envelope = methods.CONSENT.request.read(message)
        vn = self.world.federation["vn"]
        request = CONSENT_REQUEST_KIND.verify(
            envelope, keys=self.world.nodes["vn"].core.parts.trust(), peer=TH, me=VN, now_us=CLOCK.now_us()
        )
        first = ConsentAnswer(
            id=request.value.id,
            sender=VN,
            recipient=TH,
            request_hash=request.payload_hash,
            issued_us=CLOCK.now_us(),
            state=ConsentState.GRANTED,
            until_us=request.value.expires_us,
        )
        return CONSENT_ANSWER_KIND.build(
            structs.replace(first, **self.changes), self.key or vn.key("statement")
        ).envelope


@pytest.mark.parametrize(
    "lie",
    [
        {"changes": {"request_hash": bytes(32)}},
        {"changes": {"id": "0" * 32}},
        {"changes": {"recipient": KH}},
        {"changes": {"sender": KH}},
        {"changes": {"until_us": 4_000_000_000_000_000}},
        {"changes": {"issued_us": 4_000_000_000_000_000}},
        {"key": "stranger"},
        {"key": "kh"},
        {"raw": b""},
        {"raw": b"\xff" * 3000},
    ],
    ids=str,
)
async def test_a_word_that_does_not_verify_grants_nothing(
    world: World, about: Found, lie: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    th, owner = world.nodes["th"], LyingOwner(world)
    owner.changes, owner.raw = lie.get("changes", {}), lie.get("raw")
    keys = {"stranger": new_key(), "kh": world.federation["kh"].key("statement")}
    owner.key = keys.get(lie.get("key", ""))
    monkeypatch.setattr(th.desk.outbox, "_peers", owner)
    for _ in range(2):
        answer = await th.desk.onward.use(about.officer, about.wish())
        assert (answer.allowed, answer.state) == (False, "waiting")
        assert answer.problem


async def test_a_grant_is_for_exactly_one_use_of_one_record_by_one_officer(world: World, about: Found) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    asked = await th.desk.onward.use(about.officer, about.wish())
    book = ConsentBook(vn.core.parts.documents)
    consent = book.get(asked.consent)
    now_us = CLOCK.now_us()
    book.decide(consent, Decision(True, "Tran Thi Binh", "same case", now_us, now_us + HOUR_US))

    async def allowed() -> bool:
        return (await th.desk.onward.use(about.officer, about.wish())).allowed

    await eventually_async(allowed, 15)
    others = [
        structs.replace(CUSTOMS, to=Place(TH, "customs", "th.blo.mae-sot")),
        structs.replace(CUSTOMS, to=Place(TH, "immigration")),
        structs.replace(CUSTOMS, to=Place(KH, "customs")),
        structs.replace(CUSTOMS, use=Use.EVIDENCE),
        structs.replace(CUSTOMS, purpose=Purpose.THREAT_TO_LIFE),
    ]
    for other in others:
        assert not (await th.desk.onward.use(about.officer, about.wish(other))).allowed
    another = await found(world)
    assert not (await th.desk.onward.use(another.officer, another.wish())).allowed
    colleague = structs.replace(about.officer, person="th.o.9999")
    with pytest.raises(LiaisonError):
        await th.desk.onward.use(colleague, about.wish())


async def test_a_record_that_does_not_verify_any_more_is_not_used(world: World, about: Found) -> None:
    th = world.nodes["th"]
    assert about.line.hits[0].record is not None
    record = about.line.hits[0].record
    wider = record.marking | {"onward": "SAME_COUNTRY", "use": []}
    forged = replace(record, compact=record.compact.replace(".ey", ".eZ"), marking=wider)
    changed = replace(about.search, lines=(replace(about.line, hits=(replace(about.line.hits[0], record=forged),)),))
    running = th.asking.searches._running.get(about.search.id)
    if running is not None:
        running.change(changed)
    await asyncio.to_thread(th.asking.searches._store, changed)
    with pytest.raises(Forbidden) as refused:
        await th.desk.onward.use(about.officer, about.wish())
    assert refused.value.code == "record-not-verified"
    assert last(th, "onward-refused").private["code"] == "record-not-verified"


async def test_the_marking_that_counts_is_the_signed_one_not_the_one_that_is_shown(world: World, about: Found) -> None:
    th, record = world.nodes["th"], about.line.hits[0].record
    assert record is not None
    shown = replace(record, marking=record.marking | {"onward": "SAME_COUNTRY", "use": ["U0"]})
    changed = replace(about.search, lines=(replace(about.line, hits=(replace(about.line.hits[0], record=shown),)),))
    running = th.asking.searches._running.get(about.search.id)
    if running is not None:
        running.change(changed)
    await asyncio.to_thread(th.asking.searches._store, changed)
    assert not (await th.desk.onward.use(about.officer, about.wish())).allowed


async def test_refused_requests_without_end_do_not_fill_the_log(
    world: World, about: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, peer = world.nodes["vn"].desk.consents, caller(world)
    monkeypatch.setattr(desk, "_refusals", Rates(1e-6, time.monotonic, 10e6))
    before, told = len(entries(world.nodes["vn"], "operations")), Counter[str]()
    for number in range(30):
        desk._rates.of.clear()
        junk = b"\x00" * 1_000
        try:
            wrong = structs.replace(consent_request(world, about), exchange_id=new_exchange_id())
            told[code_of(await send(peer, sealed_consent(world, wrong) if number % 2 else junk))] += 1
        except grpc.aio.AioRpcError as error:
            told[error.details() or ""] += 1
    written = [
        item for item in entries(world.nodes["vn"], "operations")[before:] if item.entry.kind == "consent-not-taken"
    ]
    assert len(written) == 10
    assert told["consent-rate"] == 20
