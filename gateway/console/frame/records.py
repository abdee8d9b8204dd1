"""Show the fields of a record: each in words, and each foreign text under its own language."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from gateway.console.frame.shapes import Row, Text
from gateway.console.frame.times import plain_day
from gateway.language.languages import Language
from gateway.views.search.fields import told_fields

BIRTH = "birth"
"""The field whose value may be a year alone."""

_LATIN = "LATIN"
_LANGUAGES = {"THAI": "th", "LAO": "lo", "KHMER": "km", "MYANMAR": "my", "CJK": "zh"}
"""The language by which letters of a script are shaped and read aloud, under the first word of their Unicode names."""


def record_rows(fields: Mapping[str, Any], record_type: str, language: Language) -> tuple[Row, ...]:
    """Return the fields of a record as the lines of a summary."""
    return tuple(
        Row(name, tuple(foreign(plain_day(value, language, years=field == BIRTH)) for value in values))
        for field, name, values in told_fields(fields, record_type, language)
    )


def as_written(text: str) -> tuple[Text, ...]:
    """Return what a person wrote, apart from the page's own words; nothing where nothing was written."""
    told = foreign(text)
    return (told if isinstance(told, Text) else Text(told),) if text else ()


def foreign(text: str) -> Text | str:
    """Return a text under the language of its first letter that is not Latin; a Latin one as it is."""
    for sign in text:
        script = unicodedata.name(sign, "").partition(" ")[0] if sign.isalpha() else _LATIN
        if script != _LATIN:
            return Text(text, _LANGUAGES.get(script, ""))
    return text
