"""A policy comes into force when two approvers signed it, at a running node and without losing a request."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app import build_node
from gateway.cli.main import run
from gateway.config import load_settings
from gateway.config.home import Home
from gateway.errors import Misconfigured
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.ops.policy_keeper import INCOMING, policy_files
from gateway.signing.keys import load_signing_key
from gateway.trust.approval import seal_policy
from tests.support.exchange import VN, command, entries, lines, sample_world, stopping
from tests.support.forger import eventually
from tests.support.nodes import World, officer
from tests.support.policies import BASE, NATIONAL

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSAL = '\n@id("vn-closed")\n@code("policy-denies")\nforbid (principal, action == Action::"answer", resource);\n'


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("approval"), ("th", "vn"))
    keys = made.federation.folder / "approvers"
    for name in ("a", "b", "c"):
        assert run(["policy", "approver", "--out", str(keys), "--name", name]) == 0
    home, authority = made.federation["vn"].home, made.federation["vn"].authority
    for name in ("a", "b"):
        assert run(["policy", "admit", str(keys / f"{name}.pub"), "--home", str(home)]) == 0
    assert run(["trust", "publish", "--home", str(home), "--authority", str(authority)]) == 0
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "vn"
    shutil.copytree(NATIONAL / "vn", folder)
    return folder


def document(world: World, folder: Path, version: int, *names: str, member: str = "vn") -> bytes:
    keys = [load_signing_key(world.federation.folder / "approvers" / f"{name}.key") for name in names]
    return seal_policy(MemberId(member), version, policy_files(BASE, folder), keys)


def bring(world: World, data: bytes) -> None:
    folder = Home(world.home("vn")).policies
    aside = folder / "aside"
    aside.write_bytes(data)
    aside.replace(folder / INCOMING)


def said(world: World, kind: str) -> list[dict[str, object]]:
    return [item.private for item in entries(world.nodes["vn"], "operations") if item.entry.kind == kind]


async def ask(world: World) -> Outcome | None:
    return lines(await world.nodes["th"].searches.start(officer("th"), command()))[VN].outcome


async def test_two_approvers_put_a_policy_in_force_at_a_running_node(world: World, draft: Path) -> None:
    keeper = world.nodes["vn"].ground.policy
    assert await ask(world) is Outcome.HIT
    (draft / "closed.cedar").write_text(REFUSAL)
    out = draft.parent / "vn-1.json"
    keys = world.federation.folder / "approvers"
    assert run(["policy", "sign", str(draft), "--version", "1", "--key", str(keys / "a.key"), "--out", str(out)]) == 0
    assert run(["policy", "install", str(out), "--home", str(world.home("vn"))]) == 1
    assert run(["policy", "sign", str(out), "--key", str(keys / "b.key"), "--out", str(out)]) == 0
    assert run(["policy", "install", str(out), "--home", str(world.home("vn"))]) == 0
    await eventually(lambda: keeper.version == 1)
    assert await ask(world) is Outcome.REFUSED
    await eventually(lambda: bool(said(world, "policy-accepted")))
    accepted = said(world, "policy-accepted")[-1]
    assert accepted["policy_hash"] == keeper.engine.hash.hex()
    assert len(accepted["approvers"]) == 2  # type: ignore[arg-type]
    kept = Home(world.home("vn")).policies / f"00000001-{keeper.engine.hash.hex()}.json"
    assert kept.read_bytes() == out.read_bytes()


async def test_requests_under_way_are_answered_while_the_policy_changes(world: World, draft: Path) -> None:
    keeper = world.nodes["vn"].ground.policy
    asked = [asyncio.create_task(ask(world)) for _ in range(20)]
    bring(world, document(world, draft, keeper.version + 1, "a", "b"))
    assert {await one for one in asked} <= {Outcome.HIT, Outcome.REFUSED}
    await eventually(lambda: keeper.engine.hash.hex() == said(world, "policy-accepted")[-1]["policy_hash"])
    await eventually(lambda: keeper.version == 2)
    assert await ask(world) is Outcome.HIT


@pytest.mark.parametrize(
    ("names", "version", "code"),
    [
        (("a",), 9, "below-threshold"),
        (("a", "a"), 9, "below-threshold"),
        (("a", "c"), 9, "below-threshold"),
        (("a", "b"), 1, "old-policy"),
    ],
)
async def test_what_is_not_approved_or_older_leaves_the_old_policy(
    world: World, draft: Path, names: tuple[str, ...], version: int, code: str
) -> None:
    await refused(world, document(world, draft, version, *dict.fromkeys(names)), code)


async def test_a_policy_of_another_member_is_refused(world: World, draft: Path) -> None:
    await refused(world, document(world, draft, 9, "a", "b", member="th"), "other-member")


async def test_a_half_written_policy_is_refused(world: World, draft: Path) -> None:
    data = document(world, draft, 9, "a", "b")
    await refused(world, data[: len(data) // 2], "bad-json")


async def test_a_policy_with_a_mistake_is_refused_with_its_place(world: World, draft: Path) -> None:
    (draft / "wrong.cedar").write_text('@id("x")\npermit (principal, action == Action::"lern", resource);')
    await refused(world, document(world, draft, 9, "a", "b"), "bad-policy")
    assert "wrong.cedar:2" in str(said(world, "policy-refused")[-1]["detail"])


async def test_a_changed_byte_is_refused(world: World, draft: Path) -> None:
    data = document(world, draft, 9, "a", "b")
    await refused(world, data.replace(b'"payload":"ey', b'"payload":"fy'), "")


async def test_another_base_policy_is_refused(world: World, draft: Path) -> None:
    keys = [load_signing_key(world.federation.folder / "approvers" / f"{name}.key") for name in ("a", "b")]
    files = {name: data for name, data in policy_files(BASE, draft).items() if name != "base/release.cedar"}
    await refused(world, seal_policy(MemberId("vn"), 9, files, keys), "other-base")


async def refused(world: World, data: bytes, code: str) -> None:
    keeper = world.nodes["vn"].ground.policy
    engine, before = keeper.engine, len(said(world, "policy-refused"))
    bring(world, data)
    await eventually(lambda: len(said(world, "policy-refused")) > before)
    assert keeper.engine is engine
    assert not code or said(world, "policy-refused")[-1]["code"] == code


async def test_in_production_nothing_decides_that_nobody_approved(world: World, tmp_path: Path) -> None:
    home = tmp_path / "th"
    shutil.copytree(world.home("th"), home)
    settings = load_settings(home)
    with pytest.raises(Misconfigured, match="no policy was approved"):
        build_node(replace(settings, node=replace(settings.node, production=True)), production=True)


async def test_an_accepted_policy_is_in_force_after_a_restart(world: World) -> None:
    before = world.nodes["vn"].ground.policy.engine.hash
    await world.stop("vn")
    node = await world.start("vn")
    assert node.ground.policy.version == 2
    assert node.ground.policy.engine.hash == before


async def test_the_files_that_decide_in_a_trial_are_kept_by_their_hash(world: World) -> None:
    keeper = world.nodes["th"].ground.policy
    assert (Home(world.home("th")).policies / f"unapproved-{keeper.engine.hash.hex()}.json").exists()
    assert run(["policy", "status", "--home", str(world.home("th"))]) == 0
