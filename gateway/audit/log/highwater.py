"""The high-water file: the newest signed head, outside the database (design, section 7).

An intruder who puts back an older database, or rewrites rows and hashes in it, does not thereby change this file. It
has two slots that are written in turn, so that a torn write leaves the head before. It is not synced: the database is,
and a file that lags behind it only shows less. While a log is open its file is locked, so that no second process can
write to the same log.

Where the database is shared (PostgreSQL), each process of a home has a file of its own: the first one that is not
locked (`exchange-1`, `exchange-1.1`, …). All of them are read, and the largest head of any counts, so that a process
that starts knows the heads that the others have signed.

Behind each head stands the database on which it was signed: the system identifier and the timeline of PostgreSQL.
Another database is no proof of a loss (a standby may have everything), but it is reported first when something is
missing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.tree.checkpoint import Checkpoint, signed_head
from gateway.errors import Misconfigured, StorageBroken
from gateway.host.failures import cause_of
from gateway.signing.keys import VerifyKey

SLOT = 1024

MAX_PROCESSES = 64
"""Processes of one home that may have a log open."""


def high_water_path(folder: Path, name: str, number: int) -> Path:
    """Return the high-water file of a log."""
    return folder / f"{name}-{number}"


def numbers_there(folder: Path, name: str) -> set[int]:
    """Return the numbers of a log that have a high-water file."""
    found = (path.name.removeprefix(f"{name}-").partition(".")[0] for path in folder.glob(f"{name}-*"))
    return {int(number) for number in found if number.isdigit()}


@dataclass(frozen=True, slots=True)
class Seen:
    """A head that was signed, and the database that it was signed on; empty for a file of SQLite."""

    head: Checkpoint
    database: str


class HighWater:
    """The file of one log, locked until `close`; with `shared` the first of its files that is free.

    `database` is named behind the heads that are written from now on.
    """

    def __init__(self, path: Path, *, shared: bool = False, database: str = "") -> None:
        self._all = path
        self._database = database
        self._path = path
        self._turn = 0
        for number in range(MAX_PROCESSES if shared else 1):
            self._path = path.with_name(f"{path.name}.{number}") if number else path
            if self._take():
                return
        raise Misconfigured(
            "another process has this log open" if not shared else f"{MAX_PROCESSES} processes have this log open",
            code="log-in-use",
            where=str(path),
            remedy="stop the other node",
        )

    def _take(self) -> bool:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._failed(error) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            return False
        return True

    def read(self, origin: str, keys: Sequence[VerifyKey]) -> Seen | None:
        """Return the largest head in the files of this log that one of `keys` signed for `origin`; None
        when there is none.

        The very first write may have been torn: a single slot in which nothing verifies counts as a missing file.
        Raises `Misconfigured` when there are more slots, and none verifies.
        """
        self._turn = self._next(origin, keys)
        return newest_seen(self._all, origin, keys)

    def _next(self, origin: str, keys: Sequence[VerifyKey]) -> int:
        """Return the slot of our own file to write next: one without a head, else that of the older head."""
        try:
            data = os.pread(self._handle, 2 * SLOT, 0).ljust(2 * SLOT, b"\0")
        except OSError as error:
            raise self._failed(error) from error
        heads = [signed_head(_parts(data[start : start + SLOT])[0], origin, keys) for start in (0, SLOT)]
        sizes = [head.size if head else -1 for head in heads]
        return sizes.index(min(sizes))

    def write(self, checkpoint: bytes) -> None:
        """Write `checkpoint` to the next slot. Raises `StorageBroken` when the file cannot be written."""
        try:
            data = signed_on(checkpoint, self._database).ljust(SLOT, b"\0")
            os.pwrite(self._handle, data, self._turn * SLOT)
        except OSError as error:
            raise self._failed(error) from error
        self._turn ^= 1

    def close(self) -> None:
        """Close and unlock the file."""
        os.close(self._handle)

    def _failed(self, error: OSError) -> StorageBroken:
        cause = cause_of(error)
        return StorageBroken(
            "the high-water file failed: `{strerror}`",
            code=cause.code,
            where=str(self._path),
            remedy="{advice}",
            advice=cause.remedy,
            strerror=error.strerror,
        )


def newest_seen(path: Path, origin: str, keys: Sequence[VerifyKey]) -> Seen | None:
    """Return the largest head in the files of a log, of all processes, as `HighWater.read` does; nothing is locked."""
    slots = _slots(path)
    heads = [(signed_head(data, origin, keys), database) for data, database in slots]
    verified = [Seen(head, database) for head, database in heads if head is not None]
    if len(slots) > 1 and not verified:
        raise Misconfigured(
            "the file holds no head that the log's key signed",
            code="bad-high-water",
            where=str(path),
            remedy="restore the file or the log key that belongs to this home",
        )
    return max(verified, key=lambda seen: seen.head.size, default=None)


def signed_on(checkpoint: bytes, database: str) -> bytes:
    """Return a head as it is in the file: with the name of its database behind it, if that has a name."""
    return checkpoint + (f"\0{database}".encode("ascii") if database else b"")


def moved(seen: Seen | None, database: str) -> str:
    """Return words that say so when the newest head was signed on another database; else an empty text.

    Heads of earlier versions do not name their database, and that was a file.
    """
    if seen is None or seen.database == database or (not seen.database and database.startswith("file ")):
        return ""
    return f"; the newest head was signed on {seen.database or 'a file of SQLite'}, and the log is now on {database}"


def read_heads(path: Path) -> list[bytes]:
    """Return the heads in the slots of the file at `path` and of those of other processes, unverified."""
    return [head for head, _ in _slots(path)]


def _slots(path: Path) -> list[tuple[bytes, str]]:
    """Return each head with the name of its database."""
    found: list[tuple[bytes, str]] = []
    for file in (path, *sorted(path.parent.glob(f"{path.name}.*"))):
        data = file.read_bytes() if file.exists() else b""
        for start in range(0, len(data), SLOT):
            head, database = _parts(data[start : start + SLOT])
            if head:
                found.append((head, database))
    return found


def _parts(slot: bytes) -> tuple[bytes, str]:
    """Return the head in a slot, and the name of its database."""
    head, _, database = slot.rstrip(b"\0").partition(b"\0")
    return head, database.decode("ascii", "replace")
