"""Tell a file's type by its content, against the closed list, and refuse what is more than one thing.

Pictures are not decoded: parts are walked by their lengths, a bounded number of them, and the size of an image is read
from its head. So an archive, or an image that grows without bounds when it is opened, has no way in. Documents are
walked to their end (`pdf`), and tables are made harmless by who keeps or opens them (`formulas`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from gateway.desk.attachments.images import check_jpeg, check_png, check_tiff
from gateway.desk.attachments.pdf import check_pdf
from gateway.errors import Malformed
from gateway.model.desk.attachments import CHUNK, ENDINGS, MediaType
from gateway.ports.files.held import ByteReader

_STARTS: tuple[tuple[re.Pattern[bytes], MediaType], ...] = (
    (re.compile(rb"\xff\xd8\xff"), MediaType.JPEG),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), MediaType.PNG),
    (re.compile(rb"II\*\x00|MM\x00\*"), MediaType.TIFF),
    (re.compile(rb"%PDF-[12]\.[0-9]"), MediaType.PDF),
    (re.compile(rb".{4}ftyp", re.DOTALL), MediaType.MP4),
)
_TEXTS = (MediaType.TEXT, MediaType.CSV)
_OTHERS = re.compile(
    rb"Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\xfd7zXZ\x00|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|PK\x03\x04.{2}[\x00-\x0e]\x00"
    rb"|\x7fELF[\x01\x02][\x01\x02]|!<arch>\n|MSCF\x00{4}",
    re.DOTALL,
)
"""Beginnings of archives, office files and programs, which readers of these find anywhere near the beginning."""

_ACTIVE = re.compile(rb"<(?:script|html|svg|iframe|\?php|%@)|#!/", re.IGNORECASE)
_PDF = b"%PDF-"
_PDF_NEAR = 1024
_SNIFFED = 2048
_ZIP_END, _ZIP_ENTRY, _ZIP_END_64 = b"PK\x05\x06", b"PK\x01\x02", b"PK\x06\x07"
_ZIP_TAIL = 65_535 + 22
_MOST_ZIP_ENDS = 8
_OTHER_TEXTS: Mapping[MediaType, re.Pattern[bytes]] = {
    MediaType.TEXT: re.compile(rb"\s*(?:\{\\rtf|%!PS|MIME-Version:)", re.IGNORECASE),
    MediaType.CSV: re.compile(
        rb"\s*(?:\{\\rtf|%!PS|MIME-Version:|<(?:html|head|body|table|!doctype|\?xml|svg|script)"
        rb"|ID;P[^\r\n]*[\r\n]+[BCFNOPW];[A-Z]|TABLE\s*[\r\n]+0,1\s)",
        re.IGNORECASE,
    ),
}
"""Beginnings by which a program for texts or tables takes a file for rich text, a page, or a table with commands."""

_PAGE = re.compile(
    rb"<(?=[!?%/a-z])(?:!doctype|!--|\?xml|\?php|%@|/?(?:html|head|body|script|style|iframe|frame|frameset|object|embed|applet|svg|math"
    rb"|table|form|meta|link|base|img|video|audio)(?=[\s/>]|\Z))",
    re.IGNORECASE,
)
_PAGE_MOST = 16

_ISO, _ISO_AT = b"CD001", (32_769, 34_817, 36_865)
_TAR_AT = 257
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BRANDS = frozenset(b"isom iso2 iso3 iso4 iso5 iso6 mp41 mp42 avc1 M4VP dash msnv 3gp4 3gp5 3gp6 XAVC mmp4".split())
_SHORT_BRANDS = frozenset({b"M4V ", b"M4A ", b"qt  "})
_BOXES = frozenset(
    b"ftyp moov mdat free skip wide uuid moof mfra sidx styp meta pdin udta emsg ssix prft iods pnot PICT".split()
)
_MOST_BOXES = 100_000


def checked_type(read: ByteReader, size: int, name: str) -> MediaType:
    """Return the type of a file of this name. Raises `Malformed` for one that is not on the list or not one thing."""
    head = read(0, CHUNK)
    type_ = told_type(head, name)
    _CHECKS[type_](read, size)
    _check_one_thing(read, size, head, type_)
    if type_ is MediaType.PDF:
        check_pdf(read, size)
    return type_


def told_type(head: bytes, name: str) -> MediaType:
    """Return the type that the beginning of a file tells; raise `Malformed` where its name says otherwise."""
    if not head:
        raise Malformed("the file is empty", code="empty-file", where="file")
    type_ = next((kind for start, kind in _STARTS if start.match(head)), None)
    ending = PurePosixPath(name).suffix.lower()
    if type_ is None:
        type_ = next((kind for kind in _TEXTS if ending in ENDINGS[kind]), None)
    if type_ is None:
        raise Malformed(
            "files of this type are not taken",
            code="type-not-taken",
            where="file",
            remedy="send a JPEG, PNG, TIFF, PDF, MP4, CSV or plain text file; take archives apart first",
        )
    if ending not in ENDINGS[type_]:
        raise Malformed(
            "the content is of the type `{type}`, and the name `{ending}` says otherwise",
            code="name-and-type-differ",
            where="file",
            remedy="give the file the ending of its type",
            type=type_.value,
            ending=ending[:12],
        )
    return type_


def _check_one_thing(read: ByteReader, size: int, head: bytes, type_: MediaType) -> None:
    """Raise `Malformed` for a file that another program would take for something else."""
    if _is_zip(read, size) or any(read(place, len(_ISO)) == _ISO for place in _ISO_AT if size > place + len(_ISO)):
        raise _two_things()
    if type_ in _TEXTS:
        if _OTHER_TEXTS[type_].match(head.removeprefix(codecs.BOM_UTF8)):
            raise _two_things()
        return
    is_archive = _OTHERS.search(head) or head[_TAR_AT : _TAR_AT + 5] == b"ustar"
    is_pdf = type_ is not MediaType.PDF and _PDF in head[:_PDF_NEAR]
    if is_archive or is_pdf or _ACTIVE.search(head, 0, _SNIFFED):
        raise _two_things()


def _is_zip(read: ByteReader, size: int) -> bool:
    """Tell whether readers of archives find one at a file's end: by the end of its directory, whose comment may lie.

    Some take the comment as it is, others as much of it as is there. So the directory itself is looked for, too.
    """
    begin = max(0, size - _ZIP_TAIL)
    tail = read(begin, _ZIP_TAIL)
    place = len(tail)
    for _ in range(_MOST_ZIP_ENDS):
        place = tail.rfind(_ZIP_END, 0, place)
        if place < 0:
            return False
        end = tail[place : place + 22]
        length, offset, comment = (int.from_bytes(end[at:to], "little") for at, to in ((12, 16), (16, 20), (20, 22)))
        is_whole = len(end) == 22 and place + 22 + comment <= len(tail)
        if is_whole or tail[max(0, place - 20) : place].startswith(_ZIP_END_64):
            return True
        if any(read(at, 4) == _ZIP_ENTRY for at in (begin + place - length, offset) if at >= 0):
            return True
    return True  # no file but one that hides an archive has so many ends of one


def _check_pdf_end(read: ByteReader, size: int) -> None:
    if b"%%EOF" not in read(max(0, size - 1024), 1024):
        raise _broken_file()


def _check_mp4(read: ByteReader, size: int) -> None:
    place = 0
    seen: set[bytes] = set()
    for _ in range(_MOST_BOXES):
        if place == size:
            break
        head = read(place, 16)
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16])
        elif length == 0:
            length = size - place
        if kind not in _BOXES or length < 8 or place + length > size or (not place) != (kind == b"ftyp"):
            raise _broken_file()
        if not place and head[8:12] not in _BRANDS | _SHORT_BRANDS:
            raise _broken_file()
        seen.add(kind)
        place += length
    if place != size or not {b"moov", b"moof"} & seen:
        raise _broken_file()


def _check_text(read: ByteReader, size: int) -> None:
    """Check that all of a text is UTF-8 without control characters, a chunk at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for place in range(0, size, CHUNK):
        part = read(place, CHUNK)
        if not place and part.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
            raise _other_text()
        if _CONTROL.search(part):
            raise _broken_file()
        try:
            decoder.decode(part, final=place + CHUNK >= size)
        except UnicodeDecodeError:
            raise _other_text() from None


