"""Text that has lost the marks above and below its letters, as old databases hold Khmer and Lao places: `កពងសរែ`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from gateway.matching.scripts import tables
from gateway.matching.scripts.detect import begins_word

_LEAST = 2
"""The least letters of a word without its marks that can still be recognised."""


def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign) == "Mn"


_SCRIPTS = (range(0x0E00, 0x1100), range(0x1780, 0x1800))
"""The blocks of Thai, Lao, Burmese and Khmer letters."""

_MARK = re.compile(f"[{''.join(chr(code) for block in _SCRIPTS for code in block if _is_mark(chr(code)))}]")


def is_damaged(words: Iterable[str]) -> bool:
    """Tell whether words have no marks at all; a few undamaged ones have none either."""
    return not any(_MARK.search(word) for word in words)


def unmarked(word: str) -> str:
    """Return `word` without its marks; vowels beside their letter are not marks. Lao `ຳ` loses its circle only."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", word) if not _is_mark(sign))


def restored(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return damaged `words` in which the usual words of places (`data/place_words.tsv`) have their marks again."""
    if not is_damaged(words):
        return words
    pattern, marked = _words()
    return tuple(pattern.sub(lambda found: _if_whole(found, marked), word) for word in words)


def _if_whole(found: re.Match[str], marked: dict[str, str]) -> str:
    """Return the word with its marks; unchanged if a vowel sign after it makes it another syllable."""
    rest = found.string[found.end() :]
    return marked[found[0]] if not rest or begins_word(rest) else found[0]


@cache
def _words() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return all damaged words as one pattern, the longest first, and their originals; the first in the table wins."""
    marked: dict[str, str] = {}
    for word, _ in tables.rows("place_words", 2):
        if len(bare := unmarked(word)) >= _LEAST:
            marked.setdefault(bare, word)
    return re.compile("|".join(map(re.escape, sorted(marked, key=len, reverse=True)))), marked
