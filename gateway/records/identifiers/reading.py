"""The result of reading an identifier: its normal form, its faults, and the meaning of its parts."""

from __future__ import annotations

import unicodedata
from typing import Any, NoReturn

import msgspec

from gateway.errors import Malformed

MAX_TEXT = 200
"""The most characters that a reader takes; no identifier is longer."""


class Reading(msgspec.Struct, frozen=True):
    """`text` is the normal form. `problems` make it invalid; `remarks` deserve a look and do not.

    `parts` are the contents of the identifier, by name.
    """

    kind: str
    text: str
    parts: dict[str, Any]
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """True if there are no problems."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return the reading as JSON values."""
        return {
            "kind": self.kind,
            "text": self.text,
            "valid": self.valid,
            "problems": list(self.problems),
            "remarks": list(self.remarks),
            "parts": self.parts,
        }


def bounded(text: str, kind: str, limit: int = MAX_TEXT) -> str:
    """Return `text`. Raises `Malformed` if it is empty, too long or has control characters, before any other work."""
    if len(text) > limit:
        raise Malformed("more than {limit} characters", code="too-long", where=kind, limit=limit)
    if not text.strip():
        raise Malformed("there is nothing to read", code="missing", where=kind)
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co") and sign not in "\r\n\t" for sign in text):
        raise Malformed("control characters are not allowed", code="bad-text", where=kind)
    return text


def refuse(kind: str, message: str, remedy: str) -> NoReturn:
    """Raise `Malformed`: the text is not of this kind."""
    raise Malformed(message, code=f"not-a-{kind}", where=kind, remedy=remedy)
