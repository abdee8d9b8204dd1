"""Erasing, holding and forgetting at nodes that serve (CASE-G17; DUTY-L8, DUTY-L9, DUTY-L26)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.audit.verify.verify import verify_home
from gateway.cli.main import run
from gateway.clock import rfc3339
from gateway.config.home import Home
from gateway.model.exchange import Outcome
from gateway.model.query import DocumentQuery
from gateway.trust.documents.folder import TrustDocuments
from tests.support.erasing import files_with
from tests.support.exchange import CLOCK, TH, VN, command, entries, lines, sample_world, stopping
from tests.support.nodes import World, officer
from tests.support.persons import signed

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "XK7719402251"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("erasing"), ("th", "vn"))
    keys = made.federation.folder / "approvers"
    for name in ("a", "b", "c"):
        assert run(["policy", "approver", "--out", str(keys), "--name", name]) == 0
    home, authority = made.federation["th"].home, made.federation["th"].authority
    for name in ("a", "b"):
        assert run(["policy", "admit", str(keys / f"{name}.pub"), "--home", str(home)]) == 0
    assert run(["trust", "publish", "--home", str(home), "--authority", str(authority)]) == 0
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World, number: str) -> str:
    """A question of Thailand; the id of the exchange."""
    search = await world.nodes["th"].asking.searches.start(officer("th"), command(DocumentQuery(number, "VNM")))
    assert lines(search)[VN].outcome is Outcome.NO_HIT
    return lines(search)[VN].exchange_id


async def liaison(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    """Run a command in a thread, since the node that it waits for runs here."""
    capsys.readouterr()
    code = await asyncio.to_thread(run, [*map(str, arguments), "--json"])
    printed = capsys.readouterr().out.splitlines()
    return code, json.loads("\n".join(line for line in printed if not line.startswith("20")))  # a node's own log


def report(world: World, member: str) -> int:
    ground = world.nodes[member].resources
    documents = TrustDocuments(ground.home.trust)
    found = verify_home(
        ground.store,
        ground.keystore,
        member=ground.member,
        highwater=ground.home.highwater,
        charter=documents.charter_versions(),
        descriptors=[
            line for file in ground.home.trust.glob("descriptors/*.jsonl") for line in file.read_bytes().splitlines()
        ],
        clock=CLOCK,
    )
    return found.exit_code


async def test_g17_an_exchange_is_forgotten_while_the_node_serves(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    home = world.home("th")
    exchange, other = await ask(world, CANARY), await ask(world, "XK1000000001")
    code, planned = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, "--dry-run")
    assert (code, planned["erased"]) == (0, 2)
    asking = asyncio.create_task(ask(world, "XK1000000002"))
    code, done = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, *signed(home))
    await asking
    assert (code, done.get("erased")) == (0, 2), done
    shown = [(item.entry.exchange_id, item.private) for item in _readable(world, "th")]
    assert not [private for found, private in shown if found == exchange]
    assert [private for found, private in shown if found == other]
    assert report(world, "th") == 0
    assert files_with(home, CANARY.encode()) == []
    code, again = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, "--dry-run")
    assert (code, again["erased"]) == (0, 0)


def _readable(world: World, member: str) -> list[Any]:
    from gateway.audit.reading.show import Filter, show

    ground = world.nodes[member].resources
    return [item for item in show(ground.store, ground.keystore, "exchange/1", Filter(), 10_000) if not item.erased]


async def test_duty_l9_a_hold_of_two_approvers_stops_erasure_until_they_lift_it(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, keys = world.home("th"), world.federation.folder / "approvers"
    exchange = await ask(world, "XK1000000003")
    document = tmp_path / "hold"
    until = rfc3339(CLOCK.now_us() + 30 * 86_400_000_000)[:10]
    drafting = ("--until", until, "--reason", "court case 7", "--key", keys / "a.key", "--out", document)
    code, drafted = await liaison(capsys, "audit", "hold", "draft", "--home", home, "--exchange", exchange, *drafting)
    assert (code, drafted["signatures"]) == (0, 1)
    code, refused = await liaison(capsys, "audit", "hold", "bring", document, "--home", home)
    assert (code, refused["error"]["code"]) == (1, "below-threshold")
    bringing = f"liaison audit hold bring {document} --home {home}"
    sign_it = f"liaison audit hold sign {document} --key THEIR.key --out {document}"
    assert refused["error"]["remedy"] == f"another approver: {sign_it}; then {bringing}"
    signing = ("audit", "hold", "sign", document, "--out", document, "--key")
    code, refused = await liaison(capsys, *signing, keys / "a.key")
    assert (code, "has signed" in refused["error"]["message"]) == (2, True)
    assert sign_it in refused["error"]["message"]
    assert (await liaison(capsys, *signing, keys / "c.key"))[0] == 0
    code, refused = await liaison(capsys, "audit", "hold", "bring", document, "--home", home)
    assert code == 1
    assert f"liaison policy admit THEIR.pub --home {home}" in refused["error"]["remedy"]
    assert refused["error"]["remedy"].endswith(f"then {bringing}")
    assert (await liaison(capsys, *signing, keys / "b.key"))[0] == 0
    code, placed = await liaison(capsys, "audit", "hold", "bring", document, "--home", home)
    assert (code, len(placed["approvers"])) == (0, 2)
    code, refused = await liaison(capsys, "audit", "hold", "bring", document, "--home", home)
    assert (code, refused["error"]["remedy"]) == (1, f"see liaison audit hold list --home {home}")
    code, refused = await liaison(capsys, "audit", "hold", "bring", document, "--home", world.home("vn"))
    assert (code, refused["error"]["code"]) == (1, "other-member")
    assert f"liaison audit hold bring {document} --home THEIRS" in refused["error"]["remedy"]

    code, refused = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, *signed(home))
    assert (code, refused["error"]["code"]) == (1, "held")
    assert refused["error"]["remedy"]
    lifted = tmp_path / "lift"
    words = ("--reason", "case closed", "--key", keys / "a.key", "--out", lifted)
    assert (await liaison(capsys, "audit", "hold", "lift", "--home", home, "--hold", placed["hold"], *words))[0] == 0
    assert (await liaison(capsys, "audit", "hold", "sign", lifted, "--out", lifted, "--key", keys / "b.key"))[0] == 0
    assert (await liaison(capsys, "audit", "hold", "bring", lifted, "--home", home))[0] == 0
    code, listed = await liaison(capsys, "audit", "hold", "list", "--home", home)
    assert [item["state"] for item in listed["holds"]] == ["lifted"]
    code, done = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, *signed(home))
    assert (code, done.get("erased")) == (0, 2), done
    kinds = [item.entry.kind for item in entries(world.nodes["th"], "operations")]
    assert [kind for kind in kinds if kind.startswith("hold-")] == ["hold-placed", "hold-lifted"]


async def test_what_concerns_a_number_is_found_and_forgotten_and_the_search_has_its_entry(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    home, number = world.home("th"), "XK5500000001"
    exchanges = {await ask(world, number), await ask(world, number)}
    other = await ask(world, "XK5500000002")
    erase = ("audit", "erase", "--home", home, "--number", "xk 5500000001")
    assert await asyncio.to_thread(run, [*map(str, erase), "--dry-run"]) == 2  # who looks says who, and why
    code, planned = await liaison(capsys, *erase, *signed(home), "--dry-run")
    assert (code, planned["erased"]) == (0, 6), planned  # of each question: what our own agencies were asked, too
    code, done = await liaison(capsys, *erase, *signed(home))
    assert (code, done["erased"]) == (0, 6), done
    shown = {item.entry.exchange_id for item in _readable(world, "th")}
    assert exchanges.isdisjoint(shown)
    assert other in shown
    kinds = [item.entry.kind for item in entries(world.nodes["th"], "operations")]
    assert kinds.count("erasure-sought") == 2
    assert files_with(home, number.encode()) == []
    assert report(world, "th") == 0


async def test_nothing_is_old_enough_in_a_young_home(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, planned = await liaison(
        capsys, "audit", "erase", "--home", world.home("vn"), "--older-than", "3y", "--dry-run"
    )
    assert (code, planned["erased"], planned["keys"]) == (0, 0, [])


async def test_an_erasure_works_where_no_node_runs_and_the_node_starts_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange, home = await ask(world, "XK1000000004"), world.home("vn")
    await world.stop("vn")
    code, done = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, *signed(home))
    assert (code, done.get("erased")) == (0, 1), done
    await world.start("vn")
    assert not list(Home(world.home("vn")).acts.glob("*.json"))
    assert report(world, "vn") == 0
    assert world.nodes["vn"].resources.member == VN
    assert world.nodes["th"].resources.member == TH
