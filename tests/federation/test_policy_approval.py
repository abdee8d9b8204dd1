"""A policy comes into force when two approvers signed it, at a running node and without losing a request."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.run.node import build_node
from gateway.audit.export.policies import policy_hash
from gateway.cli.main import run
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.config.home import Home
from gateway.errors import BadSignature, Misconfigured, StorageBroken
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.ops.policy.keeper import INCOMING, PolicyKeeper, policy_files
from gateway.signing.keys import load_signing_key
from gateway.trust.ceremony.ceremony import publish_status
from gateway.trust.documents.policy_approval import seal_policy
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


def copied(world: World, member: str, folder: Path) -> Path:
    """A copy of a running node's home, without the files that it is just writing."""
    return shutil.copytree(world.home(member), folder / member, ignore=shutil.ignore_patterns(".*.new"))


def document(world: World, folder: Path, version: int, *names: str, member: str = "vn") -> bytes:
    keys = [load_signing_key(world.federation.folder / "approvers" / f"{name}.key") for name in names]
    return seal_policy(MemberId(member), version, policy_files(BASE, folder), keys)


def bring(world: World, data: bytes) -> None:
    folder = Home(world.home("vn")).policies
    aside = folder / "aside"
    aside.write_bytes(data)
    aside.replace(folder / INCOMING)


async def raise_to(world: World, version: int) -> None:
    """See to it that a version is in force, whichever tests ran before."""
    keeper = world.nodes["vn"].resources.policy
    while keeper.version < version:
        following = keeper.version + 1
        bring(world, document(world, NATIONAL / "vn", following, "a", "b"))
        await eventually(partial(at_least, keeper, following))


def at_least(keeper: PolicyKeeper, version: int) -> bool:
    return keeper.version >= version


def said(world: World, kind: str) -> list[dict[str, object]]:
    return [item.private for item in entries(world.nodes["vn"], "operations") if item.entry.kind == kind]


async def ask(world: World) -> Outcome | None:
    return lines(await world.nodes["th"].asking.searches.start(officer("th"), command()))[VN].outcome


async def test_two_approvers_put_a_policy_in_force_at_a_running_node(world: World, draft: Path) -> None:
    keeper = world.nodes["vn"].resources.policy
    version = keeper.version + 1
    assert await ask(world) is Outcome.HIT
    (draft / "closed.cedar").write_text(REFUSAL)
    shutil.rmtree(draft / "cases")  # they say what the open policy does
    out = draft.parent / "vn-1.json"
    keys = world.federation.folder / "approvers"
    signing = ["policy", "sign", str(draft), "--version", str(version), "--key", str(keys / "a.key"), "--out", str(out)]
    assert run(signing) == 0
    assert run(["policy", "install", str(out), "--home", str(world.home("vn"))]) == 1
    assert run(["policy", "sign", str(out), "--key", str(keys / "b.key"), "--out", str(out)]) == 0
    assert run(["policy", "install", str(out), "--home", str(world.home("vn"))]) == 0
    await eventually(lambda: keeper.version == version)
    assert await ask(world) is Outcome.REFUSED
    await eventually(lambda: bool(said(world, "policy-accepted")))
    accepted = said(world, "policy-accepted")[-1]
    assert accepted["policy_hash"] == keeper.engine.hash.hex()
    assert policy_hash(out.read_bytes()) == keeper.engine.hash.hex()
    assert len(accepted["approvers"]) == 2  # type: ignore[arg-type]
    kept = Home(world.home("vn")).policies / f"{version:08d}-{keeper.engine.hash.hex()}.json"
    assert kept.read_bytes() == out.read_bytes()
    assert not keeper.left_out
    await raise_to(world, version + 1)
    assert await ask(world) is Outcome.HIT


async def test_requests_under_way_are_answered_while_the_policy_changes(world: World, draft: Path) -> None:
    keeper = world.nodes["vn"].resources.policy
    asked = [asyncio.create_task(ask(world)) for _ in range(20)]
    version = keeper.version + 1
    bring(world, document(world, draft, version, "a", "b"))
    assert {await one for one in asked} == {Outcome.HIT}
    await eventually(lambda: keeper.version == version)
    await eventually(lambda: said(world, "policy-accepted")[-1]["version"] == version)
    assert await ask(world) is Outcome.HIT


