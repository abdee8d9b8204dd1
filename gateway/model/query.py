"""Typed queries: the questions that a source can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import structs

from gateway.errors import Malformed
from gateway.model.forms.reports import MOST_SIGNS, ReportTerms, is_period
from gateway.model.forms.vessels import imo_form, mmsi_form
from gateway.model.purpose import Offence
from gateway.model.values import NameForm, PartialDate, Sex, text_value

MAX_NAMES = 8
_CROSSING = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}[a-z0-9]", re.ASCII)
_FLAG = re.compile(r"[A-Z]{2}", re.ASCII)


class QueryKind(StrEnum):
    """The name of each kind of query."""

    PERSON = "person"
    DOCUMENT = "document"
    NATIONAL_ID = "national_id"
    VEHICLE = "vehicle"
    CONTAINER = "container"
    CASE = "case_reference"
    VESSEL = "vessel"
    REPORT = "report"


class PersonQuery(msgspec.Struct, frozen=True):
    """A person by name (one or more spellings) and, as a rule, a birth date or year.

    `father` is the father's name, which tells people of one name apart in Myanmar; empty where it is not known.
    """

    names: tuple[NameForm, ...]
    birth: PartialDate | None = None
    sex: Sex | None = None
    nationality: str = ""
    father: str = ""

    kind = QueryKind.PERSON

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= MAX_NAMES:
            raise Malformed("a query has 1 to {limit} names", code="bad-query", where="query.names", limit=MAX_NAMES)
        for name in self.names:
            text_value(name.text, "query.names")
        if self.father:
            text_value(self.father, "query.father")


class DocumentQuery(msgspec.Struct, frozen=True):
    """A travel document by number and issuing country (ICAO alpha-3, may be empty)."""

    number: str
    issuer: str = ""

    kind = QueryKind.DOCUMENT

    def __post_init__(self) -> None:
        text_value(self.number, "query.number", 40)


class NationalIdQuery(msgspec.Struct, frozen=True):
    """A national identity number; `scheme` such as `THA-PIN`, may be empty."""

    number: str
    scheme: str = ""

    kind = QueryKind.NATIONAL_ID

    def __post_init__(self) -> None:
        text_value(self.number, "query.number", 40)


class VehicleQuery(msgspec.Struct, frozen=True):
    """A vehicle by its plate; a Thai plate is unique only with its province."""

    plate: str
    province: str = ""
    country: str = ""

    kind = QueryKind.VEHICLE

    def __post_init__(self) -> None:
        text_value(self.plate, "query.plate", 40)


class ContainerQuery(msgspec.Struct, frozen=True):
    """A freight container by its ISO 6346 number."""

    number: str

    kind = QueryKind.CONTAINER

    def __post_init__(self) -> None:
        text_value(self.number, "query.number", 40)


class CaseQuery(msgspec.Struct, frozen=True):
    """A case by its number: does somebody there work on it, too, and whom does one ask?"""

    number: str

    kind = QueryKind.CASE

    def __post_init__(self) -> None:
        text_value(self.number, "query.number", 64)


class VesselQuery(msgspec.Struct, frozen=True):
    """A vessel by its name in any script, or by its numbers; each of them that fits is enough.

    `local_reg` is the local registration, or what is painted on the hull; with `flag` (ISO 3166-1 alpha-2) that of
    another flag does not fit.
    """

    name: str = ""
    imo: str = ""
    mmsi: str = ""
    call_sign: str = ""
    local_reg: str = ""
    flag: str = ""

    kind = QueryKind.VESSEL

    def __post_init__(self) -> None:
        numbers = {"imo": self.imo, "mmsi": self.mmsi, "call_sign": self.call_sign, "local_reg": self.local_reg}
        if not self.name and not any(numbers.values()):
            raise Malformed(
                "a vessel is asked for by its name or by a number",
                code="missing",
                where="query",
                remedy="a name, an IMO number, an MMSI, a call sign or a local registration",
            )
        if self.name:
            text_value(self.name, "query.name")
        for field, text in numbers.items():
            if text:
                text_value(text, f"query.{field}", 40)
        if self.imo and not imo_form(self.imo):
            raise Malformed(
                "no IMO number, or its last digit does not fit the six before it",
                code="bad-imo",
                where="query.imo",
                remedy="seven digits, such as `IMO 9074729`",
            )
        if self.mmsi and not mmsi_form(self.mmsi):
            raise Malformed(
                "not nine digits that begin with 2 to 7",
                code="bad-mmsi",
                where="query.mmsi",
                remedy="such as `574001230`",
            )
        if self.flag and not _FLAG.fullmatch(self.flag):
            raise Malformed(
                "`{flag!a}` is no flag of two letters",
                code="bad-query",
                where="query.flag",
                remedy="such as `LA`",
                flag=self.flag[:40],
            )


class ReportQuery(ReportTerms, frozen=True):
    """Reports on methods and routes that the other side has published; all that is given must fit.

    A period alone would be all of them, and only narrows what is asked for otherwise.
    """

    kind = QueryKind.REPORT

    def __post_init__(self) -> None:
        if not (self.text or self.offence or self.place or self.crossing):
            raise Malformed(
                "a question for reports needs words, an offence, a place or a crossing point",
                code="missing",
                where="query",
                remedy="give one of them; a period only narrows it",
            )
        for name, text in (("text", self.text), ("place", self.place)):
            if text:
                text_value(text, f"query.{name}", MOST_SIGNS)
        if self.offence and self.offence not in list(Offence):
            raise Malformed(
                "`{offence!a}` is no offence",
                code="bad-query",
                where="query.offence",
                remedy="one of {known}",
                offence=self.offence[:40],
                known=", ".join(Offence),
            )
        if self.crossing and not _CROSSING.fullmatch(self.crossing):
            raise Malformed(
                "`{crossing!a}` is no id of a crossing point",
                code="bad-query",
                where="query.crossing",
                remedy="such as `mae-sai.tachilek`; a name goes into `place`",
                crossing=self.crossing[:40],
            )
        if self.period and not is_period(self.period):
            raise Malformed(
                "a period is a year or a month, or two with `/` between, of ten years at most",
                code="bad-query",
                where="query.period",
                remedy="such as `2026-03/2026-05`",
            )


Query = (
    PersonQuery
    | DocumentQuery
    | NationalIdQuery
    | VehicleQuery
    | ContainerQuery
    | CaseQuery
    | VesselQuery
    | ReportQuery
)

OF_AGENCIES = frozenset(QueryKind) - {QueryKind.REPORT}
"""The kinds of questions that are put to the systems of agencies; reports stand in the node's own library."""


