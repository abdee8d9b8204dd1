"""Typed queries: what can be asked of a source."""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import Malformed
from gateway.model.frozen import frozen
from gateway.model.values import NameForm, PartialDate, Sex, text_value

MAX_NAMES = 8


class QueryKind(StrEnum):
    """One for each kind of query."""

    PERSON = "person"
    DOCUMENT = "document"
    NATIONAL_ID = "national_id"
    VEHICLE = "vehicle"
    CONTAINER = "container"


@frozen
class PersonQuery:
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
            raise Malformed(f"a query has 1 to {MAX_NAMES} names", code="bad-query", where="query.names")
        for name in self.names:
            text_value(name.text, "query.names")
        if self.father:
            text_value(self.father, "query.father")


@frozen
class DocumentQuery:
    """A travel document by number and issuing country (ICAO alpha-3, may be empty)."""

    number: str
    issuer: str = ""

    kind = QueryKind.DOCUMENT

    def __post_init__(self) -> None:
        text_value(self.number, "query.number", 40)


@frozen
class NationalIdQuery:
    """A national identity number; `scheme` such as `THA-PIN`, may be empty."""

    number: str
    scheme: str = ""

    kind = QueryKind.NATIONAL_ID

    def __post_init__(self) -> None:
        text_value(self.number, "query.number", 40)


@frozen
class VehicleQuery:
    """A vehicle by its plate; a Thai plate is unique only with its province."""

    plate: str
    province: str = ""
    country: str = ""

    kind = QueryKind.VEHICLE

    def __post_init__(self) -> None:
        text_value(self.plate, "query.plate", 40)


@frozen
class ContainerQuery:
    """A freight container by its ISO 6346 number."""

    number: str

    kind = QueryKind.CONTAINER

    def __post_init__(self) -> None:
        text_value(self.number, "query.number", 40)


Query = PersonQuery | DocumentQuery | NationalIdQuery | VehicleQuery | ContainerQuery
