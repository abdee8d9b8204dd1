"""Detect the script of a character or a name (ISO 15924 codes)."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from functools import lru_cache

_BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x02AF, "Latn"),
    (0x0370, 0x03FF, "Grek"),
    (0x0400, 0x052F, "Cyrl"),
    (0x0530, 0x058F, "Armn"),
    (0x0590, 0x05FF, "Hebr"),
    (0x0600, 0x077F, "Arab"),
    (0x0900, 0x097F, "Deva"),
    (0x0980, 0x09FF, "Beng"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Laoo"),
    (0x1000, 0x109F, "Mymr"),
    (0x1100, 0x11FF, "Hang"),
    (0x1780, 0x17FF, "Khmr"),
    (0x1E00, 0x1EFF, "Latn"),
    (0x3040, 0x30FF, "Jpan"),
    (0x3400, 0x4DBF, "Hani"),
    (0x4E00, 0x9FFF, "Hani"),
    (0xA9E0, 0xA9FF, "Mymr"),
    (0xAA60, 0xAA7F, "Mymr"),
    (0xAC00, 0xD7AF, "Hang"),
    (0xF900, 0xFAFF, "Hani"),
    (0xFB50, 0xFDFF, "Arab"),
    (0xFE70, 0xFEFF, "Arab"),
    (0x20000, 0x3FFFF, "Hani"),
)
_SIGNS = frozenset("ะัาำิีึืฺุูๅ็่้๊๋์ະັາຳິີຶືຸູົຼຽ່້໊໋")
"""Signs of Thai and Lao that belong to the letter before them; not all are marks for Unicode."""

_STARTS = [block[0] for block in _BLOCKS]


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """Return the script of one character; empty for digits, punctuation and unknown characters."""
    code = ord(character)
    place = bisect_right(_STARTS, code) - 1
    if place < 0:
        return ""
    _, last, script = _BLOCKS[place]
    if code > last or (code < 0xC0 and not character.isalpha()):
        return ""
    return script


def begins_word(text: str) -> bool:
    """Tell whether a word can begin with `text`: its first sign does not belong to a letter before it."""
    return text[0] not in _SIGNS and not unicodedata.category(text[0]).startswith("M")


def detect_script(text: str) -> str:
    """Return the script of most letters of `text`; empty without letters."""
    counts: dict[str, int] = {}
    for character in text:
        script = script_of(character)
        if script:
            counts[script] = counts.get(script, 0) + 1
    return max(counts, key=lambda script: counts[script]) if counts else ""
