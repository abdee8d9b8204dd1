"""What is asked of the library is looked at before it is searched: words, and none that may be a person's number."""

from __future__ import annotations

import pytest

from gateway.desk.reports.wanted import asked_keys
from gateway.errors import Malformed
from gateway.exchange.sources.bulkhead import BAD_QUERIES
from gateway.model.query import ReportQuery
from tests.support.tables import table


@table(
    ("query", "code"),
    [
        (ReportQuery("!!!"), "bad-query"),
        (ReportQuery(place="—"), "bad-query"),
        (ReportQuery("a " * 17), "bad-query"),
        (ReportQuery("call ๐๘๑-234-5678"), "personal-data"),
        (ReportQuery(place="1-1017-00203-45-1"), "personal-data"),
        (ReportQuery("2กข 4471"), "personal-data"),
        (ReportQuery("somebody@example.org"), "personal-data"),
    ],
)
def test_what_cannot_be_searched_or_asks_for_a_person_is_the_fault_of_the_question(
    query: ReportQuery, code: str
) -> None:
    with pytest.raises(Malformed) as refused:
        asked_keys(query)
    assert refused.value.code == code
    assert code in BAD_QUERIES, "so the answer is a refusal, and no source counts as missing"


@pytest.mark.parametrize(
    "query",
    [ReportQuery("12 bags, 1,500,000 baht, 2026-03"), ReportQuery(offence="NARC"), ReportQuery(place="THCEI")],
)
def test_amounts_dates_and_codes_are_no_numbers_of_persons(query: ReportQuery) -> None:
    assert asked_keys(query)
