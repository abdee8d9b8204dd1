"""Check single values of queries: each check raises `Malformed` with the probable meaning of a value in a wrong form.

Which value is checked by what stands in one table (`gateway.records.identifiers.query_forms`).
"""

from __future__ import annotations

from datetime import timedelta

from gateway.clock import from_us
from gateway.errors import Malformed
from gateway.model.query import NationalIdQuery
from gateway.records import codes
from gateway.records.identifiers.containers import read_container
from gateway.records.identifiers.national_ids import SCHEMES, read_national_id

FIRST_YEAR = 1850
"""The earliest year of birth of a person whose records are asked for."""

_BUDDHIST = 543
_EARLIEST_ZONE = timedelta(hours=14)
_ALIKE = 5
_CONTAINER_SIGNS = 11


def check_birth(birth: str, where: str, now_us: int) -> None:
    """Raise `Malformed` for a date with a year before 1850 or after this year (of the earliest time zone)."""
    year = int(birth[:4])
    last = (from_us(now_us) + _EARLIEST_ZONE).year
    if FIRST_YEAR <= year <= last:
        return
    remedy = "a year of the Gregorian calendar from {first} to {last}"
    message = "nobody was born in {year}" if year < FIRST_YEAR else "{year} lies ahead"
    gregorian = year - _BUDDHIST
    if FIRST_YEAR <= gregorian <= last:
        message = "{year} is a Buddhist year: {gregorian}?"
    facts = {"year": year, "gregorian": gregorian, "first": FIRST_YEAR, "last": last}
    raise Malformed(message, code="birth-year", where=where, remedy=remedy, **facts)


def check_issuer(code: str, where: str, _now_us: int = 0) -> None:
    """Raise `Malformed` for a code that is not in ISO 3166-1 alpha-3 or ICAO Doc 9303-3; an empty one passes."""
    if not code or code in codes.issuers():
        return
    meant = codes.alpha3().get(code)
    message = "{text} is an alpha-2 code: {meant}" if meant else "`{text}` is no code of a country or issuer"
    remedy = "three letters of ISO 3166-1 or ICAO, such as {nearest}"
    facts = {"text": code[:20], "meant": meant, "nearest": meant or _nearest(code) or "LAO"}
    raise Malformed(message, code="unknown-issuer", where=where, remedy=remedy, **facts)


def check_scheme(scheme: str, where: str, _now_us: int = 0) -> None:
    """Raise `Malformed` for a scheme of identity numbers that names no country; an empty one passes.

    Other agencies' schemes are not known here, but each begins with its country (`KHM-NID`); only the name of one that
    can be read (`CCCD`) stands alone.
    """
    country, _, name = scheme.partition("-")
    if not scheme or (name and country in codes.issuers()) or _known_scheme(scheme):
        return
    message = "`{text}` is no scheme of identity numbers"
    remedy = "a country's three letters and the name of its number, such as {nearest}; or leave it out"
    facts = {"text": scheme[:20], "nearest": "THA-PIN"}
    raise Malformed(message, code="unknown-scheme", where=where, remedy=remedy, **facts)


def check_number_of_scheme(query: NationalIdQuery, now_us: int) -> None:
    """Raise `Malformed` for a number that is none of a scheme whose numbers can be read; a wrong check digit passes."""
    scheme = _known_scheme(query.scheme)
    if not scheme:
        return
    try:
        read_national_id(query.number, scheme, from_us(now_us).date())
    except Malformed as error:
        raise Malformed(
            "this is no number of the scheme {scheme}",
            code="bad-query",
            where="query.number",
            remedy="correct it, or leave the scheme out",
            scheme=scheme,
        ) from error


def _known_scheme(scheme: str) -> str:
    """Return the scheme with numbers that can be read which this is, with or without its country; empty for another."""
    return next((known for known in SCHEMES if scheme and (known == scheme or known.endswith(f"-{scheme}"))), "")


def check_container(number: str, where: str, _now_us: int) -> None:
    """Raise `Malformed` for a number that has not the form of ISO 6346; a wrong check digit passes."""
    try:
        if len(read_container(number).text) == _CONTAINER_SIGNS:
            return
    except Malformed:
        pass
    raise Malformed(
        "this is no container number of ISO 6346: four letters, six digits and the check digit",
        code="bad-query",
        where=where,
        remedy="such as `CSQU 305438-3`",
    )


def check_registered(code: str, where: str, _now_us: int) -> None:
    """Raise `Malformed` for a country of registration that is neither alpha-2 nor alpha-3: agencies write both."""
    if code not in codes.countries():
        check_issuer(code, where)


def check_flag(code: str, where: str, _now_us: int) -> None:
    """Raise `Malformed` for a flag that is no country of ISO 3166-1."""
    if code not in codes.countries():
        raise Malformed(
            "`{flag!a}` is no flag of two letters",
            code="bad-query",
            where=where,
            remedy="such as `LA`",
            flag=code[:40],
        )


def _nearest(text: str) -> str:
    """Return the code of the country whose name or code begins alike; empty where none does."""
    known, asked = codes.issuers(), _squeezed(text)
    for code, name in known.items():
        if len(asked) >= _ALIKE and _squeezed(name).startswith(asked):
            return code
    return code if (code := text.strip().upper()[:3]) in known else ""


def _squeezed(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalpha())
