"""Show clocks of work: until when, and how long that is."""

from __future__ import annotations

from gateway.clock import MINUTE_US, rfc3339_s
from gateway.console.frame.shapes import Clock
from gateway.console.frame.times import hour
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.ports.desk import Work

_SOON_US = 15 * MINUTE_US


def clock_of(work: Work, now_us: int, language: Language) -> Clock | None:
    """Return the clock of work; None once it is done, and without a countdown while it stands."""
    if work.done_us:
        return None
    if work.paused_us:
        since = hour(work.paused_us, now_us, language)
        return Clock("", tell(language, "its clock stands since {time}", time=since))
    return countdown(work.due_us, now_us, language)


def countdown(due_us: int, now_us: int, language: Language) -> Clock:
    """Return a time that is counted down to."""
    due = rfc3339_s(due_us)
    if now_us >= due_us:
        return Clock(due, tell(language, "overdue since {time}", time=hour(due_us, now_us, language)), "danger")
    text = tell(language, "until {time}", time=hour(due_us, now_us, language))
    left_us = due_us - now_us
    return Clock(due, f"{text} ({length(left_us, language)})", "warn" if left_us <= _SOON_US else "")


def length(span_us: int, language: Language) -> str:
    """Return a length of time in its largest unit."""
    minutes = span_us // MINUTE_US
    if minutes < 120:
        return tell(language, "in {count} min", count=minutes)
    if minutes < 48 * 60:
        return tell(language, "in {count} hours", count=minutes // 60)
    return tell(language, "in {count} days", count=minutes // (24 * 60))
