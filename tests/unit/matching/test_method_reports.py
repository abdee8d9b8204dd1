"""A report is judged by its own fields: what it cannot tell is left open, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import Malformed
from gateway.matching.confirm import confirm, judge
from gateway.matching.explain import RULES
from gateway.matching.method_reports import MAX_WORDS, PLACES, report_match, wanted_keys, words_in
from gateway.matching.thresholds import USUAL
from gateway.model.forms.reports import MAX_TEXTS, ReportTerms
from gateway.model.hit import Match, Quality, SourceRecord, Verdict
from gateway.model.marking import Marking
from gateway.model.query import ReportQuery
from gateway.records import codes
from tests.support.reports import METHOD
from tests.support.tables import table

FIELDS: dict[str, Any] = METHOD | {"offence": "NARC", "no_personal_data": True}
TYPE = "ModusOperandiReport"
KNOWN = {PLACES: codes.place_names(FIELDS["route"])}

FOUND = [
    ReportQuery("false FLOORS"),
    ReportQuery("ยาบ้า"),
    ReportQuery("車底"),
    ReportQuery("ໄມ້"),
    ReportQuery(offence="NARC", period="2026-04"),
    ReportQuery(crossing="mae-sai.tachilek"),
    ReportQuery(place="mae-sai.tachilek"),
    ReportQuery(place="Chiang Rai"),
    ReportQuery("welds", "NARC", "Mae Sai", "mae-sai.tachilek", "2026"),
]
OTHERS = [
    ReportQuery("floor ivory"),
    ReportQuery("ยาไอซ์"),
    ReportQuery(offence="TIP"),
    ReportQuery("floor", period="2026-06"),
    ReportQuery(place="Poipet"),
    ReportQuery(crossing="poipet.aranyaprathet"),
]


def record(fields: dict[str, Any] = FIELDS) -> SourceRecord:
    return SourceRecord("th.desk.reports.police", "1", TYPE, "th.police", fields, Marking(), search=KNOWN)


@table("query", FOUND)
def test_a_report_that_has_all_of_it_is_the_one(query: ReportQuery) -> None:
    match = confirm(query, record(), USUAL)
    assert match == report_match(query)
    assert match is not None
    assert match.quality is Quality.STRONG
    assert set(match.rules) <= RULES.keys()
    assert match.rules


@table("query", OTHERS)
def test_a_report_that_lacks_some_of_it_is_another_one(query: ReportQuery) -> None:
    assert confirm(query, record(), USUAL) is None


def test_an_asker_leaves_open_what_a_registered_name_or_a_withheld_field_may_say() -> None:
    by_name = ReportQuery(place="တာချီလိတ်")
    assert isinstance(judge(by_name, TYPE, FIELDS, search=KNOWN), Match)
    assert judge(by_name, TYPE, FIELDS) is Verdict.SILENT
    without = {name: value for name, value in FIELDS.items() if name != "route"}
    assert judge(by_name, TYPE, without) is Verdict.OTHER
    assert judge(by_name, TYPE, without, whole=False) is Verdict.SILENT
    assert judge(ReportQuery("floor", "TIP"), TYPE, without, whole=False) is Verdict.OTHER, "another offence is told"


def test_a_record_of_another_type_is_no_report() -> None:
    assert judge(ReportQuery("floor"), "Person", {"names": ["false floor"]}, whole=False) is Verdict.OTHER


def test_more_text_than_any_report_has_is_not_compared() -> None:
    assert judge(ReportQuery("floor"), TYPE, FIELDS | {"price": "x" * MAX_TEXTS}) is Verdict.SILENT


def test_words_are_counted_as_they_are_looked_for() -> None:
    assert [words_in(text) for text in ("", " -- ! ", "false floor", "ยาบ้า 12")] == [0, 0, 2, 2]
    assert words_in("a " * (MAX_WORDS + 1)) == MAX_WORDS + 1


@table(
    ("query", "where"),
    [
        ({}, "query"),
        ({"period": "2026"}, "query"),
        ({"text": " "}, "query.text"),
        ({"text": "x" * 201}, "query.text"),
        ({"place": "x\ny"}, "query.place"),
        ({"offence": "ANY"}, "query.offence"),
        ({"crossing": "Mae Sai"}, "query.crossing"),
        ({"text": "floor", "period": "May 2026"}, "query.period"),
    ],
)
def test_a_question_that_asks_for_all_or_in_another_form_is_none(query: dict[str, str], where: str) -> None:
    with pytest.raises(Malformed) as refused:
        ReportQuery(**query)
    assert refused.value.where == where


def test_words_beyond_the_limit_are_refused_and_not_left_out() -> None:
    assert wanted_keys(ReportTerms("a " * MAX_WORDS))
    with pytest.raises(Malformed) as refused:
        wanted_keys(ReportTerms("a " * (MAX_WORDS + 1)))
    assert refused.value.code == "too-long"


@table("period", ["1990/2026", "2016-01/2026-01", "2026/2025", "2026-13"])
def test_a_question_s_period_is_refused_where_a_report_s_would_be(period: str) -> None:
    with pytest.raises(Malformed) as refused:
        ReportQuery(offence="NARC", period=period)
    assert refused.value.where == "query.period"
