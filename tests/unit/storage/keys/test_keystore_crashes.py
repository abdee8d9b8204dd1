"""What a crash leaves of a keystore and of its copies: no way back to a destroyed key, and none lost that is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.ports.content_keys import Retention
from gateway.storage.database.home_id import make_id, read_id, write_id
from gateway.storage.keys.key_copy import keep_in_step, take_over
from gateway.storage.keys.keystore import DESTROYED, KeyStore
from tests.support.erasing import files_with

_NOVEMBER_US = 1_795_000_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "keystore"


def made(root: Path) -> tuple[KeyStore, str, bytes]:
    """A keystore with a key, its id and its bytes."""
    keys = KeyStore(root)
    key_id = keys.current(Retention.HIT, _NOVEMBER_US)
    return keys, key_id, (root / f"{key_id}.key").read_bytes()


def secret_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)


@pytest.mark.parametrize("ending", ["0011223344556677", "4711.new"])
def test_g17_with_a_key_goes_every_draft_of_it_that_a_crash_left(root: Path, ending: str) -> None:
    keys, key_id, value = made(root)
    path = root / f"{key_id}.key"
    secret_file(path.with_name(f".{path.name}.{ending}"), value)
    keys.destroy(key_id)
    assert files_with(root, value) == []


def test_g17_a_draft_that_is_the_key_itself_goes_after_the_key_does(root: Path) -> None:
    keys, key_id, value = made(root)
    path = root / f"{key_id}.key"
    path.with_name(f".{path.name}.0011223344556677").hardlink_to(path)
    keys.destroy(key_id)
    assert path.read_bytes() == DESTROYED
    assert files_with(root, value) == []


def test_n293_a_copy_of_another_keystore_is_not_marked_and_the_place_of_a_copy_is_not_filled_again(
    root: Path, tmp_path: Path
) -> None:
    keys, key_id, _ = made(root)
    write_id(root, make_id())
    other, copy, disk = tmp_path / "other", tmp_path / "copy", tmp_path / "disk"
    made(other)
    with pytest.raises(Misconfigured) as caught:
        keep_in_step(root, other, tmp_path / "noted")
    assert caught.value.code == "other-key"
    assert not read_id(other)
    copy.mkdir(mode=0o700)
    assert keep_in_step(root, copy, tmp_path / "noted") > 0
    copy.rename(disk)
    copy.mkdir(mode=0o700)
    with pytest.raises(Misconfigured) as caught:
        keep_in_step(root, copy, tmp_path / "noted")
    assert caught.value.code == "no-store"
    assert list(copy.iterdir()) == []
    assert keep_in_step(root, copy, tmp_path / "of another machine") > 0
    shutil.rmtree(copy)
    disk.rename(copy)
    keys.destroy(key_id)
    assert keep_in_step(root, copy, tmp_path / "noted") > 0
    (tmp_path / "new").mkdir(mode=0o700)
    assert keep_in_step(root, tmp_path / "new", tmp_path / "noted") > 0


def test_g17_a_copy_whose_key_was_being_overwritten_is_overwritten_to_the_end(root: Path, tmp_path: Path) -> None:
    keys, key_id, value = made(root)
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    keep_in_step(root, copy, tmp_path / "noted")
    keys.destroy(key_id)
    secret_file(copy / f"{key_id}.key", DESTROYED)
    secret_file(copy / f"{key_id}.dying", value)
    keep_in_step(root, copy, tmp_path / "noted")
    assert files_with(copy, value) == []
    assert keep_in_step(root, copy, tmp_path / "noted") == 0


def test_what_is_kept_is_found_behind_a_line_that_was_cut_off(root: Path) -> None:
    keys, key_id, _ = made(root)
    to = keys.retire(key_id)
    keys.remember(to, [("exchange/1", 1, b"first")])
    kept = (root / f"{to}.key").with_suffix(".kept")
    with kept.open("ab") as file:
        file.write(b"exchange/1 2 c2Vj")
    keys.remember(to, [("exchange/1", 2, b"second")])
    assert keys.remembered(key_id) == {("exchange/1", 1): (to, b"first"), ("exchange/1", 2): (to, b"second")}


def test_what_is_kept_is_found_around_bytes_that_a_loss_of_power_left(root: Path) -> None:
    keys, key_id, _ = made(root)
    to = keys.retire(key_id)
    kept = (root / f"{to}.key").with_suffix(".kept")
    keys.remember(to, [("exchange/1", 1, b"first")])
    with kept.open("ab") as file:
        file.write(bytes(100) + b"ge/1 2 c2Vjb25k\n")
    keys.remember(to, [("exchange/1", 2, b"second")])
    assert keys.remembered(key_id) == {("exchange/1", 1): (to, b"first"), ("exchange/1", 2): (to, b"second")}


def test_a_keystore_that_was_being_filled_is_filled_to_the_end(root: Path, tmp_path: Path) -> None:
    _, key_id, value = made(root)
    other = KeyStore(root).current(Retention.NO_HIT, _NOVEMBER_US)
    new = tmp_path / "new"
    secret_file(new / f"{key_id}.key", value)
    take_over(root, new)
    assert KeyStore(new).key_ids() == sorted([key_id, other])


def test_duty_l26_a_key_that_was_destroyed_meanwhile_is_not_taken_from_the_copy_again(
    root: Path, tmp_path: Path
) -> None:
    _, key_id, value = made(root)
    new = tmp_path / "new"
    take_over(root, new)
    KeyStore(new).destroy(key_id)
    take_over(root, new)
    assert KeyStore(new).is_destroyed(key_id)
    assert files_with(new, value) == []


def test_a_keystore_with_another_key_is_left_as_it_is(root: Path, tmp_path: Path) -> None:
    _, key_id, value = made(root)
    for name in (f"{key_id}.key", f"{key_id}.2.key"):
        new = tmp_path / name.replace("/", "-")
        secret_file(new / name, os.urandom(32))
        before = (new / name).read_bytes()
        with pytest.raises(Misconfigured) as refused:
            take_over(root, new)
        assert refused.value.code == "not-empty"
        assert [path.read_bytes() for path in new.rglob("*.key")] == [before]
        assert before != value
