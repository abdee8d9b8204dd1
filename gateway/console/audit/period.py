"""Read the period of a form: whole days, the last one included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from gateway.clock import to_us
from gateway.console.frame.shapes import Field
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language


def period_us(since: str, until: str) -> tuple[int, int]:
    """Return the bounds of a period in microseconds since 1970; 0 where there is none. Raises `Malformed`."""
    bounds = _day_us(since, "since"), _day_us(until, "until", days=1)
    if bounds[1] and bounds[0] >= bounds[1]:
        raise Malformed("the period ends before it begins", code="bad-date", where="until")
    return bounds


def period_fields(since: str, until: str, faults: dict[str, str], language: Language) -> list[Field]:
    """Return the two fields of a period."""
    named = (("since", tell(language, "From this day"), since), ("until", tell(language, "To this day"), until))
    return [
        Field(name, label, value, fault=faults.get(name, ""), kind="date", width="width-10")
        for name, label, value in named
    ]


def _day_us(text: str, name: str, days: int = 0) -> int:
    """Return the beginning of a day, or of one some days later; 0 for none. Raises `Malformed`."""
    if not text:
        return 0
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise Malformed("this is no day", code="bad-date", where=name) from None
    return to_us(datetime(day.year, day.month, day.day, tzinfo=UTC))
