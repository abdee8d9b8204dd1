"""Days and moments as people read them: in the time of their country, by their language."""

from __future__ import annotations

from contextvars import copy_context
from datetime import datetime
from typing import Any

from gateway.clock import to_us
from gateway.console.frame.clocks import countdown
from gateway.console.frame.records import record_rows
from gateway.console.frame.shapes import Text
from gateway.console.frame.times import hour, plain_day, stamp, zone
from gateway.console.visits.door import begin_visit
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.search.lines import marking_text
from tests.support.tables import table


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


NOON = at("2026-11-28T05:05:47Z")
"""Five past noon in Thailand."""


def there(member: str, work: Any, *arguments: Any) -> Any:
    """What a function returns for a page of a member's console."""

    def run() -> Any:
        begin_visit(member)
        return work(*arguments)

    return copy_context().run(run)


@table(
    ("member", "named", "shown"),
    [
        ("th", "UTC+7", "12:05:47"),
        ("mm", "UTC+6:30", "11:35:47"),
        ("cn", "UTC+8", "13:05:47"),
        ("de", "UTC", "05:05:47"),
    ],
)
def test_a_print_says_the_moment_in_the_country_s_time_and_which_time_that_is(
    member: str, named: str, shown: str
) -> None:
    assert zone(member) == named
    assert there(member, stamp, NOON, member, Language.EN) == f"28 November 2026 {shown} ({named})"


def test_a_moment_of_today_is_an_hour_and_one_of_another_day_has_the_day_s_name() -> None:
    assert there("th", hour, at("2026-11-28T07:30:00Z"), NOON, Language.EN) == "14:30"
    late = at("2026-11-28T18:00:00Z")  # already the next day in Thailand
    assert there("th", hour, late, NOON, Language.EN) == "Sunday, 29 November 2026 01:00"
    assert there("th", hour, late, NOON, Language.TH) == "วันอาทิตย์ที่ 29 พฤศจิกายน พ.ศ. 2569 (ค.ศ. 2026) 01:00"
    assert there("vn", hour, late, NOON, Language.VI) == "Chủ Nhật, 29 tháng 11, 2026 01:00"


def test_a_clock_says_when_in_local_time_and_keeps_utc_for_the_script() -> None:
    due = NOON + 9 * 60_000_000
    shown = there("th", countdown, due, NOON, Language.EN)
    assert (shown.due, shown.text, shown.tone) == ("2026-11-28T05:14:47Z", "until 12:14 (in 9 min)", "warn")
    late = there("th", countdown, NOON - 60_000_000, NOON, Language.EN)
    assert (late.text, late.tone) == ("overdue since 12:04", "danger")


@table("language", Language)
def test_sentences_of_all_views_tell_their_moments_in_the_reader_s_time(language: Language) -> None:
    marking = {"not_after": "2026-11-28T18:00:00Z"}
    told = there("th", marking_text, marking, language)
    assert "01:00" in told
    assert "29" in told
    assert "UTC" not in told
    assert ("2569" in told) == (language is Language.TH)
    assert "18:00:00" in marking_text(marking, language)  # no page is shown: as ever


def test_what_is_no_moment_stays_as_it_is() -> None:
    assert there("th", moment, "long ago", Language.EN) == "long ago"
    assert plain_day("2026-02-30", Language.TH) == "2026-02-30"


def test_days_of_a_record_are_in_words_and_numbers_that_look_like_years_are_not() -> None:
    fields = {"number": "1984", "birth": "1984", "expires": "2031-02-10"}
    rows = {row.name: row.values for row in record_rows(fields, "TravelDocument", Language.TH)}
    said = [value.text if isinstance(value, Text) else value for values in rows.values() for value in values]
    assert said == ["1984", "พ.ศ. 2527 (ค.ศ. 1984)", "10 กุมภาพันธ์ พ.ศ. 2574 (ค.ศ. 2031)"]


def test_the_last_moment_of_the_calendar_is_told_as_it_is() -> None:
    assert there("th", moment, "9999-12-31T23:59:59Z", Language.TH) == "9999-12-31T23:59:59Z"
