"""Typed queries: the questions that a source can be asked, and what each kind says of itself.

A kind of question is one class here, and the layers above look up what they need of it (`QUERIES`). What a lower layer
must not know is in one table of each of them, by the kind or the search key; its forms and words are a row of
`gateway.records.identifiers.query_forms`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Self, get_args

import msgspec
from msgspec import structs

from gateway.errors import Malformed
from gateway.model.forms.phones import country_of, e164
from gateway.model.forms.reports import MOST_SIGNS, ReportTerms, check_terms
from gateway.model.forms.vessels import IMO, MARK, MMSI, check_numbers
from gateway.model.purpose import Offence
from gateway.model.values import NameForm, PartialDate, Sex, text_value

MAX_NAMES = 8
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
    PHONE = "phone"


class Number(NamedTuple):
    """A number that a question asks for: the search key under which mappings hold such numbers, and its text.

    `item` tells equal numbers apart, as members of an item of a record do; `sort` says which number of a vessel it is.
    """

    held_as: str
    text: str
    item: Mapping[str, str]
    sort: str = ""


class Question(msgspec.Struct, frozen=True):
    """Says what each kind of question is; the fields of its class are the values that are asked for."""

    kind: ClassVar[QueryKind]
    found_by: ClassVar[tuple[str, ...]] = ()
    """The search keys of a mapping by which its records are found."""
    about: ClassVar[str]
    """The type of record that it asks for before all others."""
    part: ClassVar[str] = ""
    """The name under which a descriptor lists it, where it came after the first version of the request."""
    of_agencies: ClassVar[bool] = True
    """It is put to the systems of agencies, and not to the node's own library."""
    watched: ClassVar[bool] = True
    """Its answer may be watched for changes."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the question for what a person writes as one text. Raises `Malformed`."""
        return cls(**{cls.__struct_fields__[0]: text})

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """Return the question that `as_value` wrote. Raises `KeyError` and the like for another value."""
        return cls(**{name: value[name] for name in cls.__struct_fields__})

    def as_value(self) -> dict[str, Any]:
        """Return its subject as JSON, for entries that keep no statement."""
        return structs.asdict(self)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers that it asks for; none where it asks by name or by words alone."""
        return ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of its numbers, in each form in which an auditor may look for them."""
        return tuple(number.text for number in self.numbers)

    @property
    def named(self) -> PersonQuery | None:
        """The question by name that it is or holds; None where it asks by number or by words alone."""
        return None

    @property
    def points_to(self) -> str:
        """The country that it names as issuer, of registration or as nationality; empty where it names none."""
        return ""

    @property
    def shown(self) -> tuple[str, str] | None:
        """The number and the country of the document that a person shows; None where it is about no such document."""
        return None


class NumberQuery(Question, frozen=True):
    """A question by one number, which is its first field; the others tell equal numbers apart."""

    most: ClassVar[int] = 40
    """The most signs of the number."""

    def __post_init__(self) -> None:
        name = self.__struct_fields__[0]
        text_value(getattr(self, name), f"query.{name}", self.most)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The one number that it asks for."""
        item = structs.asdict(self)
        return (Number(self.found_by[0], item.pop(self.__struct_fields__[0]), item),)


class PersonQuery(Question, frozen=True):
    """A person by name (one or more spellings) and, as a rule, a birth date or year.

    `father` is the father's name, which tells people of one name apart in Myanmar; empty where it is not known.
    """

    names: tuple[NameForm, ...]
    birth: PartialDate | None = None
    sex: Sex | None = None
    nationality: str = ""
    father: str = ""

    kind = QueryKind.PERSON
    found_by = ("names",)
    about = "Person"

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= MAX_NAMES:
            raise Malformed("a query has 1 to {limit} names", code="bad-query", where="query.names", limit=MAX_NAMES)
        for name in self.names:
            text_value(name.text, "query.names")
        if self.father:
            text_value(self.father, "query.father")

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the question for a person of one name."""
        return cls((NameForm(text),))

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """Return the question that `as_value` wrote."""
        birth, names = PartialDate(value["birth"]) if value["birth"] else None, tuple(map(NameForm, value["names"]))
        return cls(names, birth, nationality=value["nationality"], father=value["father"])

    def as_value(self) -> dict[str, Any]:
        """Return names, nationality, birth and father as JSON."""
        value: dict[str, Any] = {"names": [name.text for name in self.names], "nationality": self.nationality}
        return value | {"birth": self.birth.value if self.birth else "", "father": self.father}

    @property
    def named(self) -> PersonQuery | None:
        """The question itself."""
        return self

    @property
    def points_to(self) -> str:
        """The nationality."""
        return self.nationality


class DocumentQuery(NumberQuery, frozen=True):
    """A travel document by number and issuing country (ICAO alpha-3, may be empty)."""

    number: str
    issuer: str = ""

    kind = QueryKind.DOCUMENT
    found_by = ("documents",)
    about = "TravelDocument"

    @property
    def points_to(self) -> str:
        """The issuer."""
        return self.issuer

    @property
    def shown(self) -> tuple[str, str] | None:
        """The number and the issuer."""
        return self.number, self.issuer