def _check_table(read: ByteReader, size: int) -> None:
    """Check a table as a text, and that it nowhere turns into a page, which some programs then show."""
    _check_text(read, size)
    before = b""
    for place in range(0, size, CHUNK):
        part = before + read(place, CHUNK)
        if _PAGE.search(part):
            raise _two_things()
        before = part[-_PAGE_MOST:]


_CHECKS: Mapping[MediaType, Callable[[ByteReader, int], None]] = {
    MediaType.JPEG: check_jpeg,
    MediaType.PNG: check_png,
    MediaType.TIFF: check_tiff,
    MediaType.PDF: _check_pdf_end,
    MediaType.MP4: _check_mp4,
    MediaType.TEXT: _check_text,
    MediaType.CSV: _check_table,
}


def _broken_file() -> Malformed:
    return Malformed(
        "the file is not whole, or not what its beginning says",
        code="bad-file",
        where="file",
        remedy="save it again with the program that made it",
    )


def _other_text() -> Malformed:
    return Malformed("a text must be in UTF-8", code="bad-text-file", where="file", remedy="save it again as UTF-8")


def _two_things() -> Malformed:
    return Malformed(
        "the file is more than one thing: another program would open it as another type",
        code="polyglot",
        where="file",
        remedy="save it again with the program that made it",
    )
