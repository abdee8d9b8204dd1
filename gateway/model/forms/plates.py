"""One form of a registration plate: the province apart from the number, however both are in one text.

`กข 1234 เชียงราย`, `ภ្នំពេញ 2A-1234` and `YGN 5K/1234` have their province with them. On a Vietnamese or Chinese plate it
is a part of the number, and stays there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

from gateway.model.forms.numbers import ascii_digits, compact

_LOCAL = "ก-ฮກ-ຮໜໝក-អက-အ"
"""Letters of plates in Thai, Lao, Khmer and Burmese script."""

_MARKED = "ก-๛ກ-ໟក-៓က-႟"
"""Letters of the same scripts with vowels and tones, as in the name of a province."""

_SERIES = rf"(?:\d{{0,2}}[{_LOCAL}]{{1,3}}|\d[A-Z]{{1,2}})"
_BEFORE = re.compile(
    rf"(?P<province>[A-Z]{{3,}}|[{_MARKED}]{{3,}})(?P<plate>\d[A-Z]{{1,2}}\d{{4}}|\d[{_LOCAL}]{{1,3}}\d{{1,4}})"
)
_AFTER = re.compile(rf"(?P<plate>{_SERIES}\d{{1,4}})(?P<province>[A-Z]{{3,}}|[{_MARKED}]{{2,}})")
_ALONE = re.compile(rf"{_SERIES}\d{{1,4}}")
_WORD_BEFORE = re.compile(
    rf"\s*(?P<province>[A-Za-z]{{3,}}(?:\s+[A-Za-z]{{3,}})*|[{_MARKED}.]{{3,}})[\s,/-]+(?P<plate>\S.*)", re.DOTALL
)

_CHINESE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼滬雲遼魯蘇贛晉陝閩貴粵寧瓊][A-Z]"
)
_SIMPLIFIED = str.maketrans("滬雲遼魯蘇贛晉陝閩貴粵寧瓊掛學", "沪云辽鲁苏赣晋陕闽贵粤宁琼挂学")
_VIETNAMESE = re.compile(r"\d{2}[A-ZĐ]{1,2}\d{4,6}")

_PROVINCE_WORDS = re.compile(
    "^(?:จังหวัด|จ\\.|จ |ແຂວງ|ຂ\\.|ខេត្ត|រាជធានី|province of |tỉnh |thành phố |tp\\.? ?)|(?: province)$", re.IGNORECASE
)


_LONGEST = 80
"""The most signs of a plate with its province."""

_SHORT_WORD = "จ"
"""Stands for จังหวัด (province) before a name, once its dot is gone."""


class Plate(NamedTuple):
    """The number of a plate without blanks, and the province that stood with it; empty where none did."""

    number: str
    province: str


def split_plate(text: str) -> Plate:
    """Return the number and the province in `text`, both as `compact` writes them."""
    whole = compact(text)
    if len(text) > _LONGEST:
        return Plate(whole, "")
    if _CHINESE.match(whole):
        return Plate(whole.translate(_SIMPLIFIED), "")
    if _VIETNAMESE.fullmatch(whole):
        return Plate(whole.replace("Đ", "D"), "")
    if whole.isascii() and whole[:1].isdigit() and not whole[-1:].isalpha():
        return Plate(whole, "")
    found = _AFTER.fullmatch(whole) or _BEFORE.fullmatch(whole)
    if found:
        return Plate(found["plate"], found["province"])
    parted = _WORD_BEFORE.fullmatch(ascii_digits(text))
    if parted and _ALONE.fullmatch(plate := compact(parted["plate"])):
        return Plate(plate, compact(parted["province"]))
    return Plate(whole, "")


def province_form(province: str) -> str:
    """Return a plate's province without the word for province, blanks and case; abbreviations stand for their name."""
    bare = compact(_PROVINCE_WORDS.sub("", unicodedata.normalize("NFC", province).strip()))
    if bare[:1] == _SHORT_WORD and bare[1:] in _names():
        return bare[1:]
    return _full_names().get(bare, bare)


@cache
def _names() -> frozenset[str]:
    return frozenset(_full_names().values())


@cache
def _full_names() -> Mapping[str, str]:
    """Return the full names of provinces by their other names, both as `compact` writes them."""
    text = resources.files("gateway.model.forms").joinpath("plate_provinces.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {compact(other): compact(name) for name, *others in rows for other in others}
