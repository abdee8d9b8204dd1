"""A question that can only end as "no hit" is refused, with what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.agency.bodies.requests import SEARCH
from gateway.errors import Malformed
from tests.support.cli import Liaison
from tests.support.tables import table

_WHY = ("--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "C-1", "--as", "x", "--to", "la")


def command(query: dict[str, Any]) -> Any:
    body = {"query": query, "to": ["la"], "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-1"}
    return SEARCH.read(body, "bad-search")


def born(value: str) -> dict[str, Any]:
    return {"kind": "person", "names": [{"text": "Noy"}], "birth": {"value": value}}


@pytest.mark.parametrize("value", ["2533", "2533-07-04", "2533-07"])
def test_a_buddhist_year_of_birth_is_refused_and_the_gregorian_one_named(value: str) -> None:
    with pytest.raises(Malformed) as caught:
        command(born(value))
    assert (caught.value.message, caught.value.where) == ("2533 is a Buddhist year: 1990?", "query.birth")


@table("value", ["1849", "2200", "0001", "9999-12-31"])
def test_a_year_in_which_nobody_was_born_is_refused(value: str) -> None:
    with pytest.raises(Malformed) as caught:
        command(born(value))
    assert caught.value.code == "birth-year"


@pytest.mark.parametrize("value", ["1850", "1990-07-04", "2026"])
def test_a_year_of_birth_is_accepted(value: str) -> None:
    assert command(born(value)).query.birth.value == value


@table(("issuer", "meant"), [("LA", "LAO"), ("laos", "LAO"), ("vietnam", "VNM"), ("lao", "LAO"), ("QQQ", "LAO")])
def test_an_issuer_that_no_document_bears_is_refused(issuer: str, meant: str) -> None:
    with pytest.raises(Malformed) as caught:
        command({"kind": "document", "number": "P1", "issuer": issuer})
    assert caught.value.code == "unknown-issuer"
    assert meant in f"{caught.value.message} {caught.value.remedy}"


@table("issuer", ["", "LAO", "D", "UNO", "RKS"])
def test_an_issuer_of_the_lists_is_accepted(issuer: str) -> None:
    assert command({"kind": "document", "number": "P1", "issuer": issuer}).query.issuer == issuer


def test_a_nationality_is_checked_too() -> None:
    with pytest.raises(Malformed, match="TH is an alpha-2 code: THA"):
        command({"kind": "person", "names": [{"text": "Noy"}], "nationality": "TH"})


@table(
    ("what", "said"),
    [
        (("person", "--name", "Noy", "--birth", "2533"), "2533 is a Buddhist year: 1990?"),
        (("person", "--name", "Noy", "--birth", "4 July"), "YYYY-MM-DD"),
        (("document", "--number", "P1", "--issuer", "LA"), "LA is an alpha-2 code: LAO"),
        (("document", "--number", "P1", "--issuer", "laos"), "`laos` is no code of a country"),
    ],
)
def test_the_command_says_it_in_words_as_wrong_usage(
    what: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Liaison(capsys)("ask", *what, "--home", tmp_path, *_WHY)
    assert ran.code == 2
    assert said in ran.err
    assert "openapi" not in ran.err
    assert "pattern" not in ran.err


def test_a_member_of_another_form_is_refused_without_a_pattern() -> None:
    with pytest.raises(Malformed) as caught:
        command({"kind": "person", "names": [{"text": "Noy", "script": "laos"}]})
    assert caught.value.message == "is not written as this member must be"
    assert caught.value.where == "query.names.0.script"
