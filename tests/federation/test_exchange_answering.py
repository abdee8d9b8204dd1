"""The twelve steps of `exchange/answer.py`, each at a real node, with the wire of a real counterpart."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import grpc
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.audit.entries.entry import parse_entry
from gateway.audit.tree.checkpoint import origin, verify_checkpoint
from gateway.demo.sources import planted
from gateway.errors import Reason
from gateway.exchange.answering.job import Job
from gateway.exchange.asking.check_answer import check_answer
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.requester import Requester
from gateway.model.values import NameForm, PartialDate
from gateway.records.types import RECORD_TYPES
from gateway.records.verify import verify_record
from gateway.rpc import methods
from gateway.signing.keys import VerifyKey
from gateway.statements.answer import SIZES
from gateway.statements.request import REQUEST_KIND
from tests.support.exchange import (
    CLOCK,
    KH,
    NO_PASSPORT,
    TH,
    VN,
    Logged,
    WatchedSource,
    answer_of,
    caller,
    entries,
    last,
    person,
    request,
    sample_world,
    sealed,
    stopping,
    submission,
    watch,
)
from tests.support.forger import eventually
from tests.support.load import waiting
from tests.support.nodes import World
from tests.support.sealing import new_key, payload_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("answering"))
    async with stopping(made):
        for member in ("th", "vn", "kh"):
            await made.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sources(world: World) -> dict[str, WatchedSource]:
    return {member: watch(node) for member, node in world.nodes.items()}


@pytest.fixture
def source(sources: dict[str, WatchedSource]) -> WatchedSource:
    sources["vn"].reset()
    sources["kh"].reset()
    return sources["vn"]


async def ask(world: World, envelope: bytes, to: str = "vn", budget_ms: int = 3_000) -> AnswerMessage:
    return await caller(world, to=to).submit(envelope, budget_ms)


def by_th(world: World, **changes: Any) -> bytes:
    return sealed(world.federation["th"], **changes)


async def test_step_1_a_peer_that_no_descriptor_lists_gets_no_answer(world: World, source: WatchedSource) -> None:
    # Thailand's own CA issued it, for an agency system: good at home, unknown abroad.
    keys = world.home("th") / "keys"
    stranger = caller(
        world, key=(keys / "client-cli.key").read_bytes(), certificate=(keys / "client-cli.pem").read_bytes()
    )
    before = len(entries(world.nodes["vn"]))
    status = await stranger.refused(methods.SUBMIT.path, submission(by_th(world)))
    assert status is grpc.StatusCode.UNAUTHENTICATED
    assert source.searches == 0
    assert len(entries(world.nodes["vn"])) == before


@pytest.mark.parametrize(
    ("envelope", "status", "code"),
    [
        (b"\xff" * 40, grpc.StatusCode.INVALID_ARGUMENT, "malformed"),
        (b"", grpc.StatusCode.PERMISSION_DENIED, "wrong-payload-type"),
        (b"\x0a" + b"\x80\x80\x02" + bytes(32 * 1024), grpc.StatusCode.RESOURCE_EXHAUSTED, "statement-too-large"),
    ],
    ids=["random bytes (CASE-B1)", "empty", "too large"],
)
async def test_step_2_bytes_of_another_form_or_size_are_refused_with_an_entry(
    world: World, source: WatchedSource, envelope: bytes, status: grpc.StatusCode, code: str
) -> None:
    assert await caller(world).refused(methods.SUBMIT.path, submission(envelope)) is status
    entry = last(world.nodes["vn"])
    assert (entry.entry.kind, entry.entry.peer, entry.private["code"]) == ("refused", "th", code)
    assert source.searches == 0


async def refused(world: World, envelope: bytes, reason: Reason, code: str) -> None:
    """A signed refusal came, its entry is there, and no source was asked."""
    message = await ask(world, envelope)
    answer = answer_of(message)
    assert answer.outcome is Outcome.REFUSED
    assert answer.refusal
    assert not answer.hits
    assert (answer.refusal.reason, answer.refusal.code) == (reason, code)
    assert answer.refusal.text == "", "what the node thinks of a request stays at home"
    entry = last(world.nodes["vn"])
    assert entry.entry == parse_entry(message.entry)
    assert (entry.entry.kind, entry.private["code"], entry.answer) == ("refused", code, message.envelope)


@pytest.mark.parametrize(
    "query",
    [
        DocumentQuery(planted.STOLEN_PASSPORT.number, "VN"),
        DocumentQuery(planted.STOLEN_PASSPORT.number, "XQX"),
        PersonQuery((NameForm("Nguyen Van An"),), PartialDate("2524-07-04")),
        PersonQuery((NameForm("Nguyen Van An"),), nationality="VN"),
        NationalIdQuery("00108401234", "VNM-CCCD"),
        VehicleQuery("29A-12345", country="VNX"),
        ContainerQuery("CSQU305438"),
        VesselQuery("Naga", flag="XX"),
    ],
    ids=lambda query: query.kind.value,
)
@pytest.mark.parametrize("version", [1, 2, 3])
async def test_step_4_a_value_in_a_wrong_form_is_refused_and_never_no_hit(
    world: World, source: WatchedSource, monkeypatch: pytest.MonkeyPatch, query: Query, version: int
) -> None:
    """CASE-N220: other software asks for a stolen passport of `VN`; members of every version hear the refusal."""
    monkeypatch.setattr(Job, "answer_version", lambda _job: version)
    await refused(world, by_th(world, query=query), Reason.INVALID_ARGUMENT, "bad-query")
    assert source.searches == 0


async def test_step_4_an_office_of_another_country_is_refused(world: World, source: WatchedSource) -> None:
    """CASE-N221: the owner's evidence would name an office that never asked."""
    named = Requester("officer", "vn.blo.moc-bai", "police", "p1")
    await refused(world, by_th(world, requester=named), Reason.PERMISSION_DENIED, "foreign-office")
    assert source.searches == 0


