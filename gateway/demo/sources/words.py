"""Common given names, family names, places, firms and goods for the invented databases (`words.tsv`)."""

from __future__ import annotations

from pathlib import Path

Words = tuple[tuple[str, str], ...]
"""Pairs of a word in its own script and in Latin letters; of goods, pairs of a tariff number and a description."""

_ROWS = [line.split("\t") for line in Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8").splitlines()]


def _words(name: str) -> Words:
    return tuple((first, second) for table, first, second in _ROWS if table == name)


THAI_MEN = _words("thai men")
THAI_WOMEN = _words("thai women")
THAI_FAMILIES = _words("thai families")
THAI_PROVINCES = _words("thai provinces")
VIETNAMESE_FAMILIES = _words("vietnamese families")
VIETNAMESE_MIDDLES = _words("vietnamese middles")
VIETNAMESE_GIVEN = _words("vietnamese given")
VIETNAMESE_PROVINCES = _words("vietnamese provinces")
KHMER_FAMILIES = _words("khmer families")
KHMER_GIVEN = _words("khmer given")
KHMER_PROVINCES = _words("khmer provinces")
FIRMS = _words("firms")
GOODS = _words("goods")
