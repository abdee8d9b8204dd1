"""The duties of the log by their numbers, on the logs of exchanges that really ran (docs/threat-model.md, "Duties").

Those that another file tests are named there; a test of the docs compares the lists.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.entries.catalogue import COMMON_FIELDS
from gateway.audit.entries.entry import commitment, decode_private, parse_entry
from gateway.audit.entries.event_fields import meaning
from gateway.audit.tree.checkpoint import verify_checkpoint
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.demo.sources import planted
from gateway.errors import LiaisonError
from gateway.model.exchange import Outcome
from gateway.model.handed.searches import SearchCommand
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.search import Line
from gateway.ports.entries.events import EVENTS
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.request import REQUEST_KIND
from gateway.trust.documents.descriptor import KeyUse
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import (
    KH,
    NO_PASSPORT,
    PASSPORT,
    VN,
    Logged,
    command,
    entries,
    lines,
    person,
    sample_world,
    stopping,
)
from tests.support.forger import eventually, eventually_async
from tests.support.nodes import World, officer, silent_after
from tests.support.sealing import payload_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = officer("th")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("duties"), ("th", "vn", "kh"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World, made: SearchCommand, to: MemberId = VN) -> tuple[Line, list[Logged], list[Logged]]:
    """A counterpart's line, and the entries of our exchange log and of Viet Nam's that the search made."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    before = len(entries(th)), len(entries(vn))
    found = lines(await th.asking.searches.start(HER, made))
    return found[to], entries(th)[before[0] :], entries(vn)[before[1] :]


def kinds(items: list[Logged]) -> Counter[str]:
    return Counter(item.entry.kind for item in items)


async def test_duty_l1_each_hit_no_hit_refusal_and_silence_has_exactly_one_entry_at_each_side(world: World) -> None:
    for query, outcome in ((PASSPORT, Outcome.HIT), (NO_PASSPORT, Outcome.NO_HIT)):
        line, ours, theirs = await ask(world, command(query))
        assert line.outcome is outcome
        assert kinds(ours) == {"own": 1, "asked": 1, "received": 1}
        assert kinds(theirs) == {"answered": 1}
    with silent_after(world.nodes["th"]):
        line, ours, theirs = await ask(world, command(PASSPORT, (KH,)), KH)  # Cambodia's node is down
    assert (line.outcome, kinds(ours), theirs) == (Outcome.SILENT, {"own": 1, "asked": 1, "silent": 1}, [])


async def test_duty_l1_a_switch_has_exactly_one_entry_and_what_it_refuses_one_each(world: World) -> None:
    vn = world.nodes["vn"]
    home, before = vn.resources.home, len(entries(vn, "operations"))
    switch_off(home, "peer:th", "a drill")
    try:
        await eventually_async(lambda: _refused(world))
    finally:
        await switch_on(home, "peer:th", "the drill is over")
    await eventually_async(lambda: _served(world))
    await eventually(lambda: kinds(entries(vn, "operations")[before:])["resume"] == 1)
    assert kinds(entries(vn, "operations")[before:])["suspend"] == 1
    last = [item for item in entries(vn) if item.entry.kind == "refused"][-1]
    assert (last.private["reason"], last.private["code"]) == ("SUSPENDED", "suspended")


async def _refused(world: World) -> bool:
    line, _, theirs = await ask(world, command(NO_PASSPORT))
    assert len(theirs) == 1
    return line.outcome is Outcome.SUSPENDED


async def _served(world: World) -> bool:
    return (await ask(world, command(NO_PASSPORT)))[0].outcome is Outcome.NO_HIT


async def test_duty_l2_an_entry_says_who_what_why_under_what_and_with_what_result(world: World) -> None:
    _, ours, theirs = await ask(world, command(PASSPORT))
    _, asked, received = ours
    (answered,) = theirs
    for item in (asked, received, answered):
        assert item.entry.time_us > 0
        assert item.entry.log.endswith("/exchange/1")
        assert commitment_holds(world, item)
    said = asked.private
    assert said["officer"] == HER.person
    assert set(said) >= {"on_behalf_of", "role", "office", "agency", "client", "token", "purpose", "offence", "case"}
    assert (said["agreement"], said["query"]) == ("gms-border-2026", "document")
    assert REQUEST_KIND.parse(payload_of(asked.request)).policy_hash == world.nodes["th"].core.parts.policy().hash
    private = answered.private
    assert (private["outcome"], private["case"], private["agreement"]) == ("hit", "TH-2026-0417", "gms-border-2026")
    assert private["decision"]["policies"]
    assert bytes.fromhex(private["decision"]["hash"]) == world.nodes["vn"].core.parts.policy().hash
    assert private["requester"][:3] == [HER.role, HER.office, HER.agency]
    (source,) = private["sources"]
    assert (source["state"], source["hits"], bool(source["policies"])) == ("ok", 1, True)
    (hit,) = ANSWER_KIND.parse(payload_of(answered.answer)).hits  # fields and marking are in the record that is kept
    assert private["hits"] == [hit.reference]
    assert hit.record.count("~") > 2
    latency_us = received.entry.time_us - asked.entry.time_us
    assert 0 < latency_us < 10_000_000


