"""The parts of an XLSX package, unpacked under limits, and measured before a reader of sheets gets them.

A small file can declare a sheet of 17 thousand million cells, or unpack to a thousand times its size: both are
refused here. Only the measured parts are handed on, stored anew. Three things that a sheet shows and a plain reader
loses are found beforehand: errors, formulas without a stored value, and zeros that only the number format adds.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from adapters.files.sheet import Oddities, read_sheet
from gateway.errors import Malformed

MAX_FILE = 32 << 20
"""Bytes of one workbook."""

MAX_UNPACKED = 256 << 20
"""Bytes of all its parts together."""

MAX_PARTS = 2_000
_MAX_SMALL_PART = 4 << 20
_ZEROS = re.compile(r"0{2,32}")
_SHEETS = "/worksheets/"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class Package:
    """The XML parts of one workbook. Raises `Malformed` for a file that is not a workbook within the limits."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise Malformed("a workbook of more than {limit} MiB", code="too-large", limit=MAX_FILE >> 20)
        try:
            self._parts = _unpack(content)
        except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError) as error:
            raise Malformed("this is not a workbook", code="not-xlsx") from error

    def packed(self) -> io.BytesIO:
        """Return the parts as a package without compression."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, part in self._parts.items():
                archive.writestr(name, part)
        packed.seek(0)
        return packed

    def oddities(self, sheet: str) -> Oddities:
        """Return the oddities of the sheet called `sheet`. All sheets are measured, since a reader may open another."""
        padding, wanted = self._padding(), self._sheet(sheet)
        found = Oddities()
        for name, part in self._parts.items():
            if _SHEETS in name.lower():
                odd = read_sheet(part, padding)
                found = odd if name == wanted else found
        return found

    def _sheet(self, name: str) -> str:
        """Return the part that holds a sheet, by the workbook's own relations."""
        sheets = [each for each in self._xml("xl/workbook.xml").iter() if _local(each) == "sheet"]
        wanted = [each.get(_RELATION) for each in sheets if each.get("name") == name]
        found = [each for each in self._xml("xl/_rels/workbook.xml.rels") if each.get("Id") in wanted]
        if len(wanted) == len(found) == 1:
            target = (found[0].get("Target") or "").lstrip("/")
            part = target if target.startswith("xl/") else f"xl/{target}"
            if part in self._parts and _SHEETS in part.lower():
                return part
        raise Malformed("no sheet of the name that the mapping says", code="no-sheet")

    def _padding(self) -> dict[str, int]:
        """Return the styles whose number format only adds zeros, with their width."""
        if "xl/styles.xml" not in self._parts:
            return {}
        formats: dict[str | None, str] = {}
        widths: dict[str, int] = {}
        for element in self._xml("xl/styles.xml"):
            if _local(element) == "numFmts":
                formats = {each.get("numFmtId"): each.get("formatCode") or "" for each in element}
            elif _local(element) == "cellXfs":
                codes = [formats.get(each.get("numFmtId"), "") for each in element]
                widths = {str(number): len(code) for number, code in enumerate(codes) if _ZEROS.fullmatch(code)}
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
    """Return the XML parts. Declared sizes are added up first, and no part may be larger than it declares."""
    parts: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > MAX_PARTS or sum(member.file_size for member in members) > MAX_UNPACKED:
            raise Malformed(
                "a workbook that unpacks to more than {limit} MiB", code="too-large", limit=MAX_UNPACKED >> 20
            )
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


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
