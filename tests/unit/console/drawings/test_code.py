"""The QR code of a page: another program reads the very text from its path."""

from __future__ import annotations

import re
import secrets

import pytest
import zxingcpp

from gateway.console.drawings.code import code_picture
from gateway.desk.misuse.statement import PREFIX
from gateway.model.handed.tokens import MAX_TOKEN
from gateway.ops.desk.token_pictures import QUIET

_RUN = re.compile(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z")
_DOTS = 4


@pytest.mark.long
@pytest.mark.parametrize("length", [420, MAX_TOKEN])
def test_a_reader_finds_the_very_text_in_the_path(length: int) -> None:
    text = (PREFIX + secrets.token_urlsafe(length))[:length]
    picture = code_picture(text, "a token")
    side = picture.side * _DOTS
    dots = bytearray(b"\xff" * side * side)
    assert _RUN.sub("", picture.path) == ""
    for run in _RUN.finditer(picture.path):
        left, top, wide, back = map(int, run.groups())
        assert wide == back
        assert QUIET <= left < left + wide <= picture.side - QUIET
        for line in range(top * _DOTS, (top + 1) * _DOTS):
            begin = line * side + left * _DOTS
            dots[begin : begin + wide * _DOTS] = bytes(wide * _DOTS)
    (found,) = zxingcpp.read_barcodes(memoryview(bytes(dots)).cast("B", (side, side)))
    assert (found.text, picture.title) == (text, "a token")