class NationalIdQuery(NumberQuery, frozen=True):
    """A national identity number; `scheme` such as `THA-PIN`, may be empty."""

    number: str
    scheme: str = ""

    kind = QueryKind.NATIONAL_ID
    found_by = ("national_ids",)
    about = "Person"

    @property
    def points_to(self) -> str:
        """The country with which the scheme begins."""
        return self.scheme.partition("-")[0]

    @property
    def shown(self) -> tuple[str, str] | None:
        """The number of the card and its country."""
        return self.number, self.points_to


class VehicleQuery(NumberQuery, frozen=True):
    """A vehicle by its plate; a Thai plate is unique only with its province."""

    plate: str
    province: str = ""
    country: str = ""

    kind = QueryKind.VEHICLE
    found_by = ("plates",)
    about = "Vehicle"

    @property
    def points_to(self) -> str:
        """The country of registration."""
        return self.country


class ContainerQuery(NumberQuery, frozen=True):
    """A freight container by its ISO 6346 number."""

    number: str

    kind = QueryKind.CONTAINER
    found_by = ("containers",)
    about = "Consignment"


class CaseQuery(NumberQuery, frozen=True):
    """A case by its number: does somebody there work on it, too, and whom does one ask?"""

    number: str

    kind = QueryKind.CASE
    found_by = ("cases",)
    about = "CaseReference"
    watched = False
    most = 64


class PhoneQuery(NumberQuery, frozen=True):
    """A telephone number, with its calling code, or as it is dialled in `country` (ISO 3166-1 alpha-2)."""

    number: str
    country: str = ""

    kind = QueryKind.PHONE
    found_by = ("phones",)
    about = "Person"
    part = "query-phone"

    @property
    def texts(self) -> tuple[str, ...]:
        """The number as it is written and, where it is one, with its calling code."""
        return self.number, e164(self.number, self.country) or self.number

    @property
    def points_to(self) -> str:
        """The country whose calling code it has, else the one in which it is dialled."""
        return country_of(self.number) or self.country


class VesselQuery(Question, frozen=True):
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
    found_by = ("vessels", "vessel_names")
    about = "Vessel"
    part = "query-vessel"

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
        check_numbers(self.imo, self.mmsi)
        if self.flag and not _FLAG.fullmatch(self.flag):
            raise Malformed(
                "`{flag!a}` is no flag of two letters",
                code="bad-query",
                where="query.flag",
                remedy="such as `LA`",
                flag=self.flag[:40],
            )

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the question for a text that may be the name or the registration of a vessel."""
        return cls(text, local_reg=text[:40])

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers that are given; what may be painted on the hull is one sort of them."""
        flag = {"flag": self.flag}
        given = ((IMO, self.imo), (MMSI, self.mmsi), (MARK, self.call_sign), (MARK, self.local_reg))
        return tuple(Number("vessels", text, flag, sort) for sort, text in given if text)

    @property
    def named(self) -> PersonQuery | None:
        """A question by the name of the vessel; None without one."""
        return PersonQuery((NameForm(self.name),)) if self.name else None


class ReportQuery(ReportTerms, Question, frozen=True):
    """Reports on methods and routes that the other side has published; all that is given must fit.

    A period alone would be all of them, and only narrows what is asked for otherwise.
    """

    kind = QueryKind.REPORT
    about = "ModusOperandiReport"
    part = "query-report"
    of_agencies = False
    watched = False

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
        check_terms(self, list(Offence))


Query = (
    PersonQuery
    | DocumentQuery
    | NationalIdQuery
    | VehicleQuery
    | ContainerQuery
    | CaseQuery
    | VesselQuery
    | ReportQuery
    | PhoneQuery
)

QUERIES: Mapping[QueryKind, type[Query]] = {each.kind: each for each in get_args(Query)}
"""The class of each kind of question, in the order of `QueryKind`."""

OF_AGENCIES = frozenset(kind for kind, each in QUERIES.items() if each.of_agencies)
"""The kinds of questions that are put to the systems of agencies; reports are in the node's own library."""

BY_NUMBER = tuple(kind for kind, each in QUERIES.items() if issubclass(each, NumberQuery))
"""The kinds of questions by one number."""

FOUND_BY: Mapping[str, QueryKind] = {key: kind for kind, each in QUERIES.items() for key in each.found_by}
"""The kind of question by which a record is found that a mapping holds under each search key."""


def query_of(kind: object, value: object) -> Query | None:
    """Return the query of this kind that `as_value` wrote as `value`; None for any other value."""
    if not isinstance(kind, str) or kind not in QUERIES or not isinstance(value, dict):
        return None
    try:
        return QUERIES[QueryKind(kind)].read(value)
    except (Malformed, KeyError, TypeError, AttributeError):
        return None
