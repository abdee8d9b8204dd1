"""Write days and moments in the form of a language: month names of CLDR, Latin digits, both eras in Thai.

`catalogues/dates.json` is made by `make words` from CLDR, so that no calendar library is needed at run time.

Moments are told in UTC, to the second; after `tell_times_of` in the time of a place, to the minute, as people there
read them. What proves something is not told by these functions.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any

from gateway.language.catalogue import CATALOGUES
from gateway.language.languages import Language

BUDDHIST_YEARS = 543
"""Years by which the Buddhist era is ahead of the Gregorian calendar."""


_AHEAD: ContextVar[int | None] = ContextVar("minutes by which the reader's time is ahead of UTC", default=None)


def tell_times_of(minutes_ahead: int) -> None:
    """Tell moments in the time of a place, for what the running task shows from now on."""
    _AHEAD.set(minutes_ahead)


def local(at: datetime) -> datetime:
    """Return a moment in the time of the reader's place, in UTC without one."""
    return at.astimezone(timezone(timedelta(minutes=_AHEAD.get() or 0)))


@cache
def _forms() -> dict[str, Any]:
    return dict(json.loads((CATALOGUES / "dates.json").read_text(encoding="utf-8")))


def day(of: date, language: Language) -> str:
    """Return a day in words: `27 November 2026`, `27 พฤศจิกายน พ.ศ. 2569 (ค.ศ. 2026)`."""
    return _told(of, language, "day")


def named_day(of: date, language: Language) -> str:
    """Return a day in words with its name: `Friday, 27 November 2026`."""
    return _told(of, language, "named_day")


def year(number: int, language: Language) -> str:
    """Return a year, in both eras in Thai."""
    return str(_forms()[language]["year"]).format(year=number, buddhist=number + BUDDHIST_YEARS)


def _told(of: date, language: Language, form: str) -> str:
    words = _forms()[language]
    return str(words[form]).format(
        day=of.day,
        number=of.month,
        month=words["months"][of.month - 1],
        year=of.year,
        buddhist=of.year + BUDDHIST_YEARS,
        weekday=words["weekdays"][of.weekday()],
    )


def time_of_day(text: str) -> str:
    """Return the hour and minute of an RFC 3339 time, in the country's time where it is set."""
    at = datetime.fromisoformat(text)
    return f"{local(at):%H:%M}" if _AHEAD.get() is not None else f"{at:%H:%M} UTC"


def moment(text: str, language: Language) -> str:
    """Return an RFC 3339 time in words; one that cannot be read as it is, and UTC in English, too."""
    is_local = _AHEAD.get() is not None
    if language is Language.EN and not is_local:
        return text
    try:
        at = local(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # the last year of the calendar has no later hour
        return text
    return f"{day(at.date(), language)} {at:%H:%M}" if is_local else f"{day(at.date(), language)} {at:%H:%M:%S} UTC"
