"""The time for which content is kept: ids of content keys, and ages such as `3y`.

Content is encrypted under one key for each retention class and month, so it is also erased by the month: a key is over
an age when the *end* of its month is. Nothing is erased before its time; an entry of the first day of a month is kept a
month longer than one of its last day.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from gateway.clock import from_us, to_us
from gateway.errors import Malformed

_KEY_ID = re.compile(r"([a-z0-9]{1,20})/(\d{4})-(0[1-9]|1[0-2])(?:\.([1-9]\d{0,5}))?", re.ASCII)
_AGE = re.compile(r"([1-9]\d{0,4})([ymd])", re.ASCII)
_MONTHS = {"y": 12, "m": 1}
_STEPS = re.compile(r"\d{1,15}(x\d{1,9})?( \d{1,15}(x\d{1,9})?)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ContentKeyId:
    """The parts of a key's id: `name` is its retention class; it protects content written in [start_us, end_us)."""

    id: str
    name: str
    start_us: int
    end_us: int

    @property
    def month(self) -> str:
        """The month, as in `2026-11`."""
        return self.id.partition("/")[2].partition(".")[0]


@dataclass(frozen=True, slots=True)
class ContentPlace:
    """Content under a month's key: its entry, and the wrapped content key."""

    log: str
    index: int
    exchange_id: str
    wrapped_key: bytes


def content_key_id(text: str) -> ContentKeyId:
    """Return the parts of `nohit/2026-11`, or of its successor `nohit/2026-11.2`; raise `Malformed` for others."""
    match = _KEY_ID.fullmatch(text)
    if match is None or match[2] == "0000":
        raise Malformed("`{text!a}` is not the id of a content key", where="key", text=text[:40])
    return ContentKeyId(text, match[1], *month_of(to_us(datetime(int(match[2]), int(match[3]), 1, tzinfo=UTC))))


def month_of(at_us: int) -> tuple[int, int]:
    """Return start and end of the month (UTC) that holds a time."""
    moment = from_us(at_us)
    start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return to_us(start), to_us(end)


def months_before(now_us: int, months: int) -> int:
    """Return the time `months` calendar months earlier; the last day of a shorter month where there is no such day."""
    moment = from_us(now_us)
    number = moment.year * 12 + moment.month - 1 - months
    year, month = divmod(number, 12)
    if year < 1970:
        return 0
    day = min(moment.day, monthrange(year, month + 1)[1])
    return to_us(moment.replace(year=year, month=month + 1, day=day))


def age_before(now_us: int, age: str) -> int:
    """Return the time that was `age` ago: `3y`, `36m` or `1100d`. Raises `Malformed`."""
    match = _AGE.fullmatch(age)
    if match is None:
        raise Malformed("`{age!a}` is not an age", where="age", remedy="such as 3y, 36m or 1100d", age=age[:20])
    count, unit = int(match[1]), match[2]
    if unit == "d":
        return max(0, now_us - timedelta(days=count) // timedelta(microseconds=1))
    return months_before(now_us, count * _MONTHS[unit])


def ranges(indexes: list[int]) -> str:
    """Return ascending indexes as text: `5,9-12`."""
    parts: list[list[int]] = []
    for index in indexes:
        if parts and parts[-1][1] == index - 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def outside_ranges(text: str, indexes: Iterable[int]) -> int | None:
    """Return the first of ascending `indexes` that is not in a text that `ranges` wrote, or None. Raises `Malformed`.

    Text and indexes are gone through once.
    """
    if not re.fullmatch(r"(\d{1,18}(-\d{1,18})?(,|$))*", text, re.ASCII):
        raise Malformed("not a list of indexes", where="indexes")
    parts = (part.partition("-") for part in text.split(",") if part)
    first, last = 0, -1
    for index in indexes:
        while last < index and (part := next(parts, None)) is not None:
            first, last = int(part[0]), int(part[2] or part[0])
        if not first <= index <= last:
            return index
    return None


def steps(indexes: Sequence[int]) -> str:
    """Return ascending indexes as the steps from each to the next, the first from 0: `17 1x5 3` is 17 to 22, and 25.

    A fifth of a log takes two characters for each entry, where the indexes themselves take seven.
    """
    parts = (
        f"{step}x{count}" if (count := len(list(same))) > 1 else f"{step}" for step, same in groupby(_steps(indexes))
    )
    return " ".join(parts)


def _steps(indexes: Sequence[int]) -> Iterator[int]:
    for before, index in pairwise([0, *indexes]):
        yield index - before


def read_steps(text: str, most: int) -> list[int]:
    """Return the indexes in a text that `steps` wrote. Raises `Malformed`, also where there are more than `most`."""
    if not _STEPS.fullmatch(text):
        raise Malformed("not a list of indexes", where="indexes")
    found: list[int] = []
    at = 0
    for part in text.split(" "):
        step, _, count = part.partition("x")
        times = int(count or 1)
        if len(found) + times > most or (found and step == "0") or (times > 1 and step == "0"):
            raise Malformed("not a list of at most {most} indexes", where="indexes", most=most)
        found += range(at + int(step), at + int(step) * times + 1, int(step) or 1)
        at += int(step) * times
    return found
