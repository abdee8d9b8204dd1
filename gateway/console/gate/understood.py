"""Understand the one field of the gate: a scanned zone, a number, a plate, a container, or a name in any script.

`understood` takes the first reading that is right by its own rules (check digits, forms), then a number with a fault,
then a name. `read_as` takes the reading that the officer chose instead. A zone of a passport gives two questions: its
number, and the person whom it names. A token "not this person" is parted from the question beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from enum import StrEnum

import msgspec

from adapters.values.dates import western_digits
from gateway.desk.misuse.statement import PREFIX, document_digest
from gateway.desk.reports.wanted import asked_keys
from gateway.errors import Malformed
from gateway.model.forms.numbers import compact
from gateway.model.forms.phones import check_phone, e164
from gateway.model.forms.vessels import imo_form
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    PhoneQuery,
    Query,
    ReportQuery,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import Calendar, NameForm, PartialDate
from gateway.records.identifiers.conveyances import read_container, read_plate
from gateway.records.identifiers.mrz import read_mrz
from gateway.records.identifiers.national_ids import read_national_id
from gateway.records.identifiers.reading import Reading

MOST = 300
"""The most characters that the field takes: the longest zone has 90, the longest name 256."""

_LONGEST = 40
"""The most characters of a registration."""

_BUDDHIST_FROM = 2400
_ERA = 543
_ZONE = re.compile(r"[A-Z0-9<\s]{30,}", re.ASCII | re.IGNORECASE)
_DOCUMENT = re.compile(r"[A-Z]{0,3}\d{5,12}[A-Z]?", re.ASCII)
_BIRTH = re.compile(
    r"(?P<name>.*?)[\s,;]+(?:(?P<y>\d{4})(?:[-/.](?P<m>\d{1,2})(?:[-/.](?P<d>\d{1,2}))?)?"
    r"|(?P<d2>\d{1,2})[-/.](?P<m2>\d{1,2})[-/.](?P<y2>\d{4}))",
    re.ASCII | re.DOTALL,
)


class Kind(StrEnum):
    """The readings between which an officer can choose."""

    ZONE = "zone"
    PERSON = "person"
    DOCUMENT = "document"
    NATIONAL_ID = "national_id"
    VEHICLE = "vehicle"
    CONTAINER = "container"
    VESSEL = "vessel"
    REPORT = "report"
    PHONE = "phone"


class Understood(msgspec.Struct, frozen=True):
    """Holds what the field says: the questions that it becomes, and what an officer should look at.

    `problems` are faults of the reading, such as a check digit of a zone that does not fit.
    """

    kind: Kind
    text: str
    queries: tuple[Query, ...]
    problems: tuple[str, ...] = ()


def understood(text: str, today: date, birth: str = "") -> Understood:
    """Return what a text says. Raises `Malformed` for one that says nothing."""
    plain = _plain(text)
    if compact(plain).startswith("IMO") and imo_form(plain):
        return _vessel(plain, today)
    if compact(plain).startswith(("+", "TEL")) and e164(plain):
        return _phone(plain, today)
    readings = [found for kind in _GUESSES if (found := _guess(kind, plain, today)) is not None]
    right = [found for found in readings if found.kind is Kind.ZONE or not found.problems]
    if right:
        return right[0]
    if faulty := [found for found in readings if found.kind is not Kind.VEHICLE and _is_number(plain)]:
        return faulty[0]
    return _person(plain, birth)


def read_as(kind: Kind, text: str, today: date, birth: str = "") -> Understood:
    """Return a text as the officer says that it is to be read. Raises `Malformed` where it cannot be read so."""
    plain = _plain(text)
    if kind is Kind.PERSON:
        return _person(plain, birth)
    return _READERS[kind](plain, today)


def counterparts_by_rule(queries: tuple[Query, ...]) -> tuple[str, ...]:
    """Return the countries (ISO 3166-1) that a question points to: issuer, nationality, scheme or plate."""
    return tuple(dict.fromkeys(query.points_to for query in queries if query.points_to))


def _plain(text: str) -> str:
    plain = text.strip()
    if not plain:
        raise Malformed("scan or type something first", code="nothing-asked", where="asked")
    if len(plain) > MOST:
        raise Malformed("more than {limit} characters", code="too-long", where="asked", limit=MOST)
    return plain


def _guess(kind: Kind, plain: str, today: date) -> Understood | None:
    try:
        return _READERS[kind](plain, today)
    except Malformed:
        return None


def _is_number(plain: str) -> bool:
    """Tell whether a text is a number with a fault, and no name with a date: most of its signs are digits."""
    signs = [sign for sign in plain if sign.isalnum()]
    return not _split_birth(plain)[1] and 2 * sum(sign.isdecimal() for sign in signs) > len(signs)


def _zone(plain: str, today: date) -> Understood:
    if "<" not in plain or not _ZONE.fullmatch(plain):
        raise Malformed("not a zone", code="not-a-mrz", where="asked")
    reading = read_mrz(_in_lines(plain), today)
    parts = reading.parts
    asked: list[Query] = []
    if number := str(parts["number"]):
        asked.append(DocumentQuery(number, str(parts["issuer"])))
    name = " ".join(filter(None, (str(parts["given"]), str(parts["surname"]))))
    if name:
        born = str(parts["birth"])
        nationality = str(parts["nationality"])
        asked.append(PersonQuery((NameForm(name),), PartialDate(born) if born else None, nationality=nationality))
    if not asked:
        raise Malformed("the zone has neither a number nor a name", code="not-a-mrz", where="asked")
    return Understood(Kind.ZONE, reading.text, tuple(asked), reading.problems)


def _in_lines(plain: str) -> str:
    """Return a zone in its lines; some scanners send it as one."""
    joined = "".join(plain.split())
    width = {90: 30, 72: 36, 88: 44}.get(len(joined))
    if width is None or "\n" in plain.strip():
        return plain
    return "\n".join(joined[start : start + width] for start in range(0, len(joined), width))


def _container(plain: str, today: date) -> Understood:
    del today
    return _of(Kind.CONTAINER, read_container(plain), lambda reading: ContainerQuery(reading.text))


def _national_id(plain: str, today: date) -> Understood:
    def query(reading: Reading) -> Query:
        return NationalIdQuery(reading.text, str(reading.parts["scheme"]))

    return _of(Kind.NATIONAL_ID, read_national_id(plain, "", today), query)


def _vehicle(plain: str, today: date) -> Understood:
    del today

    def query(reading: Reading) -> Query:
        is_sure = reading.parts.get("script") not in ("", "Latn")  # Latin letters stand on plates of several countries
        return VehicleQuery(plain, country=str(reading.parts.get("country", "")) if is_sure else "")

    return _of(Kind.VEHICLE, read_plate(plain), query)


def _vessel(plain: str, today: date) -> Understood:
    """Return an IMO number as such, and any other text as the name or the registration of a vessel."""
    del today
    number = imo_form(plain)
    query = VesselQuery(imo=number) if number else VesselQuery(plain, local_reg=plain if len(plain) <= _LONGEST else "")
    return Understood(Kind.VESSEL, number or plain, (query,))


def _phone(plain: str, today: date) -> Understood:
    """Return a telephone number. Raises `Malformed` for one without its calling code: it may be of any country."""
    del today
    check_phone(plain, "")
    return Understood(Kind.PHONE, e164(plain), (PhoneQuery(e164(plain)),))


def _report(plain: str, today: date) -> Understood:
    """Return a text as words of reports on methods. Raises `Malformed` for one that looks like a number of a person."""
    del today
    query = ReportQuery(plain)
    asked_keys(query)
    return Understood(Kind.REPORT, plain, (query,))


def _document(plain: str, today: date) -> Understood:
    del today
    number = compact(plain)
    problems = () if _DOCUMENT.fullmatch(number) else ("it has not the form of a document's number",)
    return Understood(Kind.DOCUMENT, number, (DocumentQuery(number),), problems)


def _of(kind: Kind, reading: Reading, query: Callable[[Reading], Query]) -> Understood:
    return Understood(kind, reading.text, (query(reading),), reading.problems)


def _person(plain: str, birth: str) -> Understood:
    name, born = (plain, birth.strip()) if birth.strip() else _split_birth(plain)
    day = birth_date(born) if born else None
    if not any(sign.isalpha() for sign in name):
        raise Malformed("a name has letters", code="bad-name", where="asked")
    return Understood(Kind.PERSON, name, (PersonQuery((NameForm(name),), day),))


def _split_birth(plain: str) -> tuple[str, str]:
    """Return a name and the date behind it, in the digits of any script; an empty text without a date."""
    digits = western_digits(plain)
    match = _BIRTH.fullmatch(digits)
    if match is None or not match["name"].strip():
        return plain, ""
    end = match.end("name")
    return plain[:end].strip(), digits[end:].strip(" ,;\t\n")


def birth_date(text: str) -> PartialDate:
    """Return a birth date: year first or day first, with the Buddhist or the Gregorian year."""
    digits = western_digits(text.strip())
    match = _BIRTH.fullmatch(f"x {digits}")
    if match is None:
        raise Malformed("not a date such as 1984-03-02, 02/03/2527 or 1984", code="bad-date", where="birth")
    year = int(match["y"] or match["y2"])
    month, day = match["m"] or match["m2"], match["d"] or match["d2"]
    year -= _ERA if year >= _BUDDHIST_FROM else 0
    parts = [f"{year:04d}", *(f"{int(part):02d}" for part in (month, day) if part)]
    return PartialDate("-".join(parts), Calendar.GREG)


_READERS: dict[Kind, Callable[[str, date], Understood]] = {
    Kind.ZONE: _zone,
    Kind.CONTAINER: _container,
    Kind.NATIONAL_ID: _national_id,
    Kind.VEHICLE: _vehicle,
    Kind.DOCUMENT: _document,
    Kind.VESSEL: _vessel,
    Kind.REPORT: _report,
    Kind.PHONE: _phone,
}
_GUESSES = tuple(kind for kind in _READERS if kind not in (Kind.VESSEL, Kind.REPORT, Kind.PHONE))
"""The readings in the order in which they are tried; the most particular form comes first."""


# ------------------------------------------------------------ a token beside the question


_TOKEN = re.compile(rf"(?<!\S){re.escape(PREFIX)}\S*", re.ASCII | re.IGNORECASE)
"""A word that begins as a token does. A keyboard with its capitals locked spoils it, and it is still no question."""


def parted(text: str) -> tuple[str, str]:
    """Return the token in a text and the question beside it; each is empty where there is none.

    Raises `Malformed` for two different tokens.
    """
    tokens = set(_TOKEN.findall(text))
    if len(tokens) > 1:
        raise Malformed(
            "two tokens were scanned for one question", code="two-tokens", where="asked", remedy="scan one token again"
        )
    return "".join(tokens), _TOKEN.sub(" ", text).strip()


def shown_document(queries: tuple[Query, ...]) -> tuple[str, str]:
    """Return number and country of the document that a question names; both empty where it does not name one whole."""
    for shown in (query.shown for query in queries):
        with suppress(Malformed):
            if shown is not None and document_digest("", *shown):
                return shown
    return "", ""
