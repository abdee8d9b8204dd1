"""What a command prints of entries and figures: nothing that an operator needs is left out or cut off."""

from __future__ import annotations

import html
import re

import pytest

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.show import Shown
from gateway.audit.verify.findings import MEANING, Check, Report, State
from gateway.cli.output import print_table
from gateway.views.lines.entries import entry_line
from gateway.views.lines.report import report_lines
from gateway.views.report_page import report_page
from gateway.views.statistics import TITLES


def an_entry(kind: str, peer: str = "") -> Entry:
    return Entry("operations", 7, 1_767_225_660_000_000, kind, peer, None, "", b"", b"", b"")


def test_a_line_of_requests_that_were_turned_away_says_how_many_and_when() -> None:
    entry = an_entry("turned-away", "vn")
    said = {"code": "rate-limit", "count": 408_793, "first_us": 1_767_225_600_000_000, "last_us": 1_767_225_659_000_000}
    line = entry_line("operations/1", Shown(entry, said))
    assert "turned-away  vn  code rate-limit, count 408793" in line
    assert line.endswith("first 2026-01-01T00:00:00Z, last 2026-01-01T00:00:59Z")


def test_a_line_of_a_switch_says_what_kind_of_thing_was_switched() -> None:
    entry = an_entry("suspend")
    said = {"scope": "client", "target": "records-desk", "reason": "laptop stolen"}
    assert entry_line("operations/1", Shown(entry, said)).endswith(
        "scope client, target records-desk, reason laptop stolen"
    )


@pytest.mark.parametrize("figure", ["<5", "12,345", "1,234,567"])
def test_the_table_of_statistics_cuts_off_no_month_and_no_figure(
    figure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(TITLES, [("2026-11", "kh", *(figure for _ in TITLES[2:]))], names=2)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert "2026-11" in printed
    assert printed.count(figure) == len(TITLES) - 2
    assert printed.count("refused") == 2


def a_report() -> Report:
    report = Report()
    report.about = {"member": "th", "created": "2026-11-27T18:18:36.123456Z", "range": "all"}
    for log in ("operations/1", "exchange/1"):
        report.conclude((Check.HEAD, Check.TREE), log)
    report.add(Check.WITNESSES, State.PROVED, "the first 9 entries stood by 2026-11-27T18:18:36.000000Z", "exchange/1")
    report.not_provable(Check.PRIVATE, "its private part is not shown", "exchange/1", 4)
    report.contradicted(Check.STATEMENTS, "a statement is not the one", "exchange/1", 7)
    report.conclude((Check.MANIFEST,))
    return report


def test_a_report_tells_what_is_proved_once_for_each_check_and_the_faults_one_by_one() -> None:
    told = [text for text, _ in report_lines(a_report())]
    assert sum(MEANING[Check.TREE] in text for text in told) == 1
    assert f" 5 proved: {MEANING[Check.TREE]} (operations/1, exchange/1)" in told
    assert told.index("11 contradicted exchange/1, entry 7: a statement is not the one") > 3
    assert any(text.startswith("10 not provable exchange/1, entry 4") for text in told)
    page = report_page(a_report(), "2026-11-27T18:18:36.123456Z", "none")
    assert page.count(html.escape(MEANING[Check.TREE])) == 1
    assert page.index("a statement is not the one") < page.index("its private part is not shown")
    assert page.index("its private part is not shown") < page.index(html.escape(MEANING[Check.TREE]))
    assert "Audit of Thailand (th)" in page


def test_times_in_reports_and_lists_have_no_parts_of_seconds() -> None:
    texts = [text for text, _ in report_lines(a_report())] + [report_page(a_report(), "2026-11-27T18:18:36.5Z", "none")]
    assert not [text for text in texts if re.search(r"\d\d:\d\d:\d\d\.\d", text)]
    assert "stood by 2026-11-27T18:18:36Z" in "\n".join(texts)
    assert "2026-01-01T00:01:00Z" in entry_line("operations/1", Shown(an_entry("start"), {}))
