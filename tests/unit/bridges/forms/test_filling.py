"""Forms hold what an alert says and nothing else, and no text of an alert becomes markup."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bridges.forms.filling import colours, fill, page
from gateway.errors import Forbidden, Malformed, Misused
from gateway.records.words import WORDS
from tests.support.tables import table

NOW_US = 1_795_000_000_000_000


def alert(fields: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    usual = {
        "alert_class": "ARREST",
        "names": [
            {"text": "สมชาย ใจดี", "romanised": "Somchai Jaidee", "name_type": "PRIMARY"},
            {"text": "ชาย", "name_type": "NICK"},
        ],
        "birth": {"value": "1980-02", "estimated": True},
        "identifiers": [{"number": "AB1234567", "doc_code": "P", "issuer": "THA"}],
        "reason": "Ketamine in lorries.",
        "action": "Arrest and hold.",
        "decision_ref": "Court of Nong Khai 12/2569",
        "do_not": ["DO_NOT_ALERT_SUBJECT"],
        "geo_scope": ["la", "vn"],
        "contact": "duty desk",
    }
    whole = {"id": "a" * 32, "stand": "on", "offence": "NARC", "case": "TH-2026-17", "until": "2026-12-01T00:00:00Z"}
    return whole | {"fields": usual | (fields or {}), "hidden_until": ""} | changes


def shown(filled: Any) -> dict[str, str]:
    return {label: text for part in filled.parts for label, text in part.rows}


def test_a_red_form_has_each_fact_of_the_alert_and_blanks_for_the_rest() -> None:
    form = fill(alert(), "th", "", NOW_US)
    facts = shown(form)
    assert form.title.startswith("Red")
    assert facts["Family name and forenames"] == "สมชาย ใจดี"
    assert facts["In Latin letters"] == "Somchai Jaidee"
    assert facts["Other names"] == "ชาย"
    assert facts["Date of birth"] == "1980-02 (estimated)"
    assert facts["Identity and travel documents"] == "AB1234567 (P, THA)"
    assert facts["Warrant or decision"] == "Court of Nong Khai 12/2569"
    assert facts["Maximum penalty"] == facts["Nationality"] == ""
    text = page(form)
    assert "Do not let the person know" in text
    assert "Thailand" in text
    assert "@page" in text


@table("kind", list(WORDS["AlertClass"]))
def test_each_class_of_alert_has_a_form(kind: str) -> None:
    assert page(fill(alert({"alert_class": kind, "objects": ["lorry 70-1234"]}), "th", "", NOW_US))


def test_the_colour_of_an_earlier_notice_or_of_the_officer_goes_before_that_of_the_class() -> None:
    named = alert({"notice_ref": "YELLOW F-12/2026"})
    assert fill(named, "th", "", NOW_US).title.startswith("Yellow")
    assert fill(named, "th", "blue", NOW_US).title.startswith("Blue")
    assert {"red", "blue", "yellow", "green", "orange", "black"} <= set(colours())


@table("stand", ["lifted", "closed", "declined", "lapsed", "over"])
def test_an_alert_that_has_ended_is_not_printed(stand: str) -> None:
    with pytest.raises(Forbidden):
        fill(alert(stand=stand), "th", "", NOW_US)


def test_an_alert_that_is_hidden_for_an_operation_is_not_printed() -> None:
    with pytest.raises(Forbidden):
        fill(alert(hidden_until="2099-01-01T00:00:00Z"), "th", "", NOW_US)


def test_a_form_that_lacks_what_it_needs_is_refused() -> None:
    with pytest.raises(Misused, match="decision_ref"):
        fill(alert({"decision_ref": ""}), "th", "", NOW_US)
    with pytest.raises(Misused, match="person"):
        fill(alert({"names": []}), "th", "yellow", NOW_US)
    for strange in (
        {},
        {"id": "x", "stand": "on"},
        alert({"alert_class": "NEW"}),
        alert(fields=None, until=None) | {"fields": 3},
    ):
        with pytest.raises(Malformed):
            fill(strange, "th", "", NOW_US)


def test_no_text_of_an_alert_becomes_markup_or_steers_the_page() -> None:
    markup = '"><script>alert(1)</script><img src=x>\u202e'
    fields: dict[str, Any] = dict.fromkeys(("reason", "action", "decision_ref", "contact"), markup)
    fields |= {"names": [{"text": markup}], "objects": [{"plate": markup, markup: "x"}], "geo_scope": [markup]}
    text = page(fill(alert(fields, case=markup), "th", "orange", NOW_US))
    assert set(re.findall(r"<(\w+)", text)) == set(re.findall(r"<(\w+)", page(fill(alert(), "th", "orange", NOW_US))))
    assert "\u202e" not in text
    assert "<script" not in text