async def test_step_3_a_signature_by_another_key_is_refused(world: World, source: WatchedSource) -> None:
    await refused(world, by_th(world, key=new_key()), Reason.PERMISSION_DENIED, "not-listed")
    assert source.searches == 0


async def test_step_3_a_statement_by_another_member_than_the_peer_is_refused(
    world: World, source: WatchedSource
) -> None:
    await refused(world, sealed(world.federation["kh"], sender=KH), Reason.PERMISSION_DENIED, "wrong-sender")
    assert source.searches == 0


async def test_step_3_a_listed_key_of_another_member_is_refused(world: World, source: WatchedSource) -> None:
    foreign = world.federation["kh"].key("statement")
    await refused(world, by_th(world, key=foreign), Reason.PERMISSION_DENIED, "not-listed")
    assert source.searches == 0


async def test_step_3_a_statement_for_another_audience_is_refused(world: World, source: WatchedSource) -> None:
    await refused(world, by_th(world, recipient=KH), Reason.PERMISSION_DENIED, "wrong-audience")
    assert source.searches == 0


async def test_step_4_a_request_that_is_not_fresh_is_refused(world: World, source: WatchedSource) -> None:
    old = CLOCK.now_us() - 45_000_000
    await refused(world, by_th(world, issued_us=old), Reason.FAILED_PRECONDITION, "not-fresh")
    assert source.searches == 0


async def test_step_5_an_agreement_that_nobody_knows_covers_nothing(world: World, source: WatchedSource) -> None:
    await refused(world, by_th(world, agreement="nobody-knows"), Reason.PERMISSION_DENIED, "agreement-unknown")
    assert source.searches == 0


async def test_step_6_policy_refuses_a_purpose_that_is_not_covered(world: World, source: WatchedSource) -> None:
    """CASE-D11: not allowed by bilateral policy."""
    await refused(world, by_th(world, purpose=Purpose.PREVENTION), Reason.PERMISSION_DENIED, "purpose-not-covered")
    assert last(world.nodes["vn"]).private["decision"]["policies"]
    assert source.searches == 0


async def test_step_6_policy_refuses_a_query_that_the_country_does_not_answer(
    world: World, source: WatchedSource
) -> None:
    envelope = by_th(world, query=ContainerQuery(planted.SEIZED_CONTAINER))
    await refused(world, envelope, Reason.PERMISSION_DENIED, "query-not-covered")
    assert source.searches == 0


async def test_step_7_a_source_that_hangs_is_named_as_missing_inside_the_budget(
    world: World, source: WatchedSource
) -> None:
    """CASE-K5."""
    source.gate.clear()
    with waiting() as watch:
        try:
            answer = answer_of(await ask(world, by_th(world), budget_ms=400))
        finally:
            source.gate.set()
    assert watch.seconds < 2
    assert (answer.outcome, answer.missing) == (Outcome.NOT_SEARCHED, ("immigration records",))


async def test_step_8_candidates_are_scored_and_say_why(world: World, source: WatchedSource) -> None:
    (document,) = [hit for hit in answer_of(await ask(world, by_th(world))).hits if hit.record_type == "TravelDocument"]
    assert document.quality.value == "EXACT_ID"
    assert document.rules
    envelope = by_th(world, recipient=KH, query=person(planted.DRIVER))
    (driver,) = answer_of(await ask(world, envelope, "kh")).hits
    assert driver.quality.value in ("STRONG", "POSSIBLE")
    assert driver.rules
    assert source.searches == 1


