"""Read a moment that is near: `14:30` of today or tomorrow in the country's own time, or a day and a time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click

from gateway.clock import SystemClock, from_us, rfc3339, to_us
from gateway.desk.people.times import OFFSETS, moment_us
from gateway.errors import Malformed

_HOUR = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])", re.ASCII)


class Near:
    """A moment as it was given; it is read in the time of a country."""

    def __init__(self, text: str) -> None:
        self.text = text

    def at(self, member: str) -> str:
        """Return the moment (RFC 3339): the next one with this hour, where no day was given. Raises `Malformed`."""
        found = _HOUR.fullmatch(self.text.strip())
        if found is None:
            return rfc3339(moment_us(self.text, member))
        ahead = timedelta(minutes=OFFSETS.get(member, 0))
        now = from_us(SystemClock().now_us()) + ahead
        at = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        return rfc3339(to_us((at if at > now else at + timedelta(days=1)) - ahead))


class Moment(click.ParamType[Near]):
    """An hour (`14:30`), or a day with a time."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Near:
        """Return the moment. Raises `BadParameter` for a text that is none."""
        near = value if isinstance(value, Near) else Near(str(value))
        try:
            near.at("")
        except Malformed as error:
            raise click.BadParameter(f"{error.message} (or an hour, such as 14:30)", ctx, param) from error
        return near
