"""Notices of a counterpart that owns valid keys and lies, one step of taking after the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as fields_replaced
from typing import Any

import grpc
import pytest
import pytest_asyncio
from liaison.exchange.v1 import envelope_pb2
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.config.home import Home
from gateway.desk.delivery.taking import RATE_PER_S
from gateway.model.desk.delivered import NoticeMessage, NoticeReceipt
from gateway.model.desk.notices import (
    About,
    Ask,
    Body,
    Change,
    ChangeCode,
    Head,
    Note,
    Notice,
    NoticeType,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.exchange import Outcome
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import WorkFilter
from gateway.rpc import methods
from gateway.signing.keys import SigningKey
from gateway.statements import fields
from gateway.statements.envelope import NOTICES, seal
from gateway.statements.notices.notice import NOTICE_KINDS, SIZES, build_notice
from gateway.statements.notices.receipt import parse_receipt
from gateway.throttle import Rates
from policy.bundle.limits import Budget
from tests.federation.test_desk_delivery import post
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import CLOCK, KH, TH, VN, caller, command, entries, kinds, lines, sample_world, stopping
from tests.support.nodes import World, officer
from tests.support.sealing import new_key
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_US = 3_600_000_000
QUESTION = Ask(About.QUESTION, "a truck was left at the bridge", topic="vehicle")
DENIED, STALE = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION
BAD = grpc.StatusCode.INVALID_ARGUMENT
Change_ = Callable[[Any], None]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("desk-hostile"), ("th", "vn", "kh"))
    async with stopping(made):
        for member in ("vn", "kh"):
            await made.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def still_serves(world: World) -> AsyncIterator[None]:
    """Each test begins with the whole of its rate; afterwards the node still answers another member."""
    world.nodes["vn"].desk.taker._rates.of.clear()
    yield
    found = await world.nodes["kh"].asking.searches.start(officer("kh"), command())
    assert lines(found)[VN].outcome is Outcome.HIT


class Liar:
    """A member that forges notices of one thread with its own key. `seq` and `last` are those of its newest notice."""

    def __init__(self, world: World, member: MemberId = TH, thread: str = "") -> None:
        self.world, self.member = world, member
        self.key: SigningKey = world.federation[member].key("statement")
        self.thread = ExchangeId(thread or new_exchange_id())
        self.seq, self.last = 0, b""

    def notice(self, body: Body, **changes: Any) -> Notice:
        """The next notice of the thread, with another head where the test says so."""
        now_us = CLOCK.now_us()
        head = Head(
            notice_id=self.thread if not self.seq else new_exchange_id(),
            thread_id=self.thread,
            seq=self.seq + 1,
            previous=self.last,
            seen=0,
            sender=self.member,
            recipient=VN,
            issued_us=now_us,
            expires_us=now_us + HOUR_US,
            urgency=Urgency.FLASH,
            purpose=Purpose.INVESTIGATION,
            offence=Offence.NARC,
            case="TH-2026-0417",
            ticket="",
            agreement="gms-border-2026",
            requester=Requester("officer", f"{self.member}.blo.one", "police", "0123456789abcdef"),
            trust_hash=bytes(32),
            policy_hash=bytes(32),
        )
        return Notice(replace(head, **changes), body)

    def sealed(self, notice: Notice) -> bytes:
        return build_notice(notice, self.key).envelope

    def forged(self, notice: Notice, change: Change_, sizes: tuple[int, ...] = SIZES) -> bytes:
        """A notice with another content, which its own program would not sign."""
        message = NOTICE_KINDS[notice.type].write(notice)
        message.head.blind = os.urandom(32)
        change(message)
        payload = fields.pad(message.SerializeToString(), 15 << 3 | 2, sizes)
        return seal(NOTICES[notice.type], payload, self.key)

    async def send(self, envelope: bytes) -> NoticeReceipt:
        data = methods.DELIVER_NOTICE.request.write(NoticeMessage(envelope))
        answer = await caller(self.world, self.member).call(methods.DELIVER_NOTICE.path, data)
        return parse_receipt(methods.DELIVER_NOTICE.answer.read(answer).envelope)

    async def say(self, body: Body, **changes: Any) -> NoticeReceipt:
        """Send the next notice; it counts as the newest one where it was taken."""
        notice = self.notice(body, **changes)
        sealed = build_notice(notice, self.key)
        receipt = await self.send(sealed.envelope)
        if receipt.refusal is None:
            self.seq, self.last = notice.head.seq, sealed.payload_hash
        return receipt

    async def status(self, envelope: bytes) -> tuple[grpc.StatusCode, str]:
        """Send bytes that get a bare status; return it and its code."""
        try:
            receipt = await self.send(envelope)
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or ""
        raise AssertionError(f"a receipt came back: {receipt.refusal}")


def code(receipt: NoticeReceipt) -> str:
    """The code of the refusal, or `taken`."""
    return receipt.refusal.code if receipt.refusal else "taken"


def vn(world: World) -> Node:
    return world.nodes["vn"]


def work(world: World, thread: str, member: MemberId = TH) -> list[WorkKind]:
    """Kinds of open work of a thread."""
    key = ThreadKey(member, ExchangeId(thread))
    return [item.kind for item in vn(world).desk.parts.store.works(WorkFilter(key=key))]


def alarms(world: World) -> list[str]:
    """Codes of the incidents that were noted and of those that have their entry."""
    waiting = [cause.code for cause in vn(world).core.incidents._minutes]
    return waiting + [item.private["code"] for item in entries(vn(world), "operations") if item.entry.kind == "alarm"]


async def test_0_an_honest_thread_is_taken(world: World) -> None:
    th = Liar(world)
    assert code(await th.say(QUESTION)) == "taken"
    assert code(await th.say(Note("en", "a word"))) == "taken"
    assert work(world, th.thread) == [WorkKind.DECIDE, WorkKind.READ]


# ---------------------------------------------------------------- 2: the rate


async def test_2_a_flood_beyond_the_rate_is_turned_away_and_others_are_served(world: World) -> None:
    th = Liar(world)
    taker = vn(world).desk.taker
    taker._rates = Rates(2.0, taker._rates._monotonic, 1.0)  # the limit itself is too high for a test's caller
    try:
        envelope = th.sealed(th.notice(QUESTION))
        answers = await asyncio.gather(*(th.send(envelope) for _ in range(8)), return_exceptions=True)
        away = [error.details() for error in answers if isinstance(error, grpc.aio.AioRpcError)]
        assert set(away) == {"notice-rate"}
        assert 0 < len(away) < 8
        kh = Liar(world, KH)
        assert code(await kh.say(QUESTION)) == "taken"
    finally:
        taker._rates = Rates(RATE_PER_S, taker._rates._monotonic, 2.0)


# ---------------------------------------------------------------- 3: size and form


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 100,
        methods.DELIVER_NOTICE.request.write(NoticeMessage(b"\x0a\xff\xff\xff\xff\x0f")),
        os.urandom(methods.DELIVER_NOTICE.max_request_bytes + 1),
    ],
    ids=["empty", "garbage", "long-length", "over-the-method"],
)
async def test_3_what_does_not_parse_or_fit_gets_a_status(world: World, data: bytes) -> None:
    status = await caller(world).refused(methods.DELIVER_NOTICE.path, data)
    assert status in (BAD, DENIED, grpc.StatusCode.RESOURCE_EXHAUSTED)


def _text(text: str) -> Change_:
    return lambda message: setattr(message, "facts", text)


def _set(path: str, value: Any) -> Change_:
    def change(message: Any) -> None:
        *way, name = path.split(".")
        for part in way:
            message = getattr(message, part)
        setattr(message, name, value)

    return change


def _many(name: str, count: int) -> Change_:
    return lambda message: getattr(message, name).extend(f"f{number}" for number in range(count))


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        ("bad-text", _text("pay \u202eevil\u202c" + "x" * 1_990)),
        ("bad-text", _text("\u2066" * 2_000)),
        ("", _text("x" * 2_001)),
        ("", _text("line\x1b[2Jbreak")),
        ("", _text("")),
        ("too-many", _many("fields", 65)),
        ("unknown-urgency", _set("head.urgency", "NOW")),
        ("unknown-purpose", _set("head.purpose", "CURIOSITY")),
        ("unknown-about", _set("about", "everything")),
        ("bad-place", _set("head.seq", 0)),
        ("bad-place", _set("head.previous", b"\1" * 32)),
        ("bad-place", _set("head.seen", 2)),
        ("", _set("head.to_office", "vn blo")),
        ("bad-validity", lambda message: message.head.expires_time.FromSeconds(4_000_000_000)),
    ],
)
async def test_3_a_signed_notice_with_a_bad_content_is_refused_for_good(
    world: World, wanted: str, change: Change_
) -> None:
    th = Liar(world)
    envelope = th.forged(th.notice(QUESTION), change)
    receipt = await th.send(envelope)
    assert receipt.refusal is not None
    assert wanted in ("", receipt.refusal.code)
    assert kinds(vn(world), th.thread) == ["refused"]
    again = await th.send(envelope)
    assert again == receipt, "the same bytes get the same refusal"
    assert kinds(vn(world), th.thread) == ["refused"]
    assert work(world, th.thread) == []
    assert code(await Liar(world).say(QUESTION)) == "taken"


async def test_3_unknown_fields_sizes_and_types_get_a_status(world: World) -> None:
    th = Liar(world)
    notice = th.notice(QUESTION)
    message = NOTICE_KINDS[notice.type].write(notice)
    message.head.blind = os.urandom(32)
    whole = message.SerializeToString()
    unknown = fields.pad(whole + b"\xfa\x3f\x01x", 15 << 3 | 2, SIZES)
    assert (await th.status(seal(NOTICES[notice.type], unknown, th.key)))[0] is BAD
    rumour = envelope_pb2.Envelope.FromString(th.sealed(notice))
    rumour.payload_type = "application/vnd.liaison.notice.rumour.v1+protobuf"
    assert await th.status(rumour.SerializeToString(deterministic=True)) == (STALE, "unsupported")
    receipt = await th.send(seal(NOTICES[notice.type], whole, th.key))
    assert code(receipt) != "taken", "without padding its size would tell what it says"


async def test_3_a_type_that_our_descriptor_does_not_list_is_refused_as_unsupported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    th = Liar(world)
    monkeypatch.setattr(type(vn(world).desk.taker), "_takes", lambda _self, kind: kind is not NoticeType.ASK)
    assert code(await th.say(QUESTION)) == "unsupported"
    assert kinds(vn(world), th.thread) == ["refused"]


# ---------------------------------------------------------------- 4: signer, audience, time


async def test_4_another_signer_or_recipient_gets_a_status(world: World) -> None:
    th, before = Liar(world), len(entries(vn(world)))
    notice = th.notice(QUESTION)
    for key in (new_key(), world.federation["kh"].key("statement"), world.federation["th"].key("tls")):
        assert (await th.status(build_notice(notice, key).envelope))[0] is DENIED
    as_kh = build_notice(th.notice(QUESTION, sender=KH), world.federation["kh"].key("statement")).envelope
    assert await th.status(as_kh) == (DENIED, "wrong-sender")
    assert await th.status(th.sealed(th.notice(QUESTION, recipient=KH))) == (DENIED, "wrong-audience")
    assert len(entries(vn(world))) == before
    assert "wrong-sender" in alarms(world)


async def test_4_what_is_not_yet_issued_may_come_later_and_what_is_expired_never(world: World) -> None:
    th, now_us = Liar(world), CLOCK.now_us()
    early = th.notice(QUESTION, issued_us=now_us + HOUR_US, expires_us=now_us + 2 * HOUR_US)
    assert await th.status(th.sealed(early)) == (STALE, "from-the-future")
    late = th.notice(QUESTION, issued_us=now_us - 2 * HOUR_US, expires_us=now_us - HOUR_US)
    assert code(await th.send(th.sealed(late))) == "expired"
    assert kinds(vn(world), th.thread) == ["refused"]


# ---------------------------------------------------------------- 5: known ids


async def test_5_the_same_bytes_get_the_same_receipt_and_raise_work_once(world: World) -> None:
    th = Liar(world)
    envelope = th.sealed(th.notice(QUESTION))
    receipts = await asyncio.gather(*(th.send(envelope) for _ in range(4)))
    assert all(receipt == receipts[0] for receipt in receipts)
    assert kinds(vn(world), th.thread).count("answered") == 1
    assert work(world, th.thread) == [WorkKind.DECIDE]


async def test_5_other_bytes_under_a_used_id_are_refused_and_alarmed(world: World) -> None:
    th = Liar(world)
    notice = th.notice(QUESTION)
    assert code(await th.send(th.sealed(notice))) == "taken"
    assert await th.status(th.sealed(notice)) == (grpc.StatusCode.ALREADY_EXISTS, "replayed")  # another blind
    assert "replayed" in alarms(world)
    assert kinds(vn(world), th.thread) == ["answered"]


async def test_5_the_id_of_an_answered_search_is_used(world: World) -> None:
    found = await vn(world).asking.searches.start(officer("vn"), command(to=(KH,)))
    line = lines(found)[KH]
    liar = Liar(world, KH, thread=str(line.exchange_id))
    assert code(await liar.say(QUESTION)) == "taken", "it is another exchange: kh asks, and not vn"
    assert work(world, liar.thread, KH) == [WorkKind.DECIDE]


# ---------------------------------------------------------------- 6: the author's place in the thread


async def test_6_gaps_wait_and_forks_are_refused(world: World) -> None:
    th = Liar(world)
    word = Note("en", "a word")
    orphan = th.notice(word, seq=2, previous=b"\1" * 32, notice_id=new_exchange_id())
    assert await th.status(th.sealed(orphan)) == (STALE, "gap")
    await th.say(QUESTION)
    ahead = th.notice(word, seq=3, previous=b"\1" * 32)
    assert await th.status(th.sealed(ahead)) == (STALE, "gap")
    other = th.notice(word, previous=b"\1" * 32)
    assert code(await th.send(th.sealed(other))) == "seq-taken"
    await th.say(word)
    fork = th.notice(word, seq=2, previous=b"\1" * 32)
    assert code(await th.send(th.sealed(fork))) == "seq-taken"
    assert "seq-taken" in alarms(world)
    thread = vn(world).desk.parts.store.thread(ThreadKey(TH, th.thread))
    assert thread is not None
    assert (thread.theirs, thread.their_last) == (2, th.last)


async def test_6_seen_that_lies_or_goes_back_is_refused_and_alarmed(world: World) -> None:
    th = Liar(world)
    await th.say(QUESTION)
    assert code(await th.say(Note("en", "a word"), seen=1)) == "seen-beyond"
    key = ThreadKey(TH, th.thread)
    await vn(world).desk.parts.author.post(key, post(Note("en", "our word"), "vn"))
    assert code(await th.say(Note("en", "a word"), seen=1)) == "taken"
    assert code(await th.say(Note("en", "a word"), seen=0)) == "seen-back"
    assert {"seen-beyond", "seen-back"} <= set(alarms(world))


# ---------------------------------------------------------------- 7: suspension, agreement


async def test_7_a_suspended_member_waits_and_its_changes_pass(world: World) -> None:
    th, home = Liar(world), Home(world.home("vn"))
    switch_off(home, "peer:th", "under review")
    await until(lambda: bool(vn(world).core.parts.suspensions.active), "the switch is read")
    try:
        envelope = th.sealed(th.notice(QUESTION))
        assert (await th.status(envelope))[1] == "suspended"
        assert kinds(vn(world), th.thread) == []
        change = Liar(world)
        body = Change(ChangeCode.WITHDRAWN, ("ab" * 16,), reason="mistaken")
        assert code(await change.say(body, expires_us=0)) == "taken"
        assert work(world, change.thread) == [WorkKind.COMPLY]
    finally:
        await switch_on(home, "peer:th")
    await until(lambda: not vn(world).core.parts.suspensions.active, "the switch is read")
    assert code(await th.send(envelope)) == "taken"


async def test_7_the_humanitarian_exception_lets_a_notice_pass(world: World) -> None:
    home = Home(world.home("vn"))
    switch_off(home, "peer:th", "under review", humanitarian="minister")
    await until(lambda: bool(vn(world).core.parts.suspensions.active), "the switch is read")
    try:
        life = Liar(world)
        assert code(await life.say(QUESTION, purpose=Purpose.THREAT_TO_LIFE, ticket="TH-1")) == "taken"
        other = Liar(world)
        assert (await other.status(other.sealed(other.notice(QUESTION))))[1] == "suspended"
    finally:
        await switch_on(home, "peer:th")
    await until(lambda: not vn(world).core.parts.suspensions.active, "the switch is read")


async def test_7_a_purpose_without_an_agreement_is_refused_for_good(world: World) -> None:
    th = Liar(world)
    assert code(await th.say(QUESTION, purpose=Purpose.TRAINING)) == "purpose-not-covered"
    assert kinds(vn(world), th.thread) == ["refused"]


# ---------------------------------------------------------------- 9: the table


async def test_9_only_the_one_who_was_asked_replies(world: World) -> None:
    th, kh = Liar(world), Liar(world, KH)
    await th.say(QUESTION)
    assert code(await th.say(Reply(ReplyCode.NOTHING_HELD))) == "not-now", "an asker answers itself"
    kh.thread, kh.seq, kh.last = th.thread, 1, th.last
    reply = kh.notice(Reply(ReplyCode.NOTHING_HELD))
    assert await kh.status(kh.sealed(reply)) == (STALE, "gap"), "a third member knows the id of the thread"
    thread = vn(world).desk.parts.store.thread(ThreadKey(TH, th.thread))
    assert thread is not None
    assert thread.state is ThreadState.OPEN


async def test_9_a_thread_with_the_id_of_another_member_s_is_another_thread(world: World) -> None:
    th = Liar(world)
    await th.say(QUESTION)
    kh = Liar(world, KH, thread=th.thread)
    assert code(await kh.say(Ask(About.QUESTION, "another truck", topic="vehicle"))) == "taken"
    store = vn(world).desk.parts.store
    assert {found.key.peer for found in store.find_thread(th.thread)} == {TH, KH}
    assert work(world, th.thread, TH) == work(world, th.thread, KH) == [WorkKind.DECIDE]
    assert len(store.placed(ThreadKey(TH, th.thread))) == 1


async def test_9_a_thread_of_ours_is_not_opened_by_its_other_side(world: World) -> None:
    key = await vn(world).desk.parts.author.open(TH, post(QUESTION, "vn"))
    liar = Liar(world, thread=key.thread_id)
    assert (await liar.status(liar.sealed(liar.notice(QUESTION))))[1] == "replayed"
    thread = vn(world).desk.parts.store.thread(key)
    assert thread is not None
    assert (thread.opener, thread.theirs) == (True, 0)


async def test_9_nothing_moves_a_closed_thread(world: World) -> None:
    th = Liar(world)
    await th.say(QUESTION)
    await th.say(Change(ChangeCode.WITHDRAWN, of=th.thread, reason="settled"))
    for body in (QUESTION, Note("en", "still there?"), Status(th.thread, StatusCode.OVERDUE)):
        assert code(await th.say(body)) == "not-now"
    assert code(await th.say(OutcomeReport(OutcomeCode.NO_ACTION))) == "taken", "an outcome is welcome at any time"
    thread = vn(world).desk.parts.store.thread(ThreadKey(TH, th.thread))
    assert thread is not None
    assert thread.state is ThreadState.ENDED


async def test_9_a_thread_takes_no_end_of_notes(world: World) -> None:
    th = Liar(world)
    await th.say(QUESTION)
    store = vn(world).desk.parts.store
    for _ in range(255):
        receipt = await th.say(Note("en", "x"))
        assert code(receipt) == "taken"
    assert code(await th.say(Note("en", "x"))) == "thread-full"
    assert code(await th.say(Change(ChangeCode.WITHDRAWN, of=th.thread, reason="settled"))) == "taken"
    assert len(store.placed(ThreadKey(TH, th.thread))) == 257


# ---------------------------------------------------------------- 10: room in our worklists


@contextmanager
def budget(node: Node, kind: str, **numbers: int) -> Iterator[None]:
    """Other numbers of a kind in the budget of each counterpart."""
    engine = node.core.parts.policy()
    before = engine.bundle
    share = fields_replaced(before.quotas.budget.shares[kind], **numbers)
    shares = {**before.quotas.budget.shares, kind: share}
    engine.bundle = fields_replaced(before, quotas=fields_replaced(before.quotas, budget=Budget(shares)))
    try:
        yield
    finally:
        engine.bundle = before


@contextmanager
def room(world: World, member: MemberId) -> Iterator[int]:
    """Three more asks of a member have room in the fullest of its urgencies; yield how many routine ones have."""
    waiting = {urgency: vn(world).core.desk.asks_waiting(member, urgency, 10_000) for urgency in Urgency}
    most = max(waiting.values()) + 3
    with budget(vn(world), NoticeType.ASK, open=most):
        yield most - waiting[Urgency.ROUTINE]


async def test_10_a_flood_of_asks_fills_only_the_room_of_its_member_and_urgency(world: World) -> None:
    """An eighth of the free room is taken without a count, and still exactly so many are taken."""
    first = Liar(world)
    routine = {"urgency": Urgency.ROUTINE}
    with room(world, TH) as free:
        assert code(await first.say(QUESTION, **routine)) == "taken"
        for _ in range(free - 1):
            assert code(await Liar(world).say(QUESTION, **routine)) == "taken"
        late = Liar(world)
        envelope = late.sealed(late.notice(QUESTION, **routine))
        for _ in range(3):
            assert code(await late.send(envelope)) == "budget-open"
        assert kinds(vn(world), late.thread) == ["refused"]
        assert code(await first.say(Note("en", "it turns back"), **routine)) == "taken", "in a thread that is there"
        for urgency in (Urgency.FLASH, Urgency.URGENT, Urgency.PRIORITY):
            assert code(await Liar(world).say(QUESTION, urgency=urgency)) == "taken"
        assert code(await Liar(world, KH).say(QUESTION, **routine)) == "taken"
        assert code(await first.say(Change(ChangeCode.WITHDRAWN, of=first.thread, reason="settled"))) == "taken"
        assert code(await Liar(world).say(QUESTION, **routine)) == "taken", "its work is over: there is room again"
