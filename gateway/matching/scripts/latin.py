"""Latin letters: plain form without diacritics, sound of a word across romanisations, and skeleton of consonants."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

from gateway.matching.scripts import tables

_CLASSES = str.maketrans({"b": "p", "d": "t", "g": "k", "N": "n", "r": "l", "C": "c", "W": "w", "Y": "y"})
_VOWELS = frozenset("aeiou")
_MARKS = frozenset("\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323")
"""Combining marks of Vietnamese: grave, acute, circumflex, tilde, breve, hook, horn, dot below."""

_TONES = "[\u0300\u0301\u0303\u0309\u0323]"
_TONE_BEFORE = re.compile(f"(o)({_TONES})([ae])$|(u)({_TONES})(y)$")
"""A tone as the old spelling has it: `hòa`, `thúy` for `hoà`, `thuý`."""

_LONG_I = re.compile(f"^(qu|[hklmst])y({_TONES}?)$")
"""A final y for which the spelling of schools has `i`: `Mĩ`, `Quí` for `Mỹ`, `Quý`."""


@lru_cache(maxsize=65536)
def plain(word: str) -> str:
    """Return `word` as lower-case ASCII letters; D-stroke and others without a decomposition are replaced, too."""
    if word.isascii():
        return word.lower()
    bare = "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(c))
    return anyascii(bare).lower()


def is_marked(text: str) -> bool:
    """Tell whether Latin `text` has diacritics that Vietnamese uses, D-stroke included."""
    return not text.isascii() and any(c in _MARKS or c in "đĐ" for c in unicodedata.normalize("NFD", text))


@lru_cache(maxsize=65536)
def one_spelling(word: str) -> str:
    """Return a Vietnamese `word` in lower case, with one way to place a tone and to write a final I."""
    if word.isascii():
        return _LONG_I.sub(r"\1i", word.lower())
    apart = unicodedata.normalize("NFD", word.casefold())
    apart = _LONG_I.sub(r"\1i\2", _TONE_BEFORE.sub(r"\1\3\2\4\6\5", apart))
    return unicodedata.normalize("NFC", apart)


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """Return the sound of a plain Latin word (rules in `data/latin_sounds.tsv`); capitals stand for CH, NG, W and Y."""
    return tables.rewrite(word, tables.rules("latin_sounds"))


@lru_cache(maxsize=65536)
def skeleton(said: str) -> str:
    """Return the classes of consonants of a `sound`; doubled ones count once, and a vowel at the start is `a`."""
    found, before = ("a", "") if said[:1] in _VOWELS else ("", "")
    for place, letter in enumerate(said):
        if letter in _VOWELS:
            before = ""
        elif not (letter in "YhW" and place and said[place - 1] not in _VOWELS):
            kind = letter.translate(_CLASSES)
            found += kind if kind != before else ""
            before = kind
    return found
