"""Cleaning of single cells: every value of a source is untrusted, and may follow the habits of its time."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

from adapters.values.charsets import THAI_GLYPHS, by_utf8, decoder, mend
from gateway.errors import Malformed

Cell = str | int | float | None

MAX_CELL = 8_192
"""Characters (or bytes) of one cell; a longer one makes its record unreadable."""

MAX_MARKS = 8
"""Combining marks on one letter; every script of the region needs fewer."""

# A zero-width space parts words in Khmer; control characters part what they are between; other invisible marks
# and direction overrides carry nothing that can be compared or shown safely. ANSI's colours go with their figures.
_ANSI = re.compile("(?:\u001b\\[|\u009b)[0-?]*[ -/]*[@-~]")
_SPACES = re.compile("[\u0000-\u001f\u007f-\u009f\u200b\u2028\u2029]+")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
_REFUSED = frozenset(("Cs", "Co", "Cn"))
_HEAP = re.compile(rf"[^\w\x00-\x7f]{{{MAX_MARKS + 1}}}")


def clean_text(text: str) -> str:
    """Return `text` in NFC, without invisible characters, stripped.

    Raises `Malformed` for text that no source can have meant: replacement characters, halves of pairs, unassigned
    letters, and heaps of combining marks.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    bare = _INVISIBLE.sub("", _SPACES.sub(" ", _ANSI.sub(" ", text))).translate(THAI_GLYPHS)
    # Looking each letter up costs ten times as much as these three.
    if not bare.isprintable() or "\ufffd" in bare or _HEAP.search(bare):
        _refuse_heaps(bare)
    return unicodedata.normalize("NFC", bare).strip()


def _refuse_heaps(text: str) -> None:
    marks = 0
    for letter in text:
        kind = unicodedata.category(letter)
        if kind in _REFUSED or letter == "\ufffd":
            raise Malformed("letters that are not of any text", code="bad-text")
        marks = marks + 1 if kind[0] == "M" else 0
        if marks > MAX_MARKS:
            raise Malformed("more combining marks than a letter can have", code="bad-text")


def cleaner(encoding: str, junk: frozenset[str], *, repair: bool = False) -> Callable[[Any], Cell]:
    """Return a function from a driver's value to a `Cell`; `junk` values and empty texts become None.

    Bytes that are certainly UTF-8 are read as UTF-8 under any `encoding`. With `repair`, UTF-8 that was read as cp1252
    and stored again is mended where that is certain. The function raises `Malformed` for bytes that are not `encoding`,
    for cells that are too long, for letters of no text, and for unknown types.
    """
    decode = decoder(encoding)
    assert decode is not None, "the mapping's encoding is checked when it is read"

    def clean(value: Any) -> Cell:
        kind = type(value)
        if kind is str and len(value) <= MAX_CELL and value.isascii() and value.isprintable():
            text = value.strip()  # as `clean_text` does it, without a call: most cells are like this
            return text if text and text not in junk else None
        if value is None or kind is int:
            return value if value is None or not junk or str(value) not in junk else None
        if kind is not str:
            value = _plain(value)
            if not isinstance(value, bytes | str):
                return value if str(value) not in junk else None
        if len(value) > MAX_CELL:
            raise Malformed("a cell that is too long", code="too-long")
        if isinstance(value, bytes):
            try:
                value = by_utf8(value, decode)
            except UnicodeError:
                raise Malformed("bytes that are not {encoding}", code="bad-encoding", encoding=encoding) from None
        text = clean_text(mend(value) if repair else value)
        return text if text and text not in junk else None

    return clean


def _plain(value: Any) -> str | bytes | int | float | None:
    """Return a driver's value of its own type as a text or a number; None for a number that is not finite."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, str | UUID):
        return str(value)
    if isinstance(value, list | tuple | dict):
        return _json(value)
    raise Malformed("a cell of an unknown type", code="bad-type")


def _json(value: Any) -> str:
    """Return lists and documents (PostgreSQL's arrays and JSON) as JSON, for `array`."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        raise Malformed("a cell of an unknown type", code="bad-type") from None
