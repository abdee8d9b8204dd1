"""The parts of an XLSX package, unpacked under limits, and measured before a reader of sheets sees them.

A small file can declare a sheet of 17 thousand million cells, or unpack to a thousand times its size: both are
refused here. What is handed on is what was measured, stored anew. Three things that a sheet shows and a plain reader
loses are found beforehand: errors, formulas without a stored value, and zeros that only the number format adds.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from gateway.errors import Malformed

MAX_FILE = 32 << 20
"""Bytes of one workbook."""

MAX_UNPACKED = 256 << 20
"""Bytes of all its parts together."""

MAX_PARTS = 2_000
MAX_ROWS = 100_000
MAX_CELLS = 1_500_000
"""Cells of a sheet's rectangle. Larger tables come as CSV."""

_MAX_SMALL_PART = 4 << 20
_CHUNK = 1 << 20
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)([0-9]+)["']""")
_OPENED = re.compile(rb"""<(?:[^\s<>/!?"'=]*:)?c(?=[\s/>])([^>]*)>""")
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c\s*>)", re.DOTALL)
_STYLE = re.compile(rb"""\bs\s*=\s*["'](\d{1,6})["']""")
_ERROR = re.compile(rb"""\bt\s*=\s*["']e["']""")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_VALUE = re.compile(rb"<(?:\w+:)?v\s*>[^<]")
_ZEROS = re.compile(r"0{2,32}")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(slots=True)
class Oddities:
    """Cells by row and column (from 0): those without a value that can be trusted, and widths padded with zeros."""

    broken: set[tuple[int, int]] = field(default_factory=set)
    padded: dict[tuple[int, int], int] = field(default_factory=dict)


class Package:
    """The XML parts of one workbook. `Malformed` for anything that is none within the limits."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise Malformed(f"a workbook of more than {MAX_FILE >> 20} MiB", code="too-large")
        try:
            self._parts = _unpack(content)
        except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError) as error:
            raise Malformed("this is not a workbook", code="not-xlsx") from error
        for name, part in self._parts.items():
            if "/worksheets/" in name.lower():
                _measure(part)

    def packed(self) -> io.BytesIO:
        """The parts as a package without compression."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, part in self._parts.items():
                archive.writestr(name, part)
        packed.seek(0)
        return packed

    def oddities(self, sheet: str) -> Oddities:
        """What is odd in the sheet of a name."""
        found = Oddities()
        padding = self._padding()
        for match in _CELL.finditer(self._sheet(sheet)):
            attributes, content = match[1], match[2] or b""
            style = _STYLE.search(attributes) if padding else None
            width = padding.get(int(style[1]), 0) if style else 0
            is_broken = bool(_ERROR.search(attributes)) or (
                b"f" in content and bool(_FORMULA.search(content)) and not _VALUE.search(content)
            )
            if not width and not is_broken:
                continue
            place = _PLACE.search(attributes)
            if place is None:
                raise Malformed("a sheet with cells without their places", code="bad-sheet")
            where = (int(place[2]) - 1, _column(place[1]) - 1)
            if is_broken:
                found.broken.add(where)
            else:
                found.padded[where] = width
        return found

    def _sheet(self, name: str) -> bytes:
        """The part that holds a sheet, by the workbook's own relations."""
        for sheet in self._xml("xl/workbook.xml").iter():
            if _local(sheet) == "sheet" and sheet.get("name") == name:
                for relation in self._xml("xl/_rels/workbook.xml.rels"):
                    if relation.get("Id") == sheet.get(_RELATION):
                        target = (relation.get("Target") or "").lstrip("/")
                        return self._part(target if target.startswith("xl/") else f"xl/{target}")
        raise Malformed("no sheet of the name that the mapping says", code="no-sheet")

    def _padding(self) -> dict[int, int]:
        """Styles whose number format only adds zeros, with their width."""
        if "xl/styles.xml" not in self._parts:
            return {}
        formats: dict[str | None, str] = {}
        widths: dict[int, int] = {}
        for element in self._xml("xl/styles.xml"):
            if _local(element) == "numFmts":
                formats = {each.get("numFmtId"): each.get("formatCode") or "" for each in element}
            elif _local(element) == "cellXfs":
                codes = [formats.get(each.get("numFmtId"), "") for each in element]
                widths = {number: len(code) for number, code in enumerate(codes) if _ZEROS.fullmatch(code)}
        return widths

    def _part(self, name: str) -> bytes:
        try:
            return self._parts[name]
        except KeyError as error:
            raise Malformed("this is not a workbook", code="not-xlsx") from error

    def _xml(self, name: str) -> Element:
        part = self._part(name)
        if len(part) > _MAX_SMALL_PART:
            raise Malformed("a workbook with too many sheets or styles", code="too-large")
        try:
            root: Element = ElementTree.fromstring(part, forbid_dtd=True)
        except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
            raise Malformed("this is not a workbook", code="not-xlsx") from error
        return root


def _unpack(content: bytes) -> dict[str, bytes]:
    """The XML parts. Declared sizes are added up first, and no part may give more than it declares."""
    parts: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > MAX_PARTS or sum(member.file_size for member in members) > MAX_UNPACKED:
            raise Malformed(f"a workbook that unpacks to more than {MAX_UNPACKED >> 20} MiB", code="too-large")
        for member in members:
            if not member.filename.lower().endswith((".xml", ".rels")):
                continue
            if member.filename in parts or member.flag_bits & 1:
                raise Malformed("a workbook with a part twice, or a password", code="bad-package")
            with archive.open(member) as part:
                parts[member.filename] = part.read(member.file_size + 1)
            if len(parts[member.filename]) != member.file_size:
                raise Malformed("a workbook that says another size than it has", code="bad-package")
    return parts


def _measure(sheet: bytes) -> None:
    """Refuse a sheet whose rectangle is too large: a reader makes room for all of it."""
    if b"\0" in sheet or b"<!DOCTYPE" in sheet:
        raise Malformed("this is not a workbook", code="not-xlsx")
    rows: set[int] = set()
    columns: set[bytes] = set()
    for match in _OPENED.finditer(sheet):
        places = _PLACE.findall(match[1])
        if len(places) != 1:
            raise Malformed("a sheet with cells without their places", code="bad-sheet")
        letters, digits = places[0]
        if len(digits) > 7 or not 0 < len(letters) <= 3:
            raise Malformed("a sheet with impossible places", code="bad-sheet")
        rows.add(int(digits))
        columns.add(letters)
    if not rows:
        return
    numbers = [_column(letters) for letters in columns]
    height, width = max(rows), max(numbers) - min(numbers) + 1
    if height > MAX_ROWS or height * width > MAX_CELLS:
        raise Malformed(f"a sheet of more than {MAX_ROWS} rows or {MAX_CELLS} cells", code="too-large")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
