"""Tell whether a database file lies on a disk of this machine, so that a read waits for nothing foreign."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import make_url

_LOCAL = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
"""Kinds of file systems whose files no other machine serves."""

_MOUNTS = Path("/proc/self/mountinfo")
_DEVICE = 2


def is_local_file(url: str) -> bool:
    """Tell whether `url`, a usable address, is one of an SQLite file on a disk of this machine; False in doubt."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return False
    try:
        device = Path(address.database).stat().st_dev
        mounts = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kinds = {_kind(line) for line in mounts if line.split()[_DEVICE] == wanted}
    return bool(kinds) and kinds <= _LOCAL


def _kind(mount: str) -> str:
    """Return the kind of the file system of one line (proc(5)): optional fields end with a dash."""
    return mount.partition(" - ")[2].split(" ", 1)[0]
