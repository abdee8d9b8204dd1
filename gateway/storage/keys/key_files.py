"""Make and read files of keys: 0600, synced before use, and in the folder of one home's keystore only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote

from gateway.errors import Misconfigured, StorageBroken, Unknown
from gateway.host.durable import cut_torn_line, sync_folder
from gateway.storage.database.engine import storage_errors
from gateway.storage.database.home_id import read_id


class KeyFolder:
    """The folder of a keystore, which is written to for as long as it carries the id that it had at first.

    A disk that is taken away leaves its mount point: what were made there the disk would hide, once it is back.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._id = read_id(root)

    def require(self) -> None:
        """Raise `StorageBroken` where another folder is in its place."""
        found = read_id(self._root)
        if self._id and found != self._id:
            raise StorageBroken(
                "the keystore is gone from its place: its disk was taken away",
                code="no-store",
                where=str(self._root),
                remedy="mount its disk, then start the node; nothing was written",
            )
        self._id = found

    def create(self, path: Path, value: bytes) -> None:
        """Make a key file in it. Raises `StorageBroken` as `require` does."""
        self.require()
        create_key_file(path, value)

    def append(self, path: Path, lines: Sequence[str]) -> None:
        """Add lines to a file in it, durably. Raises `StorageBroken` as `require` does."""
        self.require()
        with storage_errors("keystore"):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                cut_torn_line(handle)
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(path.parent)


def create_key_file(path: Path, value: bytes) -> None:
    """Write `value` to a new file of mode 0600, synced with its directory. Raises `StorageBroken`.

    Where another process makes the same file meanwhile, the first one stays. No reader ever sees half of a file.
    """
    with storage_errors("keystore"):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(value)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
        sync_folder(path.parent)
        sync_folder(path.parent.parent)


def read_key_file(path: Path) -> bytes:
    """Return the bytes of a key file. Raises `Misconfigured` when others can read it, `Unknown` when there is none."""
    with storage_errors("keystore"):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise Unknown("no such key", code="no-key", where=str(path)) from None
        if mode & 0o077:
            raise Misconfigured(
                "others can read this key", where=str(path), remedy="chmod 600 {path}", path=quote(str(path))
            )
        return path.read_bytes()
