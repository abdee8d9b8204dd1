"""XLSX workbooks (ECMA-376): the stored values of one sheet; formulas are never evaluated.

A workbook is read once and kept packed in memory (the last `MAX_HELD` bytes of them), since a sheet cannot be read
from its middle. Its parts are unpacked and measured first (`adapters.files.package`).
"""

from __future__ import annotations

import os
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice
from typing import Any, BinaryIO

import orjson
import python_calamine

from adapters.files.found import Found, Place
from adapters.files.package import Package
from adapters.files.settings import Table
from adapters.files.sheet import Oddities
from adapters.values.cells import clean_text
from gateway.errors import Malformed

MAX_HELD = 128 << 20
"""Bytes of packed workbooks that one table keeps in memory."""

_BROKEN = "an error, a formula without a stored value, or more than 15 digits"
_EXACT = 10**15
"""A spreadsheet keeps 15 digits of a number; a longer number has lost its last ones."""


class WorkbookReader:
    """Reads the workbooks of one table. Thread-safe."""

    def __init__(self, table: Table) -> None:
        self._sheet = table.sheet
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, ...], Sheet] = OrderedDict()

    def columns(self, file: BinaryIO) -> list[str]:
        """Return the cells of the first row that is not empty."""
        return self._load(file).header

    def scan(self, file: BinaryIO, columns: Sequence[str]) -> Iterator[Found]:
        """Yield all rows below the header except empty ones; the place is the row's number below the header."""
        sheet = self._load(file)
        places = sheet.places(columns)
        for number in range(1, len(sheet)):
            cells = sheet.row(number)
            if any(cell is not None for cell in cells):
                yield _found(number, cells, columns, places)

    def one(self, file: BinaryIO, columns: Sequence[str], place: Place) -> Any:
        """Return the row at a number below the header."""
        sheet = self._load(file)
        (number,) = place
        if not 0 < number < len(sheet):
            raise Malformed("no row", code="no-row")
        found = _found(number, sheet.row(number), columns, sheet.places(columns))
        if found.reason:
            raise Malformed(found.reason, code="no-row")
        return found.document

    def _load(self, file: BinaryIO) -> Sheet:
        seen = os.fstat(file.fileno())
        stamp = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
        with self._lock:
            sheet = self._held.pop(stamp, None)
            if sheet is None:
                sheet = Sheet(file, self._sheet)
            self._held[stamp] = sheet
            while len(self._held) > 1 and sum(each.size for each in self._held.values()) > MAX_HELD:
                self._held.popitem(last=False)
            return sheet


class Sheet:
    """The rows of one sheet from its header on, each packed as JSON, without a Python object for each cell."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        package = Package(file)
        self._packed = bytearray()
        self._ends = array("Q", [0])
        with _reading(), python_calamine.CalamineWorkbook.from_filelike(package.packed()) as workbook:
            names = workbook.sheet_names
            if not names or (name and name not in names):
                raise Malformed("no sheet of the name that the mapping says", code="no-sheet")
            name = name or names[0]
            oddities = package.oddities(name)  # first: it measures what the reader makes room for
            self._pack(workbook.get_sheet_by_name(name), oddities)
        self.header = self._names()

    def _pack(self, sheet: python_calamine.CalamineSheet, oddities: Oddities) -> None:
        top, left = sheet.start or (0, 0)
        # The reader gives the empty rows above the first filled one, but not the empty columns beside it.
        for number, row in enumerate(islice(sheet.iter_rows(), top, None), top):
            self._packed += orjson.dumps([_cell(v, (number, n), oddities) for n, v in enumerate(row, left)])
            self._ends.append(len(self._packed))

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self._packed) + 8 * len(self._ends)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def row(self, number: int) -> list[Any]:
        """Return the cells of a row; a broken one is false."""
        cells: list[Any] = orjson.loads(memoryview(self._packed)[self._ends[number] : self._ends[number + 1]])
        return cells

    def _names(self) -> list[str]:
        names = ["" if cell is None else clean_text(str(cell)) for cell in self.row(0)] if len(self) else []
        filled = [name for name in names if name]
        if not filled:
            raise Malformed("no header", code="bad-header")
        if len({*filled}) != len(filled):
            raise Malformed("a header that names a column twice", code="bad-header")
        return names

    def places(self, columns: Sequence[str]) -> list[int]:
        """Return the positions of columns in a row."""
        try:
            return [self.header.index(column) for column in columns]
        except ValueError as error:
            raise Malformed("no column of the name that the mapping says", code="no-column") from error


@contextmanager
def _reading() -> Iterator[None]:
    """Turn every failure of the reader of sheets into `Malformed`."""
    try:
        yield
    except (python_calamine.CalamineError, ValueError, OSError, OverflowError, KeyError, TypeError) as error:
        raise Malformed("this is not a workbook", code="not-xlsx") from error
    except BaseException as error:
        # A panic of the reader is no `Exception`; everything else of that kind goes on.
        if type(error).__name__ != "PanicException":
            raise
        raise Malformed("this is not a workbook", code="not-xlsx") from error


def _cell(value: Any, place: tuple[int, int], oddities: Oddities) -> Any:
    """Return a cell as JSON; false if it cannot be trusted, since true and false themselves become 1 and 0."""
    if place in oddities.broken:
        return False
    if type(value) is str:
        return value or None
    if type(value) is bool:
        return int(value)
    if type(value) is float or type(value) is int:
        return _number(value, oddities.padded.get(place, 0))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return False


def _number(value: float, width: int) -> Any:
    if abs(value) >= _EXACT:
        return False
    if value != int(value):
        return value
    return str(int(value)).zfill(width) if width else int(value)


def _found(number: int, cells: list[Any], columns: Sequence[str], places: list[int]) -> Found:
    document = {column: cells[place] if place < len(cells) else None for column, place in zip(columns, places)}  # noqa: B905
    if any(value is False for value in document.values()):
        return Found((number,), None, f"a cell with {_BROKEN}")
    return Found((number,), document)