def query_value(query: Query) -> dict[str, Any]:
    """Return the subject of `query` as JSON, for entries that keep no statement."""
    if isinstance(query, PersonQuery):
        value: dict[str, Any] = {"names": [name.text for name in query.names], "nationality": query.nationality}
        return value | {"birth": query.birth.value if query.birth else "", "father": query.father}
    if isinstance(query, VehicleQuery):
        return {"plate": query.plate, "province": query.province, "country": query.country}
    if isinstance(query, DocumentQuery):
        return {"number": query.number, "issuer": query.issuer}
    if isinstance(query, NationalIdQuery):
        return {"number": query.number, "scheme": query.scheme}
    if isinstance(query, VesselQuery | ReportQuery):
        return structs.asdict(query)
    return {"number": query.number}


def query_of(kind: object, value: object) -> Query | None:
    """Return the query of this kind that `query_value` wrote as `value`; None for any other value."""
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None or not isinstance(value, dict):
        return None
    try:
        return read(value)
    except (Malformed, KeyError, TypeError, AttributeError):
        return None


def _person(value: Mapping[str, Any]) -> Query:
    birth = PartialDate(value["birth"]) if value["birth"] else None
    names = tuple(NameForm(text) for text in value["names"])
    return PersonQuery(names, birth, nationality=value["nationality"], father=value["father"])


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Query]] = {
    QueryKind.PERSON: _person,
    QueryKind.DOCUMENT: lambda value: DocumentQuery(value["number"], value["issuer"]),
    QueryKind.NATIONAL_ID: lambda value: NationalIdQuery(value["number"], value["scheme"]),
    QueryKind.VEHICLE: lambda value: VehicleQuery(value["plate"], value["province"], value["country"]),
    QueryKind.CONTAINER: lambda value: ContainerQuery(value["number"]),
    QueryKind.CASE: lambda value: CaseQuery(value["number"]),
    QueryKind.VESSEL: lambda value: VesselQuery(**value),
    QueryKind.REPORT: lambda value: ReportQuery(**value),
}
