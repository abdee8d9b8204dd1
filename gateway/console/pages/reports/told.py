"""Tell a report in lines: what it says, whose it is, how it may be handled, and who has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.clock import rfc3339_s
from gateway.console.frame.records import foreign
from gateway.console.frame.shapes import Row, Text, Tone
from gateway.desk.reports.library import Shelved
from gateway.desk.reports.values import OwnReport
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import REPORT_REASONS
from gateway.views.desk.reports import left_words, report_rows

PATH = "/reports"
_TEXTS = frozenset({"method", "concealment", "indicators", "price"})
STAND_TONES: Mapping[str, Tone] = {"waiting": "warn", "published": "info"}


def field_rows(fields: Mapping[str, Any], written: str, language: Language) -> tuple[Row, ...]:
    """Return what a report says as lines; its texts are under their own language, which is `written` if in Latin."""
    return tuple(
        Row(name, tuple(foreign(value) if field not in _TEXTS else text_in(value, written) for value in values))
        for field, name, values in report_rows(fields, language)
    )


def text_in(value: str, written: str) -> Text:
    """Return a text under the language of its letters, or in Latin ones under that in which it was written."""
    told = foreign(value)
    return told if isinstance(told, Text) else Text(told, written)


def shelf_rows(report: Shelved, language: Language) -> tuple[Row, ...]:
    """Return whose report it is, since when it is here, and how it may be handled."""
    return (
        Row(tell(language, "owner"), (f"{with_country(report.owner, language)}, {report.agency}",)),
        Row(tell(language, "stands here since"), (moment(rfc3339_s(report.added_us), language),)),
        Row(tell(language, "kept until"), (moment(rfc3339_s(report.until_us), language),)),
        Row(tell(language, "label"), (report.label.value,)),
    )


def own_rows(report: OwnReport, language: Language) -> tuple[Row, ...]:
    """Return who wrote and approved a report of ours, who has it, and who does not and why."""
    rows = [Row(tell(language, "written by"), (f"{report.author.person}, {report.author.office}",))]
    if report.approver is not None:
        rows.append(Row(tell(language, "approved by"), (report.approver.person,)))
    if report.to:
        names = tuple(with_country(to.member, language) for to in report.to)
        rows.append(Row(tell(language, "goes to"), names))
    if report.left:
        left = tuple(f"{with_country(one.member, language)}: {left_words(one.code, language)}" for one in report.left)
        rows.append(Row(tell(language, "does not go to"), left))
    if report.reason in REPORT_REASONS:
        rows.append(Row(tell(language, "reason of its end"), (tell(language, REPORT_REASONS[report.reason]),)))
    if report.text:
        rows.append(Row(tell(language, "in words"), (foreign(report.text),)))
    return tuple(rows)
