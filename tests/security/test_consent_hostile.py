"""Asks for consent, and owners' replies, from a counterpart that lies."""

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
from liaison.exchange.v1 import notices_pb2 as pb
from msgspec import structs

from gateway.app.rounds import UPKEEP
from gateway.app.run.node import Node
from gateway.config.home import Home
from gateway.desk.acting.parts import Actor
from gateway.desk.delivery.authoring import Post
from gateway.desk.roles import Person
from gateway.errors import Forbidden, LiaisonError, Malformed
from gateway.exchange.asking.copies import COPY
from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.desk.notices import About, Notice, NoticeType, Reply, ReplyCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, Direction, HoldingState, Role, WorkKind
from gateway.model.exchange import Outcome
from gateway.model.handed.asks import Decide
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.model.purpose import Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import DeskRows, Holding, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.rpc import methods
from gateway.statements.envelope import NOTICES
from gateway.statements.notices.notice import parse_notice
from gateway.throttle import Rates
from tests.security.test_desk_hostile import budget
from tests.support.acts import switch_off, switch_on
from tests.support.consents import (
    CUSTOMS,
    HOUR_US,
    Found,
    consent_notice,
    delivery,
    found,
    jti_of,
    sealed_consent,
    word,
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
    world.nodes["vn"].desk.taker._rates.of.clear()
    world.nodes["vn"].desk.taker._refusals.of.clear()


def last(node: Node, kind: str, log: str = "operations") -> Logged:
    return [item for item in entries(node, log) if item.entry.kind == kind][-1]


def kept(world: World) -> int:
    """Asks for consent that the owner keeps."""
    return len(world.nodes["vn"].core.desk.asks(About.CONSENT, CLOCK.now_us()))


# ---------------------------------------------------------------- at the owner


async def test_a_request_is_taken_once_however_often_it_comes(world: World, about: Found) -> None:
    before, vn = kept(world), world.nodes["vn"]
    notice = consent_notice(world, about)
    envelope = sealed_consent(world, notice)
    assert {await each for each in asyncio.as_completed([word(caller(world), envelope) for _ in range(4)])} == {"taken"}
    assert kept(world) == before + 1
    taken = [item for item in entries(vn) if item.private.get("thread") == notice.head.thread_id]
    assert [item.entry.kind for item in taken if item.entry.kind != "duplicate"] == ["answered"]
    works = vn.core.desk.works(WorkFilter(kinds=(WorkKind.DECIDE,), key=ThreadKey(TH, notice.head.thread_id)))
    assert [work.agency for work in works] == ["immigration"], "the agency that owns the record decides"


async def test_the_same_id_with_other_bytes_is_refused(world: World, about: Found) -> None:
    notice, before = consent_notice(world, about), kept(world)
    assert await word(caller(world), sealed_consent(world, notice)) == "taken"
    again = sealed_consent(world, notice)  # another blind
    assert await word(caller(world), again) == "replayed"
    assert kept(world) == before + 1


async def test_a_signer_who_is_not_the_peer_is_refused(world: World, about: Found) -> None:
    before, notice = kept(world), consent_notice(world, about)
    stranger = sealed_consent(world, notice, new_key())
    of_kh = sealed_consent(world, notice, world.federation["kh"].key("statement"))
    of_a_log_key = sealed_consent(world, notice, world.federation["th"].key("tls"))
    as_kh = sealed_consent(world, structs.replace(notice, head=structs.replace(notice.head, sender=KH)))
    for envelope in (stranger, of_kh, of_a_log_key, as_kh):
        assert await caller(world).refused(methods.DELIVER_NOTICE.path, delivery(envelope)) is DENIED
    assert kept(world) == before


async def test_a_request_for_somebody_else_is_refused(world: World, about: Found) -> None:
    envelope = sealed_consent(world, consent_notice(world, about, recipient=KH))
    assert await caller(world).refused(methods.DELIVER_NOTICE.path, delivery(envelope)) is DENIED


@pytest.mark.parametrize("issued", [-2 * HOUR_US, 2 * HOUR_US])
async def test_a_request_out_of_its_time_is_refused(world: World, about: Found, issued: int) -> None:
    before, now_us = kept(world), CLOCK.now_us()
    notice = consent_notice(world, about, issued_us=now_us + issued, expires_us=now_us + issued + HOUR_US)
    assert await word(caller(world), sealed_consent(world, notice)) != "taken"
    assert kept(world) == before


async def test_an_exchange_answer_or_record_that_never_was_is_refused(world: World, about: Found) -> None:
    before = kept(world)
    other = await found(world)
    place = parse_notice(sealed_consent(world, consent_notice(world, other))).body
    theirs = place.hit  # type: ignore[union-attr]
    assert theirs is not None
    now_us = CLOCK.now_us()
    changes: list[tuple[str, dict[str, Any]]] = [
        ("no-such-exchange", {"exchange_id": new_exchange_id()}),
        ("no-such-exchange", {"entry_index": theirs.entry_index}),
        ("no-such-exchange", {"entry_index": 2**63 - 1}),
        ("no-such-exchange", {"log_number": 7}),
        ("no-such-exchange", {"exchange_id": other.line.exchange_id}),
        ("wrong-answer", {"answer_hash": secrets.token_bytes(32)}),
        ("wrong-record", {"record": secrets.token_hex(16)}),
        ("wrong-record", {"record": theirs.record}),
        ("wrong-record", {"record": ""}),
        ("wrong-record", {"reference": "another-one"}),
        ("purpose-not-covered", {"use": OnwardUse(Place(TH), Purpose.TRAINING, Use.PASS_ON)}),
        ("wrong-purpose", {"purpose": Purpose.THREAT_TO_LIFE}),
        ("bad-validity", {"expires_us": 0}),
        ("bad-validity", {"expires_us": now_us + 49 * HOUR_US}),
    ]
    for code, change in changes:
        notice = consent_notice(world, about, **change)
        if "purpose" in change:
            notice = structs.replace(notice, head=structs.replace(notice.head, purpose=change["purpose"]))
        assert await word(caller(world), sealed_consent(world, notice)) == code, change
        assert last(world.nodes["vn"], "refused", "exchange").private["code"] == code
    assert kept(world) == before


async def test_another_peer_s_exchange_is_no_exchange(world: World, about: Found) -> None:
    notice = consent_notice(world, about, sender=KH)
    assert await word(caller(world, "kh"), sealed_consent(world, notice)) == "no-such-exchange"


async def test_a_question_is_not_turned_into_a_consent_nor_one_use_into_another(world: World, about: Found) -> None:
    """A thread that was opened about one use goes on about it, after a question back, too."""
    vn, before = world.nodes["vn"], kept(world)
    first = consent_notice(world, about)
    assert await word(caller(world), sealed_consent(world, first)) == "taken"
    key = ThreadKey(TH, first.head.thread_id)
    await vn.desk.parts.author.post(key, _reply(vn, first, Reply(ReplyCode.CLARIFY, text="which yard?")))
    thread = vn.core.desk.thread(key)
    assert thread is not None
    place = {"seq": 2, "seen": 1, "previous": thread.their_last, "notice_id": new_exchange_id()}
    head = structs.replace(first.head, **place)
    wider = structs.replace(CUSTOMS, to=Place(KH, "customs"))
    second = structs.replace(first, head=head, body=structs.replace(first.body, use=wider))
    assert await word(caller(world), sealed_consent(world, second)) == "other-matter"
    same = structs.replace(first, head=structs.replace(head, notice_id=new_exchange_id()))
    assert await word(caller(world), sealed_consent(world, same)) == "taken"
    assert kept(world) == before + 1


def _reply(node: Node, ask: Notice, body: Reply, expires_us: int = 0) -> Post:
    """A reply of an officer of this node."""
    head, who = ask.head, officer("vn")
    requester = Requester(who.role, who.office, who.agency, "fedcba9876543210")
    assert node.core.parts.member == head.recipient
    return Post(
        body, head.urgency, head.purpose, head.offence, requester, case=head.case, agreement=head.agreement,
        expires_us=expires_us, by=who,
    )  # fmt: skip


async def test_a_duty_officer_of_the_owning_agency_decides_at_the_desk_whole_or_not_at_all(
    world: World, about: Found
) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    key = ThreadKey(TH, ExchangeId(await _asked(world, about)))
    (work,) = vn.core.desk.works(WorkFilter(key=key))

    def duty(agency: str) -> Actor:
        who = structs.replace(officer("vn"), person=f"vn.d.{agency}", role="duty", agency=agency)
        person = Person(who.person, frozenset({Role.DUTY}), agency, who.office, 2**62)
        return Actor(who, person)

    decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="same case")
    with pytest.raises(Forbidden):
        await vn.desk.second_step.decisions.decide(duty("customs"), decide)
    for wrong in ({"answer": ReplyCode.PARTLY}, {"fields": ("number",)}):
        with pytest.raises(Malformed):
            await vn.desk.second_step.decisions.decide(duty(work.agency), structs.replace(decide, **wrong))
    await vn.desk.second_step.decisions.decide(duty(work.agency), decide)

    async def allowed() -> bool:
        return (await th.desk.onward.use(about.officer, about.wish())).allowed

    await eventually_async(allowed)
    (human,) = next(
        item.private["humans"]
        for item in entries(vn)
        if item.private.get("thread") == key.thread_id and "humans" in item.private
    )
    assert (human["by"], human["reason"]) == ("vn.d.immigration", "same case")


