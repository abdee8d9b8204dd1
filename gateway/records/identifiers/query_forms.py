"""The forms of the values of queries, in one table, and what refuses a value of another form.

A value of another form would end as "no hit", which both sides can prove and a reader takes for an answer: a passport
of `VN` where documents bear `VNM`, or a Buddhist year of birth. So it is refused where it is asked, with the probable
meaning, and where it is answered (`bad-query`), whatever software asks. What the table does not check here is checked
as the query is made (`gateway.model.query`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec

from gateway.clock import from_us
from gateway.errors import Malformed
from gateway.model.forms.reports import MOST_SIGNS
from gateway.model.query import MAX_NAMES, NationalIdQuery, Query, QueryKind
from gateway.model.values import MAX_TEXT, PartialDate
from gateway.records import codes
from gateway.records.identifiers.containers import read_container
from gateway.records.identifiers.national_ids import SCHEMES, read_national_id

FIRST_YEAR = 1850
"""The earliest year of birth of a person whose records are asked for."""

_BUDDHIST = 543
_EARLIEST_ZONE = timedelta(hours=14)
_ALIKE = 5
_CONTAINER_SIGNS = 11


class Form(msgspec.Struct, frozen=True):
    """How a value is written, in words, and what raises `Malformed` for one that is not.

    `check` gets a value that is there, the place where it stands, and our time.
    """

    told: str
    check: Callable[[str, str, int], None] = lambda _value, _where, _now_us: None


def check_forms(query: Query, now_us: int) -> None:
    """Raise `Malformed` for the first value of `query` that has not the form of its row; empty ones pass."""
    for name, form in FORMS[query.kind].items():
        value = getattr(query, name)
        if value:
            form.check(value.value if isinstance(value, PartialDate) else value, f"query.{name}", now_us)
    if isinstance(query, NationalIdQuery):
        _check_number_of_scheme(query, now_us)


def check_asked(query: Query, now_us: int) -> None:
    """Raise `Malformed` with the code `bad-query` for a query of a counterpart that `check_forms` refuses."""
    try:
        check_forms(query, now_us)
    except Malformed as error:
        raise bad_query(error) from error


def bad_query(error: Malformed) -> Malformed:
    """Return the error of a value of a counterpart's query, with the one code that it hears."""
    return Malformed(error.template, code="bad-query", where=error.where, remedy=error.advice, **error.facts)


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


def _check_number_of_scheme(query: NationalIdQuery, now_us: int) -> None:
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


def _check_container(number: str, where: str, _now_us: int) -> None:
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


def _check_registered(code: str, where: str, _now_us: int) -> None:
    """Raise `Malformed` for a country of registration that is neither alpha-2 nor alpha-3: agencies write both."""
    if code not in codes.countries():
        check_issuer(code, where)


def _check_flag(code: str, where: str, _now_us: int) -> None:
    if code not in codes.countries():
        raise Malformed(
            "`{flag!a}` is no flag of two letters",
            code="bad-query",
            where=where,
            remedy="such as `LA`",
            flag=code[:40],
        )


_NUMBER = Form("1 to 40 signs, in any script, with blanks and hyphens or without")
_ISSUER = Form("a code of ISO 3166-1 alpha-3 or ICAO Doc 9303-3, such as `VNM`; or empty", check_issuer)
_NAME = Form(f"1 to {MAX_TEXT} signs, in any script; or empty")
_PLACE = Form("1 to 64 signs, in any script; or empty")
_MARK = Form("1 to 40 signs; or empty")
_WORDS = Form(f"1 to {MOST_SIGNS} signs, in any script; or empty")

FORMS: Mapping[QueryKind, Mapping[str, Form]] = MappingProxyType(
    {
        QueryKind.PERSON: {
            "names": Form(f"1 to {MAX_NAMES} names, each of 1 to {MAX_TEXT} signs, in any script"),
            "birth": Form(
                f"`YYYY`, `YYYY-MM` or `YYYY-MM-DD` of the Gregorian calendar, {FIRST_YEAR} to this year; or empty",
                check_birth,
            ),
            "sex": Form("`M`, `F` or `X`; or empty"),
            "nationality": _ISSUER,
            "father": _NAME,
        },
        QueryKind.DOCUMENT: {"number": _NUMBER, "issuer": _ISSUER},
        QueryKind.NATIONAL_ID: {
            "number": Form("1 to 40 signs, in any script; where the scheme is known, a number of its form"),
            "scheme": Form(
                "a code of ISO 3166-1 alpha-3, a hyphen and a name, such as `KHM-NID`; or empty. "
                f"Known are {', '.join(f'`{scheme}`' for scheme in SCHEMES)}, also without their country",
                check_scheme,
            ),
        },
        QueryKind.VEHICLE: {
            "plate": _NUMBER,
            "province": _PLACE,
            "country": Form("a code of ISO 3166-1, alpha-2 or alpha-3; or empty", _check_registered),
        },
        QueryKind.CONTAINER: {
            "number": Form("four letters, six digits and the check digit (ISO 6346)", _check_container)
        },
        QueryKind.CASE: {"number": Form("1 to 64 signs")},
        QueryKind.VESSEL: {
            "name": _NAME,
            "imo": Form("seven digits, the last of which fits the others; or empty"),
            "mmsi": Form("nine digits, of which the first is 2 to 7; or empty"),
            "call_sign": _MARK,
            "local_reg": _MARK,
            "flag": Form("a code of ISO 3166-1 alpha-2, such as `LA`; or empty", _check_flag),
        },
        QueryKind.REPORT: {
            "text": _WORDS,
            "offence": Form("a code of an offence; or empty"),
            "place": _WORDS,
            "crossing": Form("the id of a crossing point: small letters, digits, `.` and `-`; or empty"),
            "period": Form("a year or a month, or two with `/` between, of ten years at most; or empty"),
        },
    }
)
"""The form of each value of each kind of query."""


def _nearest(text: str) -> str:
    """Return the code of the country whose name or code begins alike; empty where none does."""
    known, asked = codes.issuers(), _squeezed(text)
    for code, name in known.items():
        if len(asked) >= _ALIKE and _squeezed(name).startswith(asked):
            return code
    return code if (code := text.strip().upper()[:3]) in known else ""


def _squeezed(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalpha())
