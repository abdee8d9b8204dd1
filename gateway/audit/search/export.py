"""The logs of an export, as a search reads them. It holds only what its auditor may see, so only that is found."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.audit.entries.entry import parse_entry
from gateway.audit.export.files import broken, open_file, read_file
from gateway.audit.export.layout import (
    MANIFEST,
    OPENINGS,
    STATEMENTS,
    lines_name,
    log_folder,
    read_opening,
    read_statement,
    row_of,
)
from gateway.audit.export.log_reader import ExportLog
from gateway.audit.export.reader import ExportReader
from gateway.audit.reading.evidence import SEGMENT, Row
from gateway.audit.reading.opened import Opened, open_row
from gateway.audit.search.terms import Resolve
from gateway.errors import Unknown

_KEY: Final = "export"
"""The key id of all content: an export keeps it in the clear."""

_PURPOSE = b"liaison search index of an export"
_MAX_MANIFEST = 64 * 1024 * 1024
_MAX_LINE = 8 * 1024 * 1024
_INDEX = re.compile(rb'\{"index":([0-9]{1,18}),')


class SearchedExport:
    """The logs of the export in a folder, unverified. Raises `Malformed` where it cannot be read.

    The key of the index is made from the manifest, so that an index without its export says little.
    """

    resolve: Resolve | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs = {log.name: log for log in ExportReader(folder).logs()}
        self.manifest = read_file(folder, MANIFEST, _MAX_MANIFEST)
        self._at: tuple[str, int] = ("", -1)
        self._rest: Iterator[Row] = iter(())

    def logs(self) -> list[str]:
        """Return names of the logs."""
        return list(self._logs)

    def bounds(self, log: str) -> tuple[int, int]:
        """Return the bounds of the log's part in the export."""
        return self._logs[log].first, self._logs[log].stop

    @property
    def belongs(self) -> str:
        """The SHA-256 of the manifest."""
        return hashlib.sha256(self.manifest).hexdigest()

    def key_ids(self) -> frozenset[str]:
        """Return the only key id."""
        return frozenset((_KEY,))

    def is_destroyed(self, _key_id: str) -> bool:
        """Tell of no key that it was destroyed: an export has one, which is there."""
        return False

    def search_key(self, key_id: str) -> bytes:
        """Return the key of the index. Raises `Unknown` for another id."""
        if key_id != _KEY:
            raise Unknown("this index is of something else", code="search-index", where="export")
        return HKDF(SHA256(), 32, None, _PURPOSE).derive(self.manifest)

    def rows(self, log: str, start: int, stop: int) -> Iterator[Opened]:
        """Yield entries with index in [start, stop), opened, in order. Reads on where the last call ended."""
        if stop - start == 1:
            yield _opened(log, self._one(self._logs[log], start))
            return
        if self._at != (log, start):
            self._rest = _from(self._logs[log], start)
        self._at = (log, stop)
        for row in islice(self._rest, stop - start):
            yield _opened(log, row)

    def at(self, log: str, indexes: Sequence[int]) -> Iterator[Opened]:
        """Yield the entries with these indexes, opened."""
        return (_opened(log, self._one(self._logs[log], index)) for index in indexes)

    def _one(self, log: ExportLog, index: int) -> Row:
        """Return one entry. Its lines are found by halving."""
        segment = log.first + (index - log.first) // SEGMENT * SEGMENT
        opening = self._line(log, lines_name(OPENINGS, segment), index)
        kept = self._line(log, lines_name(STATEMENTS, segment), index)
        body = log.body(index)
        return row_of(
            index, body, b"", read_opening(opening)[1] if opening else None, read_statement(kept)[1] if kept else None
        )

    def _line(self, log: ExportLog, name: str, index: int) -> bytes:
        path = f"{log_folder(log.name)}/{name}"
        if not os.path.lexists(self._folder / path):
            return b""
        with open_file(self._folder, path) as file:
            return find_line(file, index, path)


def find_line(file: IO[bytes], index: int, path: str) -> bytes:
    """Return the line of `index` in a file whose lines are ordered by index; empty where there is none."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        file.seek(max(low, middle - 1))
        if middle > low:
            file.readline(_MAX_LINE)  # to the first line that begins at `middle` or after it
        begin = file.tell()
        if begin >= high:
            high = middle
            continue
        line = file.readline(_MAX_LINE)
        found = _index_of(line, path)
        if found == index:
            return line
        low, high = (file.tell(), high) if found < index else (low, middle)
    return b""


def _index_of(line: bytes, path: str) -> int:
    found = _INDEX.match(line)
    if found is None:
        raise broken(f"`{path}` has a line that is none")
    return int(found[1])


def _from(log: ExportLog, start: int) -> Iterator[Row]:
    """Yield rows from `start` on."""
    first = log.first + (start - log.first) // SEGMENT * SEGMENT
    for segment in range(first, log.stop, SEGMENT):
        for row in log.segment(segment):
            if row.index >= start:
                yield row


def _opened(log: str, row: Row) -> Opened:
    entry = parse_entry(row.body)
    if row.private is None:
        grounds = ("erased", "lost", "withheld", "problem")
        why = next((f"{name}: {value}" for name in grounds if (value := getattr(row, name))), "")
        return Opened(entry, None, closed=why or "it is not in the export", lost=bool(row.lost))
    return open_row(entry, log, row.index, row.private, row.request, row.answer, _KEY)
