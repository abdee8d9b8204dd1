"""The body of a search, as agency systems send it: typed and closed (an unknown member is refused)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.agency.bodies import patterns
from gateway.agency.bodies.closed import Closed
from gateway.agency.bodies.handed import Handed
from gateway.clock import SystemClock
from gateway.desk.reports.wanted import asked_keys
from gateway.model.forms.phones import CALLING, PHONE
from gateway.model.forms.reports import MOST_SIGNS
from gateway.model.handed.searches import SearchCommand
from gateway.model.purpose import Offence
from gateway.model.query import (
    CaseQuery,
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
from gateway.model.values import Calendar, NameForm, NameSource, PartialDate, Sex
from gateway.records.identifiers.query_forms import check_birth, check_forms

Short = Annotated[str, Field(max_length=40, json_schema_extra=patterns.TEXT)]
Text = Annotated[str, Field(min_length=1, max_length=256, json_schema_extra=patterns.TEXT)]
Member = Annotated[str, Field(max_length=2, json_schema_extra=patterns.MEMBER)]
Issuer = Annotated[str, Field(max_length=64, description="ICAO alpha-3", json_schema_extra=patterns.ISSUER_OR_NONE)]
"""Checked against the lists of codes in `as_model`, which names the probable meaning."""


def _in_form(query: Query) -> Query:
    """Return `query`; raise `Malformed` for a value of another form than its table says."""
    check_forms(query, SystemClock().now_us())
    return query


class Name(Closed):
    """A name as a person wrote it; the script is detected where it is not given."""

    text: Text = Field(description="the whole name, in any script", examples=["สมชาย ใจดี"])
    script: Annotated[str, Field(pattern=r"^([A-Z][a-z]{3})?$")] = Field("", description="ISO 15924, such as Thai")
    lang: Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$")] = Field("", description="BCP 47")
    source: NameSource = NameSource.UNKNOWN

    def as_model(self) -> NameForm:
        """Return the name as a value of the model."""
        return NameForm(self.text, self.script, self.lang, self.source)


class Birth(Closed):
    """A date known to the year, month or day, in the Gregorian calendar."""

    value: Annotated[str, Field(max_length=10)] = Field(
        description="YYYY, YYYY-MM or YYYY-MM-DD", examples=["1984"], json_schema_extra=patterns.BIRTH
    )
    estimated: bool = False

    def as_model(self) -> PartialDate:
        """Return the date as a value of the model; raise `Malformed` for an impossible year of birth."""
        birth = PartialDate(self.value, Calendar.GREG, estimated=self.estimated)
        check_birth(birth.value, "query.birth", SystemClock().now_us())
        return birth


class PersonBody(Closed):
    """A person by name and, as a rule, birth date or year."""

    kind: Literal["person"]
    names: Annotated[list[Name], Field(min_length=1, max_length=8)]
    birth: Birth | None = None
    sex: Sex | None = None
    nationality: Issuer = ""
    father: Annotated[str, Field(max_length=256)] = Field(
        "", description="the father's name, in any script", json_schema_extra=patterns.TEXT_OR_NONE
    )

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        names = tuple(name.as_model() for name in self.names)
        birth = self.birth.as_model() if self.birth else None
        return _in_form(PersonQuery(names, birth, self.sex, self.nationality, self.father))


class DocumentBody(Closed):
    """A travel document by number and issuer."""

    kind: Literal["document"]
    number: Short
    issuer: Issuer = ""

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        return _in_form(DocumentQuery(self.number, self.issuer))


class NationalIdBody(Closed):
    """A national identity number."""

    kind: Literal["national_id"]
    number: Short
    scheme: Annotated[str, Field(pattern=r"^[A-Z0-9-]{0,20}$")] = Field("", description="such as THA-PIN")

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        return _in_form(NationalIdQuery(self.number, self.scheme))


class VehicleBody(Closed):
    """A vehicle by its plate; a Thai plate is unique only with its province."""

    kind: Literal["vehicle"]
    plate: Short
    province: Annotated[str, Field(max_length=60, json_schema_extra=patterns.TEXT_OR_NONE)] = ""
    country: Annotated[
        str,
        Field(max_length=64, description="ISO 3166-1 alpha-3 or alpha-2", json_schema_extra=patterns.COUNTRY_OR_NONE),
    ] = ""

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        return _in_form(VehicleQuery(self.plate, self.province, self.country))


class ContainerBody(Closed):
    """A freight container by its ISO 6346 number."""

    kind: Literal["container"]
    number: Annotated[str, Field(max_length=40, json_schema_extra=patterns.CONTAINER)]

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        return _in_form(ContainerQuery(self.number))


class CaseBody(Closed):
    """A case by its number, for the purpose DECONFLICTION: a hit says whom to ask, and nothing of the case."""

    kind: Literal["case_reference"]
    number: Annotated[str, Field(max_length=64, json_schema_extra=patterns.TEXT)]

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        return CaseQuery(self.number)


class VesselBody(Closed):
    """A vessel by its name or by a number of it: each that fits is enough, and one at least is required."""

    kind: Literal["vessel"]
    name: Annotated[str, Field(max_length=256, json_schema_extra=patterns.TEXT_OR_NONE)] = Field(
        "", description="the name, in any script"
    )
    imo: Annotated[str, Field(max_length=40, json_schema_extra=patterns.TEXT_OR_NONE)] = Field(
        "", description="IMO number, with its check digit", examples=["IMO 9074729"]
    )
    mmsi: Annotated[str, Field(max_length=40, json_schema_extra=patterns.TEXT_OR_NONE)] = ""
    call_sign: Annotated[str, Field(max_length=40, json_schema_extra=patterns.TEXT_OR_NONE)] = ""
    local_reg: Annotated[str, Field(max_length=40, json_schema_extra=patterns.TEXT_OR_NONE)] = Field(
        "", description="local registration, or what is painted on the hull"
    )
    flag: Annotated[
        str, Field(max_length=64, description="ISO 3166-1 alpha-2, such as LA", json_schema_extra=patterns.FLAG_OR_NONE)
    ] = ""

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        return _in_form(VesselQuery(self.name, self.imo, self.mmsi, self.call_sign, self.local_reg, self.flag))


class ReportQueryBody(Closed):
    """Reports on methods and routes that were published there: all that is given must fit.

    Words, an offence, a place or a crossing point is required. What looks like a number of a person is refused.
    """

    kind: Literal["report"]
    text: Annotated[str, Field(max_length=MOST_SIGNS, json_schema_extra=patterns.TEXT_OR_NONE)] = Field(
        "", description="words in any script, 16 at most", examples=["false floor"]
    )
    offence: Annotated[
        str, Field(max_length=16, json_schema_extra={"enum": ["", *(each.value for each in Offence)]})
    ] = Field("", description="the offence that the reports are about")
    place: Annotated[str, Field(max_length=MOST_SIGNS, json_schema_extra=patterns.TEXT_OR_NONE)] = Field(
        "", description="a place of the route: a name in any script, a UN/LOCODE or the id of a crossing point"
    )
    crossing: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.-]{0,62}[a-z0-9])?$")] = Field(
        "", description="the id of a crossing point in the register", examples=["mae-sai.tachilek"]
    )
    period: Annotated[str, Field(pattern=r"^([0-9]{4}(-(0[1-9]|1[0-2]))?((/|\.\.)[0-9]{4}(-(0[1-9]|1[0-2]))?)?)?$")] = (
        Field("", description="a year or a month, or two with `/` between", examples=["2026-03/2026-05"])
    )

    def as_model(self) -> Query:
        """Return the query as a value of the model; raise `Malformed` for one that asks for a person."""
        query = ReportQuery(self.text, self.offence, self.place, self.crossing, self.period)
        asked_keys(query)
        return query


class PhoneBody(Closed):
    """A telephone number: with its calling code, or as it is dialled in a country."""

    kind: Literal["phone"]
    number: Annotated[str, Field(max_length=40, json_schema_extra={"pattern": PHONE})] = Field(
        examples=["+66 81 234 5678", "0812345678"]
    )
    country: Annotated[str, Field(pattern=f"^({'|'.join(CALLING)})?$")] = Field(
        "", description="ISO 3166-1 alpha-2, for a number without its calling code"
    )

    def as_model(self) -> Query:
        """Return the query as a value of the model."""
        return _in_form(PhoneQuery(self.number, self.country))


WatchableBody = PersonBody | DocumentBody | NationalIdBody | VehicleBody | ContainerBody | VesselBody | PhoneBody
"""The kinds of questions that may be watched, too."""

QueryBody = Annotated[WatchableBody | CaseBody | ReportQueryBody, Field(discriminator="kind")]


_EXAMPLE: dict[str, Any] = {
    "query": {"kind": "document", "number": "C4419027", "issuer": "VNM"},
    "to": ["vn", "kh"],
    "purpose": "BORDER_CHECK",
    "offence": "DOCFRAUD",
    "ticket": "TH-AP-2026-118",
}


SEARCH = Handed(
    SearchCommand, "SearchBody", example=_EXAMPLE, more={"anyOf": patterns.CASE_OR_TICKET}, own={"query": QueryBody}
)
