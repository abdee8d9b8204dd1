"""Texts of officers, made safe for programs that show them: no hidden characters, no markup, no formula."""

from __future__ import annotations

import re
import unicodedata

from gateway.language.terms import OFFENCES

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_KEPT = frozenset("\n\t\u200b\u200c\u200d\u2060")
_MARKUP = re.compile(r"(?<=\])(?=[(\[:])|(?<=<)(?=[A-Za-z/!?])")
_FORMULA = frozenset("=+-@|%\uff1d\uff0b\uff0d\uff20")
_NEXT_CELL = re.compile(r"([;\t|]['\" \n\u00a0\u200b-\u200d\u2060]*+)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""The bounds of cells where a list is separated by something else than commas, as it is in Viet Nam."""


def flat(text: str) -> str:
    """Return a text without characters that steer a display, and without what Markdown or HTML would act on.

    Joiners of scripts stay: Khmer, Lao and Burmese words are written with them.
    """
    kept = "".join(
        letter
        for letter in unicodedata.normalize("NFC", text)
        if letter in _KEPT or unicodedata.category(letter) not in _UNSEEN
    )
    return _MARKUP.sub(" ", kept).strip()


def cell(value: object) -> str:
    """Return a value as a cell of CSV that no spreadsheet takes for a formula."""
    text = _NEXT_CELL.sub(r"\1'", flat(str(value)))
    # A spreadsheet skips what is not seen before it looks for the sign.
    start = text.lstrip("\t\n \u00a0\u200b\u200c\u200d\u2060")[:1]
    return "'" + text if start and start in _FORMULA and not _is_number(text) else text


def title(offence: str) -> str:
    """Return the name of a report on an offence."""
    words = OFFENCES.get(offence, OFFENCES["OTHER"])
    return words[:1].upper() + words[1:]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text, re.ASCII) is not None
