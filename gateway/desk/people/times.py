"""Read local days and times, of duty lists, pages and commands: with either year, in the digits of any script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

from adapters.values.dates import western_digits
from gateway.clock import from_us, to_us
from gateway.errors import Malformed

OFFSETS: Mapping[str, int] = MappingProxyType({"cn": 480, "kh": 420, "la": 420, "mm": 390, "th": 420, "vn": 420})
"""Minutes by which a country's time is ahead of UTC. None of these has a summer time; others count as UTC."""

_ERA = 543
_FIRST_BUDDHIST_YEAR = 2400
_DAYS = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?P<rest>.*)", re.ASCII),
    re.compile(r"(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[/.-](?P<y>\d{4})(?P<rest>.*)", re.ASCII),
)
_HOUR = re.compile(
    r"([01]?[0-9]|2[0-3]|24(?=[:.]00))[:.]([0-5][0-9])(?:\s*(Z|[+-]\d{2}:?\d{2}))?(?: ?น\.?)?", re.ASCII | re.IGNORECASE
)
_TIME = re.compile(
    r"[T ]\s*(\d{1,2})[:.](\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d{2}:?\d{2})?(?: ?น\.?)?",
    re.ASCII | re.IGNORECASE,
)


def day_end_us(text: str, member: str) -> int:
    """Return the end of the day that a text names, in the country's time. Raises `Malformed`."""
    start, rest = _day(text)
    if rest:
        raise _unreadable(text, "2026-11-24 or 24/11/2569")
    return _us(start + timedelta(days=1), _zone(member), text)


def moment_us(text: str, member: str, *, or_day: bool = False) -> int:
    """Return the moment that a text names; without an offset it is the country's time. Raises `Malformed`.

    With `or_day` a day alone is a moment, too: its begin.
    """
    start, rest = _day(text)
    if or_day and not rest:
        return _us(start, _zone(member), text)
    found = _TIME.fullmatch(rest)
    if found is None:
        raise _unreadable(text, "2026-11-24 08:00 or 24/11/2569 08:00")
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        raise _unreadable(text, "a time from 00:00 to 24:00")
    micros = int((found[4] or "").ljust(6, "0"))
    at = start + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros)
    return _us(at, _zone(member) if found[5] is None else _offset(found[5]), text)


def near_us(text: str, member: str, now_us: int, *, back: bool = False, or_day: bool = False) -> int:
    """Return the next moment with an hour (`14:30`, in the digits of any script), with `back` the last one; or the
    moment that a day and a time name. Without an offset it is the country's time. Raises `Malformed`."""
    found = _HOUR.fullmatch(western_digits(text.strip()))
    if found is None:
        return moment_us(text, member, or_day=or_day)
    now = from_us(now_us).astimezone(_zone(member) if found[3] is None else _offset(found[3]))
    at = now.replace(hour=int(found[1]) % 24, minute=int(found[2]), second=0, microsecond=0)
    if back:
        return to_us(at if at <= now else at - timedelta(days=1))
    return to_us(at if at > now else at + timedelta(days=1))


def local_day(at_us: int, member: str, *, days: int = 0) -> int:
    """Return the begin of the day of a moment in the country's time, or of one so many days later."""
    now = from_us(at_us).astimezone(_zone(member))
    return to_us(now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days))


def _day(text: str) -> tuple[datetime, str]:
    digits = western_digits(text.strip())
    for pattern in _DAYS:
        if found := pattern.fullmatch(digits):
            year = int(found["y"])
            year -= _ERA if year >= _FIRST_BUDDHIST_YEAR else 0
            try:
                return datetime(year, int(found["m"]), int(found["d"])), found["rest"]  # noqa: DTZ001 - the zone comes last
            except ValueError:
                break
    raise _unreadable(text, "a day such as 2026-11-24 or 24/11/2569")


def _zone(member: str) -> timezone:
    return timezone(timedelta(minutes=OFFSETS.get(member, 0)))


def _offset(text: str) -> timezone:
    if text.upper() == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if minutes > 14 * 60 or int(text[-2:]) > 59:
        raise _unreadable(text, "an offset such as +07:00")
    return timezone(timedelta(minutes=-minutes if text.startswith("-") else minutes))


def _us(at: datetime, zone: timezone, text: str) -> int:
    try:
        return to_us(at.replace(tzinfo=zone))
    except (OverflowError, ValueError) as error:
        raise _unreadable(text, "a day of our time") from error


def _unreadable(text: str, wanted: str) -> Malformed:
    return Malformed("`{text}` cannot be read: write {wanted}", code="bad-people", text=text[:40], wanted=wanted)
