"""Dates as agencies write them: fixed formats with unknown parts, the Buddhist era, seconds since 1970.

All of them come out in the form that records hold, `{value, calendar?, original?}`, in the Gregorian calendar and
with no more precision than the source has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from gateway.clock import from_us
from gateway.errors import Malformed

DateValue = dict[str, Any]

_TOKENS = {"yyyy": r"(?P<y>\d{4})", "yy": r"(?P<s>\d{2})", "mm": r"(?P<m>\d{1,2})", "dd": r"(?P<d>\d{1,2})"}
_FIXED = {"mm": r"(?P<m>\d{2})", "dd": r"(?P<d>\d{2})"}
_FORMAT = re.compile(r"(yyyy|yy|mm|dd)")

ERA_OFFSET = 543
_FIRST_BUDDHIST_YEAR = 2400
_NEW_YEAR_MOVED = 2484
"""BE 2484 (1941) was the first year that began in January; before it, January to March lay a year later."""

_THAI_MONTHS = (
    ("ม.ค.", "มกราคม"), ("ก.พ.", "กุมภาพันธ์"), ("มี.ค.", "มีนาคม"), ("เม.ย.", "เมษายน"),
    ("พ.ค.", "พฤษภาคม"), ("มิ.ย.", "มิถุนายน"), ("ก.ค.", "กรกฎาคม"), ("ส.ค.", "สิงหาคม"),
    ("ก.ย.", "กันยายน"), ("ต.ค.", "ตุลาคม"), ("พ.ย.", "พฤศจิกายน"), ("ธ.ค.", "ธันวาคม"),
)  # fmt: skip
_MONTH_NUMBER = {word.replace(".", ""): n for n, words in enumerate(_THAI_MONTHS, 1) for word in words}
_THAI_DIGITS = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")
_THAI_NUMBERS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})", re.ASCII)
_THAI_WORDS = re.compile(r"(\d{1,2})\s*([^\d\s]+)\s*(\d{4}|\d{2})", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)


def unreadable(what: str) -> Malformed:
    """The error for a value that cannot be read; the value itself is not in it, since it may be personal."""
    return Malformed(f"not {what}", code="unreadable")


def partial(year: int, month: int, day: int) -> str:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD`; zero means unknown. `Malformed` when there is no such day."""
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        raise unreadable("a day of the calendar") from None
    if not month:
        return f"{year:04d}"
    return f"{year:04d}-{month:02d}-{day:02d}" if day else f"{year:04d}-{month:02d}"


def date_format(text: str) -> re.Pattern[str] | None:
    """The pattern of a format such as `dd/mm/yyyy` or `yyyymmdd`; None when it is not one."""
    parts = _FORMAT.split(text)
    tokens = parts[1::2]
    if len(set(tokens)) != len(tokens) or not {"yyyy", "yy"} & set(tokens) or any(map(str.isalnum, parts[::2])):
        return None
    shapes = _TOKENS if any(parts[2:-1:2]) else _TOKENS | _FIXED
    pattern = "".join(shapes[part] if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile(pattern, re.ASCII)


def date_reader(patterns: list[re.Pattern[str]], pivot: int) -> Callable[[Any], DateValue | None]:
    """A reader of dates in any of `patterns`. Years of two digits above `pivot` belong to the century before.

    A year of zeros means that nothing is known: None.
    """

    @lru_cache(maxsize=65_536)  # all days of two centuries
    def day(text: str) -> str | None:
        for pattern in patterns:
            match = pattern.fullmatch(text)
            if match:
                return _read_match(match.groupdict(), pivot)
        if text.strip("0") == "":
            return None
        raise unreadable("a date in the mapping's formats")

    def read(value: Any) -> DateValue | None:
        found = day(str(value))
        return None if found is None else {"value": found, "calendar": "GREG"}

    return read


def _read_match(parts: dict[str, str | None], pivot: int) -> str | None:
    if parts.get("y"):
        year = int(parts["y"] or 0)
    else:
        short = int(parts["s"] or 0)
        year = short + (1900 if short > pivot else 2000)
    if not year:
        return None
    return partial(year, int(parts.get("m") or 0), int(parts.get("d") or 0))


def thai_date(value: Any) -> DateValue:
    """A date of the Buddhist era in the habits of Thai clerks.

    `17/01/2505`, `18 ก.ค. 2563`, `17/01/05` (era without its century), `00/00/2505` (only the year is known),
    `2505`; a year below 2400 was typed in the common era. The text is kept as `original`.
    """
    text = str(value).translate(_THAI_DIGITS)
    day, month, year_text = _thai_parts(text)
    year = int(year_text)
    if len(year_text) == 2:
        year += 2400 if year > 69 else 2500
    if year < _FIRST_BUDDHIST_YEAR:
        return {"value": partial(year, month, day), "calendar": "GREG", "original": str(value)}
    shifted = year < _NEW_YEAR_MOVED and 1 <= month <= 3
    gregorian = year - ERA_OFFSET + (1 if shifted else 0)
    return {"value": partial(gregorian, month, day), "calendar": "BE", "original": str(value)}


def _thai_parts(text: str) -> tuple[int, int, str]:
    match = _THAI_NUMBERS.fullmatch(text)
    if match:
        return int(match[1]), int(match[2]), match[3]
    if _YEAR.fullmatch(text):
        return 0, 0, text
    match = _THAI_WORDS.fullmatch(text)
    month = _MONTH_NUMBER.get(match[2].replace(".", "")) if match else None
    if match is None or month is None:
        raise unreadable("a date of the Buddhist era")
    return int(match[1]), month, match[3]


def epoch_date(value: Any) -> DateValue:
    """The day (UTC) of a number of seconds since 1970."""
    return {"value": from_us(_seconds(value) * 1_000_000).strftime("%Y-%m-%d"), "calendar": "GREG"}


def epoch_time(value: Any) -> str:
    """The moment of a number of seconds since 1970, as RFC 3339 text in UTC."""
    return from_us(_seconds(value) * 1_000_000).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(value: Any) -> int:
    try:
        seconds = int(value)
        from_us(seconds * 1_000_000)
    except (ValueError, OverflowError, TypeError):
        raise unreadable("a number of seconds since 1970") from None
    return seconds
