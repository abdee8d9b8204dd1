"""Reports of the node are read into a closed form."""

from __future__ import annotations

from typing import Any

import pytest

from bridges.report import moment_us, read_report
from gateway.errors import Malformed, Unsupported
from gateway.records.work import ModusOperandiReport
from tests.support.report_feed import MARKING, item
from tests.support.tables import table


def test_every_field_of_a_report_leaves_but_pictures_and_what_is_not_named() -> None:
    named = {"offence", "method", "concealment", "price", "period", "route", "indicators"}
    assert set(ModusOperandiReport.model_fields) - named == {"pictures", "no_personal_data"}
    fields = item(1)["fields"] | {"pictures": ["/share/photo.jpg"], "names": [{"text": "Somchai"}]}
    fields["route"] = [{"country": "LA", "contact": "+66 81 234 5678"}]
    assert "Somchai" not in (text := repr(read_report(item(1, fields=fields), "th")))
    assert "photo" not in text
    assert "+66" not in text


def test_without_the_authors_word_or_a_marking_a_report_stays() -> None:
    silent = item(1)["fields"] | {"no_personal_data": False}
    assert "names no person" in read_report(item(1, fields=silent), "th").kept_back
    assert read_report(item(1, marking=None), "th").handling is None
    assert read_report(item(1, marking={}), "th").handling is None


@table(
    "changes",
    [
        {"id": ""},
        {"id": "x" * 65},
        {"id": "é"},
        {"id": 7},
        {"version": None},
        {"added": "2026-11-01"},
        {"added": "2026-11-01T00:00:00"},
        {"added": 12},
        {"withdrawn": "soon"},
        {"owner": "t\nh"},
        {"fields": "text"},
        {"marking": MARKING | {"not_after": "later"}},
    ],
)
def test_another_form_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_report(item(1, **changes), "th")
    with pytest.raises(Malformed):
        read_report(["no", "object"], "th")


def test_another_type_is_refused() -> None:
    with pytest.raises(Unsupported):
        read_report(item(1, type="Person"), "th")


def test_moments_keep_their_microseconds() -> None:
    assert moment_us("2026-11-01T00:00:00.000001Z") % 1_000_000 == 1
    assert moment_us("2026-11-01T07:00:00+07:00") == moment_us("2026-11-01T00:00:00Z")
