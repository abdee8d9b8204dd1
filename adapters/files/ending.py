"""The end of a file of rows, by which it shows that nothing was cut off.

An interrupted upload leaves a file that looks finished. Where a table has an `end`, the last line must be it, with
the number of rows if it states one. Otherwise the last row must at least have an end of line.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO, cast

from adapters.files.delimited import DelimitedReader, Lines
from adapters.files.jsonlines import MAX_LINE, JsonLinesReader
from adapters.files.settings import ROWS, Complete, Format, Table
from gateway.errors import Malformed, TooLarge
from gateway.signing import strict_json

CUT = "cut off"
"""The beginning of the reason for a file of which a part is missing."""

_MAX_END = (1 << 18) + 4_096
"""Bytes that are read at the end of a file: a row is at most 256 KiB long."""
_READERS: dict[Format, type[DelimitedReader | JsonLinesReader]] = {
    Format.CSV: DelimitedReader,
    Format.JSONL: JsonLinesReader,
}


class Head(io.BufferedIOBase):
    """The first `length` bytes of a file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._length = length

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does, up to the length."""
        return self._file.read(self._upto(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line as any file does, up to the length."""
        return self._file.readline(self._upto(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move as any file does."""
        return self._file.seek(offset, whence)

    def _upto(self, size: int | None) -> int:
        left = max(0, self._length - self._file.tell())
        return left if size is None or size < 0 else min(size, left)


def head(file: BinaryIO, length: int | None) -> BinaryIO:
    """Return the first `length` bytes of `file`; None = all of it."""
    return file if length is None else cast(BinaryIO, Head(file, length))


def shows_end(table: Table) -> bool:
    """Tell whether files of the table must show their end: with an `end`, or without a companion file."""
    return table.format in _READERS and (bool(table.end) or table.complete is Complete.SETTLED)


def rows_end(file: BinaryIO, size: int, table: Table) -> int | None:
    """Return the number of the `size` bytes of a file that are rows, without its `end`; None = all, since it has none.

    Raises `Malformed` when it was cut off.
    """
    start, last = _last_line(file, size, table)
    if not table.end:
        if not last:
            raise Malformed("an empty file", code="cut-off")
        if not last.endswith("\n") and not (table.format is Format.JSONL and _is_object(last)):
            raise Malformed("{cut}: its last row has no end of line{file}", code="cut-off", cut=CUT, file=_doubt(file))
        return None
    said = _expected(table.end).fullmatch(last.rstrip("\r\n"))
    if said is None:
        raise Malformed("{cut}: its last line is not the `end` of the mapping", code="cut-off", cut=CUT)
    if said.groups():
        held = _READERS[table.format](table).count(head(file, start))
        if int(said[1]) != held:
            raise Malformed(
                "{cut}: its end says {said} rows, and it has {held}",
                code="cut-off",
                cut=CUT,
                said=int(said[1]),
                held=held,
            )
    return start


def _is_object(line: str) -> bool:
    try:
        return isinstance(strict_json.loads(line.encode(), MAX_LINE), dict)
    except (Malformed, TooLarge):
        return False


def _doubt(file: BinaryIO) -> str:
    """Return the other explanation: spreadsheets save "Unicode text" as UTF-16, which has other ends of lines."""
    file.seek(0)
    is_utf_16 = file.read(2) == codecs.BOM_UTF16_LE
    return "; or it is UTF-16, as it begins, and not the `encoding` of the mapping" if is_utf_16 else ""


def _expected(end: str) -> re.Pattern[str]:
    return re.compile(re.escape(end).replace(re.escape(ROWS), r"([0-9]{1,15})"))


def _last_line(file: BinaryIO, size: int, table: Table) -> tuple[int, str]:
    """Return the place and the text of the last line. With an `end`, empty lines after it do not count."""
    lines = Lines(file, "utf-8" if table.format is Format.JSONL else table.encoding)
    begin = max(0, size - _MAX_END)
    begin -= begin % lines.unit
    file.seek(begin)
    tail = file.read(size - begin)
    upto = len(tail)
    for start in reversed(_starts(tail, lines)):
        text = lines.lenient(tail[start:upto]).removeprefix("\ufeff")
        if text.strip() or (text and not table.end):
            return begin + start, text
        upto = start
    return size, ""


def _starts(tail: bytes, lines: Lines) -> list[int]:
    """Return the places where lines begin in the last part of a file."""
    starts, place = [0], tail.find(lines.end)
    while place >= 0:
        if place % lines.unit:  # the halves of two characters
            place = tail.find(lines.end, place + 1)
            continue
        starts.append(place + lines.unit)
        place = tail.find(lines.end, place + lines.unit)
    return starts
