"""Check who owns the files that a process trusts, and who else may write them or read its keys.

A process obeys its keys and the documents of trust. Another account that owns one of these files, or the folder that it
lies in, can exchange it at any time, and no signature tells of that. So a server does not start then.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote

from gateway.errors import Misconfigured

_MOST = 100_000
"""Files that are looked at; a home has some hundred."""

_LOCK = "lock"
"""The file by which writers of a folder take turns. Version 0.1.0 made it by the mask of the account."""


def check_ownership(folders: Iterable[Path], read: Iterable[Path] = ()) -> None:
    """Raise `Misconfigured` for the first file or folder that `ownership_faults` finds.

    In `read` are files that people write, such as mappings: of these only a fault that others can use counts.
    """
    for fault in ownership_faults(folders):
        raise fault
    for fault, can_be_used in faults_of_read(read):
        if can_be_used:
            raise fault


def faults_of_read(places: Iterable[Path]) -> Iterator[tuple[Misconfigured, bool]]:
    """Yield the faults of files that people write, each with whether others can use it.

    Many accounts leave files that their group can write. Where the group can enter neither the folder nor the one that
    it lies in, it cannot reach them.
    """
    for place in places:
        for fault in ownership_faults([place]):
            found = Path(fault.where)
            between = [folder for folder in found.parents if folder.is_relative_to(place.parent)]
            is_closed = any(not stat.S_IMODE(folder.stat().st_mode) & 0o011 for folder in between)
            yield fault, not (is_closed and fault.code == "others-can-write")


def ownership_faults(folders: Iterable[Path]) -> Iterator[Misconfigured]:
    """Yield an error for each path in these folders, the folders included, that another account can change or exchange.

    1. It belongs to this process's account or to root; so does a symbolic link, and its target.
    2. Neither group nor others can write it. So it is with the folder that one of these folders, or a target, lies in.
    3. Neither group nor others can read a private key (`*.key`).

    A folder that does not exist has no fault, and nothing is read from the `lock` in one.
    """
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        yield from _place(folder, seen)
        yield from _look(folder, seen)


def _look(path: Path, seen: set[tuple[int, int]]) -> Iterator[Misconfigured]:
    try:
        here = path.lstat()
        there = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        yield _fault(path, f"it cannot be looked at: {error.strerror}", "namei -l")
        return
    if (there.st_dev, there.st_ino) in seen and not stat.S_ISLNK(here.st_mode):
        return
    if len(seen) > _MOST:
        yield _fault(path, f"there are more than {_MOST} files", "ls -lR")
        return
    yield from _owner(path, here)
    if stat.S_ISLNK(here.st_mode):
        yield from _target(path, there, seen)
        return
    seen.add((there.st_dev, there.st_ino))
    yield from _mode(path, there)
    if stat.S_ISDIR(there.st_mode):
        yield from _inside(path, seen)


def _target(link: Path, there: os.stat_result, seen: set[tuple[int, int]]) -> Iterator[Misconfigured]:
    """Look at the target of a link, and at the folder in which it can be exchanged."""
    target = Path(os.path.realpath(link))
    if (there.st_dev, there.st_ino) not in seen:
        yield from _place(target, seen)
        yield from _look(target, seen)


def _place(path: Path, seen: set[tuple[int, int]]) -> Iterator[Misconfigured]:
    """Look at the folder in which `path` can be exchanged for another; in `/tmp` and its like only by its owner."""
    folder = path.parent
    try:
        found = folder.stat()
    except OSError:
        return  # then `path` is not there either
    if (found.st_dev, found.st_ino) not in seen:
        seen.add((found.st_dev, found.st_ino))
        yield from _owner(folder, found)
        if not found.st_mode & stat.S_ISVTX:
            yield from _mode(folder, found)


def _inside(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Misconfigured]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        yield _fault(folder, f"it cannot be read: {error.strerror}", "namei -l")
        return
    for path in inside:
        yield from _look(path, seen)


def _owner(path: Path, found: os.stat_result) -> Iterator[Misconfigured]:
    mine = os.geteuid()
    if found.st_uid not in (mine, 0):
        account = _name(mine)
        problem = f"it belongs to the account `{_name(found.st_uid)}`, and this process runs as `{account}`"
        yield _fault(path, problem, f"chown -h {quote(account)}", "foreign-owner")


def _mode(path: Path, found: os.stat_result) -> Iterator[Misconfigured]:
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o022 and path.name != _LOCK:
        yield _fault(path, f"others can write it (mode {mode:04o})", "chmod go-w", "others-can-write")
    elif mode & 0o077 and path.suffix == ".key" and stat.S_ISREG(found.st_mode):
        yield _fault(path, f"others can read this key (mode {mode:04o})", "chmod 600", "key-readable")


def _fault(path: Path, problem: str, command: str, code: str = "not-looked-at") -> Misconfigured:
    place = quote(str(path))
    return Misconfigured(
        "{problem}",
        code=code,
        where=str(path),
        remedy="{command} {place}",
        problem=problem,
        command=command,
        place=place,
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
