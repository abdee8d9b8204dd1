"""Cleaning of single cells: everything that a source returns is untrusted and of an age's own habits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from gateway.errors import Malformed

Cell = str | int | float | None

MAX_CELL = 8_192
"""Characters (or bytes) of one cell; a longer one makes its record unreadable."""

# A zero-width space parts words in Khmer; control characters part what they stand between; other invisible marks
# and direction overrides carry nothing that can be compared or shown safely.
_SPACES = re.compile("[\u0000-\u001f\u007f-\u009f\u200b\u2028\u2029]+")
_INVISIBLE = re.compile("[\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")


def clean_text(text: str) -> str:
    """NFC, without invisible characters, stripped."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _SPACES.sub(" ", text))).strip()


def cleaner(encoding: str, junk: frozenset[str]) -> Callable[[Any], Cell]:
    """A function from a driver's value to a `Cell`; `junk` values and empty texts become None.

    It raises `Malformed` for bytes that are not `encoding`, for cells that are too long, and for unknown types.
    """

    def clean(value: Any) -> Cell:
        kind = type(value)
        if value is None or kind is int:
            return value if value is None or not junk or str(value) not in junk else None
        if kind is bytes:
            try:
                value = value.decode(encoding)
            except UnicodeDecodeError:
                raise Malformed(f"bytes that are not {encoding}", code="bad-encoding") from None
        elif kind is not str:
            return _other(value)
        if len(value) > MAX_CELL:
            raise Malformed("a cell that is too long", code="too-long")
        text = clean_text(value)
        return text if text and text not in junk else None

    return clean


def _other(value: Any) -> Cell:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise Malformed("a cell of an unknown type", code="bad-type")
