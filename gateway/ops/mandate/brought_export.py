"""Take a counterpart's export that an auditor brings to the console: one plain tar file, unpacked as it comes.

What the archive says of a file is judged before anything of the file is written: regular files and folders only, with
names that an export has, in bounded number and size. A name may be in a note before its file: GNU tar and Python's
tarfile write long ones, and those in other scripts, so. Nothing of an archive that is refused stays.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from tarfile import BLOCKSIZE, TarInfo

from gateway.audit.export.reader import ExportReader, is_file_name
from gateway.errors import LiaisonError, Malformed, Overloaded, TooLarge
from gateway.host.durable import make_folder
from gateway.ops.mandate.kept_exports import BROUGHT, brought_name, remove_brought

PLACE = "export"
"""The field of the form to which refusals belong."""

_MIB = 1024 * 1024
_CHUNK = 4 * _MIB
_MOST_NOTES = 16 * 1024
_MOST_PADDING = _MIB
_END = bytes(BLOCKSIZE)
_NOTES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME)
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
_LENGTH = re.compile(rb"([1-9][0-9]{0,5}) ")
_PATH = b"path"
_OTHER_FILE = re.compile(rb"linkpath|size|hdrcharset|GNU\.sparse\..*")
"""The notes about a file (POSIX pax) that would make another file of it, but for its name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes and files of an export that is brought, and the bytes that the disk keeps free."""

    size: int = 8 * 1024 * _MIB
    files: int = 200_000
    free: int = 512 * _MIB


LIMITS = Limits()
_PACK = "have the folder of `liaison audit export` packed as a tar file, without compression"


async def take_export(parts: AsyncIterator[bytes], exports: Path, person: str, limits: Limits = LIMITS) -> Path:
    """Keep an export for this person alone, in the place of the one that they brought before; return its folder.

    Raises `Malformed` for anything but a whole export, `TooLarge`, and `Overloaded` where the disk has no room.
    """
    await asyncio.to_thread(make_folder, exports)
    folder = exports / f"{BROUGHT}part-{secrets.token_hex(8)}"
    try:
        await _Unpacking(_Coming(parts), folder, limits).run()
        return await asyncio.to_thread(_kept, folder, exports, person)
    except OSError as error:
        raise _no_room() from error
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


class _Coming:
    """The bytes of an archive as they come."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self._data = bytearray()

    async def some(self, most: int) -> bytes:
        """Return up to `most` bytes; none at the end of the archive."""
        while not self._data:
            try:
                self._data += await anext(self._parts)
            except StopAsyncIteration:
                return b""
        found = bytes(self._data[:most])
        del self._data[:most]
        return found

    async def take(self, count: int) -> bytes:
        """Return exactly so many bytes. Raises `Malformed` where the archive ends before."""
        found = bytearray()
        while len(found) < count:
            if not (part := await self.some(count - len(found))):
                raise _cut()
            found += part
        return bytes(found)


