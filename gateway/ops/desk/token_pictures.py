"""Draw a token "not this person" as a QR code, for the person to carry: as SVG or PNG, told by the file's name."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import segno

from gateway.errors import Malformed, Misconfigured
from gateway.host.durable import PRIVATE, write_new

KINDS = (".svg", ".png")
QUIET = 4
"""The quiet zone that readers need around a code, in modules."""

_DOTS = 6
"""The size of a module in dots (of a print)."""


def code_of(text: str) -> segno.QRCode:
    """Return the QR code of a token. It corrects errors as a print needs that is folded and carried (level M, 15 %)."""
    return segno.make_qr(text, error="m", boost_error=False)


def check_picture(file: Path) -> None:
    """Raise unless a picture can be written to a file: its name tells the kind, and there is none yet."""
    if file.suffix.lower() not in KINDS:
        raise Malformed(
            "a picture is a file with a name that ends in .svg or .png",
            code="bad-picture",
            where="qr",
            remedy="liaison misuse show ID --qr token.svg",
        )
    if file.exists():
        raise Misconfigured(
            "`{file}` exists already", code="exists", where="qr", remedy="name a new file", file=file.name
        )


def draw_token(text: str, file: Path) -> None:
    """Write the QR code of a token to a new file that only its owner reads. Raises as `check_picture` does."""
    check_picture(file)
    picture = BytesIO()
    code_of(text).save(picture, kind=file.suffix.lower()[1:], scale=_DOTS, border=QUIET)
    write_new(file, picture.getvalue(), PRIVATE)
