"""The one mailbox of a home: acts of humans on their way to the process that has the logs open.

::

    acts/<lane>-<id>.json      an act; it stays until it is carried out, also over a crash
    acts/<lane>-<id>.progress  how far a long one is
    acts/<lane>-<id>.result    what became of it, for the command that waits
    acts/<lane>.lock           held by the one process that takes the acts of this lane

A command writes its act first. Where no node runs it opens the logs and carries out what waits; where one runs, the
node does so within a second, since it alone may write to its logs and must forget the keys that it holds in memory. The
owner of the file is the account that handed the act in, which the act's entry names.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.audit.acts.table import Lane, rule_of
from gateway.audit.retention.plan import Progress, in_silence
from gateway.clock import SystemClock
from gateway.errors import Forbidden, LiaisonError, Malformed, NotWritten, Overloaded, StorageBroken
from gateway.host.durable import PRIVATE, make_folder, replace
from gateway.signing import strict_json

MAX_WAITING = 1_000
"""Acts that may wait in a lane."""

_MAX = 8 * 1024 * 1024
"""Bytes of an act in the mailbox: more than the largest signed document."""
_TEXTS = ("by", "document", "id", "kind", "reason", "token")
_PROGRESS = ".progress"
_FIELDS = {*_TEXTS, "detail"}
_NEVER = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG)
"""Errors of files that no later attempt can read."""
_TOLD_S = 0.5
"""Seconds between two reports of progress."""
_KEPT_S = 24 * 3600
"""Seconds for which a result waits for a command that does not fetch it."""


@dataclass(frozen=True, slots=True)
class Order:
    """An act as it is handed in. `document` is the signed one, `token` an officer's; where the machine itself may do
    it, `by`, `reason` and `detail` say the rest. `account` is the owner of the file that it was read from; no file says
    it of itself."""

    kind: str
    document: str = ""
    token: str = ""
    by: str = ""
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    account: str = ""

    @property
    def lane(self) -> Lane:
        """Return the lane in which it waits. Raises `Forbidden` for an act that no mailbox carries."""
        lane = rule_of(self.kind).lane
        if lane is None:
            raise Forbidden("`{kind}` is not done beside a running node", code="unknown-act", kind=self.kind)
        return lane


class Mailbox:
    """The acts of one home that wait."""

    def __init__(self, folder: Path, progress: Progress = in_silence) -> None:
        self.folder = folder
        self._progress = progress

    def give(self, order: Order) -> None:
        """Write an act, durably. Raises `Overloaded` when too many wait."""
        make_folder(self.folder)
        if len(self.waiting(order.lane)) >= MAX_WAITING:
            raise Overloaded(
                "{limit} acts wait already",
                code="too-many-acts",
                where=str(self.folder),
                remedy="start the node",
                limit=MAX_WAITING,
            )
        value = {name: getattr(order, name) for name in sorted(_FIELDS)}
        replace(self.place(order), strict_json.dumps(value), PRIVATE)

    def place(self, order: Order) -> Path:
        """Return the file of an act that waits."""
        return self.folder / f"{order.lane}-{order.id}.json"

    def waiting(self, lane: Lane) -> list[Path]:
        """Return the files of a lane's waiting acts, the oldest first.

        It costs one look at a folder. Acts that another process meanwhile carries out or takes back are left out.
        Links, pipes and folders are left out, too: a link would name another account, and reading a pipe would not end.
        """
        try:
            files = [
                path
                for path in self.folder.iterdir()
                if path.suffix == ".json" and _lane_of(path) in (lane, None if lane is Lane.LONG else lane)
            ]
        except FileNotFoundError:
            return []
        given: list[tuple[int, str, Path]] = []
        for path in files:
            with suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    given.append((status.st_mtime_ns, path.name, path))
        return [path for _, _, path in sorted(given)]

    def progress_of(self, order: Order) -> Progress:
        """Return the reporter of progress of an act: it tells this process, and twice a second a command that waits."""
        path, told_s = self.place(order).with_suffix(_PROGRESS), -_TOLD_S

        def report(step: str, done: int, total: int) -> None:
            nonlocal told_s
            self._progress(step, done, total)
            if time.monotonic() - told_s >= _TOLD_S:
                told_s = time.monotonic()
                with suppress(StorageBroken):
                    replace(path, strict_json.dumps([step, done, total]), PRIVATE)

        return report

    def progress(self, order: Order) -> tuple[str, int, int] | None:
        """Return the step, the done part and the whole of an act that is being carried out; None where none is told."""
        try:
            step, done, total = strict_json.loads(self.place(order).with_suffix(_PROGRESS).read_bytes(), _MAX)
            return str(step), int(done), int(total)
        except (OSError, LiaisonError, TypeError, ValueError):
            return None

    def result(self, order: Order) -> dict[str, Any] | None:
        """Return the result of an act and remove it; return None while the act waits."""
        path = self.place(order).with_suffix(".result")
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        value = strict_json.loads(data, len(data))
        assert isinstance(value, dict)
        return value

    def withdraw(self, order: Order) -> None:
        """Take an act and its result back, for a command that does not wait any more."""
        for suffix in (".json", ".result", _PROGRESS):
            self.place(order).with_suffix(suffix).unlink(missing_ok=True)

    def find(self, lane: Lane, name: str) -> tuple[Order, Path] | None:
        """Return the act with this id and its file; None where there is none that can be read."""
        path = self.folder / f"{lane}-{name}.json"
        try:
            return read_order(path), path
        except (OSError, LiaisonError):
            return None

    def run(self, lane: Lane, carry_out: Callable[[Order], Mapping[str, Any]]) -> int:
        """Carry out a lane's waiting acts, one after the other; return their number.

        A refused act is answered with the error. An act whose effect fails otherwise stays, and the others go on; the
        error is raised at the end. `StorageBroken` goes on to the caller at once.
        """
        count, failed = 0, None
        for path in self.waiting(lane):
            try:
                self._answer(path, carry_out)
                count += 1
            except StorageBroken:
                raise
            except Exception as error:  # noqa: BLE001  # one act must not keep those behind it waiting for ever
                failed = error if path.exists() else failed  # else its command took it back
        if count:
            self._sweep()
        if failed is not None:
            raise failed
        return count

    def _answer(self, path: Path, carry_out: Callable[[Order], Mapping[str, Any]]) -> None:
        """Carry out the act in a file, write its result and remove it. Raises `StorageBroken`, `OSError`.

        Raises `NotWritten` where a step of it was not written: it stays, and goes on where it was cut off.
        """
        try:
            result = dict(carry_out(read_order(path)))
        except (NotWritten, StorageBroken):
            raise
        except LiaisonError as error:
            names = ("message", "code", "where", "remedy")
            result = {"error": {name: getattr(error, name) for name in names} | {"type": type(error).__name__}}
        with suppress(StorageBroken):  # a folder in its place must not end the node, and the act had its effect
            replace(path.with_suffix(".result"), strict_json.dumps(result), PRIVATE)
        path.unlink(missing_ok=True)
        path.with_suffix(_PROGRESS).unlink(missing_ok=True)

    @contextmanager
    def our_turn(self, lane: Lane) -> Iterator[bool]:
        """Yield whether it is our turn: of several processes of one home only one takes the acts of a lane."""
        make_folder(self.folder)
        with (self.folder / f"{lane}.lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True

    def _sweep(self) -> None:
        """Remove results whose command never fetched them."""
        for path in self.folder.glob("*.result"):
            with suppress(FileNotFoundError):
                if SystemClock().now_us() / 1e6 - path.stat().st_mtime > _KEPT_S:
                    path.unlink()


def _lane_of(path: Path) -> Lane | str | None:
    """Return the lane of a file; None for a stray one, which the long lane answers with an error and removes."""
    if path.name[0] == ".":
        return ""  # half-written
    return next((lane for lane in Lane if path.name.startswith(f"{lane}-")), None)


def read_order(path: Path) -> Order:
    """Return the act that a file hands in, with the account that owns the file.

    Raises `Malformed`, `TooLarge`, and `OSError` where the file cannot be read now.
    """
    try:
        data, account = _read(path)
    except OSError as error:
        if error.errno not in _NEVER:
            raise
        raise _bad(path) from error
    value = strict_json.loads(data, _MAX)
    if not isinstance(value, dict) or set(value) != _FIELDS or not isinstance(value["detail"], dict):
        raise _bad(path)
    # An id that is only a part of the name would be that of another file, which another account may own.
    if not all(isinstance(value[name], str) for name in _TEXTS) or path.stem.partition("-")[2] != value["id"]:
        raise _bad(path)
    return Order(**value, account=account)


def _read(path: Path) -> tuple[bytes, str]:
    """Return the bytes of a plain file, at most one more than allowed, and its owner. It waits for no pipe."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _bad(path)
        return file.read(_MAX + 1), account_name(status.st_uid)


def _bad(path: Path) -> Malformed:
    return Malformed("this is not an act", code="bad-order", where=str(path))


def account_name(number: int) -> str:
    """Return the name of an account of this machine, or its number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
