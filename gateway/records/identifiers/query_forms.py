"""Describe each kind of question in one table: its words, and the forms of its values with what refuses another one.

A value of another form would end as "no hit", which both sides can prove and a reader takes for an answer: a passport
of `VN` where documents bear `VNM`, or a Buddhist year of birth. So it is refused where it is asked, with the probable
meaning, and where it is answered (`bad-query`), whatever software asks. What the table does not check here is checked
as the query is made (`gateway.model.query`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from gateway.clock import from_us
from gateway.errors import Malformed
from gateway.model.forms.phones import CALLING, check_phone
from gateway.model.forms.reports import MOST_SIGNS
from gateway.model.purpose import Offence
from gateway.model.query import MAX_NAMES, NationalIdQuery, Query, QueryKind
from gateway.model.values import MAX_TEXT, PartialDate, Sex, text_value
from gateway.records import codes
from gateway.records.identifiers.conveyances import read_container
from gateway.records.identifiers.national_ids import SCHEMES, read_national_id

FIRST_YEAR = 1850
"""The earliest year of birth of a person whose records are asked for."""

_BUDDHIST = 543
_EARLIEST_ZONE = timedelta(hours=14)
_ALIKE = 5
_CONTAINER_SIGNS = 11
_PLACE_SIGNS = 64


def code(form: str) -> Callable[[str, str], str]:
    """Return what takes an empty value or one of a closed form, and raises `Malformed` for another."""
    pattern = re.compile(form, re.ASCII)

    def taken(value: str, where: str) -> str:
        if value and not pattern.fullmatch(value):
            raise Malformed("`{value!a}` is not a code", code="bad-query", where=where, value=value[:40])
        return value

    return taken


class Form(msgspec.Struct, frozen=True):
    """How a value is written, in words, and what raises `Malformed` for one that is not.

    `check` gets a value that is there, the place where it stands, and our time. `taken`, where
    there is one, returns a value of a statement, which is read before any of that is asked, and raises `Malformed` for
    one that cannot be written into a log.
    What is written in capital letters may be typed in small ones (`capitals`).

    A command takes it by the option that its field is called after, or `asked_as`, and by `option` where it takes
    questions of several kinds; a value without one only goes with those that have one. `help` says what it is, and
    `choices` are all values of a closed list.
    """

    told: str
    check: Callable[[str, str, int], None] = lambda _value, _where, _now_us: None
    taken: Callable[[str, str], str] | None = None
    capitals: bool = False
    help: str = ""
    option: str = ""
    asked_as: str = ""
    choices: tuple[str, ...] = ()


class Described(NamedTuple):
    """How a question of one kind is put, by an example of a command and by the forms of its values.

    `check` raises `Malformed` for values that do not fit each other.
    """

    example: str
    ground: str
    forms: Mapping[str, Form]
    more: str = ""
    check: Callable[[Any, int], None] = lambda _query, _now_us: None


def check_forms(query: Query, now_us: int) -> None:
    """Raise `Malformed` for the first value of `query` that has not the form of its row; empty ones pass."""
    for name, form in FORMS[query.kind].items():
        value = getattr(query, name)
        if value:
            form.check(value.value if isinstance(value, PartialDate) else value, f"query.{name}", now_us)
    QUESTIONS[query.kind].check(query, now_us)


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


def check_number_of_scheme(query: NationalIdQuery, now_us: int) -> None:
    """Raise `Malformed` for a number that its scheme could not have given; a wrong check digit passes."""
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
    """Raise `Malformed` for a flag that is not a country of ISO 3166-1."""
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


COUNTRY = code("[A-Z]{1,3}")
"""Takes a code of a country, of two or three letters."""

_A_NUMBER = "1 to 40 signs, in any script, with blanks and hyphens or without"
_AN_ISSUER = "a code of ISO 3166-1 alpha-3 or ICAO Doc 9303-3, such as `VNM`; or empty"
_A_NAME = f"1 to {MAX_TEXT} signs, in any script; or empty"
_A_MARK = "1 to 40 signs; or empty"
_SOME_WORDS = f"1 to {MOST_SIGNS} signs, in any script; or empty"
_ALPHA3 = "ICAO alpha-3, such as VNM."
_A_CASE = "--purpose INVESTIGATION --offence NARC --case TH-2026-17"

QUESTIONS: Mapping[QueryKind, Described] = {
    QueryKind.PERSON: Described(
        '--to kh --name "สมชาย ใจดี" --birth 1984',
        _A_CASE,
        {
            "names": Form(
                f"1 to {MAX_NAMES} names, each of 1 to {MAX_TEXT} signs, in any script",
                help="The whole name of a person, in any script; may be repeated.",
                option="name",
                asked_as="name",
            ),
            "birth": Form(
                f"`YYYY`, `YYYY-MM` or `YYYY-MM-DD` of the Gregorian calendar, {FIRST_YEAR} to this year; or empty",
                check_birth,
                help="YYYY, YYYY-MM or YYYY-MM-DD, Gregorian.",
            ),
            "sex": Form(
                "`M`, `F` or `X`; or empty",
                help="M, F or X, as documents say.",
                choices=tuple(each.value for each in Sex),
            ),
            "nationality": Form(_AN_ISSUER, check_issuer, COUNTRY, capitals=True, help=_ALPHA3),
            "father": Form(_A_NAME, help="The father's name, which tells people of one name apart in Myanmar."),
        },
    ),
    QueryKind.DOCUMENT: Described(
        "--to vn,kh --number C1234567 --issuer VNM",
        "--purpose BORDER_CHECK --offence DOCFRAUD --ticket T-1",
        {
            "number": Form(_A_NUMBER, help="The number of a travel document.", option="document"),
            "issuer": Form(_AN_ISSUER, check_issuer, COUNTRY, capitals=True, help=_ALPHA3),
        },
    ),
    QueryKind.NATIONAL_ID: Described(
        "--to vn --number 001084012345 --scheme VNM-CCCD",
        _A_CASE,
        {
            "number": Form(
                "1 to 40 signs, in any script; where the scheme is known, a number of its form",
                help="A national identity number.",
                option="national-id",
            ),
            "scheme": Form(
                "a code of ISO 3166-1 alpha-3, a hyphen and a name, such as `KHM-NID`; or empty. "
                f"Known are {', '.join(f'`{scheme}`' for scheme in SCHEMES)}, also without their country",
                check_scheme,
                code("[A-Za-z0-9._-]{1,40}"),
                help="Such as THA-PIN.",
            ),
        },
        check=check_number_of_scheme,
    ),
    QueryKind.VEHICLE: Described(
        '--to la --plate "กข 1234" --province กรุงเทพมหานคร --country THA',
        _A_CASE,
        {
            "plate": Form(_A_NUMBER, help="The plate of a vehicle.", option="plate"),
            "province": Form(
                f"1 to {_PLACE_SIGNS} signs, in any script; or empty",
                taken=lambda value, where: text_value(value, where, _PLACE_SIGNS) if value else value,
                help="A Thai plate is unique only with its province.",
            ),
            "country": Form(
                "a code of ISO 3166-1, alpha-2 or alpha-3; or empty",
                check_registered,
                COUNTRY,
                help="Where it is registered: ISO 3166-1 alpha-3 or alpha-2.",
            ),
        },
    ),
    QueryKind.CONTAINER: Described(
        "--to kh --number MSCU6639870",
        "--purpose CUSTOMS_CONTROL --offence WILD --ticket T-2",
        {
            "number": Form(
                "four letters, six digits and the check digit (ISO 6346)",
                check_container,
                help="The number of a freight container, ISO 6346.",
                option="container",
            )
        },
    ),
    QueryKind.CASE: Described(
        "--to la --number TH-2026-17",
        "--purpose DECONFLICTION --offence NARC --case TH-2026-17",
        {"number": Form("1 to 64 signs", help="The number of a case, as you write it.", option="case")},
        "It keeps you and the other country out of each other's way.",
    ),
    QueryKind.VESSEL: Described(
        '--to la --local-reg "LA-VTE 0417" --flag LA',
        _A_CASE,
        {
            "name": Form(_A_NAME, help="The name of a vessel, in any script.", option="vessel"),
            "imo": Form(
                "seven digits, the last of which fits the others; or empty",
                help="IMO number of a vessel: seven digits, of which the last checks the others.",
                option="imo",
            ),
            "mmsi": Form(
                "nine digits, of which the first is 2 to 7; or empty",
                help="MMSI of a vessel, nine digits.",
                option="mmsi",
            ),
            "call_sign": Form(_A_MARK, help="Call sign of a vessel.", option="call-sign"),
            "local_reg": Form(
                _A_MARK,
                help="Local registration of a vessel, or what is painted on its hull.",
                option="local-reg",
            ),
            "flag": Form(
                "a code of ISO 3166-1 alpha-2, such as `LA`; or empty",
                check_flag,
                capitals=True,
                help="ISO 3166-1 alpha-2, such as LA.",
            ),
        },
    ),
    QueryKind.PHONE: Described(
        "--to th --number 0812345678 --country TH",
        _A_CASE,
        {
            "number": Form(
                "6 to 15 figures, in any script: with `+` and the calling code, or as it is dialled in its country",
                help="A telephone number: with + and its calling code, or as it is dialled in its country.",
                option="phone",
            ),
            "country": Form(
                f"a code of ISO 3166-1 alpha-2 (known are {', '.join(CALLING)}); or empty",
                taken=code("[A-Z]{2}"),
                capitals=True,
                help="ISO 3166-1 alpha-2 (TH), for a number that does not begin with +.",
            ),
        },
        check=lambda query, _now_us: check_phone(query.number, query.country),
    ),
    QueryKind.REPORT: Described(
        '--to la --words "false floor" --place "Chiang Rai"',
        f"--period 2026-03/2026-05 {_A_CASE}",
        {
            "text": Form(_SOME_WORDS, help="Words of the reports, in any script; all must be there.", asked_as="words"),
            "offence": Form(
                "a code of an offence; or empty",
                help="The reports' offence.",
                asked_as="about",
                choices=tuple(each.value for each in Offence),
            ),
            "place": Form(_SOME_WORDS, help="A place of the route, by its name in any script, or by its code."),
            "crossing": Form(
                "the id of a crossing point: small letters, digits, `.` and `-`; or empty",
                help="A crossing point, by its id in the register.",
            ),
            "period": Form(
                "a year or a month, or two with `/` between, of ten years at most; or empty",
                help="When it was seen: 2026, 2026-03 or 2026-03/2026-05.",
            ),
        },
        "Words, an offence, a place or a crossing point is required, and a period narrows it. Reports name no persons, "
        "so that what looks like a number of one is refused. What is here already is found by `liaison report search`.",
    ),
}
"""The description of each kind of question."""

FORMS: Mapping[QueryKind, Mapping[str, Form]] = MappingProxyType(
    {kind: described.forms for kind, described in QUESTIONS.items()}
)
"""The form of each value of each kind of question."""
