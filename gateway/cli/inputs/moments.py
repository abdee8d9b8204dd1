"""Read a moment that is near: `14:30` of today or tomorrow in the country's own time, or a day and a time."""

from __future__ import annotations

from typing import Any

import click

from gateway.clock import SystemClock, rfc3339
from gateway.desk.people.times import near_us
from gateway.errors import Malformed


class Near:
    """A moment as it was given; it is read in the time of a country."""

    def __init__(self, text: str) -> None:
        self.text = text

    def at(self, member: str) -> str:
        """Return the moment (RFC 3339): the next one with this hour, where no day was given. Raises `Malformed`."""
        return rfc3339(near_us(self.text, member, SystemClock().now_us()))


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
