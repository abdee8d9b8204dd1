"""Make the formulas of a table (CSV) texts: spreadsheets carry out what begins with a sign.

A cell that begins with one of the signs, behind quotes, blanks and what no one sees, gets an apostrophe before it.
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
_GAPS = "\t\x0b\x0c\x85\u2028\u2029"
"""Separators that are a blank within a formula where another one separates cells."""

_BLANKS = (
    " \u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_UNSEEN = f'"{_BLANKS}'
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_JOINS = "*/&^%<>!:|~=@\uff0a\uff0f\uff06\uff3e\uff05\uff1c\uff1e\uff01\uff1a\uff5c\uff1d\uff20"
"""Matches signs that join a number before them with what follows. A sign that begins a cell is looked at by itself."""

_GOES_ON = (
    rf"[{_UNSEEN}{_GAPS}\r\n]{{0,64}}+(?:[{_JOINS}{_UNSEEN}{_GAPS}\r\n]"
    rf"|[0-9.](?:[:/\-]?[0-9.]){{0,40}}+%?+(?:[0-9.]|[eE][+\-]?[0-9]|[{_BLANKS}\"]{{0,16}}+[{_JOINS}{_SIGNS}{_UNSEEN}]))"
)
"""Matches what follows a separator where a number goes on: an operator, or digits (behind a decimal comma) and one."""

_NUMBER = r"[+\-][0-9][0-9.,]{0,62}(?:[eE][+\-]?[0-9]{1,3})?%?"
_OPEN, _QUOTED = (
    rf"(?:{_NUMBER}[{_BLANKS}]{{0,16}}{close}[{_BLANKS}]{{0,16}}(?:(?![|])[{_ENDS}](?!{_GOES_ON})|\Z)"
    rf"|-{{1,3}}[{_BLANKS}]{{0,16}}{close}[{_BLANKS}{_GAPS}]{{0,16}}(?:[,;\r\n](?!{_GOES_ON})|\Z))"
    for close in ('"?', '"')
)
"""A number, or the dash that stands for none, to the end of its cell, whatever separates the cells.

A separator within quotes ends nothing: there, a quote does.
"""

_FORMULA = rf"(?:[{_BLANKS}]*+(?=[{_SIGNS}])(?!{_OPEN})|[{_BLANKS}]*+\"[{_UNSEEN}]*+(?=[{_SIGNS}])(?!{_QUOTED}))"
_CELLS, _FIRST = re.compile(rf"[{_ENDS}]{_FORMULA}"), re.compile(_FORMULA)
_FIRST_QUOTED = re.compile(rf"[{_UNSEEN}]*+(?=[{_SIGNS}])(?!{_QUOTED})")
"""The beginnings of cells that are formulas: behind a separator, at the beginning, and there behind a quote."""

_BLANK = re.compile(rf"[{_UNSEEN}]*+")
_SEPARATOR = re.compile(rf"[{_UNSEEN}]*+(?=sep=)", re.IGNORECASE)
"""The line with which a table tells a spreadsheet what separates its cells: any letter can then be the end of one."""

_UNDECIDED = 512
"""The characters at the end of a part that wait for what follows. It takes fewer to tell whether a cell is a number."""


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
    """A table that comes in parts. `_begins` tells whether nothing of a cell but what no one sees has gone before.

    `_is_quoted` tells whether a quote was among that.
    """

    def __init__(self) -> None:
        self._waits = ""
        self._begins = self._is_first = True
        self._is_quoted = False

    def text(self, part: str, *, is_last: bool) -> str:
        """Return what can be said of the table after this part."""
        text = self._waits + part
        told = len(text) if is_last else max(0, len(text) - _UNDECIDED)
        made: list[str] = []
        place = 0
        for mark in self._marks(text):
            if mark >= told:
                break
            made += (text[place:mark], _MARK)
            place = mark
        made.append(text[place:told])
        self._leave(text, told)
        return "".join(made)

    def _marks(self, text: str) -> Iterator[int]:
        """Yield the places of what makes a formula of a cell."""
        place = 0
        found = _SEPARATOR.match(text) if self._is_first else None
        if found is not None:
            self._begins = False
        elif self._begins:
            found = (_FIRST_QUOTED if self._is_quoted else _FIRST).match(text)
        if found is not None:
            yield (place := found.end())
        for found in _CELLS.finditer(text, place):
            yield found.end()

    def _leave(self, text: str, told: int) -> None:
        """Keep what waits, and what is before it."""
        self._waits = text[told:]
        self._is_first = self._is_first and not told
        end = max(text.rfind(each, 0, told) for each in _ENDS)
        if end < 0 and not self._begins:
            return
        run = _BLANK.match(text, end + 1, told)
        self._begins = run is not None and run.end() == told
        self._is_quoted = '"' in text[end + 1 : told] or (end < 0 and self._is_quoted)