async def test_no_more_than_so_many_asks_of_one_counterpart_wait(world: World, about: Found) -> None:
    """The others are refused, and their author is told."""
    notice = consent_notice(world, about)
    node = world.nodes["vn"]
    waiting = node.core.desk.asks_waiting(TH, notice.head.urgency, 10_000)
    with budget(node, NoticeType.ASK, open=waiting + 1):
        assert await word(caller(world), sealed_consent(world, notice)) == "taken"
        assert await word(caller(world), sealed_consent(world, consent_notice(world, about))) == "budget-open"
        kh = consent_notice(world, about, sender=KH)
        assert await word(caller(world, "kh"), sealed_consent(world, kh)) == "no-such-exchange", (
            "another one is not held up"
        )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 100,
        delivery(b""),
        delivery(b"\x00" * 50),
        delivery(b"\x0a\xff\xff\xff\xff\x0f"),
        delivery(secrets.token_bytes(9 * 1024)),
        secrets.token_bytes(methods.DELIVER_NOTICE.max_request_bytes + 1),
    ],
    ids=["empty", "garbage", "no-envelope", "zeros", "long-length", "oversized", "over-the-method"],
)
async def test_what_does_not_parse_or_fit_is_refused(world: World, about: Found, data: bytes) -> None:
    status = await caller(world).refused(methods.DELIVER_NOTICE.path, data)
    assert status in (DENIED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("head", {"notice_id": "short"}),
        ("hit", {"exchange_id": "x" * 32}),
        ("hit", {"hit_reference": "a b"}),
        ("", {"facts": ""}),
        ("", {"facts": "x" * 2_001}),
        ("", {"facts": "line\x1b[2Jbreak"}),
        ("head", {"case_number": "../../etc"}),
        ("hit", {"record_id": "0" * 31}),
        ("head", {"blind": b"short"}),
    ],
)
async def test_values_of_another_form_are_refused(
    world: World, about: Found, part: str, change: dict[str, Any]
) -> None:
    before = kept(world)
    message = pb.AskNotice.FromString(payload_of(sealed_consent(world, consent_notice(world, about))))
    for name, value in change.items():
        setattr(getattr(message, part) if part else message, name, value)
    kind = NOTICES[consent_notice(world, about).type]
    envelope = envelope_of(message.SerializeToString(), kind, world.federation["th"].key("statement"))
    assert await word(caller(world), envelope) != "taken"
    assert kept(world) == before


