"""Refuse values that a question cannot mean: a year of another calendar, a country's code that no document bears.

Such a question would end as "no hit", which a reader may take for an answer. The refusal names the probable meaning.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.clock import SystemClock
from gateway.errors import Malformed
from gateway.model.values import PartialDate
from gateway.records import codes
from gateway.records.identifiers.national_ids import SCHEMES

FIRST_YEAR = 1850
"""The earliest year of birth of a person whose records are asked for."""

_BUDDHIST = 543
_EARLIEST_ZONE = timedelta(hours=14)
_ALIKE = 5


def check_birth(birth: PartialDate, where: str) -> None:
    """Raise `Malformed` for a year of birth before 1850 or after this year (of the earliest time zone)."""
    year = int(birth.value[:4])
    last = (SystemClock().now() + _EARLIEST_ZONE).year
    if FIRST_YEAR <= year <= last:
        return
    remedy = "a year of the Gregorian calendar from {first} to {last}"
    message = "nobody was born in {year}" if year < FIRST_YEAR else "{year} lies ahead"
    gregorian = year - _BUDDHIST
    if FIRST_YEAR <= gregorian <= last:
        message = "{year} is a Buddhist year: {gregorian}?"
    facts = {"year": year, "gregorian": gregorian, "first": FIRST_YEAR, "last": last}
    raise Malformed(message, code="birth-year", where=where, remedy=remedy, **facts)


def check_issuer(code: str, where: str) -> None:
    """Raise `Malformed` for a code that is not in ISO 3166-1 alpha-3 or ICAO Doc 9303-3; an empty one passes."""
    if not code or code in codes.issuers():
        return
    meant = codes.alpha3().get(code)
    message = "{text} is an alpha-2 code: {meant}" if meant else "`{text}` is no code of a country or issuer"
    remedy = "three letters of ISO 3166-1 or ICAO, such as {nearest}"
    facts = {"text": code[:20], "meant": meant, "nearest": meant or _nearest(code) or "LAO"}
    raise Malformed(message, code="unknown-issuer", where=where, remedy=remedy, **facts)


def check_scheme(scheme: str, where: str) -> None:
    """Raise `Malformed` for a scheme of identity numbers that names no country; an empty one passes.

    Other agencies' schemes are not known here, but each begins with its country (`KHM-NID`); only the name of one that
    can be read (`CCCD`) stands alone.
    """
    country, _, name = scheme.partition("-")
    if not scheme or (name and country in codes.issuers()) or any(known.endswith(f"-{scheme}") for known in SCHEMES):
        return
    message = "`{text}` is no scheme of identity numbers"
    remedy = "a country's three letters and the name of its number, such as {nearest}; or leave it out"
    facts = {"text": scheme[:20], "nearest": "THA-PIN"}
    raise Malformed(message, code="unknown-scheme", where=where, remedy=remedy, **facts)


def _nearest(text: str) -> str:
    """Return the code of the country whose name or code begins alike; empty where none does."""
    known, asked = codes.issuers(), _squeezed(text)
    for code, name in known.items():
        if len(asked) >= _ALIKE and _squeezed(name).startswith(asked):
            return code
    return code if (code := text.strip().upper()[:3]) in known else ""


def _squeezed(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalpha())
