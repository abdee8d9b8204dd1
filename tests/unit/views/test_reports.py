"""A list of reports that is not whole never reads as one without any report."""

from __future__ import annotations

from typing import Any

from gateway.language.languages import Language
from gateway.views.desk.reports import listed_lines
from tests.support.tables import table

REPORT = {"id": "5f0c", "owner": "vn", "title": "drugs", "withdrawn": ""}


@table("language", Language)
@table("reports", [[], [REPORT]])
@table("cut", ["capped", "partial"])
def test_a_list_that_was_cut_says_so(language: Language, reports: list[dict[str, Any]], cut: str) -> None:
    whole = {"reports": reports, "capped": False, "partial": False}
    (*_, last) = listed_lines(whole | {cut: True}, language)
    assert last[1] == "warn"
    assert last not in list(listed_lines(whole, language))
    assert len(list(listed_lines(whole, language))) == 1


def test_what_was_not_looked_at_is_partial() -> None:
    (line,) = listed_lines({"reports": [], "capped": False, "partial": True})
    assert line[0].startswith("partial: not all reports could be searched")
