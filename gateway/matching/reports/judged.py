"""Judge by its own fields whether a report is one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.matching.reports.words import report_keys, says, texts_of, wanted_keys
from gateway.model.forms.reports import MAX_TEXTS, ReportTerms
from gateway.model.hit import Match, Quality, Verdict

RECORD_TYPE = "ModusOperandiReport"
PLACES = "places"
"""The search key under which the owner of a report names its places as the registers do."""

_RULES = {
    "text": "report-words",
    "offence": "report-offence",
    "place": "report-place",
    "crossing": "report-crossing",
    "period": "report-period",
}


def report_match(terms: ReportTerms) -> Match:
    """Return the match of a report that has all that was asked for."""
    return Match(Quality.STRONG, 1.0, tuple(rule for name, rule in _RULES.items() if getattr(terms, name)))


def judge_report(
    terms: ReportTerms, record_type: str, fields: Mapping[str, Any], search: Mapping[str, Any] | None, *, whole: bool
) -> Match | Verdict:
    """Return the match of a report with the terms, or the verdict where there is none.

    Without `search` the registers' names of its places are not known, so that what may be such a name is left open. So
    is all that a text says which is longer than any report may be.
    """
    if record_type != RECORD_TYPE or (terms.offence and fields.get("offence", terms.offence) != terms.offence):
        return Verdict.OTHER
    if sum(len(text) for _, text in texts_of(fields)) > MAX_TEXTS:
        return Verdict.SILENT
    places = search.get(PLACES, ()) if search is not None else ()
    keys = frozenset(report_keys(fields, places))
    if not any(keys.isdisjoint(group) for group in wanted_keys(terms)) and says(terms, fields, places):
        return report_match(terms)
    return Verdict.OTHER if whole and (search is not None or not _has_codes(fields)) else Verdict.SILENT


def _has_codes(fields: Mapping[str, Any]) -> bool:
    """Tell whether a route tells places by their codes, which stand for names."""
    route = [place for place in fields.get("route", ()) if isinstance(place, Mapping)]
    return any(place.get("crossing") or place.get("unlocode") for place in route)
