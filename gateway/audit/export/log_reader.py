"""One log of an export: its entries with openings and statements, segment by segment, and the hashes beside them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from gateway.audit.export.files import broken, open_file, read_file
from gateway.audit.export.layout import (
    CHECKPOINT,
    CONTINUED,
    HEADS,
    OPENINGS,
    STATEMENTS,
    LogRange,
    lines_name,
    log_folder,
    read_head,
    read_opening,
    read_statement,
    row_of,
)
from gateway.audit.log.succession import Continued, read_continued, split_name
from gateway.audit.reading.evidence import SEGMENT, Row
from gateway.audit.tree.checkpoint import following, origin
from gateway.audit.tree.merkle import HASH_BYTES
from gateway.audit.tree.tile_tree import PIECE, TileTree, fold
from gateway.audit.tree.tiles import MAX_BUNDLE, WIDTH, places, read_bundle, tile_path, tiles, width_of
from gateway.errors import Malformed
from gateway.model.names import MemberId
from gateway.signing.keys import VerifyKey

_MAX_LINE = 8 * 1024 * 1024
_MAX_HEAD = 1024 * 1024
_T = TypeVar("_T")


class ExportLog:
    """A log in an export. `read` gathers the SHA-256 of every file that was read, by its name in the manifest."""

    def __init__(self, folder: Path, member: MemberId, name: str, part: LogRange) -> None:
        self.name = name
        self._member = member
        self.range = part
        self.read: dict[str, str] = {}
        self._folder = folder
        self._prefix = log_folder(name)

    @property
    def size(self) -> int:
        """The number of entries that the log is said to have."""
        return self.range.size

    @property
    def first(self) -> int:
        """The index of the first entry in the export."""
        return self.range.first

    @property
    def stop(self) -> int:
        """The index before which the entries in the export end."""
        return self.range.stop

    def heads(self) -> list[bytes]:
        """Return the newest head, and earlier ones. Raises `Malformed`."""
        return [self._file(CHECKPOINT, _MAX_HEAD), *(read_head(line, _MAX_HEAD) for line in self._lines(HEADS))]

    def continued(self, keys: Sequence[VerifyKey]) -> Continued | None:
        """Return the first entry of the next number, or None. Raises `LiaisonError` where it does not verify."""
        if not os.path.lexists(self._folder / self._path(CONTINUED)):
            return None
        return read_continued(
            self._file(CONTINUED, _MAX_HEAD), following(origin(self._member, *split_name(self.name))), keys
        )

    def rows(self) -> Iterator[Row]:
        """Yield all entries. Raises `Malformed` for files that cannot be read."""
        for start in range(self.first, self.stop, SEGMENT):
            yield from self.segment(start)

    def segment(self, start: int) -> Iterator[Row]:
        """Yield the entries of one segment. Raises `Malformed` for files that cannot be read."""
        stop = min(start + SEGMENT, self.stop)
        openings = _Numbered(self._lines(lines_name(OPENINGS, start)), read_opening, start, stop)
        statements = _Numbered(self._lines(lines_name(STATEMENTS, start)), read_statement, start, stop)
        for place in places(start, stop):
            leaves = self._hashes(0, place)
            for offset, body in enumerate(self._bundle(place)):
                index = place * WIDTH + offset
                leaf = leaves[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
                yield row_of(index, body, leaf, openings.take(index), statements.take(index))
        openings.end()
        statements.end()

    def body(self, index: int) -> bytes:
        """Return the public part of one entry in the export. Raises `Malformed`."""
        return self._bundle(index // WIDTH)[index % WIDTH]

    def bodies(self) -> Iterator[tuple[int, bytes]]:
        """Yield index and public part of all entries. Raises `Malformed`."""
        for place in places(self.first, self.stop):
            for offset, body in enumerate(self._bundle(place)):
                yield place * WIDTH + offset, body

    # ------------------------------------------------------------ hashes

    def outer(self, pieces: range) -> Iterator[bytes]:
        """Yield the nodes over pieces outside the export, from tiles of level 1. Raises `Malformed`."""
        known = (-1, b"")
        for piece in pieces:
            place, offset = divmod(piece, WIDTH)
            if known[0] != place:
                known = (place, self._hashes(1, place))
            yield known[1][offset * HASH_BYTES : (offset + 1) * HASH_BYTES]

    def tail(self) -> list[bytes]:
        """Return the node over the entries after the last complete piece, where the export lacks them; else nothing."""
        place, width = divmod(self.size, WIDTH)
        if self.stop == self.size or not width:
            return []
        hashes = self._hashes(0, place)
        return [fold([hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)])]

    def wrong_tiles(self, tile_tree: TileTree) -> Iterator[str]:
        """Yield names of tiles above level 0 that differ from the tree. Raises `Malformed`."""
        for name, data in tiles(tile_tree.tree, min(tile_tree.tree.size, self.size // PIECE), lowest=1):
            if self._file(name, len(data)) != data:
                yield name

    def _hashes(self, level: int, place: int) -> bytes:
        width = width_of(place, self.size >> (8 * level))
        data = self._file(tile_path(level, place, width), WIDTH * HASH_BYTES)
        if len(data) != width * HASH_BYTES:
            raise broken(f"`{self._path(tile_path(level, place, width))}` has not {width} hashes")
        return data

    def _bundle(self, place: int) -> list[bytes]:
        width = width_of(place, self.size)
        return read_bundle(self._file(tile_path("entries", place, width), MAX_BUNDLE), width)

    def _lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file; none where there is no file, which the manifest must not list then."""
        path, digest = self._path(name), hashlib.sha256()
        if not os.path.lexists(self._folder / path):
            return
        with open_file(self._folder, path) as file:
            while line := file.readline(_MAX_LINE):
                if not line.endswith(b"\n"):
                    raise broken(f"`{path}` has a line that is too long or cut off")
                digest.update(line)
                yield line
        self.read[path] = digest.hexdigest()

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def _file(self, name: str, limit: int) -> bytes:
        path = self._path(name)
        data = read_file(self._folder, path, limit)
        self.read[path] = hashlib.sha256(data).hexdigest()
        return data


class _Numbered(Generic[_T]):
    """Lines that each belong to one entry, in the order of the entries."""

    def __init__(self, lines: Iterator[bytes], read: Callable[[bytes], tuple[int, _T]], start: int, stop: int) -> None:
        self._lines = lines
        self._read = read
        self._last = start - 1
        self._stop = stop
        self._next = self._advance()

    def _advance(self) -> tuple[int, _T] | None:
        line = next(self._lines, None)
        if line is None:
            return None
        found = self._read(line)
        if not self._last < found[0] < self._stop:
            raise broken(f"entry {found[0]} stands in the wrong line, or twice")
        self._last = found[0]
        return found

    def take(self, index: int) -> _T | None:
        """Return the value of an entry's line; None where it has no line."""
        if self._next is None or self._next[0] != index:
            return None
        found = self._next[1]
        self._next = self._advance()
        return found

    def end(self) -> None:
        """Raise `Malformed` unless every line was taken."""
        if self._next is not None:
            raise Malformed("there are lines for entries that are not there", code="broken-export", where="export")
