"""Write days and moments in the form of a language: month names of CLDR, Latin digits, both eras in Thai.

`catalogues/dates.json` is made by `make words` from CLDR, so that no calendar library is needed at run time.

Moments are told in UTC, to the second; after `tell_times_of` in the time of a place, to the minute, as people there
read them; after `name_the_zone` in that time, to the second, with its zone (`2026-12-02 14:02:05 +07:00`), as commands
print them. What proves something is not told by these functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any

from gateway.language.catalogue import CATALOGUES
from gateway.language.languages import Language

BUDDHIST_YEARS = 543
"""Years by which the Buddhist era is ahead of the Gregorian calendar."""


_AHEAD: ContextVar[int | None] = ContextVar("minutes by which the reader's time is ahead of UTC", default=None)
_ZONE: ContextVar[Callable[[], int] | None] = ContextVar("asks for them, where times have a zone", default=None)

_UTC = re.compile(
    r"\"[^\"\n]*\"|`(?!liaison )[^`\n]*`"
    r"|(?<![\w\"'.:+/-])(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)(?![\w\"'/])",
    re.ASCII,
)
_OF_AN_OPTION = re.compile(r"--[a-z-]+[ =]\Z", re.ASCII)
_LONGEST_OPTION = 40


def tell_times_of(minutes_ahead: int) -> None:
    """Tell moments in the time of a place, for what the running task shows from now on."""
    _AHEAD.set(minutes_ahead)


def name_the_zone(minutes_ahead: Callable[[], int]) -> None:
    """Tell moments with their zone, for what the running task shows from now on; the zone is asked for when needed."""
    _ZONE.set(minutes_ahead)


def local(at: datetime) -> datetime:
    """Return a moment in the time of the reader's place, in UTC without one."""
    ahead, zone = _AHEAD.get(), _ZONE.get()
    if ahead is None:
        ahead = zone() if zone is not None else 0
    return at.astimezone(timezone(timedelta(minutes=ahead)))


def zoned(at: datetime) -> str:
    """Return a moment as commands print and read it: `2026-12-02 14:02:05 +07:00`."""
    return f"{local(at):%Y-%m-%d %H:%M:%S %:z}"


def with_zones(line: str) -> str:
    """Return a line with each time in UTC (RFC 3339) in the reader's time, where times are told with their zone.

    The time of an option in a command keeps its form, and is exact: the line is there to be given to a shell. What
    is in quotes is part of a document, and what is between backticks was written by somebody: both stay.
    """
    if _ZONE.get() is None:
        return line

    def told(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        try:
            at = datetime.fromisoformat(found[1])
            return (
                local(at).isoformat()
                if _OF_AN_OPTION.search(line[max(0, found.start() - _LONGEST_OPTION) : found.start()])
                else zoned(at)
            )
        except (ValueError, OverflowError):  # the last year of the calendar has no later hour
            return found[1]

    return _UTC.sub(told, line)


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
    at = local(datetime.fromisoformat(text))
    return f"{at:%H:%M}" if _AHEAD.get() is not None else f"{at:%H:%M} {_zone_name(at)}"


def moment(text: str, language: Language) -> str:
    """Return an RFC 3339 time in words; one that cannot be read as it is, and UTC in English, too."""
    is_local = _AHEAD.get() is not None
    if language is Language.EN and not is_local:
        return with_zones(text)
    try:
        at = local(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # the last year of the calendar has no later hour
        return text
    told = day(at.date(), language)
    return f"{told} {at:%H:%M}" if is_local else f"{told} {at:%H:%M:%S} {_zone_name(at)}"


def _zone_name(at: datetime) -> str:
    return "UTC" if _ZONE.get() is None else f"{at:%:z}"
