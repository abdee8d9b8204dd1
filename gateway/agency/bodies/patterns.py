"""The forms of values in bodies, for the OpenAPI document: what is written so is not refused for its form.

The checks themselves are those of `gateway.model`, which name the place and the remedy.
"""

from __future__ import annotations

from typing import Any

from gateway.records import codes

_FORBIDDEN = "\u0000-\u001f\u007f-\u009f\ue000-\uf8ff\U000f0000-\U0010fffd"
"""Control characters, and those of private areas."""

_BLANK = "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TEXT = f"[{_BLANK}]*[^{_BLANK}{_FORBIDDEN}][^{_FORBIDDEN}]*"
"""Text that is more than blanks."""

_IDENTIFIER = "[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
_REFERENCE = "[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?"

THIS_YEAR = "<this year>"
"""Stands in the document until it is served or written: nobody is born later."""

_YEAR = f"(?:18[5-9][0-9]|19[0-9]{{2}}|{THIS_YEAR})"
_LEAP = "(?:18(?:5[26]|[68][048]|[79][26])|19(?:0[48]|[2468][048]|[13579][26])|20(?:0[048]|1[26]|2[04]))"
_DAY = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])"


def _form(pattern: str, *, optional: bool = False) -> dict[str, Any]:
    return {"pattern": f"^(?:{pattern})?$" if optional else f"^(?:{pattern})$"}


TEXT = _form(_TEXT)
TEXT_OR_NONE = _form(_TEXT, optional=True)
MEMBER = _form("[a-z]{2}")
IDENTIFIER = _form(_IDENTIFIER)
IDENTIFIER_OR_NONE = _form(_IDENTIFIER, optional=True)
REFERENCE = _form(_REFERENCE)
REFERENCE_OR_NONE = _form(_REFERENCE, optional=True)
EXCHANGE_ID = _form("[0-9a-f]{32}")
IDEMPOTENCY_KEY = _form('"?[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"?', optional=True)
CONTAINER = _form("[A-Z]{4} ?[0-9]{6}[ -]?[0-9]")
FLAG_OR_NONE = _form("|".join(sorted(codes.countries())), optional=True)
COUNTRY_OR_NONE = _form("|".join(sorted({*codes.countries(), *codes.issuers()})), optional=True)
ISSUER_OR_NONE = _form("|".join(sorted(codes.issuers())), optional=True)
BIRTH = _form(f"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_YEAR}-(?:{_DAY})|{_LEAP}-02-29")

CASE_OR_TICKET: list[Any] = [
    {"required": [name], "properties": {name: {"minLength": 1}}} for name in ("case", "ticket")
]
"""Of `anyOf`: at least one of the two is given."""

RECEIVER_OR_OTHER_USE: list[Any] = [
    {"required": ["to"], "properties": {"to": {"type": "object"}}},
    {"properties": {"use": {"not": {"const": "pass-on"}}}},
]
"""Of `anyOf`: passing on says to whom."""


def years_to(year: int) -> str:
    """Return the pattern of the years of this century up to `year`."""
    tens, ones = divmod(year % 100, 10)
    return f"20(?:[0-{tens - 1}][0-9]|{tens}[0-{ones}])"
