"""The QR code of a token: another program reads the very text from the picture, and no file is overwritten."""

from __future__ import annotations

import secrets
import stat
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import segno
import zxingcpp

from gateway.desk.misuse.statement import PREFIX
from gateway.errors import Malformed, Misconfigured
from gateway.model.handed.tokens import MAX_TOKEN
from gateway.ops.desk.token_pictures import check_picture, draw_token


def token(length: int) -> str:
    """A text of a token's letters."""
    return (PREFIX + secrets.token_urlsafe(length))[:length]


def grey(png: bytes) -> memoryview:
    """The picture of a PNG with one bit a dot, as bytes in two dimensions."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) in ((1, 0), (1, 3))
    data, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    plain, row = zlib.decompress(data), (width + 7) // 8 + 1
    dots, above = bytearray(), bytes(row - 1)
    for line in range(height):
        kind_of_line, *own = plain[line * row : (line + 1) * row]
        assert kind_of_line in (0, 2), "as it is, or as its difference from the line above"
        above = bytes(own) if not kind_of_line else bytes((x + y) % 256 for x, y in zip(own, above, strict=True))
        bits = "".join(f"{byte:08b}" for byte in above)[:width]
        dots += bytes(255 if bit == "1" else 0 for bit in bits)
    return memoryview(bytes(dots)).cast("B", (height, width))


@pytest.mark.long
@pytest.mark.parametrize("length", [420, 700, MAX_TOKEN])
def test_a_reader_finds_the_very_text_in_the_picture(tmp_path: Path, length: int) -> None:
    text, file = token(length), tmp_path / "token.png"
    draw_token(text, file)
    # Among so many dots a reader of all kinds takes a row for a bar code now and then.
    (found,) = zxingcpp.read_barcodes(
        grey(file.read_bytes()), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    assert found.text == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_drawing_has_the_modules_of_the_picture(tmp_path: Path) -> None:
    text, file = token(420), tmp_path / "token.SVG"
    draw_token(text, file)
    side = segno.make_qr(text, error="m", boost_error=False).symbol_size(scale=6, border=4)[0]
    root = ElementTree.fromstring(file.read_bytes())
    assert (root.get("width"), root.get("height")) == (str(side), str(side))
    assert not [each for each in root.iter() if each.tag.endswith("script")]


def test_another_kind_and_a_file_that_is_there_are_refused(tmp_path: Path) -> None:
    for name in ("token", "token.gif", "token.svg.exe"):
        with pytest.raises(Malformed):
            check_picture(tmp_path / name)
    there = tmp_path / "token.png"
    there.write_bytes(b"mine")
    with pytest.raises(Misconfigured):
        draw_token(token(420), there)
    assert there.read_bytes() == b"mine"