async def test_a_flood_is_refused_and_others_are_served(
    world: World, about: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.nodes["vn"].desk.taker, "_rates", Rates(10.0, time.monotonic))
    envelope = sealed_consent(world, consent_notice(world, about))
    assert set(await asyncio.gather(*(word(caller(world), envelope) for _ in range(40)))) == {"taken", "notice-rate"}
    kh = sealed_consent(world, consent_notice(world, about, sender=KH))
    assert await word(caller(world, "kh"), kh) == "no-such-exchange"


async def test_a_suspended_peer_is_told_so_and_people_in_danger_come_through(world: World, about: Found) -> None:
    home, danger = Home(world.home("vn")), structs.replace(CUSTOMS, purpose=Purpose.THREAT_TO_LIFE)

    async def told(**changes: Any) -> str:
        return await word(caller(world), sealed_consent(world, consent_notice(world, about, **changes)))

    async def suspended() -> bool:
        return await told() == "suspended"

    switch_off(home, "peer:th", "under review")
    await eventually_async(suspended)
    assert await told(use=danger) == "suspended"
    switch_off(home, "peer:th", "under review", "minister of the interior")

    async def let_through() -> bool:
        return await told(use=danger) == "taken"

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

    await eventually_async(taken)


async def test_people_in_danger_come_through_our_own_suspension_and_nothing_else_does(
    world: World, about: Found
) -> None:
    """A notice that waits holds up no other one, and a purpose that a person of rank lets through is delivered."""
    home, th = Home(world.home("th")), world.nodes["th"]
    switch_off(home, "peer:vn", "under review", "minister of the interior")

    async def suspended() -> bool:
        th.core.parts.suspensions.refresh()
        return "peer:vn" in th.core.parts.suspensions.active

    await eventually_async(suspended)
    try:
        assert (await th.desk.onward.use(about.officer, about.wish())).problem == "suspended"
        danger = structs.replace(CUSTOMS, purpose=Purpose.THREAT_TO_LIFE)

        async def taken() -> bool:
            return (await th.desk.onward.use(about.officer, about.wish(danger))).state == "taken"

        await eventually_async(taken)
        assert (await th.desk.onward.use(about.officer, about.wish())).state == "waiting"
    finally:
        await switch_on(home, "peer:vn", "over")

    async def over() -> bool:
        return (await th.desk.onward.use(about.officer, about.wish())).state == "taken"

    await eventually_async(over)


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


