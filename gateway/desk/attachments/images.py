"""Walk the parts of images by their lengths: what a file holds, how large its picture is, and what says of whom.

JPEG is ITU-T T.81, PNG is the W3C's recommendation, TIFF is revision 6.0. Pixels are never decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.errors import Malformed
from gateway.model.desk.attachments import CHUNK
from gateway.ports.files.held import ByteReader

MAX_PIXELS = 120_000_000
"""The most pixels of a picture: an officer's program takes up to four bytes for each when it opens it."""

MAX_SIDE = 32_768
_MOST_PARTS = 4_000
_MOST_SCANS = 100
"""Scans of one JPEG: for each a program goes through the whole picture. Cameras write one, progressive ones ten."""

_MOST_SAMPLES = 8
"""Values of one pixel of a TIFF: CMYK has four, and some have a few more for what lies behind."""

_LOOK = 64 * 1024
_MOST_FILLERS = 32
"""Bytes 0xFF before a marker, which the standard allows without a bound."""

_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The end of a scan of JPEG: a marker other than a stuffed byte, a restart or a filler."""

_RESERVED = 0xC8
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, _RESERVED, 0xCC}
_SCAN, _END = 0xDA, 0xD9
_PNG_KEPT = frozenset([b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD"])
"""The chunks of a PNG that its picture needs; all others go with the metadata."""

_JPEG_KEPT = frozenset(range(0xC0, 0xE0)) - {_RESERVED}
"""The parts of a JPEG that its picture needs; all others go, whatever they hold."""

_JFIF, _ADOBE = 0xE0, 0xEE
"""Of its application parts, those with the density of its points and the meaning of its colours."""

_FIXED = {_JFIF: (b"JFIF\x00", 12, b"\x00\x00"), _ADOBE: (b"Adobe", 12, b"")}
"""The beginning of these two, the bytes that are kept of each, and what is behind them: no small picture."""

_ORIENTATION, _WIDTH, _HEIGHT = 274, 256, 257
_SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 277, 322, 323


def check_jpeg(read: ByteReader, size: int) -> None:
    """Raise `Malformed` unless a JPEG is whole, has a picture within bounds, and nothing behind its end."""
    seen, scans = False, 0
    for marker, place, length in jpeg_parts(read, size):
        scans += marker == _SCAN
        if scans > _MOST_SCANS:
            raise _bad()
        if marker in _SIZES:
            head = read(place + 5, 4)
            _check_size(int.from_bytes(head[2:4]), int.from_bytes(head[:2]))
            seen = True
        if marker == _END and place + length != size:
            raise Malformed(
                "something stands behind the end of the picture",
                code="polyglot",
                where="file",
                remedy="save it again with a program for pictures",
            )
    if not seen:
        raise _bad()


def jpeg_parts(read: ByteReader, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield marker, place and length of each part of a JPEG; a scan has its compressed data with it."""
    place = 2
    for _ in range(_MOST_PARTS):
        head = read(place, 4 + _MOST_FILLERS)
        fillers = len(head) - len(head.lstrip(b"\xff")) - 1
        if 0 < fillers <= _MOST_FILLERS:
            place, head = place + fillers, head[fillers:]
        if len(head) < 2 or head[0] != 0xFF:
            raise _bad()
        marker = head[1]
        if marker == _END:
            yield marker, place, 2
            return
        length = 2 + int.from_bytes(head[2:4])
        if length < 4 or place + length > size:
            raise _bad()
        if marker == _SCAN:
            length = _scan_end(read, size, place + length) - place
        yield marker, place, length
        place += length
    raise _bad()


def _scan_end(read: ByteReader, size: int, place: int) -> int:
    """Return where the compressed data of a scan ends."""
    while place < size:
        part = read(place, _LOOK)
        if found := _AFTER_SCAN.search(part):
            return place + found.start()
        place += max(1, len(part) - 1)
    raise _bad()


def stripped_jpeg(read: ByteReader, size: int) -> Iterator[bytes]:
    """Yield a JPEG without what tells of camera, place, time and author; only which side is up stays.

    What is behind its end, such as a second picture, goes as well, and so does a small one in its beginning, which
    may show what was cut off since.
    """
    yield b"\xff\xd8"
    if side := _jpeg_orientation(read, size):
        yield _orientation_part(side)
    for marker, place, length in jpeg_parts(read, size):
        if marker in _FIXED:
            yield _fixed_part(marker, read(place + 4, min(length - 4, _LOOK)))
        elif marker in _JPEG_KEPT:
            yield from _range(read, place, length)


def _fixed_part(marker: int, data: bytes) -> bytes:
    """Return an application part with its fixed values alone; nothing of one that only has the same marker."""
    beginning, count, end = _FIXED[marker]
    if not data.startswith(beginning) or len(data) < count:
        return b""
    kept = data[:count] + end
    return bytes((0xFF, marker)) + (len(kept) + 2).to_bytes(2) + kept


