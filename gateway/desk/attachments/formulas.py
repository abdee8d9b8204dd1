"""Make the formulas of a table (CSV) texts: spreadsheets carry out what begins with a sign, whoever wrote it.

A cell that begins with one of the signs, behind quotes, blanks and what nobody sees, gets an apostrophe before it.
Cells begin at the beginning, and behind each separator that any country's settings know. Plain numbers stay as they
are, and so does all else: the copy differs from the original in these apostrophes only, and a copy of the copy in
nothing.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from gateway.model.desk.attachments import CHUNK, MAX_NAME
from gateway.ports.files.held import ByteReader

NEUTRAL = ".neutral"
"""Stands before the ending in the name of a copy."""

_MARK = "'"
_ENDS = ",;|\t\n\r\x0b\x0c\x85\u2028\u2029"
_UNSEEN = (
    '" \u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000'
    "\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_NUMBER = rf"(?:[+\-][0-9][0-9.,]{{0,62}}(?:[eE][+\-]?[0-9]{{1,3}})?%?|-{{1,3}})[{_UNSEEN}]{{0,16}}"
"""A number, or the dash that stands for none."""

_CELLS, _FIRST, _LAST_CELLS, _LAST_FIRST = (
    re.compile(rf"{begin}[{_UNSEEN}]*+(?=[{_SIGNS}])(?!{_NUMBER}{end})")
    for end in (f"(?![|])[{_ENDS}]", rf"(?:(?![|])[{_ENDS}]|\Z)")  # `|` calls other programs in old formulas
    for begin in (f"[{_ENDS}]", "")
)
"""The beginnings of cells that are formulas: behind a separator, at the beginning, and both in the last part."""

_BLANK = re.compile(rf"[{_UNSEEN}]*+")
_SEPARATOR = re.compile(rf"[{_UNSEEN}]*+(?=sep=)", re.IGNORECASE)
"""The line with which a table tells a spreadsheet what separates its cells: any letter can then be the end of one."""

_UNDECIDED = 96
"""The most characters of a cell that wait for what follows, to tell whether they are a number."""


def neutral_parts(read: ByteReader, size: int) -> Iterator[bytes]:
    """Yield a table, which is UTF-8, without formulas, in parts of about a chunk."""
    made = _Neutral()
    decoder = codecs.getincrementaldecoder("utf-8")()
    for place in range(0, size, CHUNK):
        is_last = place + CHUNK >= size
        yield made.text(decoder.decode(read(place, CHUNK), final=is_last), is_last=is_last).encode()


def has_formulas(read: ByteReader, size: int) -> bool:
    """Tell whether a table, which is UTF-8, has formulas."""
    return sum(map(len, neutral_parts(read, size))) != size


def neutral_name(name: str) -> str:
    """Return the name of the copy of a table without formulas."""
    path = PurePosixPath(name)
    if path.stem.endswith(NEUTRAL):
        return name
    stem = path.stem[: MAX_NAME - len(NEUTRAL) - len(path.suffix)]
    return f"{stem}{NEUTRAL}{path.suffix}"


def original_hash(read: ByteReader, size: int) -> bytes:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    for place in range(0, size, CHUNK):
        found.update(read(place, CHUNK))
    return found.digest()


class _Neutral:
    """A table that comes in parts. `_begins` tells whether nothing of a cell but what nobody sees has gone before."""

    def __init__(self) -> None:
        self._waits = ""
        self._begins = self._is_first = True

    def text(self, part: str, *, is_last: bool) -> str:
        """Return what can be said of the table after this part."""
        text = self._waits + part
        begins, self._waits = self._begins, ""
        if not is_last:
            text = self._decided(text)
        head = ""
        if self._is_first and text:
            self._is_first = False
            if (found := _SEPARATOR.match(text)) is not None:
                head, text, begins = f"{found[0]}{_MARK}", text[found.end() :], False
        if begins and (found := (_LAST_FIRST if is_last else _FIRST).match(text)) is not None:
            head, text = f"{found[0]}{_MARK}", text[found.end() :]
        cells = _LAST_CELLS if is_last else _CELLS
        return head + cells.sub(lambda found: f"{found[0]}{_MARK}", text)

    def _decided(self, text: str) -> str:
        """Return the text without the sign and the digits at its end of which the next part tells what they are."""
        end = max(map(text.rfind, _ENDS))
        if end < 0 and not self._begins:
            return text
        found = _BLANK.match(text, end + 1)
        place = found.end() if found is not None else end + 1
        self._begins = place == len(text)
        if len(text) - place <= _UNDECIDED and text[place : place + 1] in ("+", "-"):
            self._begins, self._waits = True, text[place:]
            return text[:place]
        return text