@pytest.mark.parametrize(
    "lie",
    [
        {"until_us": 0},
        {"until_us": HOUR_US * 49},
        {"until_us": 4_000_000_000_000_000},
        {"code": ReplyCode.PARTLY, "until_us": HOUR_US},
        {"code": ReplyCode.NOTHING_HELD},
        {"code": ReplyCode.PASSED_ON},
    ],
    ids=str,
)
async def test_a_word_that_does_not_verify_grants_nothing(world: World, about: Found, lie: dict[str, Any]) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    asked = await _asked(world, about)
    key = ThreadKey(TH, ExchangeId(asked))
    until_us = lie.get("until_us", 0)
    body = Reply(lie.get("code", ReplyCode.RELEASED), until_us=until_us + CLOCK.now_us() if until_us else 0)
    await vn.desk.parts.author.post(key, _reply(vn, _ask_of(vn, key), body, CLOCK.now_us() + HOUR_US))

    async def refused() -> bool:
        return bool(vn.core.desk.deliveries((DeliveryState.REFUSED,), key))

    await eventually_async(refused)
    answer = await th.desk.onward.use(about.officer, about.wish())
    assert (answer.allowed, answer.state) == (False, "taken")
    assert last(th, "refused", "exchange").private["code"] in ("bad-validity", "bad-reply")


async def test_a_word_on_a_thread_that_is_another_member_s_grants_nothing(world: World, about: Found) -> None:
    """Cambodia cannot decide for Viet Nam: a thread is one between two members."""
    th = world.nodes["th"]
    asked = await _asked(world, about)
    (row,) = th.core.desk.notices(ThreadKey(VN, ExchangeId(asked)))
    head = parse_notice(row.envelope).head
    forged = structs.replace(
        head, sender=KH, recipient=TH, notice_id=new_exchange_id(), seq=1, seen=1, issued_us=CLOCK.now_us()
    )
    notice = Notice(forged, Reply(ReplyCode.RELEASED, until_us=CLOCK.now_us() + HOUR_US))
    assert await word(caller(world, "kh", "th"), sealed_consent(world, notice)) != "taken"
    assert not (await th.desk.onward.use(about.officer, about.wish())).allowed


async def _asked(world: World, about: Found, wanted: OnwardUse = CUSTOMS) -> str:
    """Ask for consent, and wait until the owner's node has taken it; return the request's id."""
    th = world.nodes["th"]

    async def taken() -> bool:
        return (await th.desk.onward.use(about.officer, about.wish(wanted))).state == "taken"

    await eventually_async(taken)
    return (await th.desk.onward.use(about.officer, about.wish(wanted))).consent


def _ask_of(node: Node, key: ThreadKey) -> Notice:
    return parse_notice(node.core.desk.notices(key)[0].envelope)


