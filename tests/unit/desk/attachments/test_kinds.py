"""The type of a file by its content: the closed list, names that agree, and nothing that is two things."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable

import pytest

from gateway.desk.attachments.images import MAX_PIXELS, stripped_jpeg, stripped_png
from gateway.desk.attachments.kinds import checked_type
from gateway.errors import Malformed
from gateway.model.desk.attachments import MediaType
from gateway.ports.files.held import ByteReader
from tests.support.files import box, exif, jpeg, jpeg_part, mp4, pdf, png, png_part, tiff


def reader(data: bytes) -> ByteReader:
    return lambda offset, count: data[offset : offset + count]


def code(data: bytes, name: str) -> str:
    """The code with which a file is refused; its type where it is taken."""
    try:
        return checked_type(reader(data), len(data), name).value
    except Malformed as error:
        return error.code


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("bomb.txt", bytes(1_000_000))
    return made.getvalue()


ZIP = archive()
TEXT = "สวัสดี, xin chào\n".encode()


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (jpeg(exif()), "a.jpg", MediaType.JPEG),
        (jpeg(), "A.JPEG", MediaType.JPEG),
        (png(png_part(b"tEXt", b"Comment\0hello")), "a.png", MediaType.PNG),
        (tiff(), "a.tif", MediaType.TIFF),
        (pdf(), "a.pdf", MediaType.PDF),
        (mp4(), "a.mp4", MediaType.MP4),
        (TEXT, "a.txt", MediaType.TEXT),
        (b"plate,date\n", "a.csv", MediaType.CSV),
    ],
)
def test_the_types_of_the_list_are_told_by_content(data: bytes, name: str, kind: MediaType) -> None:
    assert code(data, name) == kind


@pytest.mark.parametrize(
    ("data", "name", "refusal"),
    [
        (b"", "a.txt", "empty-file"),
        (ZIP, "a.zip", "type-not-taken"),
        (ZIP, "a.docx", "type-not-taken"),
        (ZIP, "a.txt", "bad-file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "a.doc", "type-not-taken"),
        (b"MZ" + bytes(64), "a.exe", "type-not-taken"),
        (b"<svg onload='alert(1)'/>", "a.svg", "type-not-taken"),
        (jpeg(), "a.png", "name-and-type-differ"),
        (png(), "a.pdf", "name-and-type-differ"),
        (pdf(), "a.txt", "name-and-type-differ"),
        (jpeg(), "jpg", "name-and-type-differ"),
        (jpeg(behind=ZIP), "a.jpg", "polyglot"),
        (jpeg(jpeg_part(0xFE, b"%PDF-1.4 obj")), "a.jpg", "polyglot"),
        (jpeg(jpeg_part(0xFE, b"<script>alert(1)</script>")), "a.jpg", "polyglot"),
        (jpeg(jpeg_part(0xFE, b"Rar!\x1a\x07\x01\x00")), "a.jpg", "polyglot"),
        (png(behind=ZIP), "a.png", "polyglot"),
        (png(png_part(b"tEXt", ZIP)), "a.png", "polyglot"),
        (png(behind=b"x"), "a.png", "polyglot"),
        (pdf() + ZIP, "a.pdf", "bad-file"),
        (pdf() + ZIP + b"%%EOF", "a.pdf", "polyglot"),
        (mp4() + box(b"free", ZIP), "a.mp4", "polyglot"),
        (mp4() + ZIP, "a.mp4", "bad-file"),
        (mp4()[:-1], "a.mp4", "bad-file"),
        (box(b"ftyp", b"evil\0\0\0\0") + box(b"moov"), "a.mp4", "bad-file"),
        (box(b"ftyp", b"isom\0\0\0\0") + box(b"mdat"), "a.mp4", "bad-file"),
        (b"\xff\xd8\xff\xe0\x00\x04ab" * 3, "a.jpg", "bad-file"),
        (jpeg()[:-2], "a.jpg", "bad-file"),
        (png()[:-5], "a.png", "bad-file"),
        (jpeg(width=40_000, height=2), "a.jpg", "picture-too-large"),
        (png(width=30_000, height=30_000), "a.png", "picture-too-large"),
        (png(png_part(b"zTXt", bytes(1_100_000))), "a.png", "bad-file"),
        (tiff(width=30_000, height=30_000), "a.tif", "picture-too-large"),
        (b"II*\0\x08\0\0\0\x01\0" + bytes(12) + b"\x08\0\0\0", "a.tif", "picture-too-large"),
        (b"II*\0\xff\xff\xff\x7f", "a.tif", "bad-file"),
        (b"caf\xe9", "a.txt", "bad-text-file"),
        (b"a\x00b", "a.txt", "bad-file"),
        (b"\x1b[2Jgone", "a.txt", "bad-file"),
    ],
)
def test_what_is_not_on_the_list_or_not_one_thing_is_refused(data: bytes, name: str, refusal: str) -> None:
    assert code(data, name) == refusal


def test_an_image_of_tapes_and_discs_is_no_picture() -> None:
    disc = bytearray(jpeg(scan=bytes(40_000)))
    disc[32_769:32_774] = b"CD001"
    assert code(bytes(disc), "a.jpg") == "polyglot"


def test_a_picture_loses_what_tells_of_camera_place_and_author_and_keeps_its_pixels() -> None:
    thumbnail = jpeg_part(0xE2, b"MPF\0" + b"MAKER" * 9)
    photo = jpeg(exif(6), jpeg_part(0xED, b"Photoshop MAKER"), thumbnail, jpeg_part(0xFE, b"MAKER"), behind=b"")
    bare = b"".join(stripped_jpeg(reader(photo), len(photo)))
    assert b"MAKER" not in bare
    assert b"NIKON" not in bare
    assert bare.endswith(jpeg()[-20:])
    assert code(bare, "a.jpg") == MediaType.JPEG
    again = b"".join(stripped_jpeg(reader(bare), len(bare)))
    assert again == bare  # which side is up stays
    upright = jpeg(exif(1))
    assert b"".join(stripped_jpeg(reader(upright), len(upright))) == jpeg()

    drawn = png(
        png_part(b"eXIf", b"MAKER"), png_part(b"iTXt", b"MAKER"), png_part(b"iCCP", b"MAKER"), png_part(b"tIME")
    )
    assert b"".join(stripped_png(reader(drawn), len(drawn))) == png()


def test_a_small_picture_in_the_beginning_and_parts_that_no_picture_needs_go() -> None:
    whole = jpeg()
    small = jpeg_part(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + b"MAKERMAKERMA")
    adobe = jpeg_part(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    others = [jpeg_part(0xE0, b"JFXX\0\x10MAKER"), jpeg_part(0xF0, b"MAKER"), jpeg_part(0xEE, b"MAKER" * 5)]
    photo = whole[:2] + small + adobe + b"".join(others) + whole[20:]
    bare = b"".join(stripped_jpeg(reader(photo), len(photo)))
    assert b"MAKER" not in bare
    assert bare == whole[:20] + adobe + whole[20:]
    assert code(bare, "a.jpg") == MediaType.JPEG


def test_a_second_picture_behind_the_first_goes_with_the_metadata() -> None:
    photo = jpeg(behind=jpeg(exif()))
    assert code(photo, "a.jpg") == "polyglot"
    assert b"".join(stripped_jpeg(reader(photo), len(photo))) == jpeg()


def test_the_largest_picture_is_taken() -> None:
    assert code(png(width=12_000, height=MAX_PIXELS // 12_000), "a.png") == MediaType.PNG


def _cost(shape: Callable[[int], bytes], size: int, name: str) -> float:
    data, least = shape(size), 9.0
    for _ in range(3):
        began = time.thread_time()
        code(data, name)
        least = min(least, time.thread_time() - began)
    return least


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (lambda size: jpeg(scan=b"\xff\x00" * (size // 2)), "a.jpg"),
        (lambda size: b"\xff\xd8" + b"\xff" * size, "a.jpg"),
        (lambda size: jpeg(*[jpeg_part(0xDA, b"ab") + b"x"] * (size // 7)), "a.jpg"),
        (lambda size: jpeg(*[jpeg_part(0xFE, b"")] * (size // 4)), "a.jpg"),
        (lambda size: png(*[png_part(b"tEXt")] * (size // 12)), "a.png"),
        (lambda size: mp4() + box(b"free") * (size // 8), "a.mp4"),
        (lambda size: pdf() + b"PK\x05\x06" * (size // 4) + b"%%EOF", "a.pdf"),
        (lambda size: b"%PDF-1.7" + b"<" * size + b"%%EOF", "a.pdf"),
        (lambda size: "ก".encode() * (size // 3), "a.txt"),
    ],
)
def test_looking_at_a_file_takes_linear_time(shape: Callable[[int], bytes], name: str) -> None:
    half, whole = _cost(shape, 1 << 20, name), _cost(shape, 1 << 21, name)
    assert whole <= 0.02 + 3 * half


def test_fillers_before_a_marker_are_allowed_within_bounds() -> None:
    assert code(b"\xff\xd8" + b"\xff" * 9 + jpeg()[2:], "a.jpg") == MediaType.JPEG
    assert code(b"\xff\xd8" + b"\xff" * 99 + jpeg()[2:], "a.jpg") == "bad-file"
