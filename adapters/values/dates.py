"""Dates as agencies write them: fixed formats with unknown parts, names of months, the Buddhist era.

Each becomes the form that records hold, `{value, calendar?, original?, estimated?}`, in the Gregorian calendar
and with no more precision than the source has. A year outside `FIRST_YEAR` to `LAST_YEAR` is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from adapters.values.conversion import unreadable
from adapters.values.months import MONTH_NUMBER
from gateway.clock import DAY_US

DateValue = dict[str, Any]

FIRST_YEAR, LAST_YEAR = 1850, 2150
"""Gregorian years that a date can have; 2566 in a Gregorian column is a Buddhist year, and refused."""

NEVER = 9999
"""The year of "without end" in many systems: nothing is known."""

FUTURE = "not a date that has been: it lies in the future"
"""The reason for a future day of birth or of issue: mostly two figures of a Buddhist year, read in another era."""

_EPOCH = date(1970, 1, 1)
_TOKENS = {
    "yyyy": r"(?P<y>\d{4})", "yy": r"(?P<s>\d{2})", "mm": r"(?P<m>\d{1,2})", "dd": r"(?P<d>\d{1,2})",
    "mon": r"(?P<n>[^\d\s/,-]+)",
}  # fmt: skip
_FIXED = {"mm": r"(?P<m>\d{2})", "dd": r"(?P<d>\d{2})"}
_FORMAT = re.compile(r"(yyyy|yy|mon|mm|dd)")
_TIME_OF_DAY = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"

ERA_OFFSET = 543
_FIRST_BUDDHIST_YEAR = 2400
_NEW_YEAR_MOVED = 2484
"""BE 2484 (1941) was the first year that began in January; before it, January to March lay a year later."""

_THAI_NUMBERS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})" + _TIME_OF_DAY, re.ASCII)
_THAI_WORDS = re.compile(r"(\d{1,2})[\s-]*([^\d\s-]+)[\s-]*(\d{4}|\d{2})" + _TIME_OF_DAY, re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)


def western_digits(text: str) -> str:
    """Return `text` with the digits of any script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text)


def partial(year: int, month: int, day: int) -> str:
    """Return `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; zero means unknown. Raises `Malformed` when there is no such day."""
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        raise unreadable("a day of the calendar") from None
    if not month:
        return f"{year:04d}"
    return f"{year:04d}-{month:02d}-{day:02d}" if day else f"{year:04d}-{month:02d}"


def checked_year(year: int) -> int:
    """Return the Gregorian `year`. Raises `Malformed` when it cannot be that of a person or a paper."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise unreadable(f"a year between {FIRST_YEAR} and {LAST_YEAR}")
    return year


def is_to_come(value: Any, now_us: int) -> bool:
    """Tell whether a date, or one of a list, lies in the future; one day is allowed for time zones."""
    latest = _day_after(now_us // DAY_US)
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, dict) and (text := each["value"]) > latest[: len(text)]:
            return True
    return False


@lru_cache(maxsize=4)
def _day_after(day: int) -> str:
    """Return the day after `day` (counted from 1970) as ISO text; cached, since each record needs it."""
    return (_EPOCH + timedelta(days=day + 1)).isoformat()


def date_format(text: str) -> re.Pattern[str] | None:
    """Return the pattern of a format such as `dd/mm/yyyy`, `dd-mon-yy` or `yyyymmdd`; None when it is not one."""
    parts = _FORMAT.split(text)
    tokens = parts[1::2]
    if len(set(tokens)) != len(tokens) or len({"yyyy", "yy"} & set(tokens)) != 1 or {"mon", "mm"} <= set(tokens):
        return None
    if any(map(str.isalnum, parts[::2])):
        return None
    shapes = _TOKENS if any(parts[2:-1:2]) else _TOKENS | _FIXED
    pattern = "".join(shapes[part] if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile(pattern + _TIME_OF_DAY, re.ASCII)


def date_reader(
    patterns: Sequence[re.Pattern[str]], pivot: int, *, buddhist: bool = False, bounded: bool = True
) -> Callable[[Any], DateValue | None]:
    """Return a reader of dates in any of `patterns`. Years of two digits above `pivot` belong to the century before.

    A year of zeros or of nines means that nothing is known: None. A time of day after the date is ignored. Without
    `bounded` any year is allowed: for days until which rows are valid.
    """

    @lru_cache(maxsize=65_536)  # all days of two centuries
    def day(text: str) -> DateValue | None:
        digits = western_digits(text)
        for pattern in patterns:
            match = pattern.fullmatch(digits)
            if match:
                return _read_match(match.groupdict(), text, pivot, buddhist, bounded)
        if digits.strip("0") == "":
            return None
        raise unreadable("a date in the mapping's formats")

    def read(value: Any) -> DateValue | None:
        found = day(str(value))
        return None if found is None else dict(found)

    return read


def _read_match(parts: dict[str, str | None], text: str, pivot: int, buddhist: bool, bounded: bool) -> DateValue | None:
    month = _month(parts)
    day = int(parts.get("d") or 0)
    if parts.get("y"):
        year = int(parts["y"] or 0)
        if not year or (year == NEVER and bounded):
            return None
    else:
        short = int(parts["s"] or 0)
        if not (short or month or day):
            return None
        year = short + (1900 if short > pivot else 2000) + (500 if buddhist else 0)
    if buddhist:
        return from_buddhist(year, month, day, text)
    return {"value": partial(checked_year(year) if bounded else year, month, day), "calendar": "GREG"}


def _month(parts: dict[str, str | None]) -> int:
    name = parts.get("n")
    if not name:
        return int(parts.get("m") or 0)
    month = MONTH_NUMBER.get(name.lower().replace(".", ""))
    if month is None:
        raise unreadable("the name of a month")
    return month


def from_buddhist(year: int, month: int, day: int, original: str) -> DateValue:
    """Return a date of the Buddhist era; `original` is kept.

    Before 1941 a year began in April, so a date without a month can lie in either of two years: it is `estimated`.
    """
    early = year < _NEW_YEAR_MOVED
    gregorian = checked_year(year - ERA_OFFSET + (1 if early and 1 <= month <= 3 else 0))
    made: DateValue = {"value": partial(gregorian, month, day), "calendar": "BE", "original": original}
    if early and not month:
        made["estimated"] = True
    return made


def thai_date(value: Any) -> DateValue:
    """Return a date of the Buddhist era in any form that Thai clerks use.

    `17/01/2505`, `18 ก.ค. 2563`, `18-ก.ค.-63`, `17/01/05` (era without its century), `00/00/2505` (only the year is
    known), `2505`; a year below 2400 was typed in the common era. The text is kept as `original`.
    """
    text = western_digits(str(value))
    day, month, year_text = _thai_parts(text)
    year = int(year_text)
    if len(year_text) == 2:
        year += 2400 if year > 69 else 2500
    if year < _FIRST_BUDDHIST_YEAR:
        return {"value": partial(checked_year(year), month, day), "calendar": "GREG", "original": str(value)}
    return from_buddhist(year, month, day, str(value))


def _thai_parts(text: str) -> tuple[int, int, str]:
    match = _THAI_NUMBERS.fullmatch(text)
    if match:
        return int(match[1]), int(match[2]), match[3]
    if _YEAR.fullmatch(text):
        return 0, 0, text
    match = _THAI_WORDS.fullmatch(text)
    month = MONTH_NUMBER.get(match[2].lower().replace(".", "")) if match else None
    if match is None or month is None:
        raise unreadable("a date of the Buddhist era")
    return int(match[1]), month, match[3]