async def _granted(world: World, about: Found, wanted: OnwardUse = CUSTOMS) -> str:
    """Have a use granted for half an hour; return the request's id."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    asked = await _asked(world, about, wanted)
    key, until_us = ThreadKey(TH, ExchangeId(asked)), CLOCK.now_us() + HOUR_US // 2
    await vn.desk.parts.author.post(key, _reply(vn, _ask_of(vn, key), Reply(ReplyCode.RELEASED, until_us=until_us)))

    async def allowed() -> bool:
        return (await th.desk.onward.use(about.officer, about.wish(wanted))).allowed

    await eventually_async(allowed)
    return asked


async def test_a_grant_is_for_exactly_one_use_of_one_record_by_one_officer(world: World, about: Found) -> None:
    th = world.nodes["th"]
    await _granted(world, about)
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


async def test_a_third_country_that_may_have_a_record_stands_in_the_ledger_of_copies(
    world: World, about: Found
) -> None:
    """So that a change of the owner's is passed on to it; one that stays at home adds no holder."""
    th, abroad = world.nodes["th"], structs.replace(CUSTOMS, to=Place(KH, "customs"))
    record = about.line.hits[0].record
    assert record is not None
    await _granted(world, about)
    assert th.core.desk.holdings(jti=jti_of(record.compact), direction=Direction.OUT.value) == []
    asked = await _granted(world, about, abroad)
    (copy,) = th.core.desk.holdings(jti=jti_of(record.compact), direction=Direction.OUT.value)
    assert (copy.holder, copy.owner, copy.source) == (KH, VN, asked)


async def test_a_consent_ends_when_the_owner_changes_the_record(world: World, about: Found) -> None:
    """What the owner withdrew is hidden from the moment at which that was taken, consent or not."""
    th, record = world.nodes["th"], about.line.hits[0].record
    assert record is not None
    key = ThreadKey(VN, ExchangeId(await _granted(world, about)))
    hidden = Holding(
        jti_of(record.compact), Direction.IN, TH, VN, ExchangeId(about.line.exchange_id), HoldingState.HIDDEN
    )

    def draft() -> EntryDraft:
        made = events.DESK_CLOCK.draft(peer=VN, exchange_id=key.thread_id)
        made.rows = DeskRows(holdings=(hidden,))
        return made

    await th.desk.parts.pen.write(TH, key, draft)
    with pytest.raises(Forbidden):
        await th.desk.onward.use(about.officer, about.wish())


async def test_an_owner_that_takes_no_notices_is_not_asked_and_the_officer_is_told(
    world: World, about: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, before = world.nodes["th"], kept(world)
    descriptor = th.core.parts.trust().descriptor(VN)
    monkeypatch.setattr(th.core.parts.trust(), "_descriptors", {VN: replace(descriptor, takes=())})
    with pytest.raises(Forbidden) as refused:
        await th.desk.onward.use(about.officer, about.wish())
    assert refused.value.code == "notices-not-taken"
    assert last(th, "onward-refused").private["code"] == "notices-not-taken"
    monkeypatch.undo()
    assert kept(world) == before


async def test_a_record_that_does_not_verify_any_more_is_not_used(world: World, about: Found) -> None:
    th = world.nodes["th"]
    assert about.line.hits[0].record is not None
    record = about.line.hits[0].record
    wider = record.marking | {"onward": "SAME_COUNTRY", "use": []}
    forged = structs.replace(record, compact=record.compact.replace(".ey", ".eZ"), marking=wider)
    hit = structs.replace(about.line.hits[0], record=forged)
    changed = structs.replace(about.search, lines=(structs.replace(about.line, hits=(hit,)),))
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
    shown = structs.replace(record, marking=record.marking | {"onward": "SAME_COUNTRY", "use": ["U0"]})
    hit = structs.replace(about.line.hits[0], record=shown)
    changed = structs.replace(about.search, lines=(structs.replace(about.line, hits=(hit,)),))
    running = th.asking.searches._running.get(about.search.id)
    if running is not None:
        running.change(changed)
    await asyncio.to_thread(th.asking.searches._store, changed)
    assert not (await th.desk.onward.use(about.officer, about.wish())).allowed


async def test_refused_requests_without_end_do_not_fill_the_log(
    world: World, about: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    taker, peer = world.nodes["vn"].desk.taker, caller(world)
    monkeypatch.setattr(taker, "_refusals", Rates(1e-6, time.monotonic, 10e6))
    before, told = len(entries(world.nodes["vn"])), Counter[str]()
    for _ in range(15):
        wrong = consent_notice(world, about, exchange_id=new_exchange_id())
        told[await word(peer, sealed_consent(world, wrong))] += 1
    written = [item for item in entries(world.nodes["vn"])[before:] if item.entry.kind == "refused"]
    assert len(written) == 10
    assert told == {"no-such-exchange": 10, "notice-rate": 5}
    assert await word(peer, sealed_consent(world, consent_notice(world, about))) == "taken", "others are served"
