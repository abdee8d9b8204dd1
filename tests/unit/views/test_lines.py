"""What a command prints of entries and figures: nothing that an operator needs is left out or cut off."""

from __future__ import annotations

import pytest

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.show import Shown
from gateway.cli.output import print_table
from gateway.views.lines.entries import entry_line
from gateway.views.statistics import TITLES


def an_entry(kind: str, peer: str = "") -> Entry:
    return Entry("operations", 7, 1_767_225_660_000_000, kind, peer, None, "", b"", b"", b"")


def test_a_line_of_requests_that_were_turned_away_says_how_many_and_when() -> None:
    entry = an_entry("turned-away", "vn")
    said = {"code": "rate-limit", "count": 408_793, "first_us": 1_767_225_600_000_000, "last_us": 1_767_225_659_000_000}
    line = entry_line("operations/1", Shown(entry, said))
    assert "turned-away  vn  code rate-limit, count 408793" in line
    assert line.endswith("first 2026-01-01T00:00:00.000000Z, last 2026-01-01T00:00:59.000000Z")


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
