"""Escape characters that could move a terminal's cursor or reverse its text."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Return `text` with control and direction characters escaped, so that nothing moves the cursor (CASE-L4)."""
    return "".join(
        character if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or character == "\n"
        else _escaped(character)
        for character in text
    )  # fmt: skip


def _escaped(character: str) -> str:
    """Return a character escaped as JSON does it: beyond U+FFFF as a pair."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
