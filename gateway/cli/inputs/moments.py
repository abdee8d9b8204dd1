"""Read the times of all options of commands: in one form, and in the time of the country whose home it is."""

from __future__ import annotations

import difflib
import re
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import click
from click.core import ParameterSource

from adapters.values.dates import western_digits
from gateway.cli.speech import Speech
from gateway.clock import MINUTE_US, SECOND_US, SystemClock, from_us
from gateway.desk.people.times import local_day, moment_us, near_us
from gateway.errors import Malformed
from gateway.language.dates import zoned

FORMS = "2026-11-24T09:30, 2026-11-24 09:30 +07:00, 2026-11-24, 09:30, yesterday, 36h or 7d"
"""What is named to someone whose time cannot be read."""

_SPAN = re.compile(r"([0-9]{1,4})\s*(min|minutes?|h|hours?|d|days?|w|weeks?)(\s+ago)?", re.ASCII)
_MINUTES = MappingProxyType({"m": 1, "h": 60, "d": 1_440, "w": 10_080})
_DAYS = MappingProxyType({"yesterday": -1, "today": 0, "tomorrow": 1})
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_MONTH = re.compile(r"[0-9]{4}-[0-9]{1,2}", re.ASCII)
_ZONE = re.compile(r".*:[0-9]{2}(?:\.[0-9]+)?\s*(?:Z|[+-][0-9]{2}:?[0-9]{2})", re.ASCII | re.IGNORECASE)
_SECOND = re.compile(r".*[:.][0-9]{2}:[0-9]{2}(?![0-9.]).*", re.ASCII)


class Time(click.ParamType[datetime]):
    """A day with an hour and a zone, or in the country's time; a day, month or year, which means its begin; an hour.

    Or words: `now`, `yesterday`, `36h`. What an hour or a span means is before now, with `ahead` after now. A time
    that was given without a zone is told with the one that was understood, unless the command answers in JSON. With
    `whole_second` it is the end of what is found: a second that was printed is in it, with all its fractions.
    """

    name = "TIME"

    def __init__(self, *, ahead: bool = False, in_utc: bool = False, whole_second: bool = False) -> None:
        self._ahead, self._in_utc, self._whole_second = ahead, in_utc, whole_second

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, in UTC. Raises `BadParameter`, which names the nearest word and the forms."""
        if isinstance(value, datetime):
            return value
        speech = (ctx.find_object(Speech) if ctx else None) or Speech()
        text = western_digits(str(value).strip())
        try:
            at_us = self._read_us(text.lower(), "" if self._in_utc else speech.member())
            if at_us < 0:  # `1430` is an hour that somebody wrote, and no year of ours
                raise Malformed("a time before 1970", where="time")
            at, understood = from_us(at_us), zoned(from_us(at_us))
        except (Malformed, OverflowError) as error:
            near = difflib.get_close_matches(text.lower(), ("now", *_DAYS), 1, 0.6)
            advice = f"did you mean `{near[0]}`? " if near else ""
            told = f"`{value}` is no time; {advice}give {FORMS}"
            raise click.BadParameter(told, ctx, param) from error
        is_told = speech.context is not None and not speech.answers_in_json
        if ctx and param and is_told and not _ZONE.fullmatch(text) and not _is_default(ctx, param):
            click.echo(f"{param.opts[0]}: {understood}", err=True)
        return at + timedelta(seconds=1) if self._whole_second and _SECOND.fullmatch(text) else at

    def _read_us(self, text: str, member: str) -> int:
        now_us = SystemClock().now_us() // SECOND_US * SECOND_US
        if text == "now":
            return now_us
        if text in _DAYS:
            return local_day(now_us, member, days=_DAYS[text])
        if span := _SPAN.fullmatch(text):
            long_us = int(span[1]) * _MINUTES[span[2][0]] * MINUTE_US
            return now_us + long_us if self._ahead and not span[3] else now_us - long_us
        if _YEAR.fullmatch(text) or _MONTH.fullmatch(text):
            return moment_us(f"{text}-1" if "-" in text else f"{text}-1-1", member, or_day=True)
        return near_us(text, member, now_us, back=not self._ahead, or_day=True)


def _is_default(context: click.Context, param: click.Parameter) -> bool:
    return context.get_parameter_source(str(param.name)) is ParameterSource.DEFAULT


TIME = Time()
"""A time of what was: entries, a loss."""

TIME_UNTIL = Time(whole_second=True)
"""A time until which entries are found."""

TIME_OF_FIGURES = Time(in_utc=True)
"""A time at which figures begin or end: their months and days are those of UTC, and so is a time without a zone."""

TIME_AHEAD = Time(ahead=True)
"""A time of what is to be: until when something stands."""
