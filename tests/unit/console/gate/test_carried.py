"""A token and a question in one field: parted without loss, and a spoilt token is asked of nobody."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.console.gate.understood import Kind, parted, shown_document, understood
from gateway.errors import Malformed
from gateway.model.query import ContainerQuery, DocumentQuery, NationalIdQuery, PersonQuery, VehicleQuery
from gateway.model.values import NameForm
from tests.support.tables import table

TOKEN = "LN1.eyJpIjoidm4ifQ.c2lnbmVk"
ZONE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"
DAY = date(2026, 11, 28)


@table(
    ("text", "token", "question"),
    [
        (TOKEN, TOKEN, ""),
        (f"  {TOKEN}\n", TOKEN, ""),
        (f"{TOKEN} {ZONE}", TOKEN, ZONE),
        (f"{ZONE}\n{TOKEN}", TOKEN, ZONE),
        (f"{TOKEN} {TOKEN} C4419027", TOKEN, "C4419027"),
        ("ln1.EYjP.C2LN somchai", "ln1.EYjP.C2LN", "somchai"),
        ("LN1. somchai", "LN1.", "somchai"),
        ("SOMCHAI JAIDEE 1984-03-02", "", "SOMCHAI JAIDEE 1984-03-02"),
        ("XLN1.abc", "", "XLN1.abc"),
        ("LN1", "", "LN1"),
        ("", "", ""),
    ],
)
def test_a_token_stands_before_or_behind_the_question_or_alone(text: str, token: str, question: str) -> None:
    assert parted(text) == (token, question)


def test_two_tokens_are_refused() -> None:
    with pytest.raises(Malformed) as caught:
        parted(f"{TOKEN} {TOKEN}x")
    assert caught.value.code == "two-tokens"


@given(st.text(max_size=80))
def test_a_text_without_a_token_is_the_question(text: str) -> None:
    assert parted(text.replace(".", "")) == ("", text.replace(".", "").strip())


def test_a_zone_is_read_as_without_the_token() -> None:
    _, question = parted(f"{TOKEN} {ZONE}")
    said = understood(question, DAY)
    assert said.kind is Kind.ZONE
    assert shown_document(said.queries) == ("L898902C3", "UTO")


@table(
    ("query", "document"),
    [
        (DocumentQuery("P4471209", "THA"), ("P4471209", "THA")),
        (NationalIdQuery("1103700123456", "THA-PIN"), ("1103700123456", "THA")),
        (DocumentQuery("P4471209"), ("", "")),
        (DocumentQuery("P4471209", "D"), ("", "")),
        (DocumentQuery("---", "THA"), ("", "")),
        (NationalIdQuery("1103700123456"), ("", "")),
        (PersonQuery((NameForm("Somchai"),)), ("", "")),
        (VehicleQuery("2 4471"), ("", "")),
        (ContainerQuery("CSQU3054383"), ("", "")),
    ],
)
def test_a_document_is_taken_only_where_number_and_country_are_known(query: object, document: tuple[str, str]) -> None:
    assert shown_document((query,)) == document  # type: ignore[arg-type]
