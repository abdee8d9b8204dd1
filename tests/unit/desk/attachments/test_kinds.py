"""The type of a file by its content: the closed list, names that agree, and nothing that is two things."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from gateway.desk.attachments.images import MAX_PIXELS, stripped_jpeg, stripped_png
from gateway.desk.attachments.kinds import checked_type
from gateway.errors import Malformed
from gateway.model.desk.attachments import MediaType
from gateway.ports.files.held import ByteReader
from tests.support.files import box, exif, jpeg, jpeg_part, mp4, pdf, pdf_pack, pdf_stream, png, png_part, tiff
from tests.support.growth import cost_in_turns
from tests.support.tables import table


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


def ending(data: bytes, **lies: int) -> bytes:
    """An archive whose end lies: about the size or the place of its directory, or about its comment."""
    end = bytearray(data[data.rfind(b"PK\x05\x06") :])
    for name, value in lies.items():
        at, size = {"size": (12, 4), "offset": (16, 4), "comment": (20, 2)}[name]
        end[at : at + size] = value.to_bytes(size, "little")
    return data[: data.rfind(b"PK\x05\x06")] + bytes(end)


def directory(*tags: tuple[int, int]) -> bytes:
    """A TIFF with these tags in its one directory."""
    entries = b"".join(
        tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + number.to_bytes(4, "little") for tag, number in tags
    )
    return b"II*\0" + (8).to_bytes(4, "little") + len(tags).to_bytes(2, "little") + entries + bytes(4)


ZIP = archive()
FAR = bytes(1 << 20)
"""So much is before an archive that no look at the beginning of a file finds it."""

SIZE = ((256, 10), (257, 10))
TEXT = "สวัสดี, xin chào\n".encode()


@table(
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
        (b"Help <form@x.org>,<link-road>,<base:1>\n", "a.csv", MediaType.CSV),
    ],
)
def test_the_types_of_the_list_are_told_by_content(data: bytes, name: str, kind: MediaType) -> None:
    assert code(data, name) == kind


@table(
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


def test_n180_an_archive_is_found_behind_a_file_whatever_its_end_says_of_itself() -> None:
    for made in (ending(ZIP, comment=65_535), ending(ZIP, comment=65_535, offset=7)):
        film = mp4() + box(b"free", FAR + made)
        assert zipfile.ZipFile(io.BytesIO(film)).namelist() == ["bomb.txt"], "programs open it"
        assert code(film, "a.mp4") == "polyglot"
        assert code(pdf() + FAR + made + b"%%EOF", "a.pdf") == "polyglot"
    film = mp4() + box(b"free", FAR)
    start = len(film) + 8 + ZIP.rfind(b"PK\x01\x02")
    assert code(film + box(b"free", ending(ZIP, comment=65_535, size=3, offset=start)), "a.mp4") == "polyglot"
    assert code(film + box(b"free", b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + b"\xff" * 18), "a.mp4") == "polyglot"
    assert code(film + box(b"free", b"PK\x05\x06" + b"\xff" * 18), "a.mp4") == MediaType.MP4, "four bytes by chance"


@table(
    ("data", "name"),
    [
        (b"{\\rtf1 {\\object}}", "a.txt"),
        (b"\xef\xbb\xbf \n%!PS-Adobe", "a.txt"),
        (b"mime-version: 1.0\r\n", "a.csv"),
        (b'ID;PWXL;N;E\r\nC;Y1;X1;EEXEC("calc")\r\nE\r\n', "a.csv"),
        (b"TABLE\r\n0,1\r\n", "a.csv"),
        (b"<HTML><table><tr><td>=1+1", "a.csv"),
        (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', "a.csv"),
        (b"a,<html>\n", "a.csv"),
    ],
)
def test_n180_a_text_that_programs_take_for_pages_or_commands_is_no_text(data: bytes, name: str) -> None:
    assert code(data, name) == "polyglot"


@table("data", [b"ID;Plate;Date\r\n1;29A-1;2026\r\n", b"table,0,1\n", b"<5,7\n", b"xml,html\n"])
def test_tables_that_only_begin_alike_are_taken(data: bytes) -> None:
    assert code(data, "a.csv") == MediaType.CSV


@table(
    ("data", "name", "refusal"),
    [
        (directory((256, 65_000), *SIZE), "a.tif", "bad-file"),
        (directory(*SIZE, (277, 65_535)), "a.tif", "bad-file"),
        (directory(*SIZE, (322, 2**31), (323, 16)), "a.tif", "picture-too-large"),
        (
            jpeg(*[jpeg_part(0xDA, bytes((1, 1, 0, 0, 63, 0))) + b"\x12"] * 200, width=9_000, height=9_000),
            "a.jpg",
            "bad-file",
        ),
    ],
    ids=["two widths", "thousands of colours", "tiles beyond the picture", "scans that take minutes"],
)
def test_n180_a_picture_that_swells_in_the_program_that_opens_it_is_refused(
    data: bytes, name: str, refusal: str
) -> None:
    assert code(data, name) == refusal
    assert code(directory(*SIZE, (277, 4), (322, 16), (323, 16)), "a.tif") == MediaType.TIFF


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


@pytest.mark.long
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
        (lambda size: pdf(*[b"<</A/B>>"] * (size // 48)), "a.pdf"),
        (lambda size: pdf(b"(" * size), "a.pdf"),
        (lambda size: pdf(b"(a)" * (size // 3)), "a.pdf"),
        (lambda size: pdf(b"/J#61va" * (size // 8)), "a.pdf"),
        (lambda size: pdf(pdf_stream(b"%1\n obj" * (size // 8))), "a.pdf"),
        (lambda size: pdf(pdf_stream(b"% obj" * (size // 5))), "a.pdf"),
        (lambda size: pdf(pdf_stream(b"stream" * (size // 6))), "a.pdf"),
        (lambda size: pdf(b"[" + b"/OpenAction[1]" * (size // 14) + b"]"), "a.pdf"),
        (lambda size: pdf(*[pdf_pack(b"/A" * 60_000)] * (size // 4_000)), "a.pdf"),
        (lambda size: pdf()[:-6] + b" " * size + b"%%EOF", "a.pdf"),
        (lambda size: "ก".encode() * (size // 3), "a.txt"),
        (lambda size: b"<" * size, "a.csv"),
    ],
)
def test_looking_at_a_file_takes_linear_time(shape: Callable[[int], bytes], name: str) -> None:
    size = 1 << 18 if name == "a.pdf" else 1 << 20
    data, part = shape(2 * size), shape(size)
    whole, half = cost_in_turns(
        lambda: code(data, name), lambda: code(part, name), lambda whole, half: whole <= 0.02 + 3 * half
    )
    assert whole <= 0.02 + 3 * half


def test_fillers_before_a_marker_are_allowed_within_bounds() -> None:
    assert code(b"\xff\xd8" + b"\xff" * 9 + jpeg()[2:], "a.jpg") == MediaType.JPEG
    assert code(b"\xff\xd8" + b"\xff" * 99 + jpeg()[2:], "a.jpg") == "bad-file"
