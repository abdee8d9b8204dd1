"""Room on the disks that a process writes to, and a reserve that new work must leave.

Work that is under way may use the reserve, so that it ends with its entries; new work is refused before the disk is
full. The looks at the disks are made by threads that write to them anyway: a disk that hangs must not hang the loop.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Unavailable

RESERVE_MIB = 256
"""Mebibytes that are kept free unless a setting says otherwise."""

SHARE = 20
"""The reserve is no more than this part of a disk (one in twenty), so that small disks can be used."""

MIB = 1 << 20

CODE = "disk-reserve"


@dataclass(frozen=True, slots=True)
class Room:
    """The room on the disk of `folder` in bytes: what is free, what is reserved, and what has to be moved there.

    `name` says what the folder is for.
    """

    name: str
    folder: Path
    free: int
    reserve: int
    unmoved: int = 0

    @property
    def is_low(self) -> bool:
        """Tell whether new work would use the reserve."""
        return bool(self.reserve) and self.free < self.reserve + self.unmoved

    def refusal(self) -> Unavailable:
        """Return the refusal of new work. Its words stay the same while the room is low."""
        return Unavailable(
            "the disk of `{folder}` has less room than its reserve of {reserve:.1f} MiB",
            code=CODE,
            where="disk",
            remedy="free space there, or move it to a larger disk; `liaison doctor` shows the room",
            folder=self.folder,
            reserve=self.reserve / MIB,
        )


def room_in(name: str, folder: Path, reserve_mib: int = RESERVE_MIB, unmoved: int = 0) -> Room:
    """Return the room on the disk of `folder` now: none where the disk cannot be asked."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return Room(name, folder, 0, reserve_mib * MIB, unmoved)
    share = found.f_blocks * found.f_frsize // SHARE
    return Room(name, folder, found.f_bavail * found.f_frsize, min(reserve_mib * MIB, share), unmoved)


class DiskReserve:
    """The room in the folders that a process writes to, one for each disk. Only `look` asks the disks.

    `log` is the write-ahead log of the database, if it has one: its pages have to be moved into a file beside it.
    """

    def __init__(self, folders: Mapping[str, Path], reserve_mib: int = RESERVE_MIB, log: Path | None = None) -> None:
        self._folders: dict[int, tuple[str, Path]] = {}
        for name, folder in folders.items():
            self._folders.setdefault(folder.stat().st_dev, (name, folder))
        self.reserve_mib = reserve_mib
        self._log = str(log) if log else ""
        self._log_disk = log.parent.stat().st_dev if log else None
        self.rooms: tuple[Room, ...] = ()
        self.is_low = False
        self.look()

    def look(self) -> bool:
        """Look at the disks, and tell whether one of them has too little room."""
        self.rooms = tuple(
            room_in(name, folder, self.reserve_mib, self._unmoved() if disk == self._log_disk else 0)
            for disk, (name, folder) in self._folders.items()
        )
        self.is_low = any(room.is_low for room in self.rooms)
        return self.is_low

    def _unmoved(self) -> int:
        try:
            return os.stat(self._log).st_size  # noqa: PTH116 - a path object costs three times as much
        except FileNotFoundError:
            return 0

    def check(self) -> None:
        """Raise `Unavailable` when the last look found too little room."""
        if self.is_low:
            raise next(room.refusal() for room in self.rooms if room.is_low)
