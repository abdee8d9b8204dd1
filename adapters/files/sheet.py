"""The cells of one sheet of a workbook, by a strict reader of XML, before a reader of sheets gets it.

The whole part is parsed once, in a time that grows with its length only: comments, sections and instructions are
ignored, and XML that is not well-formed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from gateway.errors import Malformed

MAX_ROWS = 100_000
MAX_CELLS = 1_500_000
"""Cells of a sheet's rectangle. Larger tables come as CSV."""

_CHUNK = 1 << 16
_ATTRIBUTES = frozenset({"r", "s", "t", "cm", "vm", "ph"})
_PLACE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


@dataclass(slots=True)
class Oddities:
    """Cells by row and column (from 0): those without a value that can be trusted, and widths padded with zeros."""

    broken: set[tuple[int, int]] = field(default_factory=set)
    padded: dict[tuple[int, int], int] = field(default_factory=dict)


def read_sheet(part: bytes, padding: Mapping[str, int]) -> Oddities:
    """Return the oddities of a sheet; `padding` holds the widths of the styles that only add zeros.

    Raises `Malformed` when its rectangle is too large, since a reader makes room for all of it, or it is not a sheet.
    """
    cells = _Cells(padding)
    # Readers of sheets take every part as UTF-8, even if it declares another encoding.
    parser = DefusedXMLParser(target=cells, encoding="utf-8", forbid_dtd=True)
    try:
        for start in range(0, len(part), _CHUNK):
            parser.feed(part[start : start + _CHUNK])
        parser.close()
    except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
        raise Malformed("this is not a workbook", code="not-xlsx") from error
    cells.check_size()
    return cells.odd


class _Cells:
    """The target of the parser. Inside a cell `_at` is its place."""

    def __init__(self, padding: Mapping[str, int]) -> None:
        self.odd = Oddities()
        self._padding = padding
        self._locals: dict[str, str] = {}
        self._columns: dict[str, int] = {}
        self._rows: set[int] = set()
        self._count = 0
        self._at: tuple[int, int] | None = None
        self._has_formula = self._has_value = self._is_in_value = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the begin of an element."""
        local = self._local(tag)
        if local == "c":
            self._begin(attributes)
        elif local == "f":
            self._has_formula = True
        elif local == "v":
            self._is_in_value = True

    def _begin(self, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._at is not None or self._count > MAX_CELLS:
            raise Malformed(
                "a sheet with cells in cells, or more than {limit} of them", code="bad-sheet", limit=MAX_CELLS
            )
        if any(name not in _ATTRIBUTES and not _is_foreign(name) for name in attributes):
            raise Malformed("a sheet with cells of another kind", code="bad-sheet")
        if "r" not in attributes:
            raise Malformed("a sheet with cells without their places", code="bad-sheet")
        place = _PLACE.fullmatch(attributes["r"])
        if place is None:
            raise Malformed("a sheet with impossible places", code="bad-sheet")
        column, row = self._column(place[1]), int(place[2])
        self._rows.add(row)
        self._at = at = (row - 1, column - 1)
        self._has_formula = self._has_value = False
        if attributes.get("t") == "e":
            self.odd.broken.add(at)
        elif self._padding and (width := self._padding.get(attributes.get("s", ""), 0)):
            self.odd.padded[at] = width

    def data(self, _text: str) -> None:
        """Take a piece of text."""
        if self._is_in_value:
            self._has_value = True

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        local = self._local(tag)
        if local == "v":
            self._is_in_value = False
        elif local == "c":
            if self._at is not None and self._has_formula and not self._has_value:
                self.odd.broken.add(self._at)
            self._at = None

    def close(self) -> None:
        """Do nothing at the end of the document."""

    def check_size(self) -> None:
        """Raise `Malformed` when there are too many rows or cells between the first and the last."""
        if not self._rows:
            return
        height, width = max(self._rows), max(self._columns.values()) - min(self._columns.values()) + 1
        if height > MAX_ROWS or height * width > MAX_CELLS:
            raise Malformed(
                "a sheet of more than {limit} rows or {max_cells} cells",
                code="too-large",
                limit=MAX_ROWS,
                max_cells=MAX_CELLS,
            )

    def _column(self, letters: str) -> int:
        number = self._columns.get(letters)
        if number is None:
            number = 0
            for letter in letters.upper():
                number = number * 26 + ord(letter) - 64
            self._columns[letters] = number
        return number

    def _local(self, tag: str) -> str:
        local = self._locals.get(tag)
        if local is None:
            if len(self._locals) > _CHUNK:
                raise Malformed("a sheet with too many kinds of elements", code="bad-sheet")
            local = self._locals[tag] = tag.rpartition("}")[2]
        return local


def _is_foreign(attribute: str) -> bool:
    """Tell whether an attribute belongs to an extension, and cannot be taken for a place."""
    return attribute.startswith("{") and not attribute.endswith("}r")
