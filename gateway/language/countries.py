"""Name countries in words, by the codes that documents and members have.

`catalogues/countries.json` is made by `make words` from CLDR.
"""

from __future__ import annotations

import json
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


def with_country(code: str, language: Language) -> str:
    """Return a code behind the name of its country: `Cambodia (kh)`; the code alone where no country has it."""
    name = country(code, language)
    return f"{name} ({code})" if name else code
