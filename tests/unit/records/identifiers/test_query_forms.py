"""The one table of the forms of a query's values: each value has a row, and one of another form is refused."""

from __future__ import annotations

from typing import get_args

import pytest

from gateway.clock import DAY_US
from gateway.errors import Malformed
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    PhoneQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm, PartialDate
from gateway.records.identifiers.query_forms import FORMS, check_asked, check_forms
from tests.support.tables import table

NOW_US = 20_788 * DAY_US  # 2026-12-01
NAMES = (NameForm("Noy"),)

WRONG: dict[str, Query] = {
    "issuer of two letters": DocumentQuery("AC8375301", "VN"),
    "issuer that nobody has": DocumentQuery("AC8375301", "XQX"),
    "Buddhist birth": PersonQuery(NAMES, PartialDate("2524-07-04")),
    "birth ahead": PersonQuery(NAMES, PartialDate("2027")),
    "birth long ago": PersonQuery(NAMES, PartialDate("0984")),
    "nationality of two letters": PersonQuery(NAMES, nationality="TH"),
    "scheme of small letters": NationalIdQuery("1101700203451", "tha-pin"),
    "scheme without its name": NationalIdQuery("1101700203451", "THA"),
    "number of another scheme": NationalIdQuery("110170020345", "THA-PIN"),
    "country of one letter": VehicleQuery("กข 1234", country="T"),
    "country that nobody has": VehicleQuery("กข 1234", country="BUR"),
    "container without its check digit": ContainerQuery("CSQU305438"),
    "container of words": ContainerQuery("the blue one"),
    "flag that nobody has": VesselQuery("Naga", flag="XX"),
    "telephone of words": PhoneQuery("call me"),
    "telephone with a letter": PhoneQuery("081 234 567O"),
    "telephone of no country": PhoneQuery("0812345678"),
    "telephone with an extension": PhoneQuery("+66 2 123 4567 ext. 12"),
    "telephone of another planet": PhoneQuery("0812345678", "XX"),
}

RIGHT: dict[str, Query] = {
    "issuer": DocumentQuery("AC8375301", "VNM"),
    "issuer of ICAO alone": DocumentQuery("AC8375301", "D"),
    "no issuer": DocumentQuery("AC8375301"),
    "birth": PersonQuery(NAMES, PartialDate("1981-07-04"), nationality="THA"),
    "birth of this year": PersonQuery(NAMES, PartialDate("2026")),
    "number of its scheme": NationalIdQuery("1-1017-00203-45-0", "THA-PIN"),
    "number with a wrong check digit": NationalIdQuery("1-1017-00203-45-1", "THA-PIN"),
    "scheme without its country": NationalIdQuery("001085012345", "CCCD"),
    "scheme of another agency": NationalIdQuery("0101", "KHM-NID"),
    "country of two letters": VehicleQuery("กข 1234", country="TH"),
    "country of three letters": VehicleQuery("กข 1234", country="THA"),
    "container": ContainerQuery("csqu 305438-3"),
    "flag": VesselQuery("Naga", flag="LA"),
    "telephone as it is dialled": PhoneQuery("๐๘๑-๒๓๔ ๕๖๗๘", "TH"),
    "telephone with its calling code": PhoneQuery("+66 81 234 5678"),
}


def test_each_value_of_each_query_has_a_row() -> None:
    for kind in get_args(Query):
        assert set(FORMS[kind.kind]) == set(kind.__struct_fields__), kind
        assert all(form.told for form in FORMS[kind.kind].values())


@table("query", list(WRONG.values()), ids=list(WRONG))
def test_a_value_of_another_form_is_refused_with_its_place_and_what_to_do(query: Query) -> None:
    with pytest.raises(Malformed) as refused:
        check_forms(query, NOW_US)
    assert refused.value.where.removeprefix("query.") in FORMS[query.kind]
    assert refused.value.remedy
    with pytest.raises(Malformed) as heard:
        check_asked(query, NOW_US)
    assert (heard.value.code, heard.value.message) == ("bad-query", refused.value.message)


@table("query", list(RIGHT.values()), ids=list(RIGHT))
def test_what_an_officer_writes_in_its_form_is_taken(query: Query) -> None:
    check_asked(query, NOW_US)