def check_png(read: ByteReader, size: int) -> None:
    """Raise `Malformed` unless a PNG is whole, has a picture within bounds, and nothing behind its end."""
    for number, (kind, place, length) in enumerate(png_parts(read, size)):
        if (number == 0) != (kind == b"IHDR"):
            raise _bad()
        if kind == b"IHDR":
            head = read(place + 8, 8)
            _check_size(int.from_bytes(head[:4]), int.from_bytes(head[4:]))
        elif kind not in _PNG_KEPT and length > CHUNK:
            raise _bad()  # texts and profiles are compressed, and readers open them
        if kind == b"IEND" and place + length != size:
            raise Malformed("something stands behind the end of the picture", code="polyglot", where="file")


def png_parts(read: ByteReader, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, place and length of each chunk of a PNG, up to its end."""
    place = 8
    for _ in range(50 * _MOST_PARTS):
        head = read(place, 8)
        if len(head) < 8 or not head[4:].isalpha():
            raise _bad()
        length = int.from_bytes(head[:4]) + 12
        if place + length > size:
            raise _bad()
        yield head[4:], place, length
        if head[4:] == b"IEND":
            return
        place += length
    raise _bad()


def stripped_png(read: ByteReader, size: int) -> Iterator[bytes]:
    """Yield a PNG with the chunks that its picture needs, and no other one."""
    yield read(0, 8)
    for kind, place, length in png_parts(read, size):
        if kind in _PNG_KEPT:
            yield from _range(read, place, length)


def check_tiff(read: ByteReader, size: int) -> None:
    """Raise `Malformed` unless a TIFF has directories of pictures, all within bounds."""
    order = "little" if read(0, 2) == b"II" else "big"
    place = _number(read(4, 4), order)
    seen: set[int] = set()
    while place:
        if place in seen or len(seen) >= 64 or place + 2 > size:
            raise _bad()
        seen.add(place)
        count = _number(read(place, 2), order)
        if not 0 < count <= 512:
            raise _bad()
        found = _tags(read, place + 2, count, order)
        _check_size(found.get(_WIDTH, 0), found.get(_HEIGHT, 0))
        _check_size(found.get(_TILE_WIDTH, 1), found.get(_TILE_HEIGHT, 1))
        if found.get(_SAMPLES, 1) > _MOST_SAMPLES:
            raise _bad()
        place = _number(read(place + 2 + 12 * count, 4), order)
    if not seen:
        raise _bad()


def _tags(read: ByteReader, place: int, count: int, order: str) -> dict[int, int]:
    """Return the tags of a directory that have one number. Raises `Malformed` for one that is there twice.

    Of such a one some programs take the first, and others the last.
    """
    found: dict[int, int] = {}
    entries = read(place, 12 * count)
    for start in range(0, len(entries) - 11, 12):
        entry = entries[start : start + 12]
        tag, kind = _number(entry[:2], order), _number(entry[2:4], order)
        if _number(entry[4:8], order) == 1 and kind in (3, 4):
            if tag in found:
                raise _bad()
            found[tag] = _number(entry[8:10] if kind == 3 else entry[8:12], order)
    return found


def _jpeg_orientation(read: ByteReader, size: int) -> int:
    """Return which side of a JPEG is up (2 to 8), 0 where it is the usual one or is not said."""
    for marker, place, length in jpeg_parts(read, size):
        if marker == _SCAN:
            return 0
        if marker == 0xE1 and read(place + 4, 6) == b"Exif\x00\x00":
            exif = read(place + 10, length - 10)
            order = "little" if exif[:2] == b"II" else "big"
            start = _number(exif[4:8], order)
            count = min(_number(exif[start : start + 2], order), 512)
            tags = _tags(_reader_of(exif), start + 2, count, order)
            side = tags.get(_ORIENTATION, 0)
            return side if 2 <= side <= 8 else 0
    return 0


def _reader_of(data: bytes) -> ByteReader:
    return lambda place, count: data[place : place + count]


def _orientation_part(side: int) -> bytes:
    """Return the part of a JPEG that says which side is up, and nothing else."""
    tags = (1).to_bytes(2) + _ORIENTATION.to_bytes(2) + (3).to_bytes(2) + (1).to_bytes(4) + side.to_bytes(2) + bytes(6)
    exif = b"Exif\x00\x00MM\x00*" + (8).to_bytes(4) + tags
    return b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "little" if order == "little" else "big")


def _range(read: ByteReader, place: int, length: int) -> Iterator[bytes]:
    for start in range(place, place + length, CHUNK):
        yield read(start, min(CHUNK, place + length - start))


def _check_size(width: int, height: int) -> None:
    if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE or width * height > MAX_PIXELS:
        raise Malformed(
            "a picture has at most {pixels} pixels, and {side} at a side",
            code="picture-too-large",
            where="file",
            remedy="make the picture smaller",
            pixels=MAX_PIXELS,
            side=MAX_SIDE,
        )


def _bad() -> Malformed:
    return Malformed(
        "the picture is not whole, or not what its beginning says",
        code="bad-file",
        where="file",
        remedy="save it again with a program for pictures",
    )
