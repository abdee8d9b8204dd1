"""Say why the storage failed: each cause has its code, its sentence and its remedy.

A lack of descriptors is no failure of the storage: nothing was written, and a stranger's connections can cause it. It
refuses the one piece of work (`Unavailable`). Nor is a transaction that stood still, with us or with its server, until
the server ended it: nothing of it was written (`NotWritten`). Every other failure is `StorageBroken`.
"""

from __future__ import annotations

import errno
import sqlite3
from dataclasses import dataclass

from gateway.errors import LiaisonError, NotWritten, StorageAway, StorageBroken, Unavailable
from gateway.host import descriptors
from gateway.host.disk_reserve import CODE as DISK_RESERVE

FULL = "storage-full"
DESCRIPTORS = "no-descriptors"
LOST = "storage-lost"

NO_ENTRY = frozenset({DISK_RESERVE, DESCRIPTORS, StorageAway.default_code})
"""Codes of refusals that leave no entry, since there may be no room, no descriptor or no database for it."""

_AGAIN = "then start the node again"


@dataclass(frozen=True, slots=True)
class Cause:
    """The code of a cause, and what to do about it."""

    code: str
    remedy: str


_FULL = Cause(FULL, f"free space on the disk, or take the quota off; {_AGAIN}")
_IO = Cause("storage-io", f"look at the kernel's log and the health of the disk, replace it if it fails; {_AGAIN}")
_READ_ONLY = Cause("storage-read-only", f"mount the disk writable (a failed disk is made read-only); {_AGAIN}")
_NO_RIGHT = Cause("storage-permission", f"give the node's account the right to its files (`liaison doctor`); {_AGAIN}")
_LOCKED = Cause("storage-locked", f"end the other program that holds the database; {_AGAIN}")
_DAMAGED = Cause("storage-damaged", "run `liaison audit verify`; restore a backup where it finds damage")
_FILES = Cause(
    DESCRIPTORS, "raise the limit of open files (`ulimit -n`, LimitNOFILE= of a systemd unit), and look who connects"
)
_LOST = Cause(LOST, f"look at the database's server and the network to it; {_AGAIN}")
_OTHER = Cause(
    "storage",
    f"check the disk's space, health and permissions, and the database's server where there is one; {_AGAIN}",
)

_OF_SYSTEM = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EIO: _IO,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
}
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _IO,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _NO_RIGHT,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
_OF_POSTGRESQL = {
    "53100": _FULL,
    "58030": _IO,
    "25006": _READ_ONLY,
    "42501": _NO_RIGHT,
    "55P03": _LOCKED,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
_REFUSED = {
    "28000": "not-admitted",
    "28P01": "password",
    "3D000": "unknown-name",
    "53300": "full",
    "57P01": "stopping",
    "57P02": "stopping",
    "57P03": "not-now",
}
"""Words for the states of SQL with which PostgreSQL refuses a connection, whatever language it speaks."""

_OF_DRIVER = {
    "certificate": "certificate",
    "password supplied": "password",
    "Connection refused": "nobody-listens",
    "No such file or directory": "nobody-listens",
    "resolve host": "unknown-name",
    "translate host name": "unknown-name",
    "No route to host": "unreachable",
    "unreachable": "unreachable",
    "timeout": "unreachable",
    "timed out": "unreachable",
}
"""Words for what the driver and the system meet before a server answers. They speak English: we set no language."""

_LOST_CLASSES = ("08", "57")
"""Classes of states of SQL: the connection failed; the server stops, or ends the session."""

_STOOD_STILL = "25P03"
"""The state of SQL of a session that was idle in its transaction for too long. The transaction has ended with it."""


def failure(doing: str, cause: BaseException) -> LiaisonError:
    """Return `cause` as an error of ours: `Unavailable`, `NotWritten` or `StorageBroken`, as above."""
    if _lacks_descriptors(cause):
        return Unavailable(
            "no file can be opened: the process has as many open as it may",
            code=_FILES.code,
            where=doing,
            remedy=_FILES.remedy,
        )
    if _state(cause) == _STOOD_STILL:
        return NotWritten(
            "a transaction with the database stood still until the server ended it: nothing of it was written",
            where=doing,
            remedy="do it again; look whether the node's machine or the database's server stood still",
        )
    found = cause_of(cause)
    return StorageBroken(
        "the database failed: `{split}`",
        code=found.code,
        where=doing,
        remedy="{advice}",
        advice=found.remedy,
        split=" ".join(str(cause).split()),
    )


def what_was_met(error: LiaisonError) -> str:
    """Return in one word what an attempt to connect met, since no line of the log may have an error's text."""
    if error.code != LOST:
        return "other"
    cause: BaseException | None = error
    while cause is not None:
        if word := _REFUSED.get(_state(getattr(cause, "orig", cause))):
            return word
        cause = cause.__cause__
    return met_by_driver(error.message) or "other"


def met_by_driver(text: str) -> str:
    """Return in one word what the driver met before a server answered; an empty text for anything else."""
    return next((word for said, word in _OF_DRIVER.items() if said in text), "")


def is_refusal(state: str) -> bool:
    """Tell whether a server refuses connections with this state of SQL."""
    return state in _REFUSED


def can_wait(cause: BaseException) -> bool:
    """Tell whether moving SQLite's log may be tried again: no room or no descriptor, so that nothing was synced."""
    full = isinstance(cause, sqlite3.Error) and _primary(cause) == sqlite3.SQLITE_FULL
    return full or _lacks_descriptors(cause)


def _lacks_descriptors(cause: BaseException) -> bool:
    if isinstance(cause, OSError):
        return descriptors.is_exhausted(cause)
    if isinstance(cause, sqlite3.Error):
        return _primary(cause) == sqlite3.SQLITE_CANTOPEN and descriptors.is_exhausted()
    return _is_lost(cause) and descriptors.is_exhausted()


def cause_of(cause: BaseException) -> Cause:
    """Return the cause behind an error of the system, of SQLite or of PostgreSQL."""
    if isinstance(cause, OSError):
        if descriptors.is_exhausted(cause):
            return _FILES
        return _OF_SYSTEM.get(cause.errno or 0, _OTHER)
    if isinstance(cause, sqlite3.Error):
        return _OF_SQLITE.get(_primary(cause), _OTHER)
    return _OF_POSTGRESQL.get(_state(cause), _LOST if _is_lost(cause) else _OTHER)


def _primary(cause: sqlite3.Error) -> int:
    """Return SQLite's code without its extension; errors of the driver itself have none."""
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF


def _state(cause: BaseException) -> str:
    return getattr(cause, "sqlstate", None) or ""


def _is_lost(cause: BaseException) -> bool:
    """Tell whether PostgreSQL's server is gone or takes no connection of ours. An `OperationalError` without a state
    never reached it."""
    state = _state(cause)
    is_told = state.startswith(_LOST_CLASSES) or is_refusal(state)
    return is_told or (not state and type(cause).__name__ == "OperationalError")
