"""A drop folder: its whole files, and one open file that cannot be swapped for another.

A file counts when its name is a finished one (not `.x`, `x.part`, `x.tmp`, `x.done`, ...), it is a regular file and
not a link, and it shows that it is whole: it has not changed for a while, or has its companion beside it, and its
end is there (`ending`).
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from adapters.files.ending import CUT, rows_end, shows_end
from adapters.files.settings import Complete, Table
from gateway.clock import Clock
from gateway.errors import Malformed, Misconfigured, Unavailable
from gateway.recent import Recent

MAX_FILES = 100_000
"""Names in one folder."""

_UNFINISHED = (".part", ".tmp", ".partial", ".filepart", ".crdownload", ".swp", "~", ".done", ".sha256")
_MAX_COMPANION = 4_096
_SHA256 = re.compile(rb"\s*([0-9A-Fa-f]{64})(?:\s|$)")
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Stamp = tuple[int, int, int, int]
"""Inode, size, time of writing, time of change: another file, or the same one written to, has another stamp."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A whole file as it stood in the folder."""

    name: str
    stamp: Stamp
    upto: int | None = None
    """The number of its bytes that are rows; None = all."""

    @property
    def mark(self) -> str:
        """A short text for the stamp."""
        return hashlib.sha256(repr(self.stamp).encode()).hexdigest()[:16]


class Refused(NamedTuple):
    """A name that is not a whole file, and why. `is_cut`: a part of it is surely missing."""

    name: str
    reason: str
    is_cut: bool = False


Listing = tuple[list[Entry], list[Refused]]
"""Whole files, and refused names."""


