"""Files in sealed chunks: each is encrypted for its place in its file, and opened alone.

::

    ab/ab12…        the chunks of 1 MiB, each with its tag of 16 bytes, and behind them the sealed leaves of a file of
                    ours
    ab/.ab12….part  what is there of a file that is being written

A file has a key of its own, under which each chunk is encrypted with AES-256-GCM once: the nonce is its number, and the
associated data names the file. A chunk that is written again after a kill has the same bytes. Files are synced before
they get their name. Nothing of a file is in memory but one chunk.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Contradicted, Unavailable, Unknown
from gateway.host.durable import make_folder, sync_folder
from gateway.model.desk.attachments import CHUNK, chunk_count, chunk_size
from gateway.ports.files.held import ByteReader, HeldFile

_TAG = 16
_SEALED = CHUNK + _TAG
_LEAVES = 2**32 - 1
"""The number under which the leaves are sealed; no chunk has it."""

_HASH = 32
_SYNC_EACH = 16
"""Chunks between two syncs, so that little is written anew after a loss of power, and the disk's cache stays small."""


class FileFolder:
    """`gateway.ports.files.held.SealedFiles` in one folder, which several processes of a node may share."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def writer(self, row: HeldFile) -> SealedWriter:
        """Return the writer of a file; it goes on behind the chunks that an earlier one has left, each verified."""
        path = self._path(row)
        make_folder(path.parent)
        return SealedWriter(path, _part(path), _Seal(row), row.about.size)

    def has(self, row: HeldFile) -> bool:
        """Tell whether all of the file is here."""
        return self.has_named(row.file)

    def has_named(self, file: str) -> bool:
        """Tell whether all of a sealed file is here, by its name."""
        return (self._root / file[:2] / file).is_file()

    def progress(self, row: HeldFile) -> int:
        """Return how many bytes of the file are here."""
        path = self._path(row)
        if path.is_file():
            return row.about.size
        try:
            return min(row.about.size, _part(path).stat().st_size // _SEALED * CHUNK)
        except FileNotFoundError:
            return 0

    def chunk(self, row: HeldFile, number: int) -> bytes:
        """Return one chunk. Raises `Contradicted` for a changed one, `Unknown` where the file is gone."""
        sealed = self._read(row, number * _SEALED, chunk_size(row.about.size, number) + _TAG)
        return _Seal(row).open(number, sealed)

    def leaves(self, row: HeldFile) -> list[bytes]:
        """Return the leaves of a file of ours, as `finish` got them."""
        count = chunk_count(row.about.size)
        sealed = self._read(row, row.about.size + count * _TAG, count * _HASH + _TAG)
        together = _Seal(row).open(_LEAVES, sealed)
        return [together[place : place + _HASH] for place in range(0, len(together), _HASH)]

    def reader(self, row: HeldFile) -> ByteReader:
        """Return a reader of the file, for one thread; it keeps the last chunk."""
        kept: tuple[int, bytes] = (-1, b"")

        def read(offset: int, count: int) -> bytes:
            nonlocal kept
            found = bytearray()
            stop = min(offset + count, row.about.size)
            while offset < stop:
                number, start = divmod(offset, CHUNK)
                if kept[0] != number:
                    kept = (number, self.chunk(row, number))
                part = kept[1][start : start + stop - offset]
                found += part
                offset += len(part)
            return bytes(found)

        return read

    def remove(self, row: HeldFile) -> None:
        """Delete a file, finished or not."""
        path = self._path(row)
        path.unlink(missing_ok=True)
        _part(path).unlink(missing_ok=True)

    def free(self) -> int:
        """Return the free bytes of the disk."""
        make_folder(self._root)
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def sweep(self, named: Collection[str], before_s: float) -> int:
        """Delete files that no row names and that were last written before a time (Unix); return their number."""
        gone = 0
        for path in self._root.glob("??/*"):
            name = path.name.removeprefix(".").removesuffix(".part")
            with suppress(FileNotFoundError):
                if name not in named and path.stat().st_mtime < before_s:
                    path.unlink()
                    gone += 1
        return gone

    def paths(self) -> Iterator[str]:
        """Yield the names of all finished files."""
        for path in sorted(self._root.glob("??/*")):
            if not path.name.startswith("."):
                yield f"{path.parent.name}/{path.name}"

    def unfinished(self) -> set[str]:
        """Return the files of which a part is here."""
        return {path.name.removeprefix(".").removesuffix(".part") for path in self._root.glob("??/.*.part")}

    def _path(self, row: HeldFile) -> Path:
        return self._root / row.file[:2] / row.file

    def _read(self, row: HeldFile, offset: int, count: int) -> bytes:
        try:
            with self._path(row).open("rb", buffering=0) as file:
                sealed = os.pread(file.fileno(), count, offset)
        except FileNotFoundError:
            raise Unknown("the file is not here any more", code="file-lost", where="attachment") from None
        except OSError as error:
            raise _broken(self._path(row), error) from error
        return sealed


class SealedWriter:
    """`gateway.ports.files.held.ChunkWriter`: an unfinished file, and its name once it is whole."""

    def __init__(self, path: Path, part: Path, seal: _Seal, size: int) -> None:
        self._path, self._part, self._seal, self._size = path, part, seal, size
        try:
            self._handle = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _broken(part, error) from error
        self.count = self._verified()

    def append(self, data: bytes) -> None:
        """Seal the next chunk and write it."""
        self._write(self.count * _SEALED, self._seal.seal(self.count, data))
        self.count += 1
        if self.count % _SYNC_EACH == 0:
            os.fdatasync(self._handle)

    def finish(self, leaves: Sequence[bytes] = ()) -> None:
        """Make the file durable and give it its name. `leaves` are kept with a file that others fetch from us."""
        if leaves:
            end = os.fstat(self._handle).st_size
            self._write(end, self._seal.seal(_LEAVES, b"".join(leaves)))
        try:
            os.fsync(self._handle)
            self._part.rename(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise _broken(self._path, error) from error
        self.close(keep=True)

    def close(self, *, keep: bool) -> None:
        """Leave an unfinished file: for a later writer where `keep`, else it goes."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        if not keep:
            self._part.unlink(missing_ok=True)

    def _verified(self) -> int:
        """Return how many whole chunks an earlier writer has left that open, and cut off what is behind them."""
        good = end = 0
        while self._size and good < chunk_count(self._size):
            length = chunk_size(self._size, good) + _TAG
            try:
                self._seal.open(good, os.pread(self._handle, length, end))
            except Contradicted:
                break
            good, end = good + 1, end + length
        os.ftruncate(self._handle, end)
        return good

    def _write(self, place: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._handle, view, place)
                view, place = view[written:], place + written
        except OSError as error:
            raise _broken(self._part, error) from error


class _Seal:
    """Seals and opens the parts of one file."""

    def __init__(self, row: HeldFile) -> None:
        self._cipher = AESGCM(row.key)
        self._name = row.file.encode()

    def seal(self, number: int, data: bytes) -> bytes:
        return self._cipher.encrypt(number.to_bytes(12), data, self._name)

    def open(self, number: int, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(number.to_bytes(12), sealed, self._name)
        except (InvalidTag, ValueError) as error:
            raise Contradicted(
                "part {number} of a stored file was changed", code="content-changed", where="attachment", number=number
            ) from error


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _broken(path: Path, error: OSError) -> Unavailable:
    """Return the error of a folder that cannot be used: exchanges go on without it, so it ends no process."""
    return Unavailable(
        "the folder of attachments cannot be used: {strerror}",
        code="attachments-disk",
        where=str(path),
        remedy="free space there; `liaison doctor` shows the room",
        strerror=error.strerror,
    )
