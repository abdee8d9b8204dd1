"""A restore puts nothing where a disk may be missing, and goes on where it was cut off (CASE-N311)."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.ops.stores import KEYSTORE, node_stores, require_stores
from gateway.storage.database.home_id import read_id
from gateway.storage.keys.keystore import KeyStore
from tests.security.test_stores import bytes_of, error_of, write_entry
from tests.support.cli import Liaison, copy_federation
from tests.support.faulty_disk import Disk, Fault, build_disk
from tests.support.torture_upkeep import read_out
from tests.support.zygote import Zygote

pytestmark = pytest.mark.process

PARTS = ("keys", "files", "base")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The place of the disk with keystore, attachments and database of the home `th`."""
    return tmp_path / "mnt" / "disk"


@pytest.fixture
def given(liaison: Liaison, tmp_path: Path, disk: Path) -> list[str | Path]:
    """The command that restores a home from its backup. The home and its disk are lost."""
    copy_federation(liaison, tmp_path)
    home, file, copy = tmp_path / "th", tmp_path / "th" / "node.toml", tmp_path / "copy"
    write_entry(home, "th")
    (disk / "base").mkdir(parents=True)
    shutil.move(home / "node.sqlite", disk / "base")
    shutil.move(home / "keystore", disk / "keys")
    shutil.copytree(home, disk / "files", ignore=lambda _, names: set(names) - {"home.id"})
    text = file.read_text().replace('"127.0.0.1:61', '"127.0.0.1:0" # "')
    text = text.replace("[attachments]", f'[attachments]\nfolder = "{disk}/files"')
    url = 'url = "sqlite:///../mnt/disk/base/node.sqlite"'
    file.write_text(text.replace("[storage]", f'[storage]\n{url}\nkeystore = "../mnt/disk/keys"'))
    shutil.copytree(disk / "keys", copy)
    key, sealed = tmp_path / "offline", tmp_path / "th.backup"
    assert liaison("backup", "--new-key", key).code == 0
    assert liaison("backup", "--home", home, "--to", key / "backup.pub", "--out", sealed).code == 0
    home.rename(tmp_path / "lost")
    shutil.rmtree(disk.parent)
    found = ("--backup", sealed, "--key", key / "backup.key", "--home", home, "--keys", copy)
    return ["restore", *found, *read_out(tmp_path / "lost")]


def assert_whole(home: Path) -> None:
    stores = node_stores(load_settings(home))
    assert {read_id(folder) for folder in stores.folders.values()} == {read_id(home)}
    assert set(KeyStore(home.parent / "copy").key_ids()) == set(KeyStore(stores.folders[KEYSTORE]).key_ids())
    require_stores(stores)


@pytest.mark.parametrize("name", ["", *PARTS])
def test_n311_a_restore_puts_nothing_into_the_empty_place_of_a_disk(
    liaison: Liaison, given: list[str | Path], tmp_path: Path, disk: Path, name: str
) -> None:
    home, place = tmp_path / "th", disk / name
    place.mkdir(parents=True)
    for part in PARTS if name else ():
        (disk / part).mkdir(exist_ok=True)
        if part != name:
            (disk / part / "home.id").write_text(f"{read_id(tmp_path / 'copy')}\n")
    before = bytes_of(disk)
    refused = error_of(liaison, *given)
    assert (refused["code"], refused["where"]) == ("store-without-id", str(place))
    assert bytes_of(disk) == before
    assert not home.exists()
    subprocess.run(refused["remedy"].split("`")[1], shell=True, check=True)  # all is to be on this disk
    assert liaison(*given).code == 0
    assert_whole(home)


def test_n311_a_new_disk_that_is_mounted_is_taken_though_it_is_empty(
    liaison: Liaison, given: list[str | Path], tmp_path: Path, disk: Path
) -> None:
    place = disk / "keys"
    place.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here, so a new disk is NOT tested: {mounted.stderr.strip()}")
    try:
        (place / "lost+found").mkdir()
        assert liaison(*given).code == 0
        assert_whole(tmp_path / "th")
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_n311_a_folder_with_anothers_files_and_an_empty_copy_are_refused(
    liaison: Liaison, given: list[str | Path], tmp_path: Path, disk: Path
) -> None:
    (disk / "keys").mkdir(parents=True)
    (disk / "keys" / "README").write_text("the disk with the keys is not mounted\n")
    before = bytes_of(disk)
    assert error_of(liaison, *given)["code"] == "store-misfit"
    assert bytes_of(disk) == before
    shutil.rmtree(disk)
    shutil.rmtree(tmp_path / "copy")
    (tmp_path / "copy").mkdir()
    assert error_of(liaison, *given)["code"] == "no-key-copy"
    assert not disk.exists()


async def test_n311_a_restore_that_was_killed_at_any_call_on_the_disk_is_given_again(
    liaison: Liaison, given: list[str | Path], tmp_path: Path, disk: Path
) -> None:
    faulty, home = Disk(tmp_path / "faults"), tmp_path / "th"
    async with Zygote(preload=build_disk()) as zygote:

        async def restored(fault: Fault = Fault.NONE, number: int = 0) -> int:
            faulty.arm(fault, number)
            child = await zygote.fork("tests.support.zygote:command", *map(str, given), disk=(faulty.file, tmp_path))
            return await child.ended(60)

        assert await restored() == 0
        calls = [faulty.name(number) for number in range(1, faulty.seen + 1)]
        names = {number: call for number, call in enumerate(calls, 1) if call.startswith(("make", "link", "rename"))}
        on_disk = [number for number, call in names.items() if "mnt" in call and "sqlite-" not in call]
        assert len(on_disk) > 9, calls
        for number in on_disk:
            shutil.rmtree(home)
            shutil.rmtree(disk.parent)
            assert await restored(Fault.KILLED, number) == -signal.SIGKILL
            assert await restored() == 0, calls[number - 1]
            assert_whole(home)
