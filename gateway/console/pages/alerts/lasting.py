"""Choose for how long something holds, from a short list of lengths that need no calendar."""

from __future__ import annotations

from gateway.console.frame.shapes import Option
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language

USUAL_H = 72
_LENGTHS = (6, 24, USUAL_H, 168, 720, 2_160)
_HIDDEN = (6, 12, 24, 48)


def length_words(hours: int, language: Language) -> str:
    """Return a length of time in words."""
    if hours < 72:
        return tell(language, "{count} hours", count=hours)
    return tell(language, "{count} days", count=hours // 24)


def lengths(language: Language, chosen: str = str(USUAL_H)) -> list[Option]:
    """Return the lengths for which an alert may hold."""
    return [Option(str(hours), length_words(hours, language), chosen=str(hours) == chosen) for hours in _LENGTHS]


def hidden_lengths(language: Language, chosen: str) -> list[Option]:
    """Return for how long an alert may be kept at home; first that it is not."""
    first = Option("", tell(language, "not at all: it goes out at once"))
    some = (Option(str(hours), length_words(hours, language), chosen=str(hours) == chosen) for hours in _HIDDEN)
    return [first, *some]


def lasting(text: str, where: str) -> int:
    """Return the hours of a length that was chosen. Raises `Malformed` for one of no list."""
    if text not in map(str, (*_LENGTHS, *_HIDDEN)):
        raise Malformed("choose one of the lengths of time", code="bad-length", where=where)
    return int(text)
