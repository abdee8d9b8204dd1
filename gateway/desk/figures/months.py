"""Read a month, in the time of the country."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import msgspec

from gateway.clock import from_us, to_us
from gateway.desk.people.times import OFFSETS
from gateway.errors import Malformed

_MONTH = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])", re.ASCII)


class Month(msgspec.Struct, frozen=True):
    """A month: its name (`2026-11`), and its bounds in microseconds since 1970."""

    name: str
    since_us: int
    until_us: int


def month_of(name: str, member: str) -> Month:
    """Return a month of a member's country. Raises `Malformed`."""
    found = _MONTH.fullmatch(name)
    if found is None:
        raise Malformed("a month is written as `2026-11`", code="bad-month", where="month")
    year, month, zone = int(found[1]), int(found[2]), _zone(member)
    first = datetime(year, month, 1, tzinfo=zone)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return Month(name, to_us(first), to_us(after))


def month_at(now_us: int, member: str) -> Month:
    """Return the month of a member's country in which a time lies."""
    return month_of(f"{from_us(now_us).astimezone(_zone(member)):%Y-%m}", member)


def _zone(member: str) -> timezone:
    return timezone(timedelta(minutes=OFFSETS.get(member, 0)))
