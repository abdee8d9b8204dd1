"""Mask letters and figures of values, for readers who need a value's shape but not its content.

Script, case, length, blanks and punctuation stay, since a mapping is written by them. Signs that stand for letters
of another character set (`¨` for a Thai one) are masked, too.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

_LETTERS = {
    "THAI": "ก", "LAO": "ກ", "KHMER": "ក", "MYANMAR": "က", "CJK": "字", "ARABIC": "ب", "HANGUL": "가", "HEBREW": "א",
    "DEVANAGARI": "क",
}  # fmt: skip
_CASED = {"CYRILLIC": ("Ж", "ж"), "GREEK": ("Ω", "ω")}
_MARKS = {"THAI": "\u0e34", "LAO": "\u0eb4", "KHMER": "\u17b7", "MYANMAR": "\u102d"}

_MISREAD = frozenset(bytes(range(0xA1, 0x100)).decode("latin-1") + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore"))

_SPOKEN = frozenset(("script", "calendar", "lang"))
"""Members of values that say how something is written, and nothing about the person."""


@lru_cache(maxsize=4_096)
def _masked(letter: str) -> str:
    kind = unicodedata.category(letter)
    script = unicodedata.name(letter, "").split(" ")[0]
    if kind == "Nd":
        return chr(ord(letter) - unicodedata.decimal(letter) + 9)
    if kind[0] == "N":
        return "9"
    if kind[0] == "M":
        return _MARKS.get(script, "\u0301")
    if kind[0] != "L":
        return "¤" if letter in _MISREAD else letter
    if script in _LETTERS:
        return _LETTERS[script]
    upper, lower = _CASED.get(script, ("X", "x"))
    return upper if kind in ("Lu", "Lt") else lower


def mask(value: Any) -> Any:
    """Return `value` with the letters and figures of every text and number in it masked; keys of objects stay."""
    if isinstance(value, str):
        return "".join(map(_masked, value))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return mask(str(value))
    if isinstance(value, dict):
        return {key: each if key in _SPOKEN else mask(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [mask(each) for each in value]
    return "?"
