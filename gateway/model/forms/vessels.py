"""One form of the numbers of a vessel: its IMO number, its MMSI, and what is painted on it.

Boats on the Mekong have neither IMO number nor MMSI. They are known by their local registration, which may be told as
call sign or as marks on the hull, so that these three are compared with each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import Malformed
from gateway.model.forms.numbers import ascii_digits, compact, imo_check_digit

IMO, MMSI, MARK = "imo", "mmsi", "mark"
"""The kinds of numbers of a vessel."""

MEMBERS: Mapping[str, tuple[str, ...]] = {
    IMO: ("imo",),
    MMSI: ("mmsi",),
    MARK: ("call_sign", "local_reg", "hull_marks"),
}
"""The members of a vessel, in records and in mappings, that hold a number of each kind."""

_IMO = re.compile(r"(?:IMO)?(?:NO)?(?P<number>\d{7})", re.ASCII)
_FIGURES = re.compile(r"\d+", re.ASCII)
_MMSI = re.compile(r"(?:MMSI)?(?P<number>[2-7]\d{8})", re.ASCII)


def imo_form(text: str) -> str:
    """Return the seven digits of an IMO number; empty where the text is none, or its check digit does not fit."""
    found = _IMO.fullmatch(compact(text))
    digits = found["number"] if found else ""
    return digits if digits and imo_check_digit(digits[:6]) == int(digits[6]) else ""


def mmsi_form(text: str) -> str:
    """Return the nine digits of an MMSI; empty where the text is none."""
    found = _MMSI.fullmatch(compact(text))
    return found["number"] if found else ""


def check_numbers(imo: str, mmsi: str) -> None:
    """Raise `Malformed` for an IMO number or an MMSI in a wrong form; empty ones pass."""
    if imo and not imo_form(imo):
        raise Malformed(
            "no IMO number, or its last digit does not fit the six before it",
            code="bad-imo",
            where="query.imo",
            remedy="seven digits, such as `IMO 9074729`",
        )
    if mmsi and not mmsi_form(mmsi):
        raise Malformed(
            "not nine digits that begin with 2 to 7",
            code="bad-mmsi",
            where="query.mmsi",
            remedy="such as `574001230`",
        )


def vessel_form(text: str) -> str:
    """Return a number of a vessel in its one form, of whichever kind it is."""
    return imo_form(text) or mmsi_form(text) or compact(text)


def named_alike(one: str, other: str) -> bool:
    """Tell whether two names of vessels have the same figures: `Mekong 7` is not `Mekong 8`, however alike they are."""
    return _figures(one) == _figures(other)


def _figures(name: str) -> list[int]:
    return [int(figures) for figures in _FIGURES.findall(ascii_digits(name))]


def numbers_of(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of each number of a vessel."""
    for kind, members in MEMBERS.items():
        for member in members:
            text = item.get(member)
            if isinstance(text, str) and text:
                yield kind, text
