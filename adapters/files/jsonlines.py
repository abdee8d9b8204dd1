"""JSON Lines: one strict JSON object on each line (duplicate members, NaN and deep nesting are refused)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from adapters.files.found import Found, Place
from adapters.files.settings import Table
from gateway.errors import Malformed, TooLarge
from gateway.signing import strict_json

MAX_LINE = 1 << 18
"""Bytes of one line."""

_BOM = b"\xef\xbb\xbf"


class JsonLinesReader:
    """Reads the JSON Lines files of one table; they are UTF-8 (RFC 8259, 8.1)."""

    def __init__(self, _table: Table) -> None:
        """Take the table for the sake of the interface; nothing of it is used."""

    def columns(self, _file: BinaryIO) -> list[str]:
        """Return no columns: rows are documents."""
        return []

    def scan(self, file: BinaryIO, _columns: Sequence[str]) -> Iterator[Found]:
        """Yield all lines except empty ones."""
        offset = len(_BOM) if file.read(3) == _BOM else 0
        file.seek(offset)
        while line := file.readline(MAX_LINE + 1):
            length = len(line)
            is_long = length > MAX_LINE
            while length and not line.endswith(b"\n") and len(line) > MAX_LINE:
                line = file.readline(MAX_LINE + 1)
                length += len(line)
            place, offset = (offset, length), offset + length
            if is_long:
                yield Found(place, None, "a line that is too long")
            elif line.strip():
                yield _found(place, line)

    def count(self, file: BinaryIO) -> int:
        """Return the number of lines, readable or not; empty ones are not counted."""
        return sum(1 for _ in self.scan(file, ()))

    def one(self, file: BinaryIO, _columns: Sequence[str], place: Place) -> Any:
        """Return the object at (offset, length)."""
        offset, length = place
        if not 0 < length <= MAX_LINE:
            raise Malformed("no row", code="no-row")
        file.seek(offset)
        found = _found(place, file.read(length))
        if found.reason:
            raise Malformed(found.reason, code="no-row")
        return found.document


def _found(place: Place, line: bytes) -> Found:
    try:
        document = strict_json.loads(line, MAX_LINE)
    except (Malformed, TooLarge):
        return Found(place, None, "a line that is not strict JSON")
    if type(document) is not dict:
        return Found(place, None, "a line that is no JSON object")
    return Found(place, document)
