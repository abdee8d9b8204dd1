"""A question as an entry without a statement keeps it: what was asked comes back, and nothing else is taken for one."""

from __future__ import annotations

import json

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
    query_of,
)
from gateway.model.values import NameForm, PartialDate
from tests.support.tables import table

QUERIES: list[Query] = [
    PersonQuery((NameForm("สมชาย ใจดี"), NameForm("Somchai Jaidee")), PartialDate("1984-02"), nationality="THA"),
    PersonQuery((NameForm("Nguyễn Văn An"),), father="Nguyễn Văn Ba"),
    DocumentQuery("C1234567", "LAO"),
    NationalIdQuery("1101700203451", "TH"),
    VehicleQuery("กข 1234", "กรุงเทพมหานคร", "THA"),
    ContainerQuery("CSQU3054383"),
    VesselQuery("แม่โขง 7", "IMO 9074729", "574001230", "HSB2", "ชร-ข 0417", "TH"),
    VesselQuery(local_reg="LA-VTE 0417"),
    ReportQuery("ซ่อนใต้พื้นรถ", "NARC", "Chiang Rai", "mae-sai.tachilek", "2026-03/2026-05"),
    PhoneQuery("081-234 5678", "TH"),
]


@table("query", QUERIES, ids=lambda query: query.kind.value)
def test_what_was_asked_comes_back(query: Query) -> None:
    kept = json.loads(json.dumps(query.as_value()))
    found = query_of(query.kind.value, kept)
    assert found is not None
    assert found.as_value() == query.as_value()
    assert type(found) is type(query)


@table("value", [None, 5, "x", [], {}, {"names": 5}, {"number": []}, {"names": [], "birth": ""}])
@table("kind", ["person", "document", "vehicle", "vessel", "report", "spell", None, 7])
def test_anything_else_is_no_question(kind: object, value: object) -> None:
    assert query_of(kind, value) is None
