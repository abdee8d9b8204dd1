"""Backup and restore of nodes that serve: nothing is lost, nothing that was erased comes back (DUTY-L26)."""

from __future__ import annotations

import asyncio
import fcntl
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.run.node import build_node
from gateway.audit.reading.show import Filter
from gateway.cli.main import run
from gateway.config import load_settings
from gateway.config.home import Home
from gateway.errors import Contradicted
from gateway.model.exchange import Outcome
from gateway.model.query import DocumentQuery
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.backup.sealed_file import SealedReader, SealedWriter, load_public
from gateway.ops.homes.open_home import open_home
from tests.support.cli import Liaison, found_federation
from tests.support.erasing import files_with
from tests.support.exchange import VN, command, lines, sample_world, stopping
from tests.support.forger import eventually
from tests.support.nodes import World, officer
from tests.support.persons import signed

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "XK8830211457"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("backup"), ("th", "vn"))
    assert run(["backup", "--new-key", str(made.federation.folder / "offline")]) == 0
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def liaison(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = await asyncio.to_thread(run, [*map(str, arguments), "--json"])
    printed = capsys.readouterr().out.splitlines()
    return code, json.loads("\n".join(line for line in printed if not line.startswith("20")))  # a node's own log


async def ask(world: World, number: str) -> str:
    search = await world.nodes["th"].asking.searches.start(officer("th"), command(DocumentQuery(number, "VNM")))
    assert lines(search)[VN].outcome is Outcome.NO_HIT
    return lines(search)[VN].exchange_id


async def back_up(world: World, capsys: pytest.CaptureFixture[str], out: Path) -> dict[str, Any]:
    to = world.federation.folder / "offline" / "backup.pub"
    code, made = await liaison(capsys, "backup", "--home", world.home("th"), "--to", to, "--out", out)
    assert code == 0, made
    assert "keystore" in made["left_out"]
    return made


def restoring(world: World, backup: Path, home: Path, *more: object) -> list[object]:
    key = world.federation.folder / "offline" / "backup.key"
    pin = () if "--old-home" in more or "--fingerprint" in more else ("--fingerprint", world.federation.fingerprint)
    return ["restore", "--backup", backup, "--key", key, "--home", home, *pin, *more]


async def test_a_home_comes_back_as_it_was_while_its_node_served(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = Home(world.home("th")).witnesses / "witness.pub"
    card.parent.mkdir(exist_ok=True)
    card.write_text("the card of a domestic witness\n")
    await ask(world, "XK2000000001")
    asking = [asyncio.create_task(ask(world, f"XK20000001{number:02}")) for number in range(12)]
    made = await back_up(world, capsys, tmp_path / "th.backup")
    await asyncio.gather(*asking)
    assert made["logs"]["exchange/1"] >= 2, made
    keys = load_settings(world.home("th")).keystore
    code, done = await liaison(capsys, *restoring(world, tmp_path / "th.backup", tmp_path / "new", "--keys", keys))
    assert (code, done["logs"]["verdict"]) == (0, "proved")
    assert done["logs"]["entries"] == made["logs"]
    assert done["fingerprint"] == world.federation.fingerprint
    assert (await liaison(capsys, "audit", "verify", "--home", tmp_path / "new"))[0] == 0
    assert (Home(tmp_path / "new").witnesses / card.name).read_text() == card.read_text()
    card.unlink()
    ground = build_node(load_settings(tmp_path / "new"), production=False).resources
    assert "a database that was backed up" in ground.exchange_log.moved  # it would ask a witness first
    ground.database.close()


async def test_duty_l26_a_backup_from_before_an_erasure_revives_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = world.home("th")
    kept, exchange = await ask(world, "XK2000000006"), await ask(world, CANARY)
    await back_up(world, capsys, tmp_path / "before.backup")
    code, erased = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, *signed(home))
    assert (code, erased["erased"]) == (0, 2)
    await back_up(world, capsys, tmp_path / "after.backup")
    new = tmp_path / "new"
    arguments = restoring(world, tmp_path / "before.backup", new, "--keys", load_settings(home).keystore)
    code, done = await liaison(capsys, *arguments)
    assert done["emptied"] == 2
    assert files_with(new, CANARY.encode()) == []
    # Its own log does not say so yet: the entry of the erasure is younger than the backup.
    assert (code, done["logs"]["verdict"]) == (3, "not provable")
    with open_home(new) as evidence:
        shown = [item for _, item in find_entries(evidence, "exchange", Filter(), 10_000, None)]
    assert {item.entry.exchange_id for item in shown if item.erased} == {exchange}
    assert [item.private["officer"] for item in shown if item.entry.exchange_id == kept] == ["th.o.1042"] * 2
    code, done = await liaison(capsys, *restoring(world, tmp_path / "after.backup", tmp_path / "newer", "--keys",
                                                  load_settings(home).keystore))  # fmt: skip
    assert (code, done["emptied"]) == (0, 0)
    capsys.readouterr()
    arguments = restoring(world, tmp_path / "after.backup", tmp_path / "told", "--keys", load_settings(home).keystore)
    assert await asyncio.to_thread(run, list(map(str, arguments))) == 0
    assert "note: exchange/1: the content of 2 entries was erased" in capsys.readouterr().out


async def test_a_backup_that_lacks_what_was_signed_is_refused_by_command_and_node(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await ask(world, "XK2000000002")
    await back_up(world, capsys, tmp_path / "old.backup")
    await ask(world, "XK2000000003")
    await world.stop("th")
    old = tmp_path / "th.broken"
    shutil.copytree(world.home("th"), old)
    await world.start("th")
    new = tmp_path / "new"
    code, done = await liaison(capsys, *restoring(world, tmp_path / "old.backup", new, "--old-home", old))
    assert (code, done["logs"]["verdict"]) == (1, "contradicted")
    with pytest.raises(Contradicted, match="a head over"):
        build_node(load_settings(new), production=False)


async def test_an_orderly_stop_leaves_a_backup_that_restores_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the entry of the stop is younger than the backup: it comes from the old home, and everything is proved."""
    made = sample_world(tmp_path / "fed", ("th", "vn"))
    assert run(["backup", "--new-key", str(made.federation.folder / "offline")]) == 0
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        await ask(made, "XK2000000009")
        store = made.nodes["th"].resources.store
        await eventually(lambda: bool(store.find("operations/1", kind="acknowledged")))
        backup = await back_up(made, capsys, tmp_path / "th.backup")
        await made.stop("th")
        old, new = tmp_path / "th.broken", tmp_path / "new"
        made.home("th").rename(old)
        code, done = await liaison(capsys, *restoring(made, tmp_path / "th.backup", new, "--old-home", old))
        assert (code, done["logs"]["verdict"], done["taken_over"]) == (0, "proved", 1)
        assert done["logs"]["entries"]["operations/1"] == backup["logs"]["operations/1"] + 1
        new.rename(made.home("th"))
        await made.start("th")  # it goes on where the old one stopped
        await ask(made, "XK2000000010")
        await made.stop("th")
        assert (await liaison(capsys, "audit", "verify", "--home", made.home("th")))[0] == 0


async def test_a_stop_in_the_old_home_that_was_forged_is_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = sample_world(tmp_path / "fed", ("th", "vn"))
    assert run(["backup", "--new-key", str(made.federation.folder / "offline")]) == 0
    async with stopping(made):
        await made.start("th")
        await back_up(made, capsys, tmp_path / "th.backup")
        await made.stop("th")
    database = sqlite3.connect(made.home("th") / "node.sqlite")
    with database:
        changed = "CAST(replace(CAST(body AS TEXT), '\"stop\"', '\"start\"') AS BLOB)"
        database.execute(f"UPDATE log_entry SET body = {changed} WHERE kind = 'stop'")
    database.close()
    code, done = await liaison(
        capsys, *restoring(made, tmp_path / "th.backup", tmp_path / "new", "--old-home", made.home("th"))
    )
    assert (code, done["logs"]["verdict"], done["taken_over"]) == (1, "contradicted", 1)
    (made.home("th") / "node.sqlite").write_bytes(b"what a broken disk left")
    code, done = await liaison(
        capsys, *restoring(made, tmp_path / "th.backup", tmp_path / "again", "--old-home", made.home("th"))
    )
    assert (code, done["logs"]["verdict"], done["taken_over"]) == (1, "contradicted", 0)


async def test_a_backup_from_before_the_stop_names_the_one_to_make_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The steps of docs/guides/forgetting.md; looking at the log writes an entry, as the stop of a node does."""
    command = Liaison(capsys)
    found_federation(command, tmp_path, ("th", "vn"))
    assert command("backup", "--new-key", tmp_path).code == 0
    to, key = ("--to", tmp_path / "backup.pub"), ("--key", tmp_path / "backup.key")
    home, old, early, late = (tmp_path / name for name in ("th", "th.broken", "early", "late"))
    assert command("audit", "find", "--home", home, "--officer", "th.o.1042").code == 0
    assert command("backup", "--home", home, *to, "--out", early).code == 0
    assert command("audit", "find", "--home", home, "--officer", "th.o.1042").code == 0
    home.rename(old)
    ran = command("restore", "--backup", early, *key, "--home", home, "--old-home", old)
    assert ran.code == 1
    assert f"liaison backup --home {old} --to backup.pub --out NEWER.backup; move {home} away" in ran.out
    assert command("backup", "--home", old, *to, "--out", late).code == 0
    shutil.rmtree(home)
    assert command("restore", "--backup", late, *key, "--home", home, "--old-home", old).code == 0
    (old / "node.sqlite").unlink()
    ran = command("restore", "--backup", early, *key, "--home", tmp_path / "new", "--old-home", old)
    assert (ran.code, "liaison audit next-log" in ran.out) == (1, True)


async def test_nothing_that_is_there_is_overwritten(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await back_up(world, capsys, tmp_path / "th.backup")
    to = world.federation.folder / "offline" / "backup.pub"
    again = ("backup", "--home", world.home("th"), "--to", to, "--out", tmp_path / "th.backup")
    assert (await liaison(capsys, *again))[0] == 1
    code, refused = await liaison(capsys, *restoring(world, tmp_path / "th.backup", world.home("vn")))
    assert (code, refused["error"]["code"]) == (1, "not-empty")


async def test_n270_a_backup_is_restored_under_the_charter_that_the_operator_knows(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger's backup, whole and sealed for our key, is of another federation."""
    ours, theirs, new = tmp_path / "th.backup", tmp_path / "stranger.backup", tmp_path / "new"
    made, keys = await back_up(world, capsys, ours), ("--keys", load_settings(world.home("th")).keystore)
    (tmp_path / "strange").mkdir()
    found_federation(Liaison(capsys), tmp_path / "strange", ("th", "vn"))
    sealed = world.federation.folder / "offline"
    strange = ("backup", "--home", tmp_path / "strange" / "th", "--to", sealed / "backup.pub", "--out", theirs)
    assert (await liaison(capsys, *strange))[0] == 0

    def given(backup: Path, *more: object) -> list[object]:
        return ["restore", "--backup", backup, "--key", sealed / "backup.key", "--home", new, *more]

    no_charter = tmp_path / "no-charter"
    (no_charter / "trust").mkdir(parents=True)
    for backup, words, refusal in (
        (ours, keys, "fingerprint-needed"),
        (theirs, (), "fingerprint-needed"),
        (ours, ("--fingerprint", "", *keys), "fingerprint-needed"),
        (ours, ("--old-home", no_charter), "fingerprint-needed"),
        (theirs, ("--fingerprint", made["fingerprint"]), "other-fingerprint"),
        (theirs, ("--old-home", world.home("th")), "other-fingerprint"),
        (ours, ("--fingerprint", made["fingerprint"][:-1], *keys), "other-fingerprint"),
    ):
        ended, refused = await liaison(capsys, *given(backup, *words))
        assert (ended, refused["error"]["code"]) == (1, refusal), words
        assert not new.exists()
    capsys.readouterr()
    assert await asyncio.to_thread(run, ["trust", "verify", str(Home(world.home("vn")).trust / "charter.jsonl")]) == 3
    assert f"fingerprint of the first version: {made['fingerprint']}" in capsys.readouterr().out
    groups = " ".join(made["fingerprint"][at : at + 8].upper() for at in range(0, 64, 8))
    code, done = await liaison(capsys, *given(ours, "--fingerprint", groups, *keys))
    assert (code, done["fingerprint"]) == (0, world.federation.fingerprint)


async def test_what_a_backup_left_that_was_cut_off_goes_with_the_next_one(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = tmp_path / ".th.backup.making"
    left.mkdir()
    (left / "database.sqlite").write_bytes(b"half of it")
    await back_up(world, capsys, tmp_path / "th.backup")
    assert [path.name for path in tmp_path.iterdir()] == ["th.backup"]


async def test_one_backup_does_not_disturb_another_that_is_being_made_of_the_same_name(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    making = tmp_path / ".th.backup.making"
    making.mkdir()
    (making / "sealed").write_bytes(b"half of it")
    handle = os.open(making, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        to = world.federation.folder / "offline" / "backup.pub"
        code, refused = await liaison(
            capsys, "backup", "--home", world.home("th"), "--to", to, "--out", tmp_path / "th.backup"
        )
    finally:
        os.close(handle)
    assert (code, refused["error"]["message"]) == (1, "this backup is being made")
    assert (making / "sealed").read_bytes() == b"half of it"


async def test_a_backup_that_somebody_changed_is_refused(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await back_up(world, capsys, tmp_path / "th.backup")
    whole = (tmp_path / "th.backup").read_bytes()
    for place in (len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        (tmp_path / "th.backup").write_bytes(changed)
        code, refused = await liaison(capsys, *restoring(world, tmp_path / "th.backup", tmp_path / "new"))
        assert (code, refused["error"]["code"]) == (1, "backup-changed")
        assert not (tmp_path / "new").exists()


async def test_a_backup_that_was_sealed_anew_with_another_file_is_refused(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has the public key can seal a file: what is in it is told by the signed manifest."""
    await back_up(world, capsys, tmp_path / "th.backup")
    key = world.federation.folder / "offline" / "backup.key"
    with (tmp_path / "th.backup").open("rb") as sealed:
        reader = SealedReader(sealed, key)
        about, archive = reader.about, io.BytesIO(reader.read())
    with tarfile.open(fileobj=archive) as held, (tmp_path / "other.backup").open("wb") as out:
        writer = SealedWriter(out, load_public(key.with_suffix(".pub")), about)
        with tarfile.open(fileobj=writer, mode="w|") as changed:
            for member in held:
                source = held.extractfile(member)
                assert source is not None
                data = source.read()
                if member.name.endswith("node.toml"):
                    data = data.replace(b"[", b"#\n[", 1)
                    assert len(data) != member.size
                member.size = len(data)
                changed.addfile(member, io.BytesIO(data))
        writer.finish()
    code, refused = await liaison(capsys, *restoring(world, tmp_path / "other.backup", tmp_path / "new"))
    assert (code, refused["error"]["code"]) == (1, "backup-changed")
    assert "node.toml" in refused["error"]["message"]
    assert not (tmp_path / "new").exists()


async def test_the_copy_of_the_keystore_forgets_with_it(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, copy = world.home("vn"), tmp_path / "copy"
    copy.mkdir(mode=0o700)
    exchange = await ask(world, "XK2000000004")
    await world.stop("vn")
    with Home(home).settings.open("a", encoding="utf-8") as file:
        file.write(f'[storage]\nkey_copy = "{copy}"\n')
    await world.start("vn")
    keystore = load_settings(home).keystore
    await eventually(lambda: _keys(copy) == _keys(keystore))
    before = _keys(copy)
    code, done = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, *signed(home))
    assert (code, done["erased"], done["problem"]) == (0, 1, "")
    assert _keys(copy) == _keys(keystore) != before
    copy.rename(tmp_path / "not-mounted")
    exchange = await ask(world, "XK2000000005")
    code, done = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", exchange, *signed(home))
    assert (code, done.get("erased")) == (0, 1), done
    assert "is not there" in done["problem"]


def _keys(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.key")}
