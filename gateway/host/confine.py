"""Confine this process by Landlock (Linux 5.13 and newer): it can open no file of a list, whatever its code does.

Landlock knows what is allowed and denies all else. So everything is allowed that is neither on the list nor a folder
above something on it. What is made later in such a folder cannot be opened either.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

_LIBRARY = ctypes.CDLL(None, use_errno=True)

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""The numbers of the system calls, which are the same on all machines."""

_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_SCOPED = 6
"""The version from which signals, and abstract sockets, can be kept inside."""

_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""The rights over files that each version knows; version 5 adds one for devices, which stays as it is."""

_OF_FILES = 0b110 | 1 | 1 << 14
"""Rights that a file can have: execute, write, read, truncate."""


def version() -> int:
    """Return the version of Landlock, 0 where the system has none."""
    found = _call(_CREATE, None, 0, _VERSION)
    return max(0, found)


def confine(closed: Iterable[Path], opened: Iterable[Path] = ()) -> bool:
    """Close files and folders to this process, and all that lies in them but `opened`; False without Landlock.

    What is itself closed, or lies above something closed, is not opened. Call it before the process has other threads.
    Raises `OSError` where the system has Landlock and refuses.
    """
    known = version()
    if not known:
        return False
    rights = _RIGHTS[min(known, 3)]
    scoped = 0b11 if known >= _SCOPED else 0
    head = struct.pack("=QQQ", rights, 0, scoped) if scoped else struct.pack("=Q", rights)
    rules = _checked(_call(_CREATE, head, len(head), 0))
    try:
        shut = {path.resolve() for path in closed}
        above = {parent for path in shut for parent in path.parents}
        open_ = {path.resolve() for path in opened} - shut - above
        for place in (*_around(Path("/"), shut, above), *open_):
            _allow(rules, place, rights)
        _checked(_LIBRARY.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(_call(_RESTRICT, rules, 0))
    finally:
        os.close(rules)
    return True


def _around(folder: Path, closed: set[Path], above: set[Path]) -> Iterator[Path]:
    """Yield what lies in a folder, but for what is closed; of a folder above something closed, what lies in it."""
    try:
        found = list(os.scandir(folder))
    except OSError:
        return
    for entry in found:
        path = Path(entry.path)
        if entry.is_symlink() or path in closed:
            continue
        if path in above:
            yield from _around(path, closed, above)
        else:
            yield path


def _allow(rules: int, place: Path, rights: int) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it went away meanwhile, or is not ours to see
        return
    try:
        allowed = rights if place.is_dir() else rights & _OF_FILES
        rule = struct.pack("=Qi", allowed, opened)
        _checked(_call(_ADD, rules, _PATH_BENEATH, rule, 0))
    finally:
        os.close(opened)


def _call(number: int, *arguments: object) -> int:
    passed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    found: int = _LIBRARY.syscall(ctypes.c_long(number), *passed)
    return found


def _checked(found: int) -> int:
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found
