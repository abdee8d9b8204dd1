"""Hours of the day as data of a national folder (`hours.toml`): the night, in which fewer may decide alone.

A rule may ask if it is night. A decision made by day is not kept into the night: `Window` says until when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from gateway.clock import MINUTE_US
from gateway.config.toml import TomlTable
from policy.cache import ALWAYS, Window

HOURS = "hours.toml"
_DAY_MINUTES = 24 * 60
_MAX_OFFSET = 14 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Night, in minutes after midnight UTC: from `since` (included) until `until` (excluded), over midnight or not."""

    since: int
    until: int

    def at(self, now_us: int) -> tuple[bool, Window]:
        """Tell whether it is night, and the time for which that stays so."""
        minute = now_us // MINUTE_US
        day, now = divmod(minute, _DAY_MINUTES)
        night = self._is_night(now)
        marks = sorted({self.since, self.until})
        before = max((day * _DAY_MINUTES + mark for mark in marks if mark <= now), default=0)
        if not before:
            before = (day - 1) * _DAY_MINUTES + marks[-1]
        after = min((day * _DAY_MINUTES + mark for mark in marks if mark > now), default=0)
        if not after:
            after = (day + 1) * _DAY_MINUTES + marks[0]
        return night, Window(before * MINUTE_US, after * MINUTE_US)

    def _is_night(self, minute: int) -> bool:
        if self.since <= self.until:
            return self.since <= minute < self.until
        return minute >= self.since or minute < self.until


def night_at(hours: Hours | None, now_us: int) -> tuple[bool, Window]:
    """Tell whether it is night at a time; never if a folder has no hours."""
    return hours.at(now_us) if hours is not None else (False, ALWAYS)


def read_hours(document: TomlTable) -> Hours:
    """Return the hours in a document: `night_from`, `night_until` (local times) and `utc_offset` in minutes."""
    document.only("night_from", "night_until", "utc_offset")
    offset = document.get("utc_offset", int)
    if abs(offset) > _MAX_OFFSET:
        document.fail("`utc_offset` is minutes, such as 420", "utc_offset")
    since, until = (document.get(key, time) for key in ("night_from", "night_until"))
    if since == until:
        document.fail("night has no length", "night_until")
    return Hours(*((at.hour * 60 + at.minute - offset) % _DAY_MINUTES for at in (since, until)))
