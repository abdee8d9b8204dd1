"""Name countries in words, by the codes that documents and members have.

`catalogues/countries.json` is made by `make words` from CLDR.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from gateway.language.catalogue import CATALOGUES
from gateway.language.languages import Language


@cache
def _names() -> dict[str, dict[str, str]]:
    """Return the names of each country by language, under its codes of two and of three letters (ISO 3166-1)."""
    table = json.loads((CATALOGUES / "countries.json").read_text(encoding="utf-8"))
    return {code: row["names"] for row in table for code in row["codes"]}


def country(code: str, language: Language) -> str:
    """Return the name of the country with this code of two or three letters; an empty text for another code."""
    return _names().get(code.upper(), {}).get(language, "")


REGION: Mapping[str, Language] = {
    "th": Language.TH,
    "la": Language.LO,
    "kh": Language.KM,
    "mm": Language.MY,
    "vn": Language.VI,
    "cn": Language.ZH,
}
"""The members' countries, with the language that their officers read."""

_FORMER = frozenset({"BUR", "DDR", "FXX", "TMP", "XKK", "YMD", "ZAR"})
"""Codes of three letters that are in the table beside the one of today."""


def language_of_country(code: str) -> Language:
    """Return the language that officers of a country read; English where that is not known."""
    return REGION.get(code.lower(), Language.EN)


def countries(language: Language) -> dict[str, str]:
    """Return the names of all countries under their codes of three letters: the region's first, then by name."""
    current = [(code, names) for code, names in _names().items() if len(code) == 3 and code not in _FORMER]
    rows = [(code, names.get(language, "")) for code, names in current]
    region = {country(code, language) for code in REGION}
    return dict(sorted(((code, name) for code, name in rows if name), key=lambda row: (row[1] not in region, row[1])))


def with_country(code: str, language: Language) -> str:
    """Return a code behind the name of its country: `Cambodia (kh)`; the code alone where no country has it."""
    name = country(code, language)
    return f"{name} ({code})" if name else code
