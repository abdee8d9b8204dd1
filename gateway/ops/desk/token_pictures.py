"""Draw a token "not this person" as a QR code, for the person to carry: as SVG or PNG, told by the file's name."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import segno

from certs.durable import PRIVATE, write_new
from gateway.errors import Malformed, Misconfigured

KINDS = (".svg", ".png")
_BORDER, _DOTS = 4, 6
"""The quiet zone that readers need, and the size of a module in dots (of a print)."""


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
    """Write the QR code of a token to a new file that only its owner reads. Raises as `check_picture` does.

    Its correction of errors is that of a print which is folded and carried (level M, 15 %).
    """
    check_picture(file)
    picture = BytesIO()
    code = segno.make_qr(text, error="m", boost_error=False)
    code.save(picture, kind=file.suffix.lower()[1:], scale=_DOTS, border=_BORDER)
    write_new(file, picture.getvalue(), PRIVATE)