def folder_of(url: str) -> Path:
    """Return the folder that a `folder:///path` names. Raises `Misconfigured`."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc or parts.query or parts.fragment or not path.startswith("/") or "\0" in path:
        raise Misconfigured("this is not the address of a folder", code="bad-url", remedy="folder:///path/to/folder")
    return Path(path)


class Folder:
    """One drop folder. Thread-safe; raises `Unavailable` when it cannot be read."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Recent[str, tuple[Stamp, float]] = Recent(MAX_FILES)
        self._sums: dict[str, tuple[Stamp, str]] = {}
        self._ends: dict[tuple[str, str], tuple[Stamp, int | None, str]] = {}

    def files(self, table: Table) -> Listing:
        """Return the whole files of `table` by name, and the names that can never be one with the reason."""
        found: list[Entry] = []
        refused: list[Refused] = []
        for name, seen in self._listing(table.pattern):
            if stat.S_ISLNK(seen.st_mode):
                refused.append(Refused(name, "a link, which is not followed"))
            elif not stat.S_ISREG(seen.st_mode):
                refused.append(Refused(name, "no regular file"))
            else:
                self._judge(Entry(name, _stamp(seen)), table, found, refused)
        return found, refused

    def _listing(self, pattern: str) -> list[tuple[str, os.stat_result]]:
        found: list[tuple[str, os.stat_result]] = []
        try:
            with os.scandir(self._path) as entries:
                for count, entry in enumerate(entries):
                    if count >= MAX_FILES:
                        raise Unavailable("the folder holds too many files", code="too-many-files")
                    if is_finished(entry.name) and fnmatch.fnmatchcase(entry.name, pattern):
                        _add(found, entry)
        except OSError as error:
            raise _unreadable() from error
        return sorted(found, key=lambda item: item[0])

    def _judge(self, entry: Entry, table: Table, found: list[Entry], refused: list[Refused]) -> None:
        if table.complete is Complete.SETTLED:
            whole = self._has_settled(entry, table.settle)
        elif table.complete is Complete.DONE:
            whole = self._companion(entry.name + ".done") is not None
        else:
            expected = self._companion(entry.name + ".sha256")
            whole = expected is not None
            if expected is not None and self._sum(entry) != _sum_in(expected):
                refused.append(Refused(entry.name, "not the bytes that its .sha256 says"))
                return
        if whole and shows_end(table):
            upto, fault = self._rows_end(entry, table)
            if fault:
                refused.append(Refused(entry.name, fault, is_cut=fault.startswith(CUT)))
                return
            entry = replace(entry, upto=upto)
        if whole:
            found.append(entry)

    def _has_settled(self, entry: Entry, seconds: int) -> bool:
        """Tell whether a file is old enough by its time of writing, or unchanged since an earlier look."""
        written, now = entry.stamp[2] // 1_000, self._clock.now_us()
        if written <= now - seconds * 1_000_000:
            return True
        monotonic = self._clock.monotonic()
        with self._lock:
            stamp, since = self._seen.held.get(entry.name, (None, monotonic))
            if stamp != entry.stamp:
                since = monotonic
            self._seen.put("", entry.name, (entry.stamp, since))
        return monotonic - since >= seconds

    def _companion(self, name: str) -> bytes | None:
        try:
            with self._handle(name) as (file, _):
                return file.read(_MAX_COMPANION)
        except (OSError, Malformed):
            return None

    def _sum(self, entry: Entry) -> str:
        known = self._sums.get(entry.name)
        if known is not None and known[0] == entry.stamp:
            return known[1]
        try:
            with self.open(entry) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except Malformed:
            return ""
        self._sums[entry.name] = (entry.stamp, digest)
        return digest

    def _rows_end(self, entry: Entry, table: Table) -> tuple[int | None, str]:
        """Return the number of bytes that are rows, or why the file is not whole; read once for each state of it."""
        known = self._ends.get((table.name, entry.name))
        if known is not None and known[0] == entry.stamp:
            return known[1:]
        upto, fault = None, ""
        try:
            with self.open(entry) as file:
                upto = rows_end(file, entry.stamp[1], table)
        except Malformed as error:
            fault = error.message
        self._ends[table.name, entry.name] = (entry.stamp, upto, fault)
        return upto, fault

    @contextmanager
    def open(self, entry: Entry) -> Iterator[io.BufferedReader]:
        """Open the file that `entry` describes. Raises `Malformed` when it has changed.

        The state is checked again at the end, so that nothing is taken from a file that was being written to.
        """
        try:
            with self._handle(entry.name) as (file, stamp):
                if stamp != entry.stamp:
                    raise _changed()
                yield file
                self.check(file, entry)
        except OSError as error:
            raise _changed() from error

    def check(self, file: io.BufferedReader, entry: Entry) -> None:
        """Raise `Malformed` when an open file is no longer as `entry` describes it."""
        if _stamp(os.fstat(file.fileno())) != entry.stamp:
            raise _changed()

    @contextmanager
    def _handle(self, name: str) -> Iterator[tuple[io.BufferedReader, Stamp]]:
        if "/" in name:
            raise Malformed("a name that leaves the folder", code="bad-name")
        handle = os.open(self._path / name, _FLAGS)
        with os.fdopen(handle, "rb") as file:
            seen = os.fstat(handle)
            if not stat.S_ISREG(seen.st_mode):
                raise Malformed("no regular file", code="bad-file")
            yield file, _stamp(seen)

    def stat(self, name: str) -> Entry | None:
        """Return the file called `name` as it is now; None when there is none."""
        try:
            with self._handle(name) as (_, stamp):
                return Entry(name, stamp)
        except (OSError, Malformed):
            return None


def is_finished(name: str) -> bool:
    """Tell whether a name is one that a writer gives to a finished file."""
    return not name.startswith((".", "~")) and not name.lower().endswith(_UNFINISHED)


def _add(found: list[tuple[str, os.stat_result]], entry: os.DirEntry[str]) -> None:
    try:
        entry.name.encode()
        found.append((entry.name, entry.stat(follow_symlinks=False)))
    except (FileNotFoundError, UnicodeEncodeError):
        return  # gone since, or a name that no text can hold


def _stamp(seen: os.stat_result) -> Stamp:
    return (seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def _sum_in(companion: bytes) -> str:
    found = _SHA256.match(companion)
    return found[1].decode().lower() if found else "none"


def _changed() -> Malformed:
    return Malformed("a file that changed while it was read", code="file-changed")


def _unreadable() -> Unavailable:
    return Unavailable("the folder cannot be read", code="source-unavailable", remedy="check that it is there")
