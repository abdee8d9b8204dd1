"""What a reader says of an identifier: its normal form, whether it is right, why not, and what its parts mean."""

from __future__ import annotations

import unicodedata
from typing import Any, NoReturn

import msgspec

from gateway.errors import Malformed

MAX_TEXT = 200
"""Characters that a reader looks at; no identifier is longer."""


class Reading(msgspec.Struct, frozen=True):
    """`text` is the normal form. `problems` make it invalid; `remarks` are worth a look and do not.

    `parts` are what the identifier says, by name.
    """

    kind: str
    text: str
    parts: dict[str, Any]
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong with it."""
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
    """Return `text`, unless it is empty, too long or holds control characters (`Malformed`): checked before any other
    work.
    """
    if len(text) > limit:
        raise Malformed("more than {limit} characters", code="too-long", where=kind, limit=limit)
    if not text.strip():
        raise Malformed("there is nothing to read", code="missing", where=kind)
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co") and sign not in "\r\n\t" for sign in text):
        raise Malformed("control characters are not allowed", code="bad-text", where=kind)
    return text


def refuse(kind: str, message: str, remedy: str) -> NoReturn:
    """Raise `Malformed`: the text is none of this kind."""
    raise Malformed(message, code=f"not-a-{kind}", where=kind, remedy=remedy)
