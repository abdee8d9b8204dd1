"""Nodes cosign each other's heads, and compare themselves with their witnesses before they sign (design, section 7)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from msgspec.structs import replace

from gateway.app.node_witness import NodeWitness
from gateway.app.run.domestic_witness import DomesticWitness
from gateway.app.run.node import Node
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.cosignature import reaches_quorum, verify_cosignatures, witnesses_of
from gateway.cli.main import run
from gateway.config.witness_home import load_witness
from gateway.errors import Contradicted, NotProved
from gateway.model.evidence.witness import CosignedHead, WitnessedHead
from gateway.ops.homes.found_witness import found_witness
from gateway.ports.entries import events
from gateway.rpc import methods
from gateway.rpc.status import size_of
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor
from gateway.witness import standing as witness_standing
from tests.support.exchange import Logged, caller, entries, stopping
from tests.support.forger import eventually, eventually_async
from tests.support.load import in_turns
from tests.support.nodes import World, build_world
from tests.support.persons import administrator
from tests.support.ports import free_port
from tests.support.witnesses import LogOf

pytestmark = pytest.mark.timeout(180)  # each starts several nodes

OPERATIONS = "th.liaison.internal/operations/1"
OWN_ROUNDS = NodeWitness.rounds


@pytest.fixture(autouse=True)
def rounds_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node's own round, which is made when it gets its turn, would come before or into those that a test makes."""
    monkeypatch.setattr(NodeWitness, "rounds", ())


@pytest.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    """Two members whose nodes have no sources."""
    made = build_world(tmp_path, {}, ("th", "vn"))
    async with stopping(made):
        yield made


async def grow(node: Node, count: int = 3, mark: str = "x") -> None:
    """Entries in the operations log."""
    for number in range(count):
        draft = events.ALARM.draft(code=mark, detail=str(number))
        await node.core.writers.operations.write(draft)


def of_kind(node: Node, kind: str) -> list[Logged]:
    """Entries of one kind in the operations log."""
    return [item for item in entries(node, "operations") if item.entry.kind == kind]


def memory(node: Node) -> SqlWitnessStore:
    """What the node remembers."""
    return SqlWitnessStore(node.resources.database)


def settings(world: World, member: str = "th", **values: object) -> None:
    """Add `[witness]` settings to a member's node."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    with (world.home(member) / "node.toml").open("a") as file:
        file.write("\n".join(["[witness]", *lines, ""]))


def add_domestic(world: World, folder: Path, member: str = "th", **more: object) -> DomesticWitness:
    """A domestic witness of a member that its node knows; it is not started. `more` are settings of `[witness]`."""
    port = free_port()
    found_witness(folder, member, f"127.0.0.1:{port}", world.federation.clock)
    home = world.home(member)
    (home / "witnesses").mkdir(exist_ok=True)
    shutil.copy(folder / "witness.pub", home / "witnesses" / "auditor.pub")
    held = world.federation.view().descriptor(member)
    values: dict[str, Any] = {"endpoints": held.endpoints, "offices": held.offices, "agencies": held.agencies}
    world.federation.share(
        publish_descriptor(home, world.federation[member].authority, world.federation.clock, **values)
    )
    documents: list[bytes | Path] = [world.federation.charter, *(home / "trust").glob("descriptors/*.jsonl")]
    for document in documents:
        data = document.read_bytes() if isinstance(document, Path) else document
        import_document(folder / "trust", data, world.federation.clock, world.federation.fingerprint)
    settings(world, member, domestic=f"127.0.0.1:{port}", **more)
    return DomesticWitness(load_witness(folder))


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command printed as JSON, behind the lines of running nodes."""
    out = capsys.readouterr().out
    return json.loads(out[out.index("{\n") :])


async def settle(node: Node, done: Callable[[], object]) -> None:
    """Rounds until something holds: a log is cosigned once in half a second, and a link takes time to come back."""

    async def is_settled() -> bool:
        await node.witness.round()
        return bool(done())

    await eventually_async(is_settled, pause=0.1)


def covered(node: Node) -> bool:
    """Whether all entries of the operations log are under a quorum."""
    return any(item.log == "operations/1" and 0 < item.covered == item.size for item in node.witness.standings)


# ------------------------------------------------------------------ rounds


