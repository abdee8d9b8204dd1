"""Typed queries to and from protobuf. Every text is limited; codes have their closed form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from liaison.exchange.v1 import notices_pb2
from liaison.exchange.v1 import statements_pb2 as pb
from msgspec import structs

from gateway.errors import Malformed, Unsupported
from gateway.model.query import (
    MAX_NAMES,
    CaseQuery,
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    QueryKind,
    ReportQuery,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm, NameSource, PartialDate, Sex
from gateway.records.identifiers.query_forms import bad_query
from gateway.statements.fields import optional_text

Questioned = pb.Request | notices_pb2.WatchNotice
"""The payloads that hold a query."""

_COUNTRY = re.compile(r"[A-Z]{1,3}", re.ASCII)
_SCRIPT = re.compile(r"[A-Z][a-z]{3}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{2,35}", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z0-9._-]{1,40}", re.ASCII)
_SOURCES: Mapping[str, NameSource] = {"": NameSource.UNKNOWN, **{source.value: source for source in NameSource}}
_SEXES: Mapping[str, Sex | None] = {"": None, **{sex.value: sex for sex in Sex}}
_PLACE_LIMIT = 64


def fill_query(payload: Questioned, query: Query) -> None:
    """Write `query` into the one field of `payload` that fits it."""
    if isinstance(query, PersonQuery):
        payload.person.CopyFrom(_person_message(query))
    elif isinstance(query, DocumentQuery):
        payload.document.CopyFrom(pb.DocumentQuery(number=query.number, issuer=query.issuer))
    elif isinstance(query, NationalIdQuery):
        payload.national_id.CopyFrom(pb.NationalIdQuery(number=query.number, scheme=query.scheme))
    elif isinstance(query, VehicleQuery):
        payload.vehicle.CopyFrom(pb.VehicleQuery(plate=query.plate, province=query.province, country=query.country))
    elif isinstance(query, CaseQuery):
        payload.case_reference.CopyFrom(pb.CaseQuery(number=query.number))
    elif isinstance(query, VesselQuery):
        payload.vessel.CopyFrom(pb.VesselQuery(**structs.asdict(query)))
    elif isinstance(query, ReportQuery):
        if not isinstance(payload, pb.Request):
            raise Unsupported(
                "reports are not watched", where="query", remedy="read the library: `liaison report list`"
            )
        payload.report.CopyFrom(pb.ReportQuery(**structs.asdict(query)))
    else:
        payload.container.CopyFrom(pb.ContainerQuery(number=query.number))


def read_query(payload: Questioned) -> Query:
    """Return the query of `payload`; raise `Malformed` when there is none, or when a value does not fit (`bad-query`).

    Whether a value has the form of its table (`records.identifiers.query_forms`) is asked where it is answered, so that
    what was answered before that was asked can still be read in a log.
    """
    kind = payload.WhichOneof("query")
    if kind is None:
        raise Malformed("no query", code="missing-query", where="query")
    try:
        return _READERS[QueryKind(kind)](getattr(payload, kind))
    except Malformed as error:
        raise bad_query(error) from error


def _person_message(query: PersonQuery) -> pb.PersonQuery:
    return pb.PersonQuery(
        names=[
            pb.NameForm(text=name.text, script=name.script, lang=name.lang, source=name.source.value)
            for name in query.names
        ],
        birth=query.birth.value if query.birth else "",
        sex=query.sex.value if query.sex else "",
        nationality=query.nationality,
        father=query.father,
    )


def _read_person(message: pb.PersonQuery) -> Query:
    if len(message.names) > MAX_NAMES:
        raise Malformed("more than {limit} names", code="bad-query", where="query.names", limit=MAX_NAMES)
    sex = message.sex
    if sex not in _SEXES:
        raise Malformed("unknown sex", code="bad-query", where="query.sex", remedy="M, F, X or nothing")
    birth = message.birth
    return PersonQuery(
        names=tuple(map(_read_name, message.names)),
        birth=PartialDate(birth) if birth else None,
        sex=_SEXES[sex],
        nationality=_code(message.nationality, _COUNTRY, "query.nationality"),
        father=message.father,
    )


def _read_name(message: pb.NameForm) -> NameForm:
    source = _SOURCES.get(message.source)
    if source is None:
        raise Malformed("unknown source of a name", code="bad-query", where="query.names.source")
    return NameForm(
        text=message.text,
        script=_code(message.script, _SCRIPT, "query.names.script"),
        lang=_code(message.lang, _LANGUAGE, "query.names.lang"),
        source=source,
    )


def _read_document(message: pb.DocumentQuery) -> Query:
    return DocumentQuery(message.number, _code(message.issuer, _COUNTRY, "query.issuer"))


def _read_national_id(message: pb.NationalIdQuery) -> Query:
    return NationalIdQuery(message.number, _code(message.scheme, _SCHEME, "query.scheme"))


def _read_vehicle(message: pb.VehicleQuery) -> Query:
    return VehicleQuery(
        plate=message.plate,
        province=optional_text(message.province, "query.province", _PLACE_LIMIT),
        country=_code(message.country, _COUNTRY, "query.country"),
    )


def _read_container(message: pb.ContainerQuery) -> Query:
    return ContainerQuery(message.number)


def _read_vessel(message: pb.VesselQuery) -> Query:
    return VesselQuery(message.name, message.imo, message.mmsi, message.call_sign, message.local_reg, message.flag)


def _read_report(message: pb.ReportQuery) -> Query:
    return ReportQuery(message.text, message.offence, message.place, message.crossing, message.period)


_READERS: Mapping[QueryKind, Callable[[Any], Query]] = {
    QueryKind.PERSON: _read_person,
    QueryKind.DOCUMENT: _read_document,
    QueryKind.NATIONAL_ID: _read_national_id,
    QueryKind.VEHICLE: _read_vehicle,
    QueryKind.CONTAINER: _read_container,
    QueryKind.CASE: lambda message: CaseQuery(message.number),
    QueryKind.VESSEL: _read_vessel,
    QueryKind.REPORT: _read_report,
}


def _code(value: str, form: re.Pattern[str], where: str) -> str:
    if value and not form.fullmatch(value):
        raise Malformed("`{value!a}` is not a code", code="bad-query", where=where, value=value[:40])
    return value
