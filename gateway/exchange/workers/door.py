"""The socket of the home at which workers knock: only the processes that this one has started are let in."""

from __future__ import annotations

import os
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path

from gateway.errors import Misconfigured

_CREDENTIALS = struct.Struct("3i")


class Door:
    """A listening socket, mode 0600, in a folder of our own. Raises `Misconfigured` where another one's file is there.

    A path of a socket may have 107 bytes only, so the folder is named by its descriptor.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        _remove_stale(file)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        folder = os.open(file.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        before = os.umask(0o177)
        try:
            self.socket.bind(f"/proc/self/fd/{folder}/{file.name}")
        finally:
            os.umask(before)
            os.close(folder)
        self.socket.listen(64)
        self.socket.setblocking(False)

    def accept(self) -> tuple[socket.socket, int] | None:
        """Return a connection and the process at its other end; None without one, or when it is not of our account."""
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return None
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        process, account, _ = _CREDENTIALS.unpack(data)
        if account != os.geteuid():
            connection.close()
            return None
        return connection, process

    def close(self) -> None:
        """Close and remove the socket."""
        self.socket.close()
        with suppress(OSError):
            self.file.unlink(missing_ok=True)


def knock(file: Path) -> socket.socket:
    """Return a connection to the front; the process at its other end is of our account. Raises `Misconfigured`."""
    folder = os.open(file.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{file.name}")
    finally:
        os.close(folder)
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    if _CREDENTIALS.unpack(data)[:2] != (os.getppid(), os.geteuid()):
        raise _foreign(file)
    return connection


def _remove_stale(file: Path) -> None:
    """Remove the socket of a front that was killed. Raises `Misconfigured` for anything else in its place."""
    try:
        found = file.lstat()
    except FileNotFoundError:
        return
    if found.st_uid != os.geteuid() or not stat.S_ISSOCK(found.st_mode):
        raise _foreign(file)
    file.unlink()


def _foreign(file: Path) -> Misconfigured:
    return Misconfigured(
        "the socket of the workers is another account's, or no socket",
        code="wrong-owner",
        where=str(file),
        remedy="find out who made it, and remove it",
    )
