"""Moments and days out of numbers and texts: seconds since 1970, spreadsheets' days, times with or without a zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from adapters.values.conversion import Convert, Options, unreadable
from adapters.values.dates import DateValue, checked_year, western_digits
from gateway.clock import from_us
from gateway.errors import Misconfigured

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
EPOCH_UNITS = tuple(_PER_SECOND)
_RFC_3339 = "%Y-%m-%dT%H:%M:%SZ"
_SPREADSHEET = {1900: date(1899, 12, 30), 1904: date(1904, 1, 1)}
_NO_SUCH_DAY = 60
"""Spreadsheets of the 1900 system count 29 February 1900, a day that did not exist."""


def epoch_time(options: Options) -> Convert:
    """Return a converter from seconds (or `unit`) since 1970 to RFC 3339 text in UTC."""
    read = _epoch(options)
    return lambda value: read(value).strftime(_RFC_3339)


def epoch_date(options: Options) -> Convert:
    """Return a converter from seconds (or `unit`) since 1970 to the day in the zone `offset` hours ahead of UTC."""
    read, ahead = _epoch(options), timedelta(hours=_offset(options) or 0)
    return lambda value: _day((read(value) + ahead).date())


def _epoch(options: Options) -> Callable[[Any], datetime]:
    per_second = _PER_SECOND[options.get("unit", "s")]

    def read(value: Any) -> datetime:
        try:
            moment = from_us(int(value) * 1_000_000 // per_second)
        except (ValueError, OverflowError, TypeError):
            raise unreadable("a number of seconds since 1970") from None
        checked_year(moment.year)
        return moment

    return read


def excel_date(options: Options) -> Convert:
    """Return a converter from a spreadsheet's serial number to its day; the fraction, a time of day, is ignored."""
    system = 1904 if options.get("since_1904") else 1900
    first = _SPREADSHEET[system]

    def read(value: Any) -> DateValue:
        try:
            serial = int(float(western_digits(str(value))))
            if serial == _NO_SUCH_DAY and system == 1900:
                raise unreadable("a day of the calendar")
            shift = 1 if system == 1900 and serial < _NO_SUCH_DAY else 0
            found = first + timedelta(days=serial + shift)
        except (ValueError, OverflowError):
            raise unreadable("a spreadsheet's number of a day") from None
        if serial < 1:
            raise unreadable("a spreadsheet's number of a day")
        checked_year(found.year)
        return _day(found)

    return read


def moment(options: Options) -> Convert:
    """Return a converter from a text such as `2026-11-24 08:30:00` to RFC 3339 text in UTC.

    A text without a zone is a time `offset` hours ahead of UTC; without that option it is unreadable.
    """
    read = _moment(options)
    return lambda value: read(value).astimezone(UTC).strftime(_RFC_3339)


def moment_date(options: Options) -> Convert:
    """Return a converter from a moment to its day where clocks are `offset` hours ahead of UTC."""
    read, offset = _moment(options), _offset(options)
    if offset is None:
        raise Misconfigured("`moment-date` needs `offset`", remedy="hours ahead of UTC, such as 7")
    zone = timezone(timedelta(hours=offset))
    return lambda value: _day(read(value).astimezone(zone).date())


def _moment(options: Options) -> Callable[[Any], datetime]:
    offset = _offset(options)
    zone = None if offset is None else timezone(timedelta(hours=offset))

    def read(value: Any) -> datetime:
        text = western_digits(str(value))
        try:
            found = datetime.fromisoformat(text) if len(text) > len("2026-11-24") else None
        except ValueError:
            found = None
        if found is None or (found.tzinfo is None and zone is None):
            raise unreadable("a moment")
        checked_year(found.year)
        return found if found.tzinfo else found.replace(tzinfo=zone)

    return read


def _offset(options: Options) -> int | None:
    offset: int | None = options.get("offset")
    if offset is not None and not -12 <= offset <= 14:
        raise Misconfigured("`offset` cannot be {offset}", remedy="hours ahead of UTC, -12 to 14", offset=offset)
    return offset


def _day(found: date) -> DateValue:
    return {"value": found.isoformat(), "calendar": "GREG"}
