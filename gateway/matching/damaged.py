"""Text that has lost the marks above and below its letters, as old data bases hold Khmer and Lao places: `កពងសរែ`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from gateway.matching import tables
from gateway.matching.scripts import begins_word

_LEAST = 2
"""Letters that a word without its marks must have to be known again."""


def is_damaged(words: Iterable[str]) -> bool:
    """Whether words have no marks at all; so may a few that have lost none."""
    return not any(unicodedata.category(sign) == "Mn" for word in words for sign in word)


def unmarked(word: str) -> str:
    """`word` without its marks; vowels that stand beside their letter are none. Lao `ຳ` has lost its circle only."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", word) if unicodedata.category(sign) != "Mn")


def restored(words: tuple[str, ...]) -> tuple[str, ...]:
    """Damaged `words` in which the usual words of places (`data/place_words.tsv`) have their marks again."""
    if not is_damaged(words):
        return words
    pattern, marked = _words()
    return tuple(pattern.sub(lambda found: _if_whole(found, marked), word) for word in words)


def _if_whole(found: re.Match[str], marked: dict[str, str]) -> str:
    """The word with its marks; what was found as it is where a vowel sign after it makes it another syllable."""
    rest = found.string[found.end() :]
    return marked[found[0]] if not rest or begins_word(rest) else found[0]


@cache
def _words() -> tuple[re.Pattern[str], dict[str, str]]:
    """All damaged words as one pattern, the longest first, and what each was; of two the first of the table counts."""
    marked: dict[str, str] = {}
    for word, _ in tables.rows("place_words", 2):
        if len(bare := unmarked(word)) >= _LEAST:
            marked.setdefault(bare, word)
    return re.compile("|".join(map(re.escape, sorted(marked, key=len, reverse=True)))), marked
