"""Make text ready for people: no character that moves a terminal's cursor or reverses text, no parts of seconds."""

from __future__ import annotations

import re
import unicodedata

_HIDING = ("Cc", "Cf", "Cs", "Zl", "Zp")
_KEPT = frozenset("\n\r\t\u200b\u200c\u200d\u2060")
_FRACTION = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{1,6}(?=Z)")


def printable(text: str) -> str:
    """Return `text` with control and direction characters escaped, so that nothing moves the cursor (CASE-L4)."""
    return "".join(
        _escaped(character) if _hides(character) and character != "\n" else character
        for character in text
    )  # fmt: skip


def readable(text: str) -> str:
    """Return `text` for a page, with control and direction characters escaped.

    They would show what follows otherwise than it was sent. The invisible characters that Khmer, Burmese, Lao and Thai
    need between words and in syllables stay, and so do line breaks and tabs.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(sign) if _hides(sign) and sign not in _KEPT else sign for sign in text)


def _hides(character: str) -> bool:
    return unicodedata.category(character) in _HIDING


def whole_seconds(text: str) -> str:
    """Return `text` with its times (RFC 3339) cut to whole seconds; JSON and evidence keep the rest."""
    return _FRACTION.sub(r"\1", text)


def _escaped(character: str) -> str:
    """Return a character escaped as JSON does it: beyond U+FFFF as a pair."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
