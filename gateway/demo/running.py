"""Note which process serves a home, and end nodes that outlive the command that started them.

The lock of a home says that a node runs, and `node.pid` beside it names the process with its start time: the number of
an ended process may belong to another program now, which must not be signalled.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Home
from gateway.errors import Misconfigured
from gateway.host.descriptors import is_ready

STOP_S = 20.0
_KILL_S = 5.0
_START_TIME = 19
"""Place of the start time among the fields of `/proc/PID/stat` that follow the program's name (proc(5))."""
_NOTE = re.compile(r"([1-9]\d{0,8}) (\d+)\n")
"""Number and start time of a process."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A node that was ended: its process, and whether it had to be killed."""

    pid: int
    killed: bool


def is_locked(file: Path) -> bool:
    """Return whether a process holds the lock on this file."""
    try:
        with file.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Lock a folder while the block runs; yield whether that succeeded. The kernel frees it when a process dies."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def note_process(home: Path, pid: int) -> None:
    """Note the process that serves a home, in a file beside the lock."""
    _pid_file(home).write_text(f"{pid} {_start_time(pid)}\n")


def forget_process(home: Path) -> None:
    """Remove the note about a process that has ended."""
    _pid_file(home).unlink(missing_ok=True)


def end_node(home: Path) -> Ended | None:
    """End the node that serves a home (SIGTERM drains it, SIGKILL after 20 s); None when none runs.

    Raises `Misconfigured` when the lock is held by a process that no demo has started.
    """
    lock = Home(home).lock
    if is_locked(lock):
        with _noted_process(home) as (pid, handle):
            if handle is not None:
                killed = _end(handle)
                forget_process(home)
                return Ended(pid, killed)
        if is_locked(lock):
            raise Misconfigured(
                "a process that the demo did not start uses this home",
                code="already-running",
                where=str(home),
                remedy="stop it where it was started",
            )
    forget_process(home)
    return None


@contextlib.contextmanager
def _noted_process(home: Path) -> Iterator[tuple[int, int | None]]:
    """Yield the noted process with a handle on it; without a handle when it is gone or is another one."""
    pid, started = _read_note(home)
    try:
        handle = os.pidfd_open(pid) if pid else None
    except ProcessLookupError:
        handle = None
    try:
        # The handle comes first: the number cannot pass to another process between the comparison and the signal.
        yield pid, handle if handle is not None and _start_time(pid) == started else None
    finally:
        if handle is not None:
            os.close(handle)


def _read_note(home: Path) -> tuple[int, str]:
    """Return the number and the start time of the noted process; 0 without a readable note."""
    file = _pid_file(home)
    noted = _NOTE.fullmatch(file.read_text(errors="replace")) if file.exists() else None
    return (int(noted[1]), noted[2]) if noted else (0, "")


def _end(handle: int) -> bool:
    """Ask a process to end and wait for it; return whether it had to be killed."""
    for number, seconds in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, _KILL_S)):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
        if is_ready(handle, seconds):
            break
    return number is signal.SIGKILL


def _start_time(pid: int) -> str:
    """Return the start time of a process in clock ticks since boot; empty for a process that is gone."""
    try:
        # The name of the program is in parentheses and may hold blanks and parentheses itself.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_START_TIME]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _pid_file(home: Path) -> Path:
    return Home(home).lock.with_suffix(".pid")
