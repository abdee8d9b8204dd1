"""Pinyin in Latin letters, syllable by syllable: the part shared by a Chinese name and one that is written as one word.

Pinyin is an orthography: `jing` is not a slip for `qing`, but another syllable. So two different names in pinyin
are alike by the syllables that they share, in their order, more than by single letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from rapidfuzz.distance import Indel

SYLLABLE = (
    "(?:[zcs]h|[bpmfdtnlgkhjqrxzcsyw])?"
    "(?:iang|iong|uang|ang|eng|ing|ong|uai|iao|ian|uan|ai|ei|ui|ao|ou|iu|ie|ue|er|an|en|in|un|ia|ua|uo|[aeiou])"
)
"""Expression for one syllable of pinyin without tones, a little wider than the language."""

_WHOLE = re.compile(f"(?![iuv]){SYLLABLE}")
_LONGEST = 6
_NEAR = 0.3
"""The weight of two syllables that are nearly the same; the less alike, the less."""
_MAX_CUTS = 8
"""Ways to cut a word that are tried: `xian` is one syllable or two."""


def shared(syllables: tuple[str, ...], word: str) -> float | None:
    """Return the common part of a name in `syllables` and the pinyin `word`, from 0 to 1; None if it is not pinyin."""
    cuts = _cuts(word)
    if not cuts:
        return None
    asked = tuple(map(_plain, syllables))
    if "".join(asked) == word:
        return 1.0
    return max(2 * _common(asked, cut) / (len(asked) + len(cut)) for cut in cuts)


def _plain(syllable: str) -> str:
    """Return the syllable with u-umlaut as `u`, as Latin letters without diacritics have it, not as passports do."""
    return {"lyu": "lu", "nyu": "nu"}.get(syllable, syllable)


@lru_cache(maxsize=16384)
def _cuts(word: str) -> tuple[tuple[str, ...], ...]:
    return tuple(islice(_cut(word), _MAX_CUTS))


def _cut(word: str) -> Iterator[tuple[str, ...]]:
    if not word:
        yield ()
    for size in range(min(_LONGEST, len(word)), 0, -1):
        if _WHOLE.fullmatch(word, 0, size):
            yield from ((_plain(word[:size]), *rest) for rest in _cuts(word[size:]))


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    """Return the sum of the likeness of the syllables that both have in the same order."""
    line = [0.0] * (len(right) + 1)
    for one in left:
        above = line[:]
        for place, other in enumerate(right, 1):
            line[place] = max(above[place - 1] + _likeness(one, other), above[place], line[place - 1])
    return line[-1]


@lru_cache(maxsize=16384)
def _likeness(one: str, other: str) -> float:
    """Return 1 for the same syllable, less for one of the same rhyme or beginning."""
    return 1.0 if one == other else _NEAR * Indel.normalized_similarity(one, other)
