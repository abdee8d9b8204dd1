"""Draw a text as a QR code for a page: one path of dark squares, with the quiet zone around them that readers need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gateway.ops.desk.token_pictures import QUIET, code_of


@dataclass(frozen=True, slots=True)
class CodePicture:
    """Holds what the macro `code` draws. `side` counts the squares of a row, those of the quiet zone among them."""

    title: str
    side: int
    path: str


def code_picture(text: str, title: str) -> CodePicture:
    """Return the QR code of a text; `title` says what it is to those who do not see it."""
    rows = [[bool(square) for square in row] for row in code_of(text).matrix]
    path = "".join(part for place, row in enumerate(rows) for part in _runs(row, place + QUIET))
    return CodePicture(title, len(rows) + 2 * QUIET, path)


def _runs(row: Sequence[bool], top: int) -> Iterator[str]:
    """Yield the path of each run of dark squares of a row."""
    left = QUIET
    for is_dark, squares in groupby(row):
        wide = len(list(squares))
        if is_dark:
            yield f"M{left} {top}h{wide}v1h-{wide}z"
        left += wide