@pytest.mark.parametrize(
    ("names", "version", "code"),
    [
        (("a",), 999, "below-threshold"),
        (("a", "a"), 999, "below-threshold"),
        (("a", "c"), 999, "below-threshold"),
        (("a", "b"), 1, "old-policy"),
    ],
)
async def test_what_is_not_approved_or_older_leaves_the_old_policy(
    world: World, draft: Path, names: tuple[str, ...], version: int, code: str
) -> None:
    await raise_to(world, 1)
    await refused(world, document(world, draft, version, *dict.fromkeys(names)), code)


async def test_a_policy_of_another_member_is_refused(world: World, draft: Path) -> None:
    await refused(world, document(world, draft, 999, "a", "b", member="th"), "other-member")


async def test_a_half_written_policy_is_refused(world: World, draft: Path) -> None:
    data = document(world, draft, 999, "a", "b")
    await refused(world, data[: len(data) // 2], "bad-json")


async def test_a_policy_with_a_mistake_is_refused_with_its_place(world: World, draft: Path) -> None:
    (draft / "wrong.cedar").write_text('@id("x")\npermit (principal, action == Action::"lern", resource);')
    await refused(world, document(world, draft, 999, "a", "b"), "bad-policy")
    assert "wrong.cedar:2" in str(said(world, "policy-refused")[-1]["detail"])


async def test_a_changed_byte_is_refused(world: World, draft: Path) -> None:
    data = document(world, draft, 999, "a", "b")
    await refused(world, data.replace(b'"payload":"ey', b'"payload":"fy'), "")


async def test_another_base_policy_is_refused(world: World, draft: Path) -> None:
    keys = [load_signing_key(world.federation.folder / "approvers" / f"{name}.key") for name in ("a", "b")]
    files = {name: data for name, data in policy_files(BASE, draft).items() if name != "base/release.cedar"}
    await refused(world, seal_policy(MemberId("vn"), 999, files, keys), "other-base")


async def refused(world: World, data: bytes, code: str) -> None:
    keeper = world.nodes["vn"].resources.policy
    engine, before = keeper.engine, len(said(world, "policy-refused"))
    bring(world, data)
    await eventually(lambda: len(said(world, "policy-refused")) > before)
    assert keeper.engine is engine
    assert keeper.left_out
    assert not code or said(world, "policy-refused")[-1]["code"] == code


async def test_in_production_nothing_decides_that_nobody_approved(world: World, tmp_path: Path) -> None:
    home = copied(world, "th", tmp_path)
    for key in (home / "keys").glob("agency-*.key"):
        key.unlink()  # in production they are refused before the policy is
    settings = load_settings(home)
    with pytest.raises(Misconfigured, match="no policy was approved"):
        build_node(replace(settings, node=replace(settings.node, production=True)), production=True)


async def test_an_accepted_policy_is_in_force_after_a_restart(world: World) -> None:
    await raise_to(world, 2)
    before = world.nodes["vn"].resources.policy
    await world.stop("vn")
    node = await world.start("vn")
    assert node.resources.policy.version == before.version
    assert node.resources.policy.engine.hash == before.engine.hash


async def test_a_policy_does_not_go_back_when_newer_documents_are_taken_away(world: World, tmp_path: Path) -> None:
    await raise_to(world, 2)
    home = copied(world, "vn", tmp_path)
    max((home / "policies").glob("0*.json")).unlink()
    with pytest.raises(Misconfigured, match="was in force, and the newest document that is there is version"):
        PolicyKeeper(load_settings(home), SystemClock(), production=True)


async def test_versions_are_compared_as_numbers(world: World, tmp_path: Path) -> None:
    home = copied(world, "vn", tmp_path)
    for version in (99_999_999, 100_000_000):
        data = document(world, NATIONAL / "vn", version, "a", "b")
        (home / "policies" / INCOMING).write_bytes(data)
        keeper = PolicyKeeper(load_settings(home), SystemClock(), production=True)
        keeper.keep()
        keeper.refresh()
        assert keeper.version == version
    assert PolicyKeeper(load_settings(home), SystemClock(), production=True).version == 100_000_000


async def test_every_process_of_a_home_takes_what_one_of_them_accepted(world: World, tmp_path: Path) -> None:
    await raise_to(world, 1)
    home = copied(world, "vn", tmp_path)
    first, second = (PolicyKeeper(load_settings(home), SystemClock(), production=True) for _ in range(2))
    (home / "policies" / INCOMING).write_bytes(document(world, NATIONAL / "vn", 99, "a", "b"))
    change = first.refresh()
    assert change is not None
    assert not change.refused
    assert second.refresh() is None  # the first one writes the entry
    assert (first.version, second.version) == (99, 99)


@pytest.mark.parametrize("file", ["policies/incoming.json", "trust/descriptors/vn.jsonl", "trust/statuses/vn.json"])
async def test_a_policy_that_could_not_be_read_once_is_read_again(world: World, tmp_path: Path, file: str) -> None:
    """Told once, and taken as soon as it can be read; a file of trust that cannot be read does not end the node."""
    await raise_to(world, 1)
    home = copied(world, "vn", tmp_path)
    keeper = PolicyKeeper(load_settings(home), SystemClock(), production=True)
    (home / "policies" / INCOMING).write_bytes(document(world, NATIONAL / "vn", 99, "a", "b"))
    aside = (home / file).rename(tmp_path / "aside")
    (home / file).mkdir()
    change = keeper.refresh()
    assert change is not None
    assert change.code == "unreadable"
    assert keeper.refresh() is None
    (home / file).rmdir()
    aside.rename(home / file)
    change = keeper.refresh()
    assert change is not None
    assert change == keeper.unlogged
    assert keeper.refresh() is None


async def test_what_was_accepted_before_a_crash_is_logged_at_the_next_start_and_never_goes_back(
    world: World, tmp_path: Path
) -> None:
    await raise_to(world, 1)
    home = copied(world, "vn", tmp_path)
    keeper = PolicyKeeper(load_settings(home), SystemClock(), production=True)
    (home / "policies" / INCOMING).write_bytes(document(world, NATIONAL / "vn", 99, "a", "b"))
    assert keeper.refresh() == keeper.unlogged
    (home / "highwater" / "policy").write_text("1\n")  # it was cut off between document and mark
    keeper = PolicyKeeper(load_settings(home), SystemClock(), production=True)
    keeper.keep()
    assert keeper.unlogged is not None
    assert (keeper.unlogged.version, len(keeper.unlogged.approvers)) == (99, 2)
    keeper.logged()
    assert PolicyKeeper(load_settings(home), SystemClock(), production=True).unlogged is None
    max((home / "policies").glob("0*.json")).unlink()
    with pytest.raises(Misconfigured, match="version 99 was in force"):
        PolicyKeeper(load_settings(home), SystemClock(), production=True)


async def test_a_policy_that_the_disk_does_not_take_ends_the_node_and_is_not_called_refused(
    world: World, tmp_path: Path
) -> None:
    await raise_to(world, 1)
    home = copied(world, "vn", tmp_path)
    keeper = PolicyKeeper(load_settings(home), SystemClock(), production=True)
    mark = home / "highwater" / "policy"
    mark.unlink()
    mark.mkdir()  # no file gets this name
    (home / "policies" / INCOMING).write_bytes(document(world, NATIONAL / "vn", 99, "a", "b"))
    with pytest.raises(StorageBroken):
        keeper.refresh()
    mark.rmdir()
    assert PolicyKeeper(load_settings(home), SystemClock(), production=True).version == 99


async def test_a_removed_approver_approves_no_more(world: World, tmp_path: Path) -> None:
    home = copied(world, "vn", tmp_path)
    gone = load_signing_key(world.federation.folder / "approvers" / "a.key").key_id
    publish_status(home, SystemClock(), removed=[gone])
    for path in (home / "policies").glob("0*.json"):
        path.unlink()
    (home / "highwater" / "policy").unlink(missing_ok=True)
    (home / "policies" / INCOMING).write_bytes(document(world, NATIONAL / "vn", 9, "a", "b"))
    with pytest.raises(BadSignature, match="1 of the 2"):
        PolicyKeeper(load_settings(home), SystemClock(), production=True)


async def test_the_files_that_decide_in_a_trial_are_kept_by_their_hash(world: World) -> None:
    keeper = world.nodes["th"].resources.policy
    assert (Home(world.home("th")).policies / f"unapproved-{keeper.engine.hash.hex()}.json").exists()
    assert run(["policy", "status", "--home", str(world.home("th"))]) == 0
