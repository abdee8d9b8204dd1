"""Ask a scanner whether a file is clean. Only its clear word opens a file: silence, an error and late words do not.

The setting `attachments.scanner` names one of

- `clamd:/run/clamav/clamd.sock` or `clamd:HOST:PORT`: ClamAV's daemon, by its command INSTREAM
- `command:/usr/local/bin/scan ARGUMENT…`: gets the file on its input; exit status 0 says clean, 1 says not
- `none`: a human decided that files are opened unscanned

and an empty one means that nothing is opened. Files are scanned as they are sent, in parts of 1 MiB.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum

from gateway.clock import steady_ns
from gateway.errors import Misconfigured, Unavailable

NONE = "none"
_CLAMD, _COMMAND = "clamd:", "command:"
_ANSWER = 4096


class Verdict(StrEnum):
    """What a scanner found."""

    CLEAN = "clean"
    FOUND = "found"


Scanner = Callable[[Iterable[bytes]], Verdict]
"""Scans a file; blocks. Raises `Unavailable` where it gives no clear word in its time."""


def scanner_of(setting: str, within_s: float) -> Scanner | None:
    """Return the scanner of a setting, None where there is none. Raises `Misconfigured` for another form."""
    if not setting:
        return None
    if setting == NONE:
        return lambda _parts: Verdict.CLEAN
    if setting.startswith(_CLAMD):
        place = setting.removeprefix(_CLAMD)
        return lambda parts: _clamd(place, parts, within_s)
    if setting.startswith(_COMMAND) and (words := shlex.split(setting.removeprefix(_COMMAND))):
        return lambda parts: _command(words, parts, within_s)
    raise Misconfigured(
        "not a scanner: `{setting}`",
        code="bad-scanner",
        where="attachments.scanner",
        remedy="clamd:/run/clamav/clamd.sock, clamd:HOST:PORT, command:/path/of/a/program or none",
        setting=setting[:80],
    )


def _clamd(place: str, parts: Iterable[bytes], within_s: float) -> Verdict:
    """Send a file to clamd by INSTREAM; each part goes behind its length of four bytes, and an empty one ends it."""
    host, _, port = place.rpartition(":")
    try:
        line = (
            socket.socket(socket.AF_UNIX) if place.startswith("/") else socket.create_connection((host, int(port)), 5)
        )
        with line:
            timer = threading.Timer(within_s, _cut, (line,))
            timer.daemon = True
            timer.start()
            try:
                if place.startswith("/"):
                    line.settimeout(5)
                    line.connect(place)
                line.settimeout(within_s)
                line.sendall(b"zINSTREAM\0")
                for part in parts:
                    line.sendall(len(part).to_bytes(4) + part)
                line.sendall(bytes(4))
                answer = _answer(line)
            finally:
                timer.cancel()
    except (OSError, ValueError) as error:
        raise _silent(str(error)[:80]) from error
    if answer == b"stream: OK":
        return Verdict.CLEAN
    if answer.endswith(b" FOUND"):
        return Verdict.FOUND
    raise _silent(answer[:80].decode("ascii", "replace"))


def _answer(line: socket.socket) -> bytes:
    answer = b""
    while b"\0" not in answer and len(answer) < _ANSWER and (part := line.recv(_ANSWER)):
        answer += part
    word, end, more = answer.partition(b"\0")
    if not end:
        return b"no end of its answer"
    return b"more than one answer" if more else word


def _command(words: list[str], parts: Iterable[bytes], within_s: float) -> Verdict:
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
    except OSError as error:
        raise _silent(error.strerror or "it does not start") from error
    until_s = steady_ns() / 1e9 + within_s
    try:
        assert process.stdin is not None
        has_read = _fed(process.stdin.fileno(), parts, until_s)
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until_s - steady_ns() / 1e9))
        status = process.poll()
    finally:
        _kill_all(process)
    if status == 0 and has_read:
        return Verdict.CLEAN
    if status == 1:
        return Verdict.FOUND
    if status == 0:
        raise _silent("it ended before it had read the file")
    raise _silent("no end in its time" if status is None else "exit status {status}".replace("{status}", str(status)))


def _fed(pipe: int, parts: Iterable[bytes], until_s: float) -> bool:
    """Write a file to a scanner; tell whether it took all of it in its time. One that has seen enough takes no more."""
    os.set_blocking(pipe, False)
    ready = select.poll()
    ready.register(pipe, select.POLLOUT)
    for part in parts:
        rest = memoryview(part)
        while rest:
            left_s = until_s - steady_ns() / 1e9
            if left_s <= 0 or not ready.poll(left_s * 1_000):
                return False
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                continue
            except OSError:
                return False
    return True


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """End a scanner with all that it has started, which could hold its input open for ever."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _silent(detail: str) -> Unavailable:
    return Unavailable(
        "the scanner gave no clear word: {detail}",
        code="scanner-silent",
        where="attachments.scanner",
        remedy="look after the scanner; the file stays shut until it says that it is clean",
        detail=detail,
    )
