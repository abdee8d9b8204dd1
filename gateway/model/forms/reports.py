"""Say by what reports on methods and routes are looked for, check it, and read the periods that it names."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from gateway.errors import Malformed

MOST_SIGNS = 200
"""The most characters of the words, and of the place, by which reports are looked for."""

MAX_TEXTS = 6_000
"""The most characters of all texts of a report together: each is looked at for names of persons."""

_MOST_MONTHS = 120
_CROSSING = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}[a-z0-9]", re.ASCII)
_PERIOD = re.compile(r"(\d{4}(?:-(?:0[1-9]|1[0-2]))?)(?:(?:/|\.\.)(\d{4}(?:-(?:0[1-9]|1[0-2]))?))?", re.ASCII)


class ReportTerms(msgspec.Struct, frozen=True):
    """The words and codes by which reports are looked for; what is empty leaves it open, and all else must fit.

    `text` are words in any script. `place` is a place of the route: a crossing point's id, a UN/LOCODE or a name in any
    script; `crossing` is a crossing point's id. `period` is a year or a month, or two with `/` between.
    """

    text: str = ""
    offence: str = ""
    place: str = ""
    crossing: str = ""
    period: str = ""


def check_terms(terms: ReportTerms, offences: Collection[str]) -> None:
    """Raise `Malformed` for an unknown code, or a period in a wrong form; empty ones pass."""
    if terms.offence and terms.offence not in offences:
        raise Malformed(
            "`{offence!a}` is no offence",
            code="bad-query",
            where="query.offence",
            remedy="one of {known}",
            offence=terms.offence[:40],
            known=", ".join(offences),
        )
    if terms.crossing and not _CROSSING.fullmatch(terms.crossing):
        raise Malformed(
            "`{crossing!a}` is no id of a crossing point",
            code="bad-query",
            where="query.crossing",
            remedy="such as `mae-sai.tachilek`; a name goes into `place`",
            crossing=terms.crossing[:40],
        )
    if terms.period and not is_period(terms.period):
        raise Malformed(
            "a period is a year or a month, or two with `/` between, of ten years at most",
            code="bad-query",
            where="query.period",
            remedy="such as `2026-03/2026-05`",
        )


def months(period: str) -> list[str]:
    """Return the months of a period, the last 120 of a longer one; empty for a text of another form."""
    begin, end = _bounds(period)
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(max(begin, end - _MOST_MONTHS), end)]


def is_period(period: str) -> bool:
    """Tell whether a text is a period of ten years at most: the first years of a longer one would not be found."""
    begin, end = _bounds(period)
    return 0 < end - begin <= _MOST_MONTHS


def _bounds(period: str) -> tuple[int, int]:
    """Return the first month of a period and the one after its last, both counted from the year 0."""
    found = _PERIOD.fullmatch(period.strip())
    if found is None:
        return 0, 0
    first, last = found[1], found[2] or found[1]
    start = first if len(first) > 4 else f"{first}-01"
    end = last if len(last) > 4 else f"{last}-12"
    return int(start[:4]) * 12 + int(start[5:]) - 1, int(end[:4]) * 12 + int(end[5:])
