"""The eight steps of `exchange/ask.py`, between real nodes, and what an officer sees of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.audit.entries.entry import parse_entry
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.demo.sources import planted
from gateway.errors import Forbidden, Malformed, Reason, Unknown
from gateway.exchange.asking.inquiry import Inquiry
from gateway.model.exchange import Outcome
from gateway.model.handed.searches import SearchCommand
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import ContainerQuery
from gateway.model.requester import Officer
from gateway.model.search import Line, Search
from gateway.records.verify import verify_record
from gateway.storage.documents.witness_store import SqlWitnessStore
from tests.support.exchange import (
    CLOCK,
    KH,
    NO_PASSPORT,
    TH,
    VN,
    WatchedSource,
    asked_too_early,
    command,
    entries,
    kinds,
    last,
    lines,
    person,
    sample_world,
    stopping,
    watch,
)
from tests.support.forger import eventually, eventually_async
from tests.support.nodes import World, officer, silent_after

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = officer("th")
CHIEF = officer("th", ("BORDER_CHECK", "INVESTIGATION", "PREVENTION"))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("asking"))
    async with stopping(made):
        for member in ("th", "vn", "kh"):
            await made.start(member)
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sources(world: World) -> dict[str, WatchedSource]:
    return {member: watch(node) for member, node in world.nodes.items()}


async def search(world: World, made: SearchCommand) -> Search:
    return await world.nodes["th"].asking.searches.start(HER, made)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"case": "", "ticket": ""}, "missing-case"),
        ({"to": ()}, "no-counterpart"),
        ({"purpose": Purpose.PREVENTION}, "purpose-not-covered"),
        ({"purpose": Purpose.AUDIT}, "purpose-not-covered"),
    ],
    ids=["no case", "nobody asked", "purpose not in the token (CASE-D11)", "no operational purpose"],
)
async def test_step_1_what_is_not_allowed_at_home_asks_nobody_and_has_an_entry(
    world: World, sources: dict[str, WatchedSource], changes: dict[str, Any], code: str
) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    before = (len(entries(th)), len(entries(vn)), sources["th"].searches)
    with pytest.raises((Forbidden, Malformed)) as caught:
        await search(world, command(**changes))
    assert caught.value.code == code
    assert (len(entries(th)), len(entries(vn)), sources["th"].searches) == before
    entry = next(item for item in reversed(entries(th, "operations")) if item.entry.kind == "denied")
    assert (entry.private["code"], entry.private["officer"]) == (code, HER.person)


async def test_step_2_our_own_agencies_are_asked_first(world: World, sources: dict[str, WatchedSource]) -> None:
    found = await search(world, command(person(planted.DRIVER)))
    assert [line.member for line in found.lines] == [TH, VN]
    asked = entries(world.nodes["th"])[-3:]
    assert [item.entry.kind for item in asked] == ["own", "asked", "received"]
    assert sources["th"].searches > 0


async def test_step_2_a_source_of_our_own_that_fails_is_named_and_stops_nothing(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    sources["th"].error = lambda: RuntimeError("disk")
    found = lines(await search(world, command(person(planted.DRIVER), (KH,))))
    sources["th"].reset()
    assert found[TH].missing == ("police records",)
    assert found[KH].outcome is Outcome.HIT


async def test_step_2_the_entry_of_our_own_agencies_is_durable_before_the_officer_sees_their_line(
    world: World,
) -> None:
    th, seen = world.nodes["th"], []
    before = len(entries(th))

    def added(line: Line) -> None:
        seen.append((line.member, [item.entry.kind for item in entries(th)[before:]]))

    await th.asking.asker.run(Inquiry(HER, command(), "1" * 32, th.core.parts.clock.now_us()), added)
    assert seen[0] == (TH, ["own"])


async def test_step_3_the_entry_is_durable_before_anything_leaves(world: World) -> None:
    th = world.nodes["th"]
    exchange, seen = th.core.peers.exchange, set()

    async def look(member: MemberId, envelope: bytes, *rest: object) -> object:
        assert envelope in [item.request for item in entries(th) if item.entry.kind == "asked"]
        seen.add(envelope)  # one whose connection was lost goes out again
        return await exchange(member, envelope, *rest)  # type: ignore[arg-type]

    th.core.peers.exchange = look  # type: ignore[method-assign,assignment]
    try:
        found = lines(await search(world, command(to=(VN, KH))))
    finally:
        th.core.peers.exchange = exchange  # type: ignore[method-assign]
    assert len(seen) == 2
    assert {found[VN].outcome, found[KH].outcome} == {Outcome.HIT, Outcome.NO_HIT}


async def test_step_4_counterparts_are_asked_at_the_same_time(world: World, sources: dict[str, WatchedSource]) -> None:
    vn, kh = sources["vn"], sources["kh"]
    vn.reset()
    kh.reset()
    vn.gate.clear()
    kh.gate.clear()
    asking = asyncio.create_task(search(world, command(person(planted.DRIVER), (VN, KH))))
    try:
        await eventually(lambda: vn.searches == kh.searches == 1)
    finally:
        vn.gate.set()
        kh.gate.set()
    assert lines(await asking)[KH].outcome is Outcome.HIT


async def test_step_5_an_answer_that_verifies_is_kept_with_the_counterparts_proof(world: World) -> None:
    found = lines(await search(world, command()))
    entry = last(world.nodes["th"])
    theirs = last(world.nodes["vn"])
    assert entry.entry.kind == "received"
    assert entry.entry.exchange_id == found[VN].exchange_id == theirs.entry.exchange_id
    assert (entry.entry.request_hash, entry.entry.answer_hash) == (theirs.entry.request_hash, theirs.entry.answer_hash)
    assert entry.entry.number == theirs.entry.number
    assert parse_entry(entry.private["their_entry"].encode()) == theirs.entry
    assert entry.answer == theirs.answer


async def test_step_6_the_answer_is_durable_before_the_officer_sees_it(world: World) -> None:
    th, seen = world.nodes["th"], []

    def added(line: object) -> None:
        seen.append((line, kinds(th, getattr(line, "exchange_id", ""))))

    await th.asking.asker.run(Inquiry(HER, command(), "0" * 32, th.core.parts.clock.now_us()), added)
    line, found = seen[-1]
    assert line.member == VN  # type: ignore[attr-defined]
    assert found == ["asked", "received"]


async def test_step_7_hit_and_no_hit_and_the_released_record(world: World) -> None:
    found = lines(await search(world, command(to=(VN, KH))))
    assert found[KH].outcome is Outcome.NO_HIT
    assert found[VN].outcome is Outcome.HIT
    (document,) = [hit for hit in found[VN].hits if hit.record_type == "TravelDocument"]
    assert document.record
    assert document.record.fields["status"] == "STOLEN"
    assert len(document.record.fields) == 9


async def test_step_7_a_record_with_fields_left_out_verifies_in_the_officers_hands(world: World) -> None:
    line = lines(await search(world, command(person(planted.DRIVER), (KH,))))[KH]
    (hit,) = line.hits
    assert hit.record
    assert hit.record.fields.keys() == {"names", "birth", "nationalities", "status"}
    assert line.withheld_count == 5
    asked = next(item for item in reversed(entries(world.nodes["th"])) if item.entry.kind == "asked")
    record = verify_record(
        hit.record.compact,
        world.nodes["th"].core.parts.trust(),
        member=KH,
        audience=TH,
        request_hash=asked.entry.request_hash,
        now_us=CLOCK.now_us(),
    )
    assert record.fields == hit.record.fields


async def test_step_7_a_search_that_no_source_answered_is_not_searched_and_names_the_kind(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    sources["vn"].error = lambda: RuntimeError("no")
    line = lines(await search(world, command()))[VN]
    sources["vn"].reset()
    assert (line.outcome, line.missing) == (Outcome.NOT_SEARCHED, ("immigration records",))


async def test_step_7_a_refusal_of_the_counterpart_is_shown_with_its_reason(world: World) -> None:
    line = lines(await search(world, command(ContainerQuery(planted.SEIZED_CONTAINER))))[VN]
    assert line.outcome is Outcome.REFUSED
    assert line.refusal
    assert line.refusal.reason is Reason.PERMISSION_DENIED
    assert (line.refusal.code, line.hits) == ("query-not-covered", ())


async def test_step_7_a_question_that_may_not_be_sent_is_refused_at_home(world: World) -> None:
    before = len(entries(world.nodes["vn"]))
    found = lines(await world.nodes["th"].asking.searches.start(CHIEF, command(purpose=Purpose.PREVENTION)))
    assert found[VN].outcome is Outcome.REFUSED
    refusal = found[VN].refusal
    assert refusal
    assert refusal.code in ("purpose-not-covered", "agreement-unknown")
    assert len(entries(world.nodes["vn"])) == before
    denied = next(item for item in reversed(entries(world.nodes["th"], "operations")) if item.entry.kind == "denied")
    assert (denied.private["officer"], denied.private["code"]) == (CHIEF.person, refusal.code)


@pytest.mark.parametrize(("to", "code"), [("th", "own-member"), ("la", "not-a-member")])
async def test_step_7_ourselves_and_strangers_are_not_asked(world: World, to: str, code: str) -> None:
    found = await search(world, command(to=(MemberId(to),)))
    line = found.lines[-1]
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.REFUSED, code)


async def test_step_7_no_hit_and_a_suppressed_hit_look_the_same_to_the_officer(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    sources["kh"].reset()
    shown = []
    for who in (planted.HIDDEN, planted.NOBODY):
        line = lines(await search(world, command(person(who), (KH,))))[KH]
        shown.append((line.outcome, line.hits, line.refusal, line.missing, line.capped, line.withheld_count))
    assert shown[0] == shown[1]
    assert shown[0][0] is Outcome.NO_HIT
    assert sources["kh"].fetches == 0


async def test_step_8_the_acknowledgement_of_the_channel_goes_on(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    await search(world, command(NO_PASSPORT))
    number = last(th).entry.number
    assert number is not None

    async def acknowledged() -> bool:
        await th.asking.acknowledger.round()
        return vn.answering.receipts._book.acknowledged(TH) >= number

    await eventually_async(acknowledged)
    receipt = next(item for item in reversed(entries(vn, "operations")) if item.entry.kind == "receipt")
    assert receipt.private["through"] >= number
    assert receipt.private["gaps"] == []


async def test_a_repeated_idempotency_key_gives_the_first_search_and_asks_nobody(world: World) -> None:
    first = await search(world, command(idempotency_key="k-1"))
    before = len(entries(world.nodes["vn"]))
    assert await search(world, command(idempotency_key="k-1")) == first
    assert len(entries(world.nodes["vn"])) == before
    other = await world.nodes["th"].asking.searches.start(officer_named("th.o.2000"), command(idempotency_key="k-1"))
    assert other.id != first.id, "keys of another officer are others"


def officer_named(name: str) -> Officer:
    return replace(HER, person=name)


async def test_the_same_idempotency_key_twice_at_once_runs_one_search(world: World) -> None:
    made = command(NO_PASSPORT, idempotency_key="k-2")
    before = len(entries(world.nodes["vn"]))
    found = await asyncio.gather(*(search(world, made) for _ in range(5)))
    assert len({item.id for item in found}) == 1
    assert all(item.done for item in found)
    assert len(entries(world.nodes["vn"])) == before + 1


async def test_no_crash_leaves_an_idempotency_key_without_its_search(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CASE-H1: at the moment when the key is stored, the search that it stands for is."""
    documents = world.nodes["th"].core.parts.documents
    put_new, kept = documents.put_new, []

    def watched(kind: str, key: str, data: bytes, until_us: int) -> bytes | None:
        if kind == "idempotency":
            kept.append(documents.get("search", data.decode().partition(" ")[0]))
        return put_new(kind, key, data, until_us)

    monkeypatch.setattr(documents, "put_new", watched)
    first = await search(world, command(NO_PASSPORT, idempotency_key="k-3"))
    again = await search(world, command(NO_PASSPORT, idempotency_key="k-3"))
    assert again.id == first.id
    assert len(kept) == 2
    assert None not in kept


