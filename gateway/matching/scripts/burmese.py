"""Burmese writing -> Latin syllables; Zawgyi text is recognised and converted first (RULE-NAMES-2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from gateway.matching.scripts import tables

_CONSONANT = "[\u1000-\u102a\u103f]"
_ASAT, _STACK = "\u103a", "\u1039"
_TONES = re.compile("[\u1037\u1038]")
# A new syllable starts at a consonant that is neither killed by asat nor stacked under another one.
_START = re.compile(f"(?<!{_STACK}){_CONSONANT}(?![\u1037\u1038]*[{_ASAT}{_STACK}])")
_ZAWGYI = re.compile(
    "[\u1033\u1034\u105a\u1060-\u1097]|\u1039(?![\u1000-\u1021])|(?:^|[\\s\u1037\u1038])[\u1031\u103b]"
)
_ZERO_FOR_WA = re.compile("\u1040(?=[\u1000-\u103e])|(?<=[\u1000-\u103e])\u1040")
_ASAT_LOST = re.compile("(?<=[\u1000-\u103e])([ကငစညတနပမယ])(?=\u1038)")
"""A consonant with the mark of a high tone directly after it: it ends a syllable, also without its sign."""

_KILLED_THEN_STACKED = re.compile(f"{_ASAT}?{_STACK}({_CONSONANT})")


def is_zawgyi(text: str) -> bool:
    """Tell whether Burmese `text` is in the Zawgyi encoding: its letters have an order or place that Unicode lacks."""
    return _ZAWGYI.search(text) is not None


def to_unicode(text: str) -> str:
    """Return `text` in Unicode order, with a digit nought that stands for the letter wa replaced by it."""
    text = tables.rewrite(text, tables.rules("zawgyi")) if is_zawgyi(text) else text
    return _ASAT_LOST.sub(rf"\1{_ASAT}", _ZERO_FOR_WA.sub("\u101d", text))


def syllables(word: str) -> list[str]:
    """Return the written syllables of one word of Burmese letters."""
    word = _KILLED_THEN_STACKED.sub(rf"{_ASAT}\1", word)
    starts = [found.start() for found in _START.finditer(word)]
    if not starts or starts[0]:
        starts.insert(0, 0)
    return [word[start:stop] for start, stop in zip(starts, [*starts[1:], len(word)], strict=True)]


@cache
def _consonants() -> dict[str, str]:
    return tables.mapping("burmese_consonants")


@lru_cache(maxsize=16384)
def romanise(syllable: str) -> str:
    """Return one Burmese syllable in the lower-case Latin letters of the usual spelling of names."""
    known = tables.mapping("burmese_words").get(syllable)
    bare = _TONES.sub("", syllable)
    known = known or tables.mapping("burmese_words").get(bare)
    if known:
        return known
    start = _consonants().get(bare[:1], "")
    return _medials(start, bare[1:])


def _medials(start: str, rest: str) -> str:
    y, r, w, h = (mark in rest for mark in "\u103b\u103c\u103d\u103e")
    rest = re.sub("[\u103b\u103c\u103e]", "", rest)
    if (y or r) and start in ("k", "kh", "g"):
        start = {"k": "ky", "kh": "ch", "g": "gy"}[start]
    elif y or r:
        start += "y"
    if h:
        start = {"y": "sh", "ly": "sh"}.get(start, "h" + start)
    rhymes = tables.mapping("burmese_rhymes")
    if rest in rhymes:
        return start + rhymes[rest]
    return start + ("w" if w else "") + rhymes.get(rest.replace("\u103d", ""), "a")


def reading(words: Sequence[str]) -> tuple[str, ...]:
    """Return the Latin syllables of all words."""
    return tuple(romanise(part) for word in words for part in syllables(word))


def with_side(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the reading of a place whose last word is a side, such as north, with that word in English, as on maps."""
    side = tables.mapping("burmese_sides").get(words[-1], "") if len(words) > 1 else ""
    return [(*reading(words[:-1]), side)] if side else []
