"""Keep a second copy of the keystore, on another disk: destroyed keys are destroyed there, too.

A keystore is in no backup, since a backup would bring back erased content. So the loss of its disk is the loss of all
content, unless there is a copy that forgets when the keystore does.
"""

from __future__ import annotations

from pathlib import Path

from gateway.errors import Misconfigured
from gateway.host.durable import PRIVATE, make_folder, replace
from gateway.storage.database.home_id import read_id, write_id
from gateway.storage.keys.key_files import create_key_file, read_key_file
from gateway.storage.keys.keystore import CHANGES, DESTROYED, KeyStore


def keep_in_step(keystore: Path, copy: Path, noted: Path) -> int:
    """Bring `copy` up to `keystore`, and return the number of changed files. Raises `Misconfigured`, `StorageBroken`.

    `copy` must exist: a disk that is not mounted is not taken for an empty one. Nor is the folder that it leaves, once
    the copy was there: `noted` is the file of this machine that says where it was. Machines that share a keystore have
    each its own copy, perhaps at the same place. One without id, of before, is compared before it is marked as ours.
    """
    if not copy.is_dir():
        raise Misconfigured(
            "the copy of the keystore is not there: keys that are destroyed here may live on in it",
            code="no-key-copy",
            where=str(copy),
            remedy="mount its disk; the copy is brought up to date by itself",
        )
    own, found = read_id(keystore), read_id(copy)
    if found and own != found:
        raise Misconfigured(
            "this is the copy of another home's keystore",
            code="other-home-store",
            where=str(copy),
            remedy="mount the disk with the copy of this one, or name an empty folder",
        )
    place = str(copy.resolve()).encode()
    was_here = noted.exists() and noted.read_bytes() == place
    if not found:
        if own and was_here:
            raise Misconfigured(
                "this is not the copy that was here: keys that are destroyed here may live on in it",
                code="no-store",
                where=str(copy),
                remedy="mount its disk; for a new copy, name another folder",
            )
        for path in sorted(copy.glob("*/*.key")):
            if _is_foreign(path, keystore / path.relative_to(copy)) and not _is_destroyed(
                keystore / path.relative_to(copy)
            ):
                raise _other_key(path)
        if own:
            write_id(copy, own)
    if own and not was_here:
        make_folder(noted.parent)
        replace(noted, place, PRIVATE)
    count = 0
    keys = KeyStore(copy)
    for path in sorted(keystore.rglob("*")):
        name = path.relative_to(keystore)
        if path.is_file() and path.suffix in (".key", ".retired") and not path.name.startswith("."):
            count += _one(path, copy / name, keys, f"{name.parent}/{name.stem}")
    for path in keystore.glob("*/*.kept"):
        count += _longer(path, copy / path.relative_to(keystore))
    for left in (*copy.glob("*/*.retired"), *copy.glob("*/*.kept")):
        if not (keystore / left.relative_to(copy)).exists():
            left.unlink()
    return count


def _longer(path: Path, target: Path) -> bool:
    """Copy a file that only grows, if it has grown. Return whether it had."""
    if target.exists() and target.stat().st_size == path.stat().st_size:
        return False
    replace(target, read_key_file(path), PRIVATE)
    return True


def _one(path: Path, target: Path, keys: KeyStore, key_id: str) -> bool:
    value = read_key_file(path)
    if target.exists() and read_key_file(target) == value and not (value == DESTROYED and keys.has_remains(key_id)):
        return False
    if value == DESTROYED:
        keys.destroy(key_id)
    elif target.exists():
        raise _other_key(target)
    else:
        create_key_file(target, value)
    return True


def _other_key(path: Path) -> Misconfigured:
    return Misconfigured(
        "the copy of the keystore holds another key under this name",
        code="other-key",
        where=str(path),
        remedy="is it the copy of this keystore? name an empty folder otherwise",
    )


def take_over(copy: Path, keystore: Path) -> int:
    """Fill the keystore of a restored home from a copy, or from an older home's keystore. Return the number of files.

    It goes on where it was cut off. A key that was destroyed meanwhile stays so. Raises `Misconfigured` for keys that
    the copy does not have.
    """
    foreign = sorted(path for path in keystore.rglob("*.key") if _is_foreign(path, copy / path.relative_to(keystore)))
    if foreign:
        raise Misconfigured(
            "there is a keystore already, with a key that is not in the other one",
            code="not-empty",
            where=str(foreign[0]),
            remedy="leave --keys out to go on with it, or move it away",
        )
    count = 0
    for path in sorted(copy.rglob("*")):
        if path.is_file() and (path.suffix in (".key", ".retired", ".kept") or path.name == CHANGES):
            target = keystore / path.relative_to(copy)
            if not _is_destroyed(target.with_suffix(".key")):
                make_folder(target.parent)
                replace(target, read_key_file(path), PRIVATE)
                count += 1
    return count


def _is_foreign(path: Path, other: Path) -> bool:
    if path.name.startswith(".") or _is_destroyed(path):
        return False
    return not other.exists() or read_key_file(other) != read_key_file(path)


def _is_destroyed(path: Path) -> bool:
    return path.exists() and read_key_file(path) == DESTROYED
