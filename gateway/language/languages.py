"""List the languages, and choose one by the header of a caller (RFC 9110, section 12.5.4)."""

from __future__ import annotations

import re
from enum import StrEnum

_RANGE = re.compile(r"\s*(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")
_MOST_RANGES = 32


class Language(StrEnum):
    """A language that officers read; English is complete, and stands in where a translation is missing."""

    EN = "en"
    TH = "th"
    LO = "lo"
    KM = "km"
    MY = "my"
    VI = "vi"
    ZH = "zh"


OTHERS = tuple(language for language in Language if language is not Language.EN)
"""The languages that have a catalogue."""


def accepted(header: str) -> Language:
    """Return the language that an `Accept-Language` header weighs highest, the first of equals; English if none fits.

    A range fits by its first subtag: `zh-Hans-CN` is Chinese. A range that is not written as RFC 9110 says is left out.
    """
    weights: dict[Language, float] = {}
    for part in header.split(",", _MOST_RANGES)[:_MOST_RANGES]:
        if not (found := _RANGE.fullmatch(part)):
            continue
        named = found[1].partition("-")[0].lower()
        language = Language.EN if named == "*" else next((item for item in Language if item == named), None)
        if language is not None:
            weights.setdefault(language, float(found[2] or 1))
    best = max(weights, key=lambda language: weights[language], default=Language.EN)
    return best if weights.get(best) else Language.EN
