"""Settings change in a running node where that is safe; a broken file changes nothing and says so."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.keyfiles import PrivateKey, PublicKey, create_key
from gateway.app.run.node import Node
from gateway.errors import Misconfigured
from gateway.matching.scripts.tables import own_rows
from gateway.ops.homes import reload_request
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.reload_request import Reloaded, request_reload
from tests.support.nodes import SourcePlan, World, build_world, running
from tests.support.policies import NATIONAL
from tests.support.processes import NodeProcess
from tests.support.samples import ONE_EACH

pytestmark = pytest.mark.process


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(build_world(tmp_path, {}), ["th"]) as world:
        yield world


def change(home: Path, table: str, *lines: str) -> None:
    """Put settings at the head of a table, in the place of those of the same name."""
    file = home / "node.toml"
    text, head = file.read_text(), f"[{table}]\n"
    before, _, rest = text.partition(head)
    inside, mark, after = rest.partition("\n[")
    for line in lines:
        inside = re.sub(rf"(?m)^{line.partition(' ')[0]} = .*\n?", "", inside)
    file.write_text(before + head + "\n".join(lines) + "\n" + inside + mark + after)


async def reloaded(world: World) -> Reloaded:
    """Ask as `liaison reload` does; the lock is the one that `liaison serve` holds."""
    with only_one(world.home("th") / "node.lock"):
        answers = await asyncio.to_thread(request_reload, world.home("th"))
    return answers[0]


def entries(node: Node) -> int:
    return node.resources.operations_log.size


async def test_limits_and_the_log_level_change_at_once(own_world: World) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    change(home, "limits", "budget_ms = 1234", "rate_per_member = 7", "receipt_debt = 9", "officer_in_flight = 3")
    change(home, "telemetry", 'log_level = "warning"')
    change(home, "storage", "reserve_mib = 1")
    said = await reloaded(own_world)
    assert set(said.live) == {
        "limits.budget_ms", "limits.officer_in_flight", "limits.rate_per_member", "limits.receipt_debt",
        "storage.reserve_mib", "telemetry.log_level",
    }  # fmt: skip
    assert (said.restart, said.refused) == ((), "")
    assert node.asking.asker._budget_s == 1.234
    assert node.answering.debts.limits.answers == 9
    assert node.answering.answerer._admission._limits.rate_per_member == 7
    assert node.resources.reserve.reserve_mib == 1
    assert node.resources.settings.limits.officer_in_flight == 3


async def test_what_needs_a_restart_is_told_and_stays(own_world: World) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    before = node.resources.settings
    change(home, "listen", 'exchange = "127.0.0.1:1"')
    change(home, "retention", "hit = 1")
    change(home, "limits", "workers = 9", "budget_ms = 999")
    said = await reloaded(own_world)
    assert set(said.restart) == {"listen.exchange", "retention.hit", "limits.workers"}
    assert said.live == ("limits.budget_ms",)
    now = node.resources.settings
    assert (now.listen, now.retention, now.limits.workers) == (before.listen, before.retention, before.limits.workers)


async def test_own_rows_of_names_need_a_restart_and_are_named(own_world: World) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    table = home / "names" / "titles.tsv"
    table.parent.mkdir(mode=0o700)
    table.write_text("# ours\nsadet\tM\tword\n")
    said = await reloaded(own_world)
    assert (said.live, said.restart, said.refused) == ((), ("names/titles.tsv:2",), "")
    assert own_rows().rows == {}
    size = entries(node)
    table.write_text("sadet\tMale\tword\n")
    said = await reloaded(own_world)
    assert "names/titles.tsv:1" in said.refused
    assert entries(node) == size + 1
    table.unlink()
    assert (await reloaded(own_world)).restart == ()


async def test_a_changed_folder_of_a_policy_without_approval_decides_at_once(tmp_path: Path) -> None:
    world = build_world(tmp_path, {})
    home = world.home("th")
    folder = shutil.copytree(NATIONAL / "th", home / "policy")
    with (home / "node.toml").open("a") as file:
        file.write('[policy]\nnational = "policy"\n')
    async with running(world, ["th"]):
        policy = world.nodes["th"].resources.policy
        first = policy.engine.hash
        assert (await reloaded(world)).live == ()
        rules = folder / "records.cedar"
        allowed = rules.read_text()
        rules.write_text(f'{allowed}@id("th-none")\nforbid (principal, action == Action::"release", resource);\n')
        said = await reloaded(world)
        assert (said.live, said.restart, said.refused) == (("policy.national",), (), "")
        assert policy.engine.hash != first
        assert "national/th-none" in policy.engine.bundle.national.by_name
        assert (home / "policies" / f"unapproved-{policy.engine.hash.hex()}.json").exists()
        second = policy.engine.hash
        rules.write_text(f"{allowed}permit (")
        said = await reloaded(world)
        assert "records.cedar" in said.refused
        assert policy.engine.hash == second
        policy.version = 1  # two approvers signed one meanwhile
        rules.write_text(allowed)
        assert (await reloaded(world)).live == ()
        assert policy.engine.hash == second


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("[limits\n", "node.toml:"),
        ("[limits]\nbudget = 3\n", "unknown setting `limits.budget`"),
        ("[limits]\nbudget_ms = 0\n", "at least 1"),
        ('[[token_key]]\nid = "idp"\nfile = "none.pem"\n', "not a public key"),
    ],
)
async def test_a_broken_file_changes_nothing_and_says_so(own_world: World, broken: str, told: str) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    before, size = node.resources.settings, entries(node)
    text = (home / "node.toml").read_text()
    (home / "node.toml").write_text(re.sub(r"(?s)\[limits\].*", "", text) + broken)
    said = await reloaded(own_world)
    assert told in said.refused
    assert (said.live, said.restart) == ((), ())
    assert node.resources.settings is before
    assert entries(node) == size + 1


async def test_another_key_of_the_identity_provider_counts_at_once(own_world: World) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    first, second = (create_key(home / f"idp-{number}.key") for number in (1, 2))
    file = home / "idp.pem"
    file.write_bytes(pem(first))
    (home / "node.toml").write_text((home / "node.toml").read_text() + '[[token_key]]\nid = "idp"\nfile = "idp.pem"\n')
    assert set((await reloaded(own_world)).live) == {"token_key.idp.file", "token_key.idp.id"}
    file.write_bytes(pem(second))
    assert (await reloaded(own_world)).live == ("token_key",)
    assert pem_of(node.core.tokens._keys["idp"]) == pem(second)
    assert (await reloaded(own_world)).live == ()


async def test_production_takes_no_settings_for_trials(own_world: World) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    node.settings._production = True
    change(home, "limits", "budget_ms = 1")
    said = await reloaded(own_world)
    assert "identity provider" in said.refused or "token" in said.refused
    assert node.asking.asker._budget_s != 0.001


def test_nobody_to_ask_is_told(tmp_path: Path) -> None:
    world = build_world(tmp_path, {})
    with pytest.raises(Misconfigured) as told:
        request_reload(world.home("th"))
    assert told.value.code == "not-running"


async def test_sighup_and_the_command_reach_a_process(tmp_path: Path) -> None:
    world = build_world(tmp_path, {})
    home = world.home("th")
    async with NodeProcess(home, world.ports["th"]) as process:
        change(home, "limits", "budget_ms = 1111")
        answers = await asyncio.to_thread(request_reload, home)
        assert answers == {0: Reloaded(("limits.budget_ms",), (), "", answers[0].id)}
        process.signal(signal.SIGHUP)
        change(home, "limits", "budget_ms = 2222")
        process.signal(signal.SIGHUP)
        async with asyncio.timeout(reload_request.ANSWER_S):
            while (await asyncio.to_thread(request_reload, home))[0].live:
                await asyncio.sleep(0)
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0


def pem(key: PrivateKey) -> bytes:
    """Return the public part of a key in PEM."""
    return pem_of(key.public_key())


def pem_of(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


async def test_a_changed_mapping_needs_a_restart_and_is_named_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    (sample,) = [each for each in ONE_EACH if each.member == "th"]
    mapping = tmp_path / "mapping.toml"
    mapping.write_bytes(Path(sample.mapping_file).read_bytes())
    plan = SourcePlan(sample.id, sample.agency, mapping, f"sqlite:///{sample.build(tmp_path / 'sources')}")
    async with running(build_world(tmp_path, {"th": [plan]}), ["th"]) as world:
        text = mapping.read_text()
        mapping.write_text(f"{text}\n# another line\n")
        said = await reloaded(world)
        assert (said.live, said.restart, said.refused) == ((), (str(mapping),), "")
        mapping.write_text(text.replace(f'id = "{sample.id}"', 'id = "th.other.records"'))
        assert "th.other.records" in (await reloaded(world)).refused
        mapping.write_text(text)
        assert (await reloaded(world)).restart == ()
