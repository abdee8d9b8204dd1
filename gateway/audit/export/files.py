"""Read files of an export that others made: no links, no devices, limited sizes, and only `Malformed` as error."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gateway.errors import Malformed


@contextmanager
def open_file(folder: Path, name: str) -> Iterator[IO[bytes]]:
    """Open a regular file below `folder` whose path has no link. Raises `Malformed` when there is none."""
    handle = _handle(folder, name)
    with os.fdopen(handle, "rb") as file:
        try:
            yield file
        except OSError as error:
            raise broken(f"`{name}` cannot be read") from error


def _handle(folder: Path, name: str) -> int:
    *parts, last = name.split("/")
    place = folder
    try:
        for part in parts:
            place /= part
            if place.is_symlink():
                raise broken(f"`{name}` lies behind a link")
        # O_NONBLOCK: opening a named pipe would wait for a writer for ever.
        # O_NONBLOCK: opening a named pipe would wait for a writer for ever.
        handle = os.open(place / last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise broken(f"`{name}` is missing or cannot be read") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise broken(f"`{name}` is no file")
    return handle


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """Return all of a file. Raises `Malformed` when it is missing, a link, or larger than `limit` bytes."""
    with open_file(folder, name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise broken(f"`{name}` is too large")
    return data


def hash_file(folder: Path, name: str, limit: int) -> str:
    """Return the SHA-256 of a file in hexadecimal; empty where it cannot be read or is larger than `limit` bytes."""
    try:
        return hashlib.sha256(read_file(folder, name, limit)).hexdigest()
    except Malformed:
        return ""


def broken(why: str) -> Malformed:
    """Return the error for an export in which something is missing or wrong."""
    return Malformed(why, code="broken-export", where="export", remedy="get the whole export again")
