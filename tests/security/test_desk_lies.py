"""More lies of a counterpart that owns valid keys: in heads and bodies, about records, alerts, forms, places and times.

Each is refused with a code and, where its author can be told for good, with one entry and no work. The numbers are the
steps of taking.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.config.home import Home
from gateway.desk.alerts.issuing import binding
from gateway.desk.delivery.taking import REFUSALS_BURST_S, REFUSALS_PER_S
from gateway.desk.evidence.own_answers import HeldAnswers
from gateway.desk.forms.catalogue import FormField, form_named
from gateway.errors import Forbidden
from gateway.model.desk.notices import (
    About,
    Alert,
    Ask,
    Body,
    Change,
    ChangeCode,
    Note,
    Notice,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Service,
    ServiceCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import Direction, HoldingState, WorkKind
from gateway.model.hit import SourceRecord
from gateway.model.marking import Level, Marking, Onward, ReleaseMarking, UseCode
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.purpose import Purpose
from gateway.ports.desk import WorkFilter
from gateway.records.claims import claims_of
from gateway.records.sdjwt import RecordIssuer, issue, present
from gateway.statements import fields
from gateway.statements.envelope import NOTICES, seal
from gateway.statements.notices.notice import NOTICE_KINDS, SIZES
from gateway.throttle import Rates
from tests.federation.test_desk_delivery import post
from tests.security.test_desk_hostile import BAD, HOUR_US, QUESTION, Change_, Liar, alarms, code, vn, work
from tests.support.acts import switch_off, switch_on
from tests.support.alerts import FUGITIVE
from tests.support.exchange import CLOCK, KH, TH, VN, caller, command, kinds, lines, sample_world, sealed, stopping
from tests.support.nodes import World, officer
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY_US = 24 * HOUR_US
JTI = "ab" * 16
FORM = "vehicle-request"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("desk-lies"), ("th", "vn", "kh"))
    async with stopping(made):
        for member in ("vn", "kh"):
            await made.start(member)
        yield made


@pytest.fixture(autouse=True)
def whole_rates(world: World) -> None:
    """Each test begins with the whole of its rates."""
    vn(world).desk.taker._rates.of.clear()
    vn(world).desk.taker._refusals.of.clear()


def store(world: World) -> Any:
    return vn(world).desk.parts.store


def holdings(world: World, jti: str) -> list[HoldingState]:
    """The states of our copies of a record."""
    return [copy.state for copy in store(world).holdings(jti=jti, direction=Direction.IN)]


async def refused(world: World, liar: Liar, body: Body, wanted: str, alarm: bool = False, **changes: Any) -> None:
    """The next notice is refused for good, with one entry; the same bytes get the same refusal, and no work is left."""
    notice = liar.notice(body, **changes)
    envelope, before = liar.sealed(notice), len(work(world, liar.thread, liar.member))
    receipt = await liar.send(envelope)
    assert code(receipt) == wanted
    assert await liar.send(envelope) == receipt
    assert kinds(vn(world), notice.exchange_id) == ["refused"]
    assert len(work(world, liar.thread, liar.member)) == before
    assert store(world).notice(liar.member, notice.exchange_id) is None
    if alarm:
        assert wanted in alarms(world)


# ---------------------------------------------------------------- 2: refusals that have an entry


async def test_2_refusals_that_have_an_entry_are_limited_for_each_member(world: World) -> None:
    taker = vn(world).desk.taker
    taker._refusals = Rates(0.001, taker._refusals._monotonic, 2_000.0)  # two, and then none for minutes
    try:
        th, lie = Liar(world), Ask(About.QUESTION, "no such topic", topic="no-such-topic")
        for number in range(4):
            envelope = th.sealed(Liar(world).notice(lie))
            if number < 2:
                assert code(await th.send(envelope)) == "unknown-topic"
            else:
                assert (await th.status(envelope))[1] == "notice-rate"
        malformed = th.forged(th.notice(QUESTION), _set("head.offence", "WITCHCRAFT"))
        assert (await th.status(malformed))[1] == "notice-rate"
        assert kinds(vn(world), th.thread) == []
        assert code(await Liar(world).say(QUESTION)) == "taken", "what is right is taken"
        kh = Liar(world, KH)
        assert code(await kh.say(lie)) == "unknown-topic", "another member has refusals of its own"
    finally:
        taker._refusals = Rates(REFUSALS_PER_S, taker._refusals._monotonic, REFUSALS_BURST_S)


# ---------------------------------------------------------------- 3: heads and bodies


def _later(body: Body) -> Notice:
    """A notice that opens no thread: what its body says is read before its thread is looked for."""
    return Liar.notice(_LATER, body, seq=2, previous=b"\1" * 32, notice_id=new_exchange_id())


class _Later(Liar):
    def __init__(self) -> None:
        self.member, self.thread = TH, new_exchange_id()
        self.seq, self.last = 1, b"\1" * 32


_LATER = _Later()
ALERT = Alert("a.b.c~", "DISCREET_CHECK", CLOCK.now_us() + DAY_US)


def _set(path: str, value: Any) -> Change_:
    def change(message: Any) -> None:
        *way, name = path.split(".")
        for part in way:
            message = getattr(message, part)
        setattr(message, name, value)

    return change


def _more(name: str, *items: Any) -> Change_:
    return lambda message: getattr(message, name).extend(items)


def _coded(message: Any) -> None:
    for number in range(65):
        message.values.add(code=f"f{number}", value="x")


def _own_approval(message: Any) -> None:
    message.head.approver.CopyFrom(message.head.requester)


def _end(field: str, seconds: int) -> Change_:
    return lambda message: getattr(message, field).FromSeconds(seconds)


def _expires(after_us: int) -> Change_:
    def change(message: Any) -> None:
        message.head.expires_time.FromMicroseconds(message.head.issued_time.ToMicroseconds() + after_us)

    return change


@pytest.mark.parametrize(
    ("body", "change", "wanted"),
    [
        (QUESTION, _set("head.offence", "WITCHCRAFT"), "unknown-offence"),
        (QUESTION, _expires(-1), "bad-validity"),
        (QUESTION, _expires(0), "bad-validity"),
        (QUESTION, _expires(100 * 366 * DAY_US), "bad-validity"),
        (QUESTION, _own_approval, "own-approval"),
        (QUESTION, _set("head.group_id", "a group"), ""),
        (QUESTION, _set("head.agreement", "\u202egms"), ""),
        (QUESTION, _set("head.case_number", "TH-\u2066" + "9" * 2_000), ""),
        (QUESTION, _set("topic", "\u202evehicle"), "bad-code"),
        (QUESTION, _set("category", "EVERYBODY"), "unknown-category"),
        (QUESTION, _set("use.purpose", "INVESTIGATION"), "bad-ask"),
        (QUESTION, _coded, "too-many"),
        (ALERT, _more("scope", *(f"vn.o{number}" for number in range(10_000))), "too-many"),
        (ALERT, _more("scope", "vn.o1", "vn.o1"), "listed-twice"),
        (ALERT, _set("repeat_s", 0), "bad-value"),
        (ALERT, _set("repeat_s", 86_401), "bad-value"),
        (ALERT, _end("until_time", 1), "bad-time"),
        (Change(ChangeCode.WITHDRAWN, (JTI,)), _set("code", "CORRECTED"), "bad-change"),
        (Change(ChangeCode.WITHDRAWN, (JTI,)), _set("office", "vn.blo.one"), "bad-change"),
        (Change(ChangeCode.WITHDRAWN, (JTI,)), _set("record", "a.b.c~"), "bad-change"),
        (Change(ChangeCode.WITHDRAWN, (JTI,)), _more("record_ids", *(f"{n:032x}" for n in range(1_100))), "too-many"),
        (Service(ServiceCode.OUTAGE, since_us=9, until_us=10), _end("until_time", 0), "bad-time"),
        (Reply(ReplyCode.NOTHING_HELD), _more("records", "a.b.c~"), "bad-reply"),
        (Reply(ReplyCode.RELEASED), _more("records", *(f"a.{n}.c~" for n in range(33))), "too-many"),
        (Reply(ReplyCode.RELEASED), _set("withheld_commitment", b"short"), ""),
        (Status(new_exchange_id(), StatusCode.READ), _set("of", "../../etc/passwd"), ""),
        (Status(new_exchange_id(), StatusCode.READ), _set("record_id", "' OR 1=1"), "bad-value"),
        (OutcomeReport(OutcomeCode.SEIZED), _set("grams", 10**13), "bad-number"),
        (OutcomeReport(OutcomeCode.ARRESTED), _set("substance", "gold"), "bad-outcome"),
        (Note("en", "a word"), _set("lang", "en\u202e"), "bad-code"),
        (Note("en", "a word"), _set("text", "\u200f" * 2_000), "bad-text"),
    ],
)
async def test_3_what_is_not_as_a_notice_must_be_is_refused_with_one_entry(
    world: World, body: Body, change: Change_, wanted: str
) -> None:
    th = Liar(world)
    opens = isinstance(body, Ask | Alert | Change | Service)
    notice = th.notice(body) if opens else _later(body)
    envelope = th.forged(notice, change)
    receipt = await th.send(envelope)
    assert receipt.refusal is not None
    assert wanted in ("", receipt.refusal.code)
    assert await th.send(envelope) == receipt
    assert kinds(vn(world), notice.exchange_id) == ["refused"]
    assert work(world, notice.head.thread_id) == []


async def test_3_padding_that_lies_and_fields_hidden_in_parts_are_refused(world: World) -> None:
    th = Liar(world)
    message = NOTICE_KINDS[th.notice(QUESTION).type].write(th.notice(QUESTION))
    message.head.blind = os.urandom(32)
    whole, tag = message.SerializeToString(), 15 << 3 | 2
    kind = NOTICES[th.notice(QUESTION).type]
    odd = fields.pad(whole, tag, (5_000,))
    assert code(await th.send(seal(kind, odd, th.key))) == "bad-padding"
    message.head.notice_id = message.head.thread_id = new_exchange_id()
    written = bytearray(fields.pad(message.SerializeToString(), tag, SIZES))
    written[-1] = 1
    assert code(await th.send(seal(kind, bytes(written), th.key))) == "bad-padding"
    for part in (message.head, message.head.requester, message.head.issued_time):
        copy = type(message).FromString(message.SerializeToString())
        target = copy.head if part is message.head else getattr(copy.head, part.DESCRIPTOR.name.lower(), None)
        target = target if target is not None else copy.head.issued_time
        target.MergeFromString(b"\xa2\x06\x0aattachment")  # a field that this version does not know
        assert (await th.status(seal(kind, fields.pad(copy.SerializeToString(), tag, SIZES), th.key)))[0] is BAD


# ---------------------------------------------------------------- 5: ids


async def test_5_the_id_of_a_search_of_the_same_member_is_used(world: World) -> None:
    search_id = new_exchange_id()
    await caller(world).submit(sealed(world.federation["th"], exchange_id=search_id))
    liar = Liar(world, thread=search_id)
    assert await liar.status(liar.sealed(liar.notice(QUESTION))) == (grpc.StatusCode.ALREADY_EXISTS, "replayed")
    assert "replayed" in alarms(world)
    assert work(world, search_id) == []


# ---------------------------------------------------------------- 7: suspension


async def test_7_confirmations_and_words_of_a_node_pass_a_suspension_and_an_ask_does_not(world: World) -> None:
    author, home = vn(world).desk.parts.author, Home(world.home("vn"))
    keys = []
    for _ in (StatusCode.ERASED, StatusCode.OBJECTED, StatusCode.NOT_HELD):
        change = Change(ChangeCode.WITHDRAWN, (JTI,), erase_by_us=CLOCK.now_us() + DAY_US)
        keys.append(await author.open(TH, dataclasses.replace(post(change, "vn"), expires_us=0)))
    switch_off(home, "peer:th", "under review")
    await until(lambda: bool(vn(world).core.parts.suspensions.active), "the switch is read")
    try:
        for key, said in zip(keys, (StatusCode.ERASED, StatusCode.OBJECTED, StatusCode.NOT_HELD), strict=True):
            th = Liar(world, thread=key.thread_id)
            confirmation = Status(key.thread_id, said, reason="court-file")
            assert code(await th.say(confirmation, expires_us=0, **answering(1))) == "taken"
        outage = Liar(world)
        assert code(await outage.say(Service(ServiceCode.OUTAGE, "back at noon"))) == "taken"
        liar = Liar(world)
        assert (await liar.status(liar.sealed(liar.notice(QUESTION))))[1] == "suspended"
    finally:
        await switch_on(home, "peer:th")
    await until(lambda: not vn(world).core.parts.suspensions.active, "the switch is read")


# ---------------------------------------------------------------- 7, 8: places, agreements, grounds


@pytest.mark.parametrize("office", ["kh.blo.one", "vn.nowhere", "th.blo.one"])
@pytest.mark.parametrize("body", [QUESTION, Service(ServiceCode.INCIDENT, "a leak")], ids=["question", "service"])
async def test_7_an_office_that_is_not_ours_is_refused(world: World, office: str, body: Body) -> None:
    await refused(world, Liar(world), body, "unknown-office", to_office=office)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"agreement": "no-such-agreement"}, "agreement-unknown"),
        ({"case": "", "ticket": "TH-1"}, "case-missing"),
        ({"purpose": Purpose.STATISTICS}, "purpose-not-covered"),
    ],
)
async def test_8_what_policy_does_not_allow_is_refused_for_good(
    world: World, changes: dict[str, Any], wanted: str
) -> None:
    await refused(world, Liar(world), QUESTION, wanted, **changes)


# ---------------------------------------------------------------- 9: what a thread does not allow


async def asked_by_us(world: World, to: MemberId = TH) -> tuple[ThreadKey, Liar]:
    """An ask of ours, and its recipient, which lies."""
    key = await vn(world).desk.parts.author.open(to, post(QUESTION, "vn"))
    return key, Liar(world, to, thread=key.thread_id)


def answering(seen: int) -> dict[str, Any]:
    """The head of a first notice in a thread of the other side."""
    return {"notice_id": new_exchange_id(), "seen": seen}


async def test_9_an_answer_that_had_seen_the_withdrawal_is_refused_and_one_that_crossed_it_stands(
    world: World,
) -> None:
    key, th = await asked_by_us(world)
    gone = Change(ChangeCode.WITHDRAWN, of=key.thread_id, text="the person left")
    await vn(world).desk.parts.author.post(key, post(gone, "vn"))
    reply = Reply(ReplyCode.NOTHING_HELD)
    await refused(world, th, reply, "not-now", **answering(2))
    assert code(await th.say(reply, **answering(1))) == "taken"
    thread = store(world).thread(key)
    assert thread.state is ThreadState.ANSWERED
    for late in (reply, Status(key.thread_id, StatusCode.OVERDUE)):
        assert code(await th.say(late, seen=2)) == "not-now"


async def test_9_word_of_a_notice_that_was_never_sent_is_refused_and_alarmed(world: World) -> None:
    th = Liar(world)
    await th.say(QUESTION)
    for of in (new_exchange_id(), th.thread):
        await refused(world, th, Status(of, StatusCode.READ), "wrong-notice", alarm=True)
    key = ThreadKey(TH, th.thread)
    await vn(world).desk.parts.author.post(key, post(Note("en", "which gate?"), "vn"))
    ours = store(world).notices(key)[-1].notice_id
    assert code(await th.say(Status(ours, StatusCode.READ), seen=1)) == "taken"


async def test_9_a_withdrawal_of_what_another_thread_asked_ends_none(world: World) -> None:
    first, second = Liar(world), Liar(world)
    await first.say(QUESTION)
    await second.say(QUESTION)
    withdrawal = Change(ChangeCode.WITHDRAWN, of=first.thread)
    await refused(world, second, withdrawal, "wrong-notice", alarm=True)
    assert work(world, first.thread) == work(world, second.thread) == [WorkKind.DECIDE]


async def test_9_an_ask_is_not_asked_twice_and_a_question_back_is_about_the_same(world: World) -> None:
    th = Liar(world)
    await th.say(QUESTION)
    await refused(world, th, QUESTION, "not-now")
    key = ThreadKey(TH, th.thread)
    await vn(world).desk.parts.author.post(key, post(Reply(ReplyCode.CLARIFY, text="which truck?"), "vn"))
    other = Ask(About.QUESTION, "and who is this?", topic="person")
    await refused(world, th, other, "other-matter", seen=1)
    (before,) = store(world).works(WorkFilter(key=key, kinds=(WorkKind.DECIDE,)))
    assert code(await th.say(QUESTION, seen=1, urgency=Urgency.ROUTINE)) == "taken"
    (after,) = store(world).works(WorkFilter(key=key, kinds=(WorkKind.DECIDE,)))
    assert (after.urgency, after.due_us) == (before.urgency, before.due_us), "its clock is that of the first ask"


async def test_9_a_form_has_its_fields_and_no_others_also_when_it_is_asked_again(world: World) -> None:
    th = Liar(world)
    form = form_named(FORM)
    values = tuple((field.code, _value(field)) for field in form.fields if field.required)
    ask = Ask(About.FORM, "", topic=FORM, values=values)
    await refused(world, th, replace(ask, values=(*values, ("evil", "x"))), "unknown-field")
    th = Liar(world)
    await refused(world, th, replace(ask, values=values[1:]), "missing-field")
    th = Liar(world)
    assert code(await th.say(ask)) == "taken"
    key = ThreadKey(TH, th.thread)
    await vn(world).desk.parts.author.post(key, post(Reply(ReplyCode.CLARIFY, text="which one?"), "vn"))
    await refused(world, th, replace(ask, values=(*values, ("evil", "x"))), "unknown-field", seen=1)
    await refused(world, th, replace(ask, values=()), "missing-field", seen=1)
    await refused(world, Liar(world), replace(ask, topic="no-such-form"), "unknown-form")


def _value(field: FormField) -> str:
    if field.codes:
        return next(iter(field.codes))
    return {"date": "2026", "country": "VNM", "number": "7"}.get(field.type.value, "x")


async def test_9_a_hit_that_was_given_to_another_member_is_no_ground(world: World) -> None:
    kh = world.nodes["kh"]
    search = await kh.asking.searches.start(officer("kh"), command())
    held = HeldAnswers(kh.core.kept, kh.asking.searches, kh.resources.exchange_log.store_name)
    place = held.find(lines(search)[VN], 0).place
    stolen = Ask(About.HIT, "it stands at our gate", hit=place)
    await refused(world, Liar(world), stolen, "no-such-exchange")
    honest = Liar(world, KH)
    for lie, wanted in (
        (replace(place, answer_hash=bytes(32)), "wrong-answer"),
        (replace(place, reference="made-up"), "wrong-hit"),
        (replace(place, record=JTI), "wrong-record"),
        (replace(place, log_number=9), ""),
        (replace(place, entry_index=10**6), ""),
    ):
        liar = Liar(world, KH)
        receipt = await liar.say(replace(stolen, hit=lie))
        assert receipt.refusal is not None
        assert wanted in ("", receipt.refusal.code)
        assert work(world, liar.thread, KH) == []
    assert {"wrong-answer", "wrong-hit", "wrong-record"} <= set(alarms(world))
    assert code(await honest.say(stolen)) == "taken"


# ---------------------------------------------------------------- 9: records


def made_record(node: Node, audience: str, request_hash: bytes, **fields: Any) -> str:
    """A record of an agency of a node, signed by its own key."""
    issuer: RecordIssuer = next(iter(node.core.parts.issuers.values()))
    source = SourceRecord("police.alerts", "a1", "Alert", issuer.agency, FUGITIVE | fields, Marking())
    marking = ReleaseMarking(
        level=Level.OFFICIAL,
        use=frozenset({UseCode.LAW_ENFORCEMENT}),
        caveats=frozenset(),
        onward=Onward.SAME_COUNTRY,
        purposes=frozenset({Purpose.INVESTIGATION.value}),
        not_after=CLOCK.now().replace(microsecond=0) + timedelta(days=1),
    )
    made = issue(
        source,
        issuer=issuer,
        audience=MemberId(audience),
        request_hash=request_hash,
        marking=marking,
        now_us=CLOCK.now_us(),
    )
    return present(made, source.fields)


def jti_of(compact: str) -> str:
    claims = claims_of(compact)
    assert claims is not None
    return claims.jti


async def test_9_records_that_are_not_for_us_or_not_for_this_ask_are_refused(world: World) -> None:
    key, kh = await asked_by_us(world, KH)
    asked = store(world).notices(key)[0].payload_hash
    owner, own = world.nodes["kh"], vn(world)
    good = made_record(owner, VN, asked)
    bad: dict[str, Callable[[], str]] = {
        "for another member": lambda: made_record(owner, TH, asked),
        "for another ask": lambda: made_record(owner, VN, bytes(32)),
        "of another owner": lambda: made_record(own, VN, asked),
        "with a changed field": lambda: good.replace("~", "~WyJ4IiwieCIsIngiXQ~", 1),
        "without its signature": lambda: good.replace(".", ".e", 1),
    }
    for lie, record in bad.items():
        reply = Reply(ReplyCode.RELEASED, records=(record(),))
        await refused(world, kh, reply, "wrong-record", alarm=True, **answering(1))
        assert store(world).thread(key).state is ThreadState.OPEN, lie
    assert holdings(world, jti_of(good)) == []
    assert code(await kh.say(Reply(ReplyCode.RELEASED, records=(good,)), **answering(1))) == "taken"
    assert holdings(world, jti_of(good)) == [HoldingState.HELD]


async def test_9_a_record_that_its_owner_has_withdrawn_before_it_came_is_never_shown(world: World) -> None:
    key, kh = await asked_by_us(world, KH)
    asked = store(world).notices(key)[0].payload_hash
    record = made_record(world.nodes["kh"], VN, asked)
    jti = jti_of(record)
    overtaking = Liar(world, KH)
    until_us = CLOCK.now_us() + DAY_US
    body = Change(ChangeCode.WITHDRAWN, (jti,), reason="mistaken", erase_by_us=until_us)
    assert code(await overtaking.say(body, expires_us=0)) == "taken"
    change = ThreadKey(KH, overtaking.thread)
    await until(lambda: not work(world, overtaking.thread, KH), "nothing is held yet, and that is said")
    assert code(await kh.say(Reply(ReplyCode.RELEASED, records=(record,)), **answering(1))) == "taken"
    assert holdings(world, jti) == [HoldingState.HIDDEN]
    with pytest.raises(Forbidden) as caught:
        vn(world).desk.parts.ledger.check(KH, jti)
    assert caught.value.code == "record-withdrawn"
    assert WorkKind.COMPLY in work(world, overtaking.thread, KH), "it is erased, and that is confirmed"
    codes = [row.placed.code for row in store(world).notices(change)]
    assert codes[:2] == [ChangeCode.WITHDRAWN, StatusCode.NOT_HELD]


async def test_9_a_record_that_was_withdrawn_is_not_given_back_by_another_notice(world: World) -> None:
    record_hash = []
    for _ in range(2):
        key, kh = await asked_by_us(world, KH)
        record_hash.append((key, kh, store(world).notices(key)[0].payload_hash))
    (_, first, asked), _ = record_hash
    record = made_record(world.nodes["kh"], VN, asked)
    assert code(await first.say(Reply(ReplyCode.PARTLY, records=(record,)), **answering(1))) == "taken"
    change = Liar(world, KH)
    erase = Change(ChangeCode.WITHDRAWN, (jti_of(record),), erase_by_us=CLOCK.now_us() + DAY_US)
    await change.say(erase, expires_us=0)
    assert holdings(world, jti_of(record)) == [HoldingState.HIDDEN]
    assert code(await first.say(Note("en", "it is true after all"), seen=1)) == "taken"
    assert holdings(world, jti_of(record)) == [HoldingState.HIDDEN]


async def test_9_a_member_hides_its_own_records_only(world: World) -> None:
    key, kh = await asked_by_us(world, KH)
    record = made_record(world.nodes["kh"], VN, store(world).notices(key)[0].payload_hash)
    await kh.say(Reply(ReplyCode.RELEASED, records=(record,)), **answering(1))
    th = Liar(world)
    for ask in (
        Change(ChangeCode.WITHDRAWN, (jti_of(record),), erase_by_us=CLOCK.now_us() + DAY_US),
        Change(ChangeCode.CONTESTED, of=store(world).notices(key)[-1].notice_id),
    ):
        th = Liar(world)
        await th.say(ask, expires_us=0)
    vn(world).desk.parts.ledger.check(KH, jti_of(record))
    (held,) = [row.state for row in store(world).holdings(jti=jti_of(record)) if row.owner == KH]
    assert held is HoldingState.HELD


# ---------------------------------------------------------------- 9: alerts


def alert_of(world: World, liar: Liar, **changes: Any) -> Alert:
    record = made_record(world.nodes["kh"], changes.pop("audience", VN), changes.pop("bound", binding(liar.thread)))
    now_us = CLOCK.now_us()
    return replace(Alert(record, "DISCREET_CHECK", now_us + 3 * DAY_US), **changes)


async def test_9_an_alert_says_what_its_record_says_for_us_and_in_this_thread(world: World) -> None:
    for changes, wanted in (
        ({"action": "ARREST"}, "bad-alert"),
        ({"until_us": CLOCK.now_us() + 91 * DAY_US}, "bad-alert"),
        ({"until_us": CLOCK.now_us() + HOUR_US}, "bad-alert"),
        ({"scope": ("kh.blo.one",)}, "unknown-office"),
        ({"audience": TH}, "wrong-record"),
        ({"bound": bytes(32)}, "wrong-record"),
        ({"record": "a.b.c~"}, "wrong-record"),
    ):
        kh = Liar(world, KH)
        alarm = wanted != "unknown-office"
        await refused(world, kh, alert_of(world, kh, **changes), wanted, alarm=alarm)
    kh = Liar(world, KH)
    await refused(world, kh, alert_of(world, kh), "unknown-office", to_office="vn.nowhere")


async def test_9_a_correction_of_an_alert_stands_for_it_or_is_refused(world: World) -> None:
    kh = Liar(world, KH)
    assert code(await kh.say(alert_of(world, kh))) == "taken"
    key = ThreadKey(KH, kh.thread)
    await until(lambda: bool(_reason(world, key)), "the gate warns")
    for record, wanted in (
        ("a.b.c~", "wrong-record"),
        (made_record(world.nodes["kh"], VN, bytes(32)), "wrong-record"),
        (made_record(world.nodes["kh"], VN, binding(kh.thread), alert_class="ARREST"), "bad-alert"),
    ):
        body = Change(ChangeCode.CORRECTED, of=kh.thread, record=record)
        await refused(world, kh, body, wanted, alarm=True)
        assert _reason(world, key) == FUGITIVE["reason"]
    better = made_record(world.nodes["kh"], VN, binding(kh.thread), reason="carries a gun")
    assert code(await kh.say(Change(ChangeCode.CORRECTED, of=kh.thread, record=better))) == "taken"
    await until(lambda: _reason(world, key) == "carries a gun", "the gate warns by the new record")
    await refused(world, kh, Change(ChangeCode.WITHDRAWN, of=new_exchange_id()), "wrong-notice", alarm=True)


def _reason(world: World, key: ThreadKey) -> str:
    found = [alert for alert in vn(world).desk.alerts.gate.alerts if alert.key == key]
    return str(found[0].fields.get("reason", "")) if found else ""


# ---------------------------------------------------------------- 10: times


async def test_10_clocks_are_ours_whatever_a_head_claims(world: World) -> None:
    now_us = CLOCK.now_us()
    old = Liar(world)
    assert code(await old.say(QUESTION, issued_us=now_us - 3 * DAY_US, expires_us=now_us + HOUR_US)) == "taken"
    (decide,) = store(world).works(WorkFilter(key=ThreadKey(TH, old.thread)))
    assert decide.opened_us >= now_us
    assert decide.due_us - decide.opened_us == 15 * 60 * 1_000_000
    change = Liar(world)
    body = Change(ChangeCode.WITHDRAWN, (JTI,), erase_by_us=now_us + 100 * 366 * DAY_US)
    await change.say(body, issued_us=now_us - 366 * DAY_US, expires_us=0)
    (comply,) = store(world).works(WorkFilter(key=ThreadKey(TH, change.thread), open_only=False))
    assert comply.due_us - comply.opened_us == DAY_US


async def test_10_a_group_of_another_member_joins_nothing(world: World) -> None:
    own = await vn(world).desk.parts.author.open(KH, dataclasses.replace(post(QUESTION, "vn"), group_id="operation-1"))
    th = Liar(world)
    assert code(await th.say(QUESTION, group_id="operation-1")) == "taken"
    assert code(await th.say(Change(ChangeCode.WITHDRAWN, of=th.thread), group_id="operation-1")) == "taken"
    thread = store(world).thread(own)
    assert thread.state is ThreadState.OPEN
    found = {each.key for each in store(world).threads(group_id="operation-1")}
    assert found == {own, ThreadKey(TH, ExchangeId(th.thread))}
