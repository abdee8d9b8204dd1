"""Exports: of a time, for an auditor or for no one, goes on after a kill; and the checks that only exports have."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from gateway.audit.entries.entry import parse_entry
from gateway.audit.export.layout import APPOINTMENT, PART, LogRange
from gateway.audit.export.log_reader import ExportLog
from gateway.audit.export.policies import policy_hash
from gateway.audit.export.reader import ExportReader
from gateway.audit.search.export import SearchedExport
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.cosignature import Cosigner, witness_name
from gateway.audit.tree.tiles import read_bundle
from gateway.audit.verify import workers as checking
from gateway.audit.verify.findings import Check, State
from gateway.clock import to_us
from gateway.errors import Malformed, StorageBroken
from gateway.model.evidence.witness import CosignedHead
from gateway.ports.entries import events
from gateway.signing.witness_keys import load_witness_signing_key
from gateway.trust.documents.appointment import Scope, sign_appointment
from tests.support.audited import FAR_US, WHOLE, World, appoint, bad_with, make_world, resign
from tests.support.shared import PROJECT
from tests.support.tables import table

OPENINGS = "exchange-1/openings/000000000000.jsonl"
STATEMENTS = "exchange-1/statements/000000000000.jsonl"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def long(world: World) -> World:
    """The same with 700 entries, so that there are several bundles."""
    home = world.copy()
    with home.log() as log:
        for _ in range(7):
            log.append([events.OWN.draft(outcome="no_hit") for _ in range(100)])
    return replace(world, home=home)


def log_of(out: Path, name: str = "exchange/1") -> ExportLog:
    return next(log for log in ExportReader(out).logs() if log.name == name)


def times(out: Path) -> list[int]:
    return [parse_entry(body).time_us for _, body in log_of(out).bodies()]


def text_of(out: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file())


# ---------------------------------------------------------------- for no one, and for an auditor


@pytest.mark.long
def test_an_export_for_nobody_holds_no_private_part_and_proves_the_rest(world: World) -> None:
    out = world.export(nobody=True)
    names = {path.name for path in out.rglob("*")}
    assert not names & {"openings", "statements", "appointment.json"}
    assert b"private" not in text_of(out)
    report = world.check(out)
    assert report.exit_code == 0
    assert not {item.check for item in report.findings} & {Check.PRIVATE, Check.STATEMENTS, Check.MANDATE}
    assert "made for no auditor: no private part and no statement is in it" in report.notes


def test_an_export_says_who_was_appointed_by_whom(world: World) -> None:
    out = world.export()
    manifest = json.loads((out / "export.json").read_bytes())
    assert (manifest["auditor"], manifest["appointed_by"]) == ("th.auditor.1", "the auditor general")
    report = world.check(out)
    assert report.about["appointed_by"] == "the auditor general"
    assert report.about["scope"] == WHOLE.describe()


@pytest.mark.long
@table(
    ("scope", "opened"),
    [
        (replace(WHOLE, counterparts=("kh",)), {2, 3}),
        (replace(WHOLE, counterparts=("vn",)), {0, 1, 4, 5}),
        (replace(WHOLE, counterparts=("th",)), set()),
        (replace(WHOLE, agencies=("police",)), set()),
        (replace(WHOLE, since_us=FAR_US - 1), set()),
    ],
)
def test_private_parts_are_in_an_export_within_the_scope_only(world: World, scope: Scope, opened: set[int]) -> None:
    _, appointment = appoint(world.federation["th"], scope)
    out = world.export(appointment=appointment)
    rows = list(log_of(out).rows())
    assert {row.index for row in rows if row.private is not None} == opened
    assert {row.index for row in rows if row.request or row.answer} == opened
    assert world.check(out).exit_code == 0


def test_without_answers_no_record_leaves(world: World) -> None:
    _, appointment = appoint(world.federation["th"], replace(WHOLE, content=False))
    out = world.export(appointment=appointment)
    rows = list(log_of(out).rows())
    assert [row.answer for row in rows] == [b""] * 6
    assert all(row.request for row in rows)
    assert world.check(out).exit_code == 0


@pytest.mark.process
def test_several_processes_find_what_one_finds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MANY_RUNS", 1)
    good, bad = world.export(), world.export()
    tile = bad / "exchange-1/tile/entries/000.p/6"
    tile.write_bytes(tile.read_bytes().replace(b'"n":2', b'"n":9', 1))
    for out in (good, bad):
        assert world.check(out, processes=2).findings == world.check(out).findings
    assert world.check(bad, processes=2).first_bad == ("exchange/1", 1)


# ---------------------------------------------------------------- check 13: of a time


@table(("low", "high"), [(0, 300), (300, 310), (256, 512), (255, 513), (1, 705), (600, 706)])
@pytest.mark.long
def test_an_export_of_a_time_proves_that_nothing_of_it_is_left_out(long: World, low: int, high: int) -> None:
    stamps = times(long.export(nobody=True))
    until_us = stamps[high] if high < len(stamps) else stamps[-1] + 1
    out = long.export(since_us=stamps[low], until_us=until_us)
    report = long.check(out)
    assert [item for item in report.findings if item.state is not State.PROVED] == []
    log = log_of(out)
    assert (log.range.low, log.range.high) == (low, high)
    assert {row.index for row in log.rows() if row.private is not None} == set(range(low, high))
    whole = {item for item in report.findings if item.check is Check.TREE}
    assert {item.log for item in whole} == {"exchange/1", "operations/1"}


@pytest.mark.long
def test_check_13_a_range_that_leaves_an_entry_out(long: World) -> None:
    stamps = times(long.export(nobody=True))
    out = long.export(since_us=stamps[300], until_us=stamps[320])
    manifest = json.loads((out / "export.json").read_bytes())
    for name, value in (("low", 301), ("high", 319)):
        changed = json.loads(json.dumps(manifest["logs"]))
        changed["exchange/1"][name] = value
        resign(out, long.home.key, logs=changed)
        assert bad_with(long.check(out), Check.RANGE)


def test_check_13_a_range_whose_neighbours_are_not_there_is_not_provable(long: World) -> None:
    stamps = times(long.export(nobody=True))
    out = long.export(since_us=stamps[256], until_us=stamps[400], nobody=True)
    manifest = json.loads((out / "export.json").read_bytes())
    manifest["logs"]["exchange/1"]["first"] = 256
    (out / "exchange-1/heads.jsonl").write_bytes(b"")
    for name in ("entries", "0"):
        (out / f"exchange-1/tile/{name}/000").unlink()
    resign(out, long.home.key, logs=manifest["logs"])
    report = long.check(out)
    assert any(item.check is Check.RANGE and item.state is State.NOT_PROVABLE for item in report.findings)
    assert report.exit_code == 3


def test_of_no_entry_an_export_proves_that_there_was_none(world: World) -> None:
    out = world.export(since_us=1, until_us=2, nobody=True)
    report = world.check(out)
    assert report.exit_code == 0
    assert log_of(out).range == LogRange(6, 0, 6, 0, 0)


# ---------------------------------------------------------------- check 14: the mandate


def test_check_14_an_appointment_that_the_authority_did_not_sign(world: World) -> None:
    out = world.export()
    forged = sign_appointment(world.appointment, [world.home.key])
    (out / APPOINTMENT).write_bytes(forged + b"\n")
    resign(out, world.home.key)
    report = world.check(out)
    assert bad_with(report, Check.MANDATE)
    assert "auditor" not in report.about


def test_check_14_another_appointment_than_the_manifest_names(world: World) -> None:
    out = world.export()
    _, other = appoint(world.federation["th"], WHOLE, "th.auditor.2")
    (out / APPOINTMENT).write_bytes(other.data + b"\n")
    resign(out, world.home.key)
    assert bad_with(world.check(out), Check.MANDATE)


@pytest.mark.long
def test_check_14_private_parts_beyond_the_scope(world: World) -> None:
    _, narrow = appoint(world.federation["th"], replace(WHOLE, counterparts=("kh",)))
    out, wide = world.export(appointment=narrow), world.export()
    for name in (OPENINGS, STATEMENTS):
        (out / name).write_bytes((wide / name).read_bytes())
    resign(out, world.home.key)
    report = world.check(out)
    assert bad_with(report, Check.MANDATE, 0)
    assert not bad_with(report, Check.MANDATE, 2)


def test_check_14_private_parts_in_an_export_for_nobody(world: World) -> None:
    out, wide = world.export(nobody=True), world.export()
    (out / OPENINGS).parent.mkdir()
    (out / OPENINGS).write_bytes((wide / OPENINGS).read_bytes())
    resign(out, world.home.key)
    assert bad_with(world.check(out), Check.MANDATE, 0)


@pytest.mark.long
def test_check_14_answers_that_the_mandate_leaves_out(world: World) -> None:
    _, narrow = appoint(world.federation["th"], replace(WHOLE, content=False))
    out, wide = world.export(appointment=narrow), world.export()
    (out / STATEMENTS).write_bytes((wide / STATEMENTS).read_bytes())
    resign(out, world.home.key)
    assert bad_with(world.check(out), Check.MANDATE, 0)


def test_check_10_what_the_mandate_allows_and_is_not_shown_is_a_gap(world: World) -> None:
    out = world.export()
    lines = (out / OPENINGS).read_bytes().splitlines(keepends=True)
    (out / OPENINGS).write_bytes(b"".join([b'{"index":0,"withheld":"counterpart"}\n', *lines[1:]]))
    resign(out, world.home.key)
    report = world.check(out)
    assert [(item.check, item.index) for item in report.findings if item.state is State.NOT_PROVABLE] == [
        (Check.PRIVATE, 0)
    ]


# ---------------------------------------------------------------- check 15: policies


@pytest.mark.long
def test_check_15_policies_are_there_by_their_hash(world: World) -> None:
    policy = json.dumps({"base/a.cedar": "YQ==", "national/b.cedar": "Yg=="}).encode()
    name = policy_hash(policy)
    home = world.copy()
    item = world.answered()
    item.private = {**item.private, "decision": {"hash": name}}
    with home.log() as log:
        log.append([item])
    documents = {"trust/descriptors/th.jsonl": b"\n".join(world.descriptors["th"])}
    documents |= {f"trust/descriptors/{name}.jsonl": b"\n".join(world.descriptors[name]) for name in ("vn", "kh")}
    good = world.export(home, documents=documents | {f"policies/{name}.json": policy})
    assert any(one.check is Check.POLICIES for one in world.check(good).findings)
    assert world.check(good).exit_code == 0
    missing = world.export(home, documents=documents)
    assert world.check(missing).exit_code == 3
    wrong = world.export(home, documents=documents | {f"policies/{name}.json": policy.replace(b"YQ", b"Yg")})
    assert bad_with(world.check(wrong), Check.POLICIES)


# ---------------------------------------------------------------- check 16: witnesses


def cosigned(world: World, member: str = "kh", at_s: int | None = None) -> dict[str, list[CosignedHead]]:
    """The newest head of `th`'s exchange log, cosigned by another member's node."""
    head = (world.export(nobody=True) / "exchange-1/checkpoint").read_bytes()
    key = load_witness_signing_key(world.federation[member].home / "keys" / "witness.key")
    seconds = at_s or world.home.clock.now_us() // 1_000_000
    line = Cosigner(witness_name(member), [key]).cosign(parse_checkpoint(head), seconds)
    return {"exchange/1": [CosignedHead(6, head, (line,), 0)]}


def test_check_16_a_cosigned_head_says_by_when_the_log_stood_so(world: World) -> None:
    out = world.export(cosigned=cosigned(world))
    report = world.check(out, quorum=1)
    (found,) = [item for item in report.findings if item.check is Check.WITNESSES and item.log == "exchange/1"]
    assert found.state is State.PROVED
    assert "the first 6 entries stood by" in found.text
    assert "cosigned by kh" in found.text


def test_check_16_a_quorum_that_is_not_reached_is_not_provable(world: World) -> None:
    out = world.export(cosigned=cosigned(world))
    report = world.check(out, quorum=2)
    gaps = [item.log for item in report.findings if item.state is State.NOT_PROVABLE]
    assert gaps == ["operations/1", "exchange/1"]
    assert report.exit_code == 3


def test_check_16_a_cosignature_that_does_not_verify(world: World) -> None:
    heads = cosigned(world)
    (line,) = heads["exchange/1"][0].lines
    at = line.index(b"=") - 8 if b"=" in line else len(line) - 8
    forged = line[:at] + (b"A" if line[at : at + 1] != b"A" else b"B") + line[at + 1 :]
    heads["exchange/1"][0] = structs.replace(heads["exchange/1"][0], lines=(forged,))
    assert bad_with(world.check(world.export(cosigned=heads)), Check.WITNESSES)


def test_check_16_e12_a_cosignature_from_the_future_does_not_count(world: World) -> None:
    later = world.home.clock.now_us() // 1_000_000 + 3_600
    report = world.check(world.export(cosigned=cosigned(world, at_s=later)), quorum=1)
    assert report.exit_code == 3


# ---------------------------------------------------------------- going on after a kill


@pytest.mark.process
def test_an_export_that_was_killed_goes_on_and_is_the_same(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = (
        "import os, signal, pickle, sys\n"
        "from tests.support.audited import World\n"
        "from tests.support.audit_logs import LogHome\n"
        "from gateway.audit.export.export import export\n"
        "from gateway.clock import SystemClock\n"
        "from gateway.signing.keys import load_signing_key\n"
        "from pathlib import Path\n"
        "home = LogHome(Path(sys.argv[1]), load_signing_key(Path(sys.argv[2])), SystemClock())\n"
        "with home.store() as store:\n"
        "    export(store, home.keystore, home.key, home.clock, member='th', highwater=home.highwater,\n"
        "           out=Path(sys.argv[3]), documents={},\n"
        "           progress=lambda done, of: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    key = world.federation["th"].home / "keys" / "log.key"
    arguments = [sys.executable, "-c", script, str(world.home.folder), str(key), str(out)]
    assert subprocess.run(arguments, cwd=PROJECT, check=False).returncode == -signal.SIGKILL
    assert (out / PART).exists()
    assert not (out / "export.json").exists()
    with (out / PART).open("ab") as file:
        file.write(b'{"a line that was not written to')
    world.export(out=out, nobody=True)
    assert not (out / PART).exists()
    assert world.check(out).exit_code == 0


def test_an_export_whose_plan_was_not_written_to_its_end_begins_anew(world: World, tmp_path: Path) -> None:
    out = tmp_path / "export"
    out.mkdir()
    (out / PART).write_bytes(b'{"member":"th","crea')
    world.export(out=out)
    assert world.check(out).exit_code == 0


def test_a_file_that_changed_while_it_was_interrupted_is_written_again(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop(done: int, of: int) -> None:
        if done == of:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.export(out=out, nobody=True, progress=stop)
    tile = out / "exchange-1/tile/entries/000.p/6"
    tile.write_bytes(b"rubbish")
    world.export(out=out, nobody=True)
    assert len(read_bundle(tile.read_bytes(), 6)) == 6
    assert world.check(out).exit_code == 0


def test_another_export_is_not_mixed_into_one_that_was_begun(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.export(out=out, nobody=True, progress=stop)
    with pytest.raises(Malformed, match="another export was begun"):
        world.export(out=out)
    with pytest.raises(Malformed, match="another export was begun"):
        world.export(out=out, nobody=True, since_us=to_us(world.home.clock.now()))


def test_a_place_that_cannot_be_written_says_what_to_do(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageBroken, match="cannot be written") as caught:
        world.export(out=tmp_path / "file" / "below", nobody=True)
    assert "goes on where it was" in caught.value.remedy


def test_an_erased_private_part_is_shown_as_erased(world: World) -> None:
    home = world.copy()
    key_id = next(key for key in home.keystore.key_ids() if key.startswith("nohit/"))
    home.keystore.destroy(key_id)
    with home.log("operations") as operations:
        operations.append(
            [events.KEY_DESTROYED.draft(key_id=key_id, ground="end of retention", entries={"exchange/1": 6})]
        )
    out = world.export(home)
    assert f'"erased":"{key_id}"'.encode() in (out / OPENINGS).read_bytes()
    report = world.check(out)
    assert report.exit_code == 0
    assert any("erased" in note for note in report.notes)


def test_n314_a_private_part_under_a_lost_key_leaves_as_lost_and_reads_as_such(world: World) -> None:
    home = world.copy()
    key_id = next(key for key in home.keystore.key_ids() if key.startswith("nohit/"))
    (home.folder / "keystore" / f"{key_id}.key").unlink()
    home.keystore.look_again()
    out = world.export(home)
    lines = (out / OPENINGS).read_bytes()
    assert f'"lost":"{key_id}"'.encode() in lines
    assert b'"erased"' not in lines
    for report in (world.check(out), world.verify(home)):
        assert report.exit_code == 3
        told = {item.text for item in report.findings if item.state is State.NOT_PROVABLE}
        expected = f"cannot be read, for its key is lost (key `{key_id}`), and no entry says that the key was destroyed"
        assert any(expected in text for text in told), told
        assert not any("erased" in text for text in (*told, *report.notes))
    closed = [each for each in SearchedExport(out).rows("exchange/1", 0, 6) if each.private is None]
    assert {(each.closed, each.lost) for each in closed} == {(f"lost: {key_id}", True)}
