"""CSV (RFC 4180) in the encodings that agencies use, one row at a time, each with its place in the file.

Strict: a row counts only with exactly the cells of the header, whole quotes and bytes of the encoding. Quotes that
do not close end the file there, since rows behind them cannot be recognised. Cells are texts, even if they begin
like a formula.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from typing import Any, BinaryIO

from adapters.files.found import Found, Place
from adapters.files.settings import Table
from adapters.values.cells import clean_text
from adapters.values.charsets import OWN_SETS, decoder
from gateway.errors import Malformed

MAX_ROW = 1 << 18
"""Bytes of one row."""

MAX_COLUMNS = 2_000

_UNREAD = "\ufffd"
"""The sign that is in place of bytes that cannot be read."""

_BOMS = {"utf-8": b"\xef\xbb\xbf", "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


class DelimitedReader:
    """Reads the CSV files of one table."""

    def __init__(self, table: Table) -> None:
        self._encoding = table.encoding
        # `strict` refuses text behind a closing quote.
        self._form: dict[str, Any] = {"delimiter": table.delimiter, "quotechar": table.quote, "strict": True}

    def columns(self, file: BinaryIO) -> list[str]:
        """Return the cells of the first row."""
        lines = Lines(file, self._encoding)
        try:
            cells = next(csv.reader(lines, **self._form), [])
        except csv.Error as error:
            raise Malformed("a header that is not CSV", code="bad-header") from error
        if lines.is_damaged:
            raise Malformed("bytes that are not {encoding}", code="bad-encoding", encoding=self._encoding)
        names = [clean_text(cell) for cell in cells]
        if not any(names) or len(names) > MAX_COLUMNS:
            raise Malformed("no header", code="bad-header")
        if len({*names}) != len(names):
            raise Malformed("a header that names a column twice", code="bad-header")
        return names

    def scan(self, file: BinaryIO, columns: Sequence[str]) -> Iterator[Found]:
        """Yield all rows; a row that cannot be read comes with its reason."""
        names = self.columns(file)
        pick = _picker(names, columns)
        file.seek(0)
        lines = Lines(file, self._encoding)
        reader = csv.reader(lines, **self._form)
        start = 0
        is_header = True
        while True:
            lines.begin()
            try:
                cells = next(reader, None)
                reason = ""
            except csv.Error:
                if not lines.is_balanced(self._form["quotechar"]):
                    yield Found((), None, "quotes that do not close; the rest of the file is left out")
                    return
                cells, reason = [], "a row that is not CSV"
                reader = csv.reader(lines, **self._form)
            except Malformed as error:
                yield Found((), None, f"{error.message}; the rest of the file is left out")
                return
            if cells is None:
                return
            place, start = (start, lines.offset - start), lines.offset
            if is_header:
                is_header = False
                continue
            if not reason and not cells:
                continue  # an empty line
            reason = reason or self._fault(cells, names, columns, lines)
            yield Found(place, None, reason) if reason else Found(place, pick(cells))

    def _fault(self, cells: list[str], names: Sequence[str], wanted: Sequence[str], lines: Lines) -> str:
        if lines.is_damaged:
            # A file without a header has a person's values in its first row: only names of the mapping are told.
            damaged = (name for name, cell in zip(names, cells, strict=False) if _UNREAD in cell)
            column = next((name for name in damaged if name in wanted), "")
            return f"bytes that are not {self._encoding}" + (f", in `{column}`" if column else "")
        if len(cells) != len(names):
            return "a row with another number of cells than its header"
        return ""

    def raw_cells(self, file: BinaryIO, rows: int) -> Iterator[list[bytes]]:
        """Yield the cells of the header and of the first rows as bytes, whatever their character set is."""
        lines = Lines(file, self._encoding)
        if lines.unit == 1:
            plain = Lines(_rewound(file), "latin-1", lines.offset)
            with suppress(csv.Error, Malformed):
                for cells in islice(csv.reader(plain, **self._form), rows + 1):
                    plain.begin()
                    yield [cell.encode("latin-1") for cell in cells]

    def count(self, file: BinaryIO) -> int:
        """Return the number of rows after the header, readable or not; empty lines are not counted."""
        lines = Lines(_rewound(file), self._encoding)
        reader = csv.reader(lines, **self._form)
        count = 0
        while True:
            lines.begin()
            try:
                cells = next(reader, None)
            except csv.Error:
                cells, reader = ["?"], csv.reader(lines, **self._form)
            if cells is None:
                return max(0, count - 1)
            count += bool(cells)

    def one(self, file: BinaryIO, columns: Sequence[str], place: Place) -> Any:
        """Return the row at (offset, length)."""
        names = self.columns(file)
        offset, length = place
        if not 0 < length <= MAX_ROW:
            raise Malformed("no row", code="no-row")
        lines = Lines(_rewound(file), self._encoding)
        file.seek(offset)
        try:
            text = lines.decode(file.read(length))
            found = list(csv.reader(io.StringIO(text, newline="\n"), **self._form))
        except (UnicodeDecodeError, Malformed, csv.Error) as error:
            raise Malformed("no row", code="no-row") from error
        if len(found) != 1 or len(found[0]) != len(names):
            raise Malformed("no row", code="no-row")
        return _picker(names, columns)(found[0])


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _picker(names: list[str], columns: Sequence[str]) -> Any:
    try:
        places = [names.index(column) for column in columns]
    except ValueError as error:
        raise Malformed("no column of the name that the mapping says", code="no-column") from error
    if len(places) == 1:
        only, name = places[0], columns[0]
        return lambda cells: {name: cells[only]}
    get = itemgetter(*places)
    return lambda cells: dict(zip(columns, get(cells), strict=True))


class Lines:
    """The lines of a file as texts, for a CSV reader to pull; counts bytes and remembers damage."""

    def __init__(self, file: BinaryIO, encoding: str, offset: int = -1) -> None:
        self._file = file
        self.encoding = encoding
        self.offset = offset
        self._begun = 0
        self._last: list[str] = []
        self.is_damaged = False
        if offset < 0:
            self._skip_mark()
        else:
            file.seek(offset)
        self.unit = 2 if self.encoding.startswith("utf-16") else 1
        self.end = "\n".encode(self.encoding if self.unit == 2 else "ascii")
        decode = decoder(self.encoding)
        assert decode is not None, "the table's encoding is checked when it is read"
        self.decode = decode

    def _skip_mark(self) -> None:
        head = self._file.read(4)
        if self.encoding.startswith("utf-16"):
            big = head.startswith(codecs.BOM_UTF16_BE) or self.encoding == "utf-16-be"
            self.encoding = "utf-16-be" if big else "utf-16-le"
        elif self.encoding == "utf-8-sig":
            self.encoding = "utf-8"
        mark = _BOMS.get(self.encoding, b"\0\0\0")
        self.offset = len(mark) if head.startswith(mark) else 0
        self._file.seek(self.offset)

    def begin(self) -> None:
        """Begin a new row."""
        self._begun = self.offset
        self._last.clear()
        self.is_damaged = False

    def is_balanced(self, quote: str) -> bool:
        """Tell whether the row took one line and left no quote open, so that the next line begins a row."""
        return len(self._last) == 1 and self._last[0].count(quote) % 2 == 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_ROW + 1) if self.unit == 1 else self._wide_line()
        if not line:
            raise StopIteration
        self.offset += len(line)
        if self.offset - self._begun > MAX_ROW:
            raise Malformed("a row that is too long, or quotes that do not close", code="too-long")
        try:
            text = self.decode(line)
        except (UnicodeDecodeError, Malformed):
            self.is_damaged = True
            text = self.lenient(line)
        self._last.append(text)
        return text

    def lenient(self, raw: bytes) -> str:
        """Return bytes as text with a sign in place of what cannot be read."""
        return raw.decode("ascii" if self.encoding in OWN_SETS else self.encoding, "replace")

    def _wide_line(self) -> bytes:
        """Return a line of two-byte characters: its end is at an even place."""
        line = bytearray()
        while len(line) <= MAX_ROW:
            part = self._file.readline(MAX_ROW)
            if not part:
                break
            line += part
            # `\n` of UTF-16 LE is `0a 00`: the second byte comes with the next read.
            if self.encoding == "utf-16-le" and line.endswith(b"\n") and len(line) % 2:
                line += self._file.read(1)
            if len(line) % 2 == 0 and line.endswith(self.end):
                break
        return bytes(line)
