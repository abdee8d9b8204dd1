"""What stands before or after the name of a place in Latin letters and says only its kind.

Chinese kinds are joined to the name in pinyin (`Yulinshi`), Vietnamese ones stand before it (`Huyện`, `Thị trấn`).
The kinds of a Chinese place in characters are in `han`.
"""

from __future__ import annotations

import re
from functools import cache

from gateway.matching import latin, tables
from gateway.matching.syllables import SYLLABLE

_PINYIN_PLACE = re.compile(f"((?:{SYLLABLE}){{2,4}}?)(?:xian|zhen|xiang|shi|qu|cun)")
"""A place in pinyin with its kind joined to it."""

_SEAT = frozenset({"chengguanzhen", "chengguan", "chengguanqu"})
"""The town at the seat of a county, which bears the county's name."""


def without_kind(words: tuple[str, ...], reading: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The plain `reading` of the Latin `words` without the kind of place; empty where they have none.

    A Vietnamese kind that has lost its diacritics counts only where the table says that it cannot be a name.
    """
    if len(words) == len(reading) and (count := _leading_kind(words)):
        return [reading[count:]]
    if len(reading) == 2 and reading[1] in _SEAT:
        return [reading[:1]]
    found = _PINYIN_PLACE.fullmatch(reading[0]) if len(reading) == 1 else None
    return [(found[1],)] if found else []


def _leading_kind(words: tuple[str, ...]) -> int:
    """How many first words are a kind, less than all."""
    for count in (2, 1):
        if len(words) > count and " ".join(words[:count]).casefold() in _kinds():
            return count
    return 0


@cache
def _kinds() -> frozenset[str]:
    rows = tables.rows("viet_kinds", 3)
    marked = {kind for kind, _, _ in rows}
    return frozenset(marked | {" ".join(map(latin.plain, kind.split())) for kind, plain, _ in rows if plain == "plain"})
