"""Check a question for reports before it is asked, and as it comes in: what it is searched by."""

from __future__ import annotations

from collections.abc import Collection

from gateway.desk.reports.traces import PERSONAL, traces
from gateway.errors import Malformed
from gateway.matching.method_reports import MAX_WORDS, wanted_keys, words_in
from gateway.model.query import ReportQuery


def asked_keys(query: ReportQuery) -> list[Collection[str]]:
    """Return groups of keys of which a report that fits has one each.

    Raises `Malformed` for a question with nothing to search by, and for one that asks for a person.
    """
    for name, text in (("text", query.text), ("place", query.place)):
        if text and not words_in(text):
            raise Malformed("there is no word to search by", code="bad-query", where=f"query.{name}")
        if words_in(text) > MAX_WORDS:
            raise Malformed("more than {limit} words", code="bad-query", where=f"query.{name}", limit=MAX_WORDS)
        if text and traces(name, text):
            raise Malformed(
                "reports name no persons: this looks like a number of one",
                code=PERSONAL,
                where=f"query.{name}",
                remedy="ask for the person, the document or the vehicle itself: `liaison ask --help`",
            )
    return wanted_keys(query)