async def test_a_search_is_nobody_elses(world: World) -> None:
    found = await search(world, command(NO_PASSPORT))
    assert await world.nodes["th"].asking.searches.get(HER, found.id) == found
    with pytest.raises(Unknown):
        await world.nodes["th"].asking.searches.get(officer_named("th.o.2000"), found.id)


async def test_a_counterpart_that_is_down_is_silent_with_when_it_was_last_seen(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    th = world.nodes["th"]

    async def answered() -> bool:
        return lines(await search(world, command(NO_PASSPORT, (KH,))))[KH].outcome is Outcome.NO_HIT

    await eventually_async(answered)
    await world.stop("kh")
    try:
        with silent_after(th):
            found = lines(await search(world, command(NO_PASSPORT, (VN, KH))))
    finally:
        sources["kh"] = watch(await world.start("kh"))
    assert found[VN].outcome is Outcome.NO_HIT
    assert found[KH].outcome is Outcome.SILENT
    assert 0 < found[KH].last_seen_us <= CLOCK.now_us()
    assert kinds(th, found[KH].exchange_id) == ["asked", "silent"]
    await eventually_async(answered)


async def test_a_late_answer_is_logged_and_found_with_the_search(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    """The budget of the officer's view is over; the answer still comes and takes the place of the silence."""
    th, vn = world.nodes["th"], sources["vn"]
    vn.reset()
    found = await asked_too_early(th, vn, lambda: search(world, command()))
    line = lines(found)[VN]
    assert (line.outcome, line.late) == (Outcome.SILENT, False)
    vn.gate.set()

    async def late() -> bool:
        return bool(lines(await th.asking.searches.get(HER, found.id))[VN].late)

    await eventually_async(late)
    line = lines(await th.asking.searches.get(HER, found.id))[VN]
    assert (line.outcome, line.late) == (Outcome.HIT, True)
    assert kinds(th, line.exchange_id) == ["asked", "silent", "late"]
    th.asking.searches._running.clear()
    await eventually_async(late)  # from the store, once it is written


async def test_the_largest_head_of_a_counterpart_is_remembered_and_shown_to_it(
    world: World, sources: dict[str, WatchedSource]
) -> None:
    """It came with an answer, between two rounds of cosigning; its owner asks for it before it signs after a start."""
    th, log = world.nodes["th"], world.nodes["vn"].resources.exchange_log
    await search(world, command())
    await th.witness.round()
    seen = parse_checkpoint(SqlWitnessStore(th.resources.database).seen(log.origin) or b"")
    assert (seen.origin, seen.size, seen.root) == (log.origin, log.size, log.root(log.size))
    assert parse_checkpoint(await th.witness.largest_head(VN, log.origin)).size == log.size
