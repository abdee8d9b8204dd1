"""Reading the bodies of requests: what is wrong is named so that the caller can put it right."""

from __future__ import annotations

import re

import pytest

from gateway.agency.bodies.patterns import TEXT, TEXT_OR_NONE
from gateway.agency.bodies.requests import SEARCH
from gateway.errors import Malformed
from gateway.model.query import PhoneQuery, ReportQuery, VesselQuery
from gateway.model.values import text_value
from tests.support.tables import table


def test_a_purpose_that_is_no_code_is_refused_with_the_codes_as_they_must_be_written() -> None:
    query = {"kind": "document", "number": "C1", "issuer": "VNM"}
    body = {"query": query, "to": ["vn"], "purpose": "border_check", "offence": "DOCFRAUD", "ticket": "T-1"}
    with pytest.raises(
        Malformed, match=r"^purpose: one of these is expected: BORDER_CHECK, INVESTIGATION, "
    ) as refused:
        SEARCH.read(body, "bad-search")
    assert (refused.value.code, refused.value.where) == ("bad-search", "purpose")


def test_a_member_that_is_of_another_kind_is_refused_with_names_and_codes_as_they_are() -> None:
    body = {"query": {"kind": "Document"}, "to": ["vn"], "purpose": "BORDER_CHECK", "offence": "DOCFRAUD", "Case": "1"}
    with pytest.raises(Malformed, match=r"^query: the member `kind` is one of these: person, document, ") as refused:
        SEARCH.read(body, "bad-search")
    assert refused.value.where == "query"
    with pytest.raises(Malformed) as refused:
        SEARCH.read({**body, "query": {"kind": "document", "number": "C1"}}, "bad-search")
    assert refused.value.where == "Case"


_VESSEL = {"to": ["la"], "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17"}


def test_a_vessel_is_asked_for_by_one_of_its_names_and_numbers_at_least() -> None:
    body = {"query": {"kind": "vessel", "local_reg": "LA-VTE 0417", "flag": "LA"}, **_VESSEL}
    assert SEARCH.read(body, "bad-search").query == VesselQuery(local_reg="LA-VTE 0417", flag="LA")


@table(
    ("query", "code", "where"),
    [
        ({}, "missing", "query"),
        ({"imo": "9074728"}, "bad-imo", "query.imo"),
        ({"mmsi": "12"}, "bad-mmsi", "query.mmsi"),
        ({"name": "Naga", "flag": "lao"}, "bad-query", "query.flag"),
        ({"name": "n" * 257}, "bad-search", "query.name"),
        ({"name": "Naga", "hull": "red"}, "bad-search", "query.hull"),
    ],
)
def test_what_is_no_vessel_is_refused_by_its_code(query: dict[str, str], code: str, where: str) -> None:
    with pytest.raises(Malformed) as refused:
        SEARCH.read({"query": {"kind": "vessel", **query}, **_VESSEL}, "bad-search")
    assert (refused.value.code, refused.value.where) == (code, where)


@table(
    ("query", "code", "where"),
    [
        ({}, "missing", "query"),
        ({"period": "2026"}, "missing", "query"),
        ({"text": "call 081-234-5678"}, "personal-data", "query.text"),
        ({"text": "..."}, "bad-query", "query.text"),
        ({"offence": "ANY"}, "bad-query", "query.offence"),
        ({"text": "floor", "period": "May"}, "bad-search", "query.period"),
        ({"text": "floor", "owner": "th"}, "bad-search", "query.owner"),
    ],
)
def test_what_is_no_question_for_reports_is_refused_by_its_code(query: dict[str, str], code: str, where: str) -> None:
    with pytest.raises(Malformed) as refused:
        SEARCH.read({"query": {"kind": "report", **query}, **_VESSEL}, "bad-search")
    assert (refused.value.code, refused.value.where) == (code, where)


@table(
    ("query", "found"),
    [
        ({"number": "081-234 5678", "country": "TH"}, PhoneQuery("081-234 5678", "TH")),
        ({"number": "+66 81 234 5678"}, PhoneQuery("+66 81 234 5678")),
    ],
)
def test_a_telephone_number_is_asked_for_as_it_is_written(query: dict[str, str], found: PhoneQuery) -> None:
    assert SEARCH.read({"query": {"kind": "phone", **query}, **_VESSEL}, "bad-search").query == found


@pytest.mark.parametrize(
    "query",
    [{"number": "x"}, {"number": "0812345678"}, {"number": "0812345678", "country": "XX"}, {"number": ""}],
)
def test_what_is_no_telephone_number_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        SEARCH.read({"query": {"kind": "phone", **query}, **_VESSEL}, "bad-search")


def test_reports_are_asked_for_by_all_that_is_given() -> None:
    asked = {"text": "false floor", "offence": "NARC", "period": "2026-03/2026-05"}
    command = SEARCH.read({"query": {"kind": "report", **asked}, **_VESSEL}, "bad-search")
    assert command.query == ReportQuery("false floor", "NARC", period="2026-03/2026-05")


BLANKS = [" ", "\u00a0", "\u2003\u3000", "\u2028", "\x1f", "\x85"]


@table("text", [*BLANKS, "", " \ue000", "C1\tC2"])
def test_text_that_is_refused_does_not_fit_the_document(text: str) -> None:
    assert not re.search(TEXT["pattern"], text)
    with pytest.raises(Malformed):
        text_value(text, "number")


@table("text", ["C1", " C1 ", "สมชาย ใจดี", "\u3000王\u3000", "\u200bC1", "a" * 40])
def test_text_that_fits_the_document_is_taken(text: str) -> None:
    assert re.search(TEXT["pattern"], text)
    assert re.search(TEXT_OR_NONE["pattern"], text)
    assert text_value(text, "number") == text


def test_text_that_may_be_left_empty_is_no_blanks_either() -> None:
    assert re.search(TEXT_OR_NONE["pattern"], "")
    assert not any(re.search(TEXT_OR_NONE["pattern"], text) for text in BLANKS)
