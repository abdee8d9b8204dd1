"""Confine this process by Landlock (Linux 5.13 and newer): it opens what is on its lists and nothing else, whatever its
code does.

Landlock knows what is allowed and denies all else. What its lists name is a file, or a folder with all that lies in it
now and later. The network is not confined. The programs that this process starts are confined with it.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
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

_READ = 1 << 2 | 1 << 3
"""Read a file, and list a folder."""

_RUN = _READ | 1
_WRITE = _READ | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 12 | 1 << 14
"""Write, remove, make folders, plain files and symbolic links, shorten: no devices, no sockets, and run no program."""

_OF_FILES = 0b110 | 1 | 1 << 14
"""Rights that a file can have: execute, write, read, truncate."""

_SYSTEM: tuple[str | Path, ...] = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/opt", "/proc", "/sys"),
    *(
        f"/etc/{name}"
        for name in (
            *("alternatives", "ca-certificates", "crypto-policies", "gai.conf", "group", "host.conf", "hosts"),
            *("krb5.conf", "krb5.conf.d", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types"),
            *("nsswitch.conf", "odbc.ini", "odbcinst.ini", "passwd", "pki", "protocols", "resolv.conf", "services"),
            *("ssl", "timezone"),
        )
    ),
    *("/run/NetworkManager", "/run/resolvconf", "/run/systemd/resolve"),
    *(sys.prefix, sys.base_prefix, Path(__file__).resolve().parents[2]),
)
"""Programs, libraries and drivers, what the system tells every program, and this one. Landlock itself keeps a confined
process from memory and variables of others in `/proc`."""

_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def version() -> int:
    """Return the version of Landlock, 0 where the system has none."""
    found = _call(_CREATE, None, 0, _VERSION)
    return max(0, found)


def confine(reads: Iterable[Path], writes: Iterable[Path]) -> bool:
    """Let this process open the system's files and this program, these files and folders, and nothing else.

    Return False without Landlock. Call it before the process has other threads: those are not confined. What is not
    there is left out. Raises `OSError` where the system has Landlock and refuses.
    """
    known = version()
    if not known:
        return False
    rights = _RIGHTS[min(known, 3)]
    scoped = 0b11 if known >= _SCOPED else 0
    head = struct.pack("=QQQ", rights, 0, scoped) if scoped else struct.pack("=Q", rights)
    rules = _checked(_call(_CREATE, head, len(head), 0))
    lists: tuple[tuple[int, tuple[str | Path, ...]], ...] = (
        (_RUN, _SYSTEM),
        (_READ, tuple(reads)),
        (_WRITE, (*writes, *_DEVICES)),
    )
    try:
        for allowed, places in lists:
            for place in places:
                _allow(rules, place, allowed & rights)
        _checked(_LIBRARY.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(_call(_RESTRICT, rules, 0))
    finally:
        os.close(rules)
    return True


def _allow(rules: int, place: str | Path, rights: int) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it is not there, or not ours to see
        return
    try:
        allowed = rights if Path(place).is_dir() else rights & _OF_FILES
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