def commitment_holds(world: World, item: Logged) -> bool:
    """Whether the public part commits to the private part that is kept with it."""
    node = world.nodes[item.entry.log[:2]]
    (row,) = node.resources.store.entries("exchange/1", item.entry.index, item.entry.index + 1)
    assert row.content
    private = node.resources.keystore.open_content("exchange/1", row.index, row.content)[0]
    return commitment(private) == item.entry.commitment and decode_private(private) == item.private


@pytest.mark.parametrize(
    "changes", [{"case": "", "ticket": ""}, {"purpose": Purpose.AUDIT}], ids=["no case", "no purpose to ask for"]
)
async def test_duty_l3_a_question_without_purpose_or_case_is_refused_and_that_is_logged(
    world: World, changes: dict[str, object]
) -> None:
    th = world.nodes["th"]
    before = len(entries(th)), len(entries(th, "operations"))
    with pytest.raises(LiaisonError) as caught:
        await th.asking.searches.start(HER, command(**changes))  # type: ignore[arg-type]
    denied = [item for item in entries(th, "operations")[before[1] :] if item.entry.kind == "denied"]
    assert [(item.private["officer"], item.private["code"]) for item in denied] == [(HER.person, caught.value.code)]
    assert len(entries(th)) == before[0]


async def test_duty_l4_what_was_searched_for_is_in_no_file_in_clear(world: World) -> None:
    who = planted.DRIVER
    await ask(world, command(person(who)))
    await ask(world, command(PASSPORT))
    terms = [who.thai.encode(), planted.STOLEN_PASSPORT.number.encode(), HER.person.encode()]
    for member in ("th", "vn"):
        files = [path for path in world.home(member).rglob("*") if path.is_file() and "sources" not in path.parts]
        assert any(path.name.endswith("-wal") for path in files)
        kept = [path.name for path in files for term in terms if term in path.read_bytes()]
        assert kept == []


async def test_duty_l5_both_sides_log_under_one_exchange_id_and_the_same_hashes(world: World) -> None:
    _, ours, theirs = await ask(world, command(PASSPORT))
    asked, received = (item.entry for item in ours[1:])
    answered = theirs[0].entry
    assert asked.exchange_id == received.exchange_id == answered.exchange_id
    assert asked.request_hash == received.request_hash == answered.request_hash
    assert (received.answer_hash, received.number) == (answered.answer_hash, answered.number)


async def test_duty_l6_each_side_holds_a_signed_head_of_the_other_over_the_exchange(world: World) -> None:
    await ask(world, command(PASSPORT))
    th, vn = world.nodes["th"], world.nodes["vn"]

    async def paid() -> bool:
        await th.asking.acknowledger.round()
        return any(item.entry.kind == "receipt" for item in entries(vn, "operations"))

    await eventually_async(paid)
    ours = [item for item in entries(th) if item.entry.kind == "received"][-1].private
    theirs = [item for item in entries(vn, "operations") if item.entry.kind == "receipt"][-1].private
    for private, member in ((ours, "vn"), (theirs, "th")):
        key = th.core.parts.trust().vkeys(MemberId(member), KeyUse.LOG)[0]
        head = verify_checkpoint(private["their_checkpoint"].encode(), f"{member}.liaison.internal/exchange/1", key)
        path = [bytes.fromhex(item) for item in private["their_hashes"]]
        body = private["their_entry"].encode()
        verify_inclusion(leaf_hash(body), private["their_index"], head.size, path, head.root)
        assert body in [row for _, row, _ in world.nodes[member].resources.store.bodies("exchange/1", 0, head.size)]


async def test_duty_l7_a_verifier_in_a_process_of_its_own_finds_one_altered_entry(world: World, tmp_path: Path) -> None:
    await ask(world, command(PASSPORT))
    export = tmp_path / "export"
    charter = world.home("th") / "trust" / "charter.jsonl"
    assert _liaison("audit", "export", "--home", world.home("vn"), "--out", export) == 0
    verify = ("audit", "verify", "--export", export, "--charter", charter)
    assert _liaison(*verify) == 0
    tiles = [path for path in export.rglob("*") if path.is_file() and b'"kind":"answered"' in path.read_bytes()]
    assert tiles
    data = tiles[0].read_bytes()
    tiles[0].write_bytes(data.replace(b'"kind":"answered"', b'"kind":"refused" ', 1))
    assert _liaison(*verify) == 1


def _liaison(*arguments: object) -> int:
    command_line = [sys.executable, "-m", "gateway.cli", *map(str, arguments)]
    return subprocess.run(command_line, capture_output=True, timeout=120, check=False).returncode


async def test_duty_l27_every_field_of_every_entry_has_its_definition_in_english(world: World) -> None:
    await ask(world, command(NO_PASSPORT))  # it may be the first test that its process runs
    for member in ("th", "vn"):
        for log in ("exchange", "operations"):
            for item in entries(world.nodes[member], log):
                assert set(item.private) <= set(EVENTS[item.entry.kind].fields)
                assert all(meaning(item.entry.kind, name) for name in item.private)
    body = next(iter(world.nodes["th"].resources.store.bodies("exchange/1", 0, 1)))[1]
    assert parse_entry(body).index == 0
    assert all(
        COMMON_FIELDS[name] for name in ("v", "log", "seq", "t", "kind", "peer", "n", "xid", "req", "ans", "priv")
    )
