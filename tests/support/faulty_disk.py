"""A disk that fails, dies or forgets at the call that a test names: `native/faulty_disk.c`, preloaded into a node."""

from __future__ import annotations

import atexit
import mmap
import shutil
import struct
import subprocess
import tempfile
from enum import IntEnum
from errno import EDQUOT, EIO, ENOSPC, EROFS
from functools import cache
from pathlib import Path
from signal import SIGBUS, SIGKILL

from tests.support.optional import needs

_SOURCE = Path(__file__).parent / "native" / "faulty_disk.c"
_HEAD = struct.Struct("8I")
_NAMES, _NAME = 4096, 64

ERRORS = (EIO, ENOSPC, EDQUOT, EROFS)
"""Of a disk that fails, is full, over quota, or was made read-only because it failed."""


class Fault(IntEnum):
    """The fault that happens at the call."""

    NONE = 0
    FAILS = 1
    """It fails once, and nothing was done."""
    FAILS_DONE = 2
    """It fails, and all was done: a failed sync whose bytes reached the disk."""
    FAILS_ON = 3
    """It fails, and so do all calls after it."""
    KILLED = 4
    """The process dies before it."""
    KILLED_DONE = 5
    """The process dies after it."""
    TORN = 6
    """Half of it is done, then the process dies."""
    REBOOT = 7
    """The machine goes down before it: what was not synced is gone."""
    REBOOT_PART = 8
    """The same, but of what was not synced any part may be there, in any order."""

    @property
    def deadly(self) -> bool:
        """Tell whether the process dies of the fault at once."""
        return self >= Fault.KILLED

    @property
    def ends(self) -> tuple[int, ...]:
        """Return the signals that may end a process with a deadly fault.

        Where the machine goes down, files are cut that the process has mapped: a thread that reads there before it is
        killed ends the process by SIGBUS.
        """
        return (-SIGKILL, -SIGBUS) if self >= Fault.REBOOT else (-SIGKILL,)


@cache
def build_disk() -> Path:
    """The library, built once in a test process. Skips the test where there is no C compiler."""
    needs("cc")
    folder = Path(tempfile.mkdtemp(prefix="lsn-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / "faulty_disk.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(_SOURCE)]
    subprocess.run([*command, "-ldl", "-lpthread"], check=True)
    return library


class Disk:
    """The control block of one process: the chosen call, the fault at it, and what was seen."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with file.open("w+b") as opened:
            opened.truncate(_HEAD.size + _NAMES * _NAME)
            self._block = mmap.mmap(opened.fileno(), 0)

    def arm(self, fault: Fault, at: int, error: int = EIO, seed: int = 0) -> None:
        """Count calls from 1 from now on; `fault` happens at number `at`."""
        self._block[: _HEAD.size] = _HEAD.pack(0, fault, at, error, seed, 0, 0, 0)
        self._block[:4] = (1).to_bytes(4, "little")

    def disarm(self) -> None:
        """Stop counting calls."""
        self._block[:4] = bytes(4)

    @property
    def seen(self) -> int:
        """The number of calls so far."""
        return int(_HEAD.unpack_from(self._block)[5])

    @property
    def fired(self) -> bool:
        """Tell whether the fault happened."""
        return bool(_HEAD.unpack_from(self._block)[6])

    def name(self, number: int) -> str:
        """Return a call in words, such as `sync node.sqlite-wal`."""
        start = _HEAD.size + (number - 1) * _NAME
        return bytes(self._block[start : start + _NAME]).partition(b"\0")[0].decode()