async def test_step_9_policy_decides_on_each_field_and_the_record_verifies_without_the_others(world: World) -> None:
    asked = request(recipient=KH, query=person(planted.DRIVER))
    made = REQUEST_KIND.build(asked, world.federation["th"].key("statement"))
    answer = answer_of(await ask(world, made.envelope, "kh"))
    (hit,) = answer.hits
    record = verify_record(
        hit.record,
        world.nodes["th"].core.parts.trust(),
        member=KH,
        audience=TH,
        request_hash=made.payload_hash,
        now_us=CLOCK.now_us(),
    )
    assert record.fields.keys() == {"names", "birth", "nationalities", "status"}
    assert not record.own_key
    withheld = last(world.nodes["kh"]).private["withheld"]
    assert len(withheld) == len(RECORD_TYPES["Person"].main) - 4 == answer.withheld_count
    assert record.undisclosed >= len(withheld)


async def test_step_9_a_record_that_policy_hides_is_never_fetched(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    hidden, nobody = [
        sealed(world.federation["th"], recipient=KH, query=person(who)) for who in (planted.HIDDEN, planted.NOBODY)
    ]
    sources["kh"].reset()
    suppressed = await ask(world, hidden, "kh")
    kept = last(world.nodes["kh"]).private
    nothing = await ask(world, nobody, "kh")
    assert kept["sources"] == last(world.nodes["kh"]).private["sources"], "it was not there for the search"
    assert (sources["kh"].searches, sources["kh"].fetches) == (2, 0)
    assert_alike(suppressed, nothing)


def assert_alike(one: AnswerMessage, other: AnswerMessage) -> None:
    """Same fields, same size, same outcome; only what is random, or counts, differs."""
    first, second = answer_of(one), answer_of(other)
    assert first.outcome is second.outcome is Outcome.NO_HIT
    for name in ("refusal", "hits", "missing", "capped", "withheld_count"):
        assert getattr(first, name) == getattr(second, name)
    assert len(one.envelope) == len(other.envelope)
    assert len(payload_of(one.envelope)) == len(payload_of(other.envelope)) == SIZES[0]
    assert parse_entry(one.entry).kind == parse_entry(other.entry).kind == "answered"


async def test_step_9_the_hidden_person_is_a_hit_for_viet_nam(world: World) -> None:
    """The control of the test before: the record exists."""
    asking = Requester("officer", "vn.blo.moc-bai", "immigration", "0123456789abcdef")
    envelope = sealed(world.federation["vn"], sender=VN, recipient=KH, requester=asking, query=person(planted.HIDDEN))
    answer = answer_of(await caller(world, "vn", "kh").submit(envelope))
    assert answer.outcome is Outcome.HIT


async def test_step_9_a_marking_that_became_stricter_since_the_index_was_built_counts(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    kh = sources["kh"]
    kh.reset()
    kh.change = lambda record: replace(record, marking=replace(record.marking, withhold_from=frozenset({"th"})))
    try:
        answer = answer_of(await ask(world, by_th(world, recipient=KH, query=person(planted.DRIVER)), "kh"))
    finally:
        kh.reset()
    assert (answer.outcome, answer.hits) == (Outcome.NO_HIT, ())
    (found,) = last(world.nodes["kh"]).private["sources"]
    assert found["suppressed"]


async def test_step_10_the_answer_is_signed_by_our_statement_key_over_the_hash_of_the_request(world: World) -> None:
    asked = request(query=NO_PASSPORT)
    made = REQUEST_KIND.build(asked, world.federation["th"].key("statement"))
    message = await ask(world, made.envelope)
    checked = check_answer(world.nodes["th"].core.parts, asked, made.payload_hash, message)
    assert checked.answer.key_id == world.federation["vn"].key("statement").key_id
    assert checked.answer.value.request_hash == made.payload_hash
    assert len(payload_of(message.envelope)) in SIZES


async def test_step_11_the_entry_is_on_disk_under_a_signed_head_before_the_answer_is_released(world: World) -> None:
    node = world.nodes["vn"]
    release, seen = node.answering.answerer._release, []

    def look(packed: object) -> None:
        with closing(sqlite3.connect(f"file:{world.home('vn')}/node.sqlite?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT body FROM log_entry WHERE kind = 'answered' ORDER BY log_id, seq DESC")
            seen.append((rows.fetchone()[0], node.resources.exchange_log.checkpoint))
        release(packed)  # type: ignore[arg-type]

    node.answering.answerer._release = look
    try:
        message = await ask(world, by_th(world, query=NO_PASSPORT))
    finally:
        node.answering.answerer._release = release
    ((body, head),) = seen
    assert body == message.entry
    key = VerifyKey.admit(world.federation["vn"].key("log").spki)
    checkpoint = verify_checkpoint(head, origin("vn", "exchange", 1), key)
    assert checkpoint.size > parse_entry(message.entry).index
    assert message.proof.checkpoint == head


async def test_step_12_the_answer_leaves_with_a_proof_of_its_entry(world: World) -> None:
    asked = request()
    made = REQUEST_KIND.build(asked, world.federation["th"].key("statement"))
    message = await ask(world, made.envelope)
    checked = check_answer(world.nodes["th"].core.parts, asked, made.payload_hash, message)
    entry = parse_entry(message.entry)
    assert (entry.kind, entry.peer, entry.exchange_id) == ("answered", "th", asked.exchange_id)
    assert checked.exchange.number == entry.number
    assert checked.checkpoint.size > entry.index


async def test_a_source_that_raises_makes_the_answer_partial_and_its_words_stay_at_home(
    world: World, source: WatchedSource
) -> None:
    """CASE-K6, CASE-K10."""
    source.error = lambda: RuntimeError("ORA-00942: table SECRET.PERSONS does not exist")
    message = await ask(world, by_th(world))
    answer = answer_of(message)
    assert (answer.outcome, answer.missing) == (Outcome.NOT_SEARCHED, ("immigration records",))
    assert b"ORA" not in payload_of(message.envelope)
    source.reset()
    assert answer_of(await ask(world, by_th(world))).outcome is Outcome.HIT


@pytest.mark.parametrize("rubbish", [42, "hit", [None], object()], ids=["int", "text", "list", "object"])
async def test_a_source_that_returns_rubbish_is_not_searched(
    world: World, source: WatchedSource, rubbish: object
) -> None:
    source.result = rubbish
    answer = answer_of(await ask(world, by_th(world)))
    source.reset()
    assert (answer.outcome, answer.missing) == (Outcome.NOT_SEARCHED, ("immigration records",))


async def test_a_record_with_fields_that_its_type_does_not_have_is_not_passed_on(
    world: World, source: WatchedSource
) -> None:
    source.change = lambda record: replace(record, fields={**record.fields, "blood_group": "A"})
    answer = answer_of(await ask(world, by_th(world)))
    source.reset()
    assert answer.outcome is Outcome.NOT_SEARCHED
    assert answer.missing == ("immigration records",)


async def test_a_record_of_an_agency_whose_key_is_not_here_is_not_passed_on(
    world: World, source: WatchedSource
) -> None:
    """CASE-F9: a record without its agency's signature is never passed silently."""
    source.change = lambda record: replace(record, owner="vn.navy")
    answer = answer_of(await ask(world, by_th(world)))
    source.reset()
    assert (answer.outcome, answer.missing) == (Outcome.NOT_SEARCHED, ("immigration records",))


async def test_one_subject_under_several_purposes_changes_no_answer_and_is_an_alarm(
    world: World, source: WatchedSource
) -> None:
    """Design, section 5: whoever asks again under another purpose may be trying what is kept from them."""
    wanted: dict[str, Any] = {"query": DocumentQuery("ZZ 7654321", "VNM"), "offence": Offence.OTHER}
    first = answer_of(await ask(world, by_th(world, purpose=Purpose.BORDER_CHECK, **wanted)))
    again = answer_of(await ask(world, by_th(world, purpose=Purpose.BORDER_CHECK, **wanted)))
    other = request(purpose=Purpose.INVESTIGATION, query=DocumentQuery("zz7654321"), offence=Offence.OTHER)
    second = answer_of(await ask(world, REQUEST_KIND.build(other, world.federation["th"].key("statement")).envelope))
    assert {each.outcome for each in (first, again, second)} == {Outcome.NO_HIT}
    await eventually(lambda: bool(_told_of(world, other.exchange_id)))
    (told,) = _told_of(world, other.exchange_id)
    assert (told.entry.kind, told.entry.peer, told.private["code"]) == ("alarm", "th", "several-purposes")
    assert told.private["detail"] == "one subject was asked for as BORDER_CHECK, INVESTIGATION"
    assert "7654321" not in str(told)


def _told_of(world: World, exchange: str) -> list[Logged]:
    return [item for item in entries(world.nodes["vn"], "operations") if item.entry.exchange_id == exchange]
