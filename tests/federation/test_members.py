"""Officers' systems and administrators see of each member what it offers, how it stands, and how its documents are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.agency.bodies.responses import search_response
from gateway.audit.tree.checkpoint import Signer, origin, parse_checkpoint
from gateway.cli.client import NodeClient
from gateway.cli.members import known_members
from gateway.config import Home, load_settings
from gateway.language.languages import Language
from gateway.model.members import MemberState
from gateway.model.names import MemberId
from gateway.telemetry import Gauge
from gateway.trust.ceremony.ceremony import import_document
from gateway.views.members.lines import members_lines
from gateway.views.search.lines import answer_lines
from tests.federation.test_gossip import CLOCK, charter_without, new_status
from tests.support.acts import switch_off
from tests.support.exchange import KH, TH, VN, command, entries, sample_world
from tests.support.forger import eventually, eventually_async
from tests.support.nodes import World, fix_rest_ports, officer, running

pytestmark = pytest.mark.asyncio(loop_scope="function")
on_one_loop = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def three_nodes(folder: Path) -> AsyncIterator[World]:
    """Run three nodes whose REST ports are known from their settings, as commands need them."""
    made = sample_world(folder)
    fix_rest_ports(made)
    async with running(made, tuple(made.ports)):
        yield made


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    async with three_nodes(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """For tests that end no trust, switch nothing off and stop no node."""
    async with three_nodes(tmp_path_factory.mktemp("members")) as made:
        yield made


async def shown(world: World, member: str, at: str = "th") -> dict[str, Any]:
    """Return what the command is told of a member by the running node."""
    about = await asyncio.to_thread(known_members, world.home(at))
    assert (about["speaks"], about["unasked"]) == ("node", "")
    return dict(about["members"][member])


async def ask(world: World, who: MemberId = TH, to: MemberId = VN) -> None:
    await world.nodes[who].asking.searches.start(officer(who), command(to=(to,)))


def lines(about: dict[str, Any]) -> str:
    return "\n".join(line if isinstance(line, str) else line[0] for line in members_lines(about))


@on_one_loop
async def test_a_member_that_serves_is_shown_with_its_offer_its_documents_and_its_node(world: World) -> None:
    number = new_status(world, "th")

    async def holds_all() -> bool:
        found = await shown(world, "vn")
        return bool(found["contact"]["holds_ours"] == {"charter": True, "descriptor": True, "status": True})

    await eventually(lambda: world.federation.view("vn").status("th").sequence >= number)  # type: ignore[union-attr]
    await eventually_async(holds_all)
    await ask(world)
    found = await shown(world, "vn")
    assert (found["state"], found["text"]) == ("serving", "it can be asked")
    assert found["descriptor"]["agencies"]
    assert found["status"]["left_s"] > 70 * 3_600
    assert found["contact"]["last_answer"]["outcome"] == "hit"
    assert abs(found["contact"]["clock"]["ahead_s"]) < 5
    assert found["contact"]["connected"]


@on_one_loop
async def test_witnesses_are_shown_with_the_time_of_their_cosignature(world: World) -> None:
    await ask(world)
    await world.nodes["th"].witness.round()
    about = await asyncio.to_thread(known_members, world.home("th"))
    log = next(each for each in about["logs"] if each["log"] == "exchange")
    assert log["covered"] > 0
    assert set(log["cosigned"]) <= {"vn", "kh"}
    assert log["cosigned"]
    assert "under a quorum" in lines(about)


@on_one_loop
async def test_a_cosignature_under_an_unknown_name_is_an_alarm_and_a_line(world: World) -> None:
    """CASE-N223: a country believes that it witnesses, and what it signs counts for nothing."""
    thailand, cosigner = world.nodes["th"], world.nodes["vn"].witness._cosigner
    own, cosigner.name = cosigner.name, "some.other.name"

    async def told() -> str:
        await ask(world)
        await thailand.witness.round()
        return str((await shown(world, "vn"))["contact"]["cosigns_as"])

    async def is_unknown() -> bool:
        return (await told()).startswith("some.other.name+")

    async def is_known() -> bool:
        return await told() == ""

    def alarms() -> list[str]:
        found = [each.private for each in entries(thailand, "operations") if each.entry.kind == "alarm"]
        return [private["detail"] for private in found if private["code"] == "cosignature-unknown"]

    try:
        await eventually_async(is_unknown)
        about = await asyncio.to_thread(known_members, world.home("th"))
        assert "cosigns our logs as `some.other.name+" in lines(about)
        await thailand.witness.round()
        await eventually(lambda: bool(alarms()))
    finally:
        cosigner.name = own
    await eventually_async(is_known)
    (detail,) = alarms()
    assert detail.endswith("and is listed as `vn.liaison.internal/witness`")


async def test_a_switch_of_either_side_is_told_apart_and_never_called_silence(own_world: World) -> None:
    switch_off(Home(own_world.home("vn")), "peer:th", "they leak")

    async def refused() -> bool:
        await ask(own_world)
        return bool((await shown(own_world, "vn"))["state"] == MemberState.SUSPENDED_BY_THEM)

    await eventually_async(refused)
    found = await shown(own_world, "vn")
    assert found["since"]
    assert "switched us off" in found["text"]
    switch_off(Home(own_world.home("th")), "peer:vn/Person", "records of persons are under review")
    switch_off(Home(own_world.home("th")), "peer:kh", "keys stolen")

    async def switched() -> bool:
        return bool((await shown(own_world, "kh"))["state"] == MemberState.SUSPENDED_BY_US)

    await eventually_async(switched)
    assert (await shown(own_world, "kh"))["text"] == "our own country has switched it off: keys stolen"
    assert (await shown(own_world, "vn"))["types_off"] == ["Person"]


async def test_a_node_that_is_away_is_silent_since_it_was_last_heard(own_world: World) -> None:
    await eventually(lambda: bool(own_world.nodes["th"].core.peers.status(VN).last_seen_us))
    await own_world.stop("vn")

    async def silent() -> bool:
        return bool((await shown(own_world, "vn"))["state"] == MemberState.SILENT)

    await eventually_async(silent)
    found = await shown(own_world, "vn")
    assert found["since"] == found["contact"]["last_seen"] is not None
    assert "does not mean no hit" in found["text"]


async def test_a_suspension_by_the_charter_is_told_at_every_node_also_at_the_suspended_one(own_world: World) -> None:
    await eventually(lambda: own_world.nodes["kh"].core.peers.status(TH).connected)
    import_document(own_world.home("th") / "trust", charter_without(own_world, "kh"), CLOCK)

    async def suspended(at: str) -> bool:
        return bool((await shown(own_world, "kh", at))["state"] == MemberState.SUSPENDED)

    for member in own_world.ports:
        await eventually_async(lambda at=member: suspended(at))  # type: ignore[misc]


@on_one_loop
async def test_the_text_is_in_the_caller_s_language_and_the_state_is_the_same(world: World) -> None:
    settings = load_settings(world.home("th"))

    def asked() -> dict[str, Any]:
        with NodeClient(settings, language=Language.TH) as node:
            return node.members()

    found = (await asyncio.to_thread(asked))["members"]["th"]
    assert (found["state"], found["text"]) == ("serving", "สอบถามได้")


async def test_without_a_node_the_files_tell_what_they_can_and_it_is_said_so(own_world: World) -> None:
    switch_off(Home(own_world.home("th")), "peer:kh", "keys stolen")
    await own_world.stop("th")
    about = await asyncio.to_thread(known_members, own_world.home("th"))
    states = {name: member["state"] for name, member in about["members"].items()}
    assert about["speaks"] == "files"
    assert states == {"th": "active", "vn": "active", "kh": "suspended-by-us"}
    assert "its node was not asked: the node does not answer" in lines(about)
    assert "fresh" in lines(about)


@on_one_loop
async def test_the_time_until_documents_end_is_a_metric_of_each_member(world: World) -> None:
    gauges = world.nodes["th"].resources.counters.gauges()
    left = {dict(labels)["member"]: seconds for labels, seconds in gauges[Gauge.STATUS_SECONDS]().items()}
    assert set(left) == {"th", "vn", "kh"}
    assert all(70 * 3_600 < seconds <= 72 * 3_600 for seconds in left.values())
    assert gauges[Gauge.CHARTER_SECONDS]()[()] > 0


async def test_n229_a_forked_log_is_told_beside_answers_from_it_and_in_trust_show_also_after_a_restart(
    own_world: World,
) -> None:
    """CASE-N229: the answers are given on, and those of other countries and of other logs are not in doubt."""
    asked = await own_world.nodes["th"].asking.searches.start(officer(TH), command(to=(VN, KH)))
    log = origin("vn", "exchange", 1)
    signer = Signer(log, own_world.federation["vn"].key("log"))

    async def told() -> dict[str, str]:
        found = await own_world.nodes["th"].asking.searches.get(officer(TH), asked.id)
        value = search_response(found).model_dump(mode="json")
        assert {each["member"]: each["outcome"] for each in value["lines"]} == {
            line.member: line.outcome.value for line in asked.lines
        }
        texts = {each["member"]: str([*answer_lines(each, "th")]) for each in value["lines"]}
        return {member: text for member, text in texts.items() if "shown in two versions" in text}

    assert await told() == {}
    for root in (b"1" * 32, b"2" * 32):
        own_world.nodes["th"].core.heads.note_head(parse_checkpoint(signer.sign(9, root)))
    assert set(await told()) == {"vn"}
    await own_world.nodes["th"].witness.note_forks()
    await own_world.stop("th")
    await own_world.start("th")
    assert set(await told()) == {"vn"}
    assert (await shown(own_world, "vn"))["forked_logs"] == [log]
    assert (await shown(own_world, "kh"))["forked_logs"] == []
    about = await asyncio.to_thread(known_members, own_world.home("th"))
    assert f"its log {log} was shown in two versions" in lines(about)
