"""Commands change a running node: each question that is asked after they have ended is decided by it."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from gateway.audit.export.policies import policy_hash
from gateway.cli.main import run
from gateway.model.exchange import Answer, Outcome
from gateway.model.names import MemberId
from gateway.ops.policy.keeper import policy_files
from gateway.rpc import methods
from gateway.signing.keys import load_signing_key
from gateway.statements.answer import read_signed
from gateway.trust.documents.policy_approval import seal_policy
from tests.support.exchange import caller, sample_world, sealed, submission
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.persons import administrator
from tests.support.policies import BASE, NATIONAL
from tests.support.processes import NodeProcess

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

CLOSED = '\n@id("vn-closed")\n@code("policy-denies")\nforbid (principal, action == Action::"answer", resource);\n'
AGREEMENT = "agreements/gms-border-2026.toml"
ASKERS, AFTERWARDS = 4, 12
"""Those who ask all the time, and the answers that are looked at after a change."""


_MOMENTS = itertools.count(1)
"""Orders questions and commands of the one loop: a number for each."""


@dataclass
class Flow:
    """Questions that are asked all the time: when each began and its answer, and the moments of those that got none."""

    told: list[tuple[int, Answer]] = field(default_factory=list)
    kept_back: list[int] = field(default_factory=list)

    async def after(self, moment: int) -> list[Answer]:
        """The answers to questions that began after a moment, once there are enough."""

        def found() -> list[Answer]:
            return [answer for began, answer in self.told if began > moment]

        await eventually(lambda: len(found()) >= AFTERWARDS)
        return found()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A node of Viet Nam, as `liaison serve` starts it."""
    made = sample_world(tmp_path_factory.mktemp("live"), ("th", "vn"))
    keys, home = made.federation.folder / "approvers", made.home("vn")
    for name in ("a", "b"):
        assert run(["policy", "approver", "--out", str(keys), "--name", name]) == 0
        assert run(["policy", "admit", str(keys / f"{name}.pub"), "--home", str(home)]) == 0
    publish = ["trust", "publish", "--home", str(home), "--authority", str(made.federation["vn"].authority)]
    assert run(publish) == 0
    file = home / "node.toml"  # as version 0.2 wrote it: a setting that ended keeps no node from starting
    file.write_text(file.read_text(encoding="utf-8").replace("[node]\n", "[node]\nworkers = 1\n"), encoding="utf-8")
    async with NodeProcess(home, made.ports["vn"]):
        yield made


@asynccontextmanager
async def flowing(world: World) -> AsyncIterator[Flow]:
    flow, member = Flow(), world.federation["th"]

    async def ask() -> None:
        async with caller(world).channel() as channel:
            submit = channel.unary_unary(methods.SUBMIT.path)
            while True:
                began = next(_MOMENTS)
                try:
                    reply = await submit(submission(sealed(member)), timeout=30)
                except grpc.aio.AioRpcError:  # what was asked for was switched off while the question was inside
                    flow.kept_back.append(began)
                    continue
                flow.told.append((began, read_signed(methods.SUBMIT.answer.read(reply).envelope)))

    asking = [asyncio.create_task(ask()) for _ in range(ASKERS)]
    try:
        await flow.after(0)
        yield flow
        assert not any(task.done() for task in asking), [task.exception() for task in asking if task.done()]
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def command(*arguments: str) -> tuple[int, int]:
    """Run a command beside the questions; its exit code, and the moment at which it had ended."""
    code = await asyncio.to_thread(run, list(arguments))
    return code, next(_MOMENTS)


def policy(world: World, folder: Path, version: int, change: Callable[[Path], object]) -> tuple[Path, bytes]:
    """A signed policy of Viet Nam with a change, and the hash by which its decisions name it."""
    draft = folder / f"vn-{version}"
    shutil.copytree(NATIONAL / "vn", draft)
    shutil.rmtree(draft / "cases")  # they say what the unchanged policy does
    change(draft)
    keys = [load_signing_key(world.federation.folder / "approvers" / f"{name}.key") for name in ("a", "b")]
    out = folder / f"vn-{version}.json"
    out.write_bytes(seal_policy(MemberId("vn"), version, policy_files(BASE, draft), keys))
    return out, bytes.fromhex(policy_hash(out.read_bytes()))


async def test_each_question_after_the_command_is_decided_by_the_policy_that_it_brought(
    world: World, tmp_path: Path
) -> None:
    home = str(world.home("vn"))
    changes: list[tuple[Callable[[Path], object], Outcome]] = [
        (lambda draft: (draft / "closed.cedar").write_text(CLOSED), Outcome.REFUSED),
        (lambda draft: None, Outcome.HIT),
        (lambda draft: (draft / AGREEMENT).unlink(), Outcome.REFUSED),
        (lambda draft: (draft / "x.cedar").write_text("// another one\n"), Outcome.HIT),
    ]
    async with flowing(world) as flow:
        for version, (change, outcome) in enumerate(changes, 1):
            file, wanted = policy(world, tmp_path, version, change)
            code, moment = await command("policy", "install", str(file), "--home", home)
            assert code == 0
            found = await flow.after(moment)
            assert {(answer.outcome, answer.policy_hash) for answer in found} == {(outcome, wanted)}
    assert {answer.outcome for _, answer in flow.told} == {Outcome.HIT, Outcome.REFUSED}


async def test_a_policy_that_the_node_refuses_is_told_by_the_command_and_changes_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with flowing(world) as flow:
        before = flow.told[-1][1].policy_hash
        file, _ = policy(world, tmp_path, 1, lambda draft: None)
        code, moment = await command("policy", "install", str(file), "--home", str(world.home("vn")))
        assert code == 1
        assert "is not above" in capsys.readouterr().out
        assert {answer.policy_hash for answer in await flow.after(moment)} == {before}


async def test_records_are_off_and_on_for_each_question_after_the_command(world: World) -> None:
    home, what = world.home("vn"), ("--peer", "th", "--type", "TravelDocument", "--reason", "trial of the switch")
    off = (Outcome.SUSPENDED, ("TravelDocument records",), ("TravelDocument records",))
    async with flowing(world) as flow:
        for _ in range(2):
            code, moment = await command("suspend", "--home", str(home), *what)
            assert code == 0
            found = await flow.after(moment)
            assert {(answer.outcome, answer.missing, answer.suspended) for answer in found} == {off}
            assert all(began < moment for began in flow.kept_back)
            code, moment = await command("resume", "--home", str(home), *what, *administrator(home))
            assert code == 0
            assert {(answer.outcome, answer.missing) for answer in await flow.after(moment)} == {(Outcome.HIT, ())}
    told = {answer.outcome for _, answer in flow.told}
    assert told == {Outcome.HIT, Outcome.SUSPENDED}, "no hit is never said of what was not searched"


async def test_what_was_off_before_keeps_no_answer_back_when_something_else_is_switched_off(world: World) -> None:
    """The question is inside while the switches change: what they changed does not concern it."""
    home = world.home("vn")
    off = ("--peer", "th", "--type", "Person", "--reason", "trial of the switch")
    assert (await command("suspend", "--home", str(home), *off))[0] == 0
    async with flowing(world) as flow:
        for reason in ("one", "two", "three"):
            _, moment = await command("suspend", "--home", str(home), "--client", "records-desk", "--reason", reason)
            await flow.after(moment)
    told = {(answer.outcome, answer.missing) for _, answer in flow.told}
    assert told == {(Outcome.HIT, ())}, "this question finds no person"
    assert flow.kept_back == []