async def test_a_round_brings_each_head_once_and_the_cosignatures_verify_offline(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    th, vn = await own_world.start("th"), await own_world.start("vn")
    await grow(th)
    await settle(th, lambda: covered(th))
    head = parse_checkpoint(th.resources.operations_log.checkpoint)
    kept = memory(th).cosignatures("operations/1", head.size)
    view = own_world.federation.view("th")
    found = verify_cosignatures(head, kept, witnesses_of(view, "th"), th.resources.clock.now_us())
    assert [(item.member, item.algorithm.value) for item in found] == [("vn", "ed25519"), ("vn", "ml-dsa-44")]
    assert reaches_quorum(found, 1)
    await th.witness.round()
    assert memory(th).cosignatures("operations/1", head.size) == kept
    await grow(th)
    await settle(th, lambda: covered(th))
    assert len(memory(th).cosigned("operations/1")) >= 2
    known = memory(vn).witnessed(OPERATIONS)
    assert known is not None
    assert known.checkpoint == th.resources.operations_log.checkpoint
    assert await asyncio.to_thread(run, ["witness", "status", "--home", str(own_world.home("th")), "--json"]) == 0
    about = printed(capsys)
    assert about["asked"] == ["vn"]
    operations = next(log for log in about["logs"] if log["log"] == "operations/1")
    assert operations["covered"] == known.size == operations["size"]
    assert {item["witness"] for item in operations["cosigned"]} == {"vn"}
    assert {item.private["code"] for item in of_kind(vn, "alarm")} <= {"witness-pause"}


async def test_the_domestic_witness_is_enough_alone_and_serves_its_own_node_only(
    own_world: World, tmp_path: Path
) -> None:
    domestic = add_domestic(own_world, tmp_path / "auditor")
    domestic.start()
    try:
        th = await own_world.start("th")
        await settle(th, lambda: covered(th))
        (standing,) = [item for item in th.witness.standings if item.log == "operations/1"]
        assert standing.covered == standing.size > 0
        assert [item.domestic for item in standing.cosigned] == [True, True]
        assert not th.core.proved.now_us(), "its time comes from where ours does, so it does not vouch for it"
        stranger = caller(
            own_world,
            "vn",
            "th",
            address=domestic.address,
            server_name="witness.domestic.th.liaison.internal",
            roots=(tmp_path / "auditor" / "keys" / "tls.pem").read_bytes(),
        )
        body = methods.ADD_CHECKPOINT.request.write((LogOf().grow(1).request(0), b""))
        assert await stranger.refused(methods.ADD_CHECKPOINT.path, body) in (
            grpc.StatusCode.UNAVAILABLE,  # the handshake fails: another country's CA is no root here
            grpc.StatusCode.UNAUTHENTICATED,
        )
    finally:
        domestic.stop()


async def test_a_log_in_which_nothing_was_written_for_long_waits_for_no_quorum(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    th = await own_world.start("th")
    await own_world.start("vn")
    await settle(th, lambda: covered(th))
    await own_world.stop("vn")
    store = th.witness._witnessing._store
    recent = store.recent

    def of_last_night(log: str, most: int) -> list[CosignedHead]:
        return [replace(head, time_us=head.time_us - 2 * witness_standing.LOST_US) for head in recent(log, most)]

    monkeypatch.setattr(store, "recent", of_last_night)
    await grow(th)
    await th.witness.round()
    (found,) = [item for item in th.witness.standings if item.log == "operations/1"]
    now_us = th.resources.clock.now_us()
    assert 0 < found.covered < found.size
    assert found.age_s(now_us) < witness_standing.LOST_US // 1_000_000
    assert not found.lost(now_us)
    assert of_kind(th, "quorum-lost") == []


async def test_i4_without_witnesses_service_goes_on_with_an_alarm_and_one_proof_catches_up(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    th, vn = await own_world.start("th"), await own_world.start("vn")
    await settle(th, lambda: covered(th))
    await own_world.stop("vn")
    monkeypatch.setattr(witness_standing, "LOST_US", 0)
    await grow(th)
    await th.witness.round()
    (lost,) = of_kind(th, "quorum-lost")
    assert lost.private["log"] == "operations/1"
    assert lost.private["witnesses"] == ["vn"]
    assert lost.private["failing"][0].startswith("vn: ")
    await th.witness.round()
    assert len(of_kind(th, "quorum-lost")) == 1
    await grow(th, 20)
    vn = await own_world.start("vn")
    await settle(th, lambda: of_kind(th, "quorum-back"))
    monkeypatch.setattr(witness_standing, "LOST_US", 900_000_000)
    known = memory(vn).witnessed(OPERATIONS)
    assert known is not None
    assert known.size >= 20


async def test_a_node_makes_its_rounds_itself(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NodeWitness, "rounds", OWN_ROUNDS)
    settings(own_world, every_s=1)
    await own_world.start("vn")
    th = await own_world.start("th")
    await grow(th)
    size = th.resources.operations_log.size
    await eventually(lambda: any(item.log == "operations/1" and item.covered >= size for item in th.witness.standings))


# ------------------------------------------------------------------ hostile counterparts


async def test_a_counterpart_gets_the_statuses_of_the_specification(own_world: World) -> None:
    await own_world.start("vn")
    log = LogOf(own_world.federation["th"].key("log"), OPERATIONS).grow(7)
    who = caller(own_world, "th", "vn")

    async def status(body: bytes) -> grpc.StatusCode:
        await asyncio.sleep(0.5)  # the pause that a log must keep
        return await who.refused(methods.ADD_CHECKPOINT.path, methods.ADD_CHECKPOINT.request.write((body, b"")))

    answer = await who.call(methods.ADD_CHECKPOINT.path, methods.ADD_CHECKPOINT.request.write((log.request(0, 3), b"")))
    assert methods.ADD_CHECKPOINT.answer.read(answer).count(b"\n") == 2
    thief = LogOf(own_world.federation["vn"].key("log"), OPERATIONS).grow(7)
    foreign = LogOf(own_world.federation["vn"].key("log"), "kh.liaison.internal/exchange/1").grow(1)
    own = LogOf(own_world.federation["vn"].key("log"), "vn.liaison.internal/exchange/1").grow(1)
    assert await status(b"nonsense") is grpc.StatusCode.INVALID_ARGUMENT
    assert await status(own.request(0)) is grpc.StatusCode.NOT_FOUND
    assert await status(foreign.request(0)) is grpc.StatusCode.PERMISSION_DENIED
    assert await status(thief.request(0)) is grpc.StatusCode.PERMISSION_DENIED
    assert await status(log.request(3).replace(b"old 3", b"old 9")) is grpc.StatusCode.INVALID_ARGUMENT
    assert await status(log.branch(2).grow(6, "other ").request(3)) is grpc.StatusCode.FAILED_PRECONDITION
    with pytest.raises(grpc.aio.AioRpcError) as conflict:
        await who.call(methods.ADD_CHECKPOINT.path, methods.ADD_CHECKPOINT.request.write((log.request(0), b"")))
    assert conflict.value.code() is grpc.StatusCode.ABORTED
    assert size_of((str(name), value) for name, value in conflict.value.trailing_metadata() or ()) == 3
    await asyncio.sleep(0.5)
    assert await who.call(methods.ADD_CHECKPOINT.path, methods.ADD_CHECKPOINT.request.write((log.request(3), b"")))
    unknown = methods.LARGEST_HEAD.request.write("vn.liaison.internal/x")
    assert await who.refused(methods.LARGEST_HEAD.path, unknown) is grpc.StatusCode.NOT_FOUND


async def test_a_fork_ends_the_node_and_is_an_entry_and_evidence_on_both_sides(
    own_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thief of the log's key had another history cosigned, which is longer than ours."""
    th = await own_world.start("th")
    await th.witness.round()
    vn = await own_world.start("vn")
    thief = LogOf(own_world.federation["th"].key("log"), OPERATIONS).grow(2, "other ")
    await caller(own_world).call(
        methods.ADD_CHECKPOINT.path, methods.ADD_CHECKPOINT.request.write((thief.request(0), b""))
    )
    await grow(th)
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    await settle(th, lambda: ended)
    assert ended[0] == 70
    ours = of_kind(th, "fork-found")[0]  # in this test the process does not end, and more may follow
    assert (ours.entry.peer, ours.private["code"]) == ("", "fork")
    await vn.witness.round()
    theirs = of_kind(vn, "fork-found")[0]
    assert (theirs.entry.peer, theirs.private["code"], theirs.private["known"]) == (
        "th",
        "no-proof",
        thief.head().decode(),
    )
    for member in ("th", "vn"):
        out = tmp_path / f"forks-{member}"
        arguments = ["audit", "evidence", "--home", str(own_world.home(member)), "--out", str(out), "--json"]
        assert await asyncio.to_thread(run, arguments) == 1
        shown = printed(capsys)["evidence"]
        assert thief.head().decode() in (shown[0]["known"]["note"], shown[0]["offered"]["note"])
        assert len(list(out.glob("*-offered.note"))) == len(shown)
    await own_world.stop("th")
    with pytest.raises(Contradicted, match="a witness has seen another head"):
        await own_world.start("th")


async def test_a_witness_that_lies_is_noted_and_stops_nobody(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it has another head of our log, and shows what our key never signed."""
    th, vn = await own_world.start("th"), await own_world.start("vn")
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail(f"the node ended with {code}"))
    invented = LogOf(own_world.federation["vn"].key("log"), OPERATIONS).grow(99)
    head = WitnessedHead(OPERATIONS, 99, invented.tree().root(), invented.head(), 0)
    assert memory(vn).advance(None, head)
    await settle(th, lambda: th.witness.failing.get("vn") == "untrue-witness")
    for answer in (b"garbage", b""):
        head = replace(head, size=head.size + 1, checkpoint=answer)
        assert memory(vn).advance(memory(vn).witnessed(OPERATIONS), head)
        await grow(th)
        await th.witness.round()
        assert "vn" in th.witness.failing
    assert not of_kind(th, "fork-found")
    assert not covered(th)


# ------------------------------------------------------------------ starts


async def test_a_start_says_what_the_witnesses_had_seen(own_world: World) -> None:
    th = await own_world.start("th")
    await own_world.start("vn")
    await grow(th)
    await settle(th, lambda: covered(th))
    known = memory(own_world.nodes["vn"]).witnessed(OPERATIONS)
    assert known is not None
    await own_world.stop("th")
    th = await own_world.start("th")
    (compared,) = of_kind(th, "witness-compared")
    assert {"witness": "vn", "log": "operations/1", "size": known.size} in compared.private["seen"]
    written = [item.entry.kind for item in entries(th, "operations")[known.size : compared.entry.index + 1]]
    assert written[-3:] == ["stop", "start", "witness-compared"]
    await own_world.stop("vn")
    await own_world.stop("th")
    th = await own_world.start("th")
    alone = of_kind(th, "witness-compared")[-1]
    assert alone.private["seen"] == []
    assert alone.private["missing"][0].startswith("vn: ")


async def test_an_old_backup_is_refused_and_nothing_is_signed(own_world: World, tmp_path: Path) -> None:
    th = await own_world.start("th")
    await own_world.start("vn")
    await grow(th)
    await own_world.stop("th")
    backup = tmp_path / "backup"
    shutil.copytree(own_world.home("th"), backup)
    th = await own_world.start("th")
    await grow(th)
    await settle(th, lambda: covered(th))
    await own_world.stop("th")
    shutil.rmtree(own_world.home("th"))
    shutil.copytree(backup, own_world.home("th"))
    before = (own_world.home("th") / "highwater" / "operations-1").read_bytes()
    with pytest.raises(Contradicted, match=r"`vn` has seen \d+ entries .* this is an old backup") as refused:
        await own_world.start("th")
    assert refused.value.code == "log-ahead"
    assert "stop every other node" in refused.value.remedy
    assert (own_world.home("th") / "highwater" / "operations-1").read_bytes() == before
    await own_world.stop("vn")
    with pytest.raises(Contradicted, match="old backup"):  # what was shown once is not forgotten
        await own_world.start("th")


async def test_a_second_copy_that_went_on_is_refused(own_world: World, tmp_path: Path) -> None:
    """Both copies have as many entries; the one that the witness knows goes on."""
    th = await own_world.start("th")
    await own_world.start("vn")
    await grow(th)
    await own_world.stop("th")
    copy = tmp_path / "copy"
    shutil.copytree(own_world.home("th"), copy)
    th = await own_world.start("th")
    await settle(th, lambda: covered(th))
    await own_world.stop("th")
    shutil.move(own_world.home("th"), tmp_path / "first")
    shutil.move(copy, own_world.home("th"))
    await own_world.stop("vn")
    settings(own_world, wait_s=0)
    with pytest.raises(NotProved, match="moved or copied") as unwitnessed:
        await own_world.start("th")
    assert unwitnessed.value.code == "unwitnessed-copy"
    home = own_world.home("th")
    assert run(["witness", "waive", "--home", str(home), "--reason", "a test"]) == 1, "nobody signed"
    assert run(["witness", "waive", "--home", str(home), *administrator(home), "--reason", "a test"]) == 0
    th = await own_world.start("th")
    (compared,) = of_kind(th, "witness-compared")
    assert compared.private["waived"].startswith("administrator ")
    assert compared.private["waived"].endswith(": a test")
    assert [item["role"] for item in compared.private["persons"]] == ["administrator"]
    await grow(th, 6, "another history")
    await own_world.stop("th")
    await own_world.start("vn")
    with pytest.raises(Contradicted, match="`vn` has seen another head") as forked:
        await own_world.start("th")
    assert forked.value.code == "log-fork"


async def test_a_start_does_not_wait_for_counterparts_that_accept_and_say_nothing(tmp_path: Path) -> None:
    """Three of them cost less than the six seconds that a witness of a moved log is waited for."""
    world = build_world(tmp_path, {}, ("th", "vn", "kh", "la"))
    await world.start("th")
    await world.stop("th")
    others = [world.ports[name] for name in ("vn", "kh", "la")]
    servers = [await asyncio.start_server(_say_nothing, "127.0.0.1", port) for port in others]
    try:
        th = await in_turns(world.start("th"), 4.0)
        (compared,) = of_kind(th, "witness-compared")
        assert compared.private["seen"] == []
        assert sorted(compared.private["missing"]) == ["kh: timed-out", "la: timed-out", "vn: timed-out"]
        await world.stop("th")
    finally:
        for each in servers:
            each.close()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass
    writer.close()