class _Unpacking:
    """An archive that is being unpacked into a folder."""

    def __init__(self, coming: _Coming, folder: Path, limits: Limits) -> None:
        self._coming = coming
        self._folder = folder
        self._limits = limits
        self._top = ""
        self._named = ""
        """The name of the next file or folder, where a note before it says one."""
        self._size = self._count = 0

    async def run(self) -> None:
        """Unpack all of it. Raises `Malformed`, `TooLarge`, `Overloaded`."""
        await asyncio.to_thread(self._folder.mkdir, 0o700)
        while (block := await self._coming.take(BLOCKSIZE)) != _END:
            await self._one(_header(block))
        if await self._coming.take(BLOCKSIZE) != _END:
            raise _not_plain()
        padding = 0
        while part := await self._coming.some(_CHUNK):
            padding += len(part)
            if part.strip(b"\0") or padding > _MOST_PADDING:
                raise _not_plain()

    async def _one(self, info: TarInfo) -> None:
        """Take one file, folder or note of the archive."""
        self._count += 1
        if self._count > 2 * self._limits.files:  # a file may have a note before it
            raise TooLarge(
                "an export has at most {limit} files", code="export-too-large", where=PLACE, limit=self._limits.files
            )
        if info.type in _NOTES:
            await self._note(info)
            return
        name, self._named = self._named or info.name, ""
        if info.type == tarfile.DIRTYPE and not info.size:
            self._top = self._top or name.rstrip("/")
        elif info.type in _FILES:
            await self._file(info, name)
        else:
            raise _not_plain()

    async def _note(self, info: TarInfo) -> None:
        """Take a note about what comes next: its long name as GNU tar writes it, or values of POSIX pax."""
        if info.size > _MOST_NOTES:
            raise _not_plain()
        data = (await self._coming.take(_whole(info.size)))[: info.size]
        if info.type == tarfile.GNUTYPE_LONGNAME:
            self._named = _text(data.removesuffix(b"\0"))
            return
        for name, value in _notes(data):
            if _OTHER_FILE.fullmatch(name) or (name == _PATH and info.type != tarfile.XHDTYPE):
                raise _not_plain()
            if name == _PATH:
                self._named = _text(value)

    async def _file(self, info: TarInfo, full_name: str) -> None:
        self._size += info.size
        if self._size > self._limits.size:
            raise TooLarge(
                "an export has at most {limit} MB",
                code="export-too-large",
                where=PLACE,
                limit=self._limits.size // 1_000_000,
            )
        name = full_name.removeprefix(f"{self._top}/") if self._top else full_name
        if not is_file_name(name) or (self._top and name == full_name):
            raise _not_export()
        path = self._folder / name
        await asyncio.to_thread(self._begin, path)
        left = info.size
        while left:
            part = await self._coming.take(min(left, _CHUNK))
            await asyncio.to_thread(self._append, path, part)
            left -= len(part)
        await self._coming.take(_whole(info.size) - info.size)

    def _begin(self, path: Path) -> None:
        """Make an empty file. Raises `Malformed` where the archive has one of this name already."""
        try:
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
            path.open("xb").close()
        except (FileExistsError, NotADirectoryError):
            raise _not_export() from None

    def _append(self, path: Path, part: bytes) -> None:
        if shutil.disk_usage(self._folder).free < len(part) + self._limits.free:
            raise _no_room()
        with path.open("ab") as file:
            file.write(part)


def _header(block: bytes) -> TarInfo:
    """Return what a block says of the next file. Raises `Malformed` for one that no tar file has."""
    try:
        info = TarInfo.frombuf(bytearray(block), "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        raise _not_plain() from None
    if info.size < 0:
        raise _not_plain()
    return info


def _notes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and values of POSIX pax, each with its own length before it. Raises `Malformed`."""
    while data:
        found = _LENGTH.match(data)
        size = int(found[1]) if found is not None else 0
        name, sign, value = data[found.end() : size].partition(b"=") if found is not None else (b"", b"", b"")
        if not name or not sign or not value.endswith(b"\n") or size > len(data):
            raise _not_plain()
        yield name, value[:-1]
        data = data[size:]


def _text(name: bytes) -> str:
    """Return a name of a file. Raises `Malformed` for one that is empty, or no UTF-8."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_plain() from None
    if not text or "\0" in text:
        raise _not_plain()
    return text


def _whole(size: int) -> int:
    """Return the size in whole blocks."""
    return -(-size // BLOCKSIZE) * BLOCKSIZE


def _kept(folder: Path, exports: Path, person: str) -> Path:
    """Give an unpacked export its name. Raises `Malformed` where the folder holds none."""
    try:
        member = ExportReader(folder).member
    except LiaisonError:
        raise _not_export() from None
    remove_brought(exports, person)
    kept = exports / brought_name(person, member)
    folder.rename(kept)
    return kept


def _not_plain() -> Malformed:
    return Malformed("this is no plain tar file", code="bad-archive", where=PLACE, remedy=_PACK)


def _not_export() -> Malformed:
    return Malformed("the file holds no export, or more than an export", code="bad-export", where=PLACE, remedy=_PACK)


def _cut() -> Malformed:
    return Malformed("the file ends too early", code="cut-archive", where=PLACE, remedy="get the whole file again")


def _no_room() -> Overloaded:
    return Overloaded("the disk has no room for this export", code="export-disk", where=PLACE)
