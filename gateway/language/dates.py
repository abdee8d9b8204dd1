"""Write days and moments in the form of a language: month names of CLDR, Latin digits, both eras in Thai.

`catalogues/dates.json` is made by `make words` from CLDR, so that no calendar library is needed at run time.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import cache
from typing import Any

from gateway.language.catalogue import CATALOGUES
from gateway.language.languages import Language

BUDDHIST_YEARS = 543
"""Years by which the Buddhist era is ahead of the Gregorian calendar."""


@cache
def _forms() -> dict[str, Any]:
    return dict(json.loads((CATALOGUES / "dates.json").read_text(encoding="utf-8")))


def day(of: date, language: Language) -> str:
    """Return a day in words: `27 November 2026`, `27 พฤศจิกายน พ.ศ. 2569 (ค.ศ. 2026)`."""
    form = _forms()[language]
    month, buddhist = form["months"][of.month - 1], of.year + BUDDHIST_YEARS
    return str(form["day"]).format(day=of.day, number=of.month, month=month, year=of.year, buddhist=buddhist)


def moment(text: str, language: Language) -> str:
    """Return an RFC 3339 time of UTC in words; return it unchanged in English, and where it cannot be read."""
    if language is Language.EN:
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{day(at.date(), language)} {at:%H:%M:%S} UTC"
