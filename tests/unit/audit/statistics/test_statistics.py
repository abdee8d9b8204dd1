"""Statistics: what is counted, what is told of small counts, how long a node ran, and the page."""

from __future__ import annotations

import re
from collections import Counter
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.statistics.statistics import (
    FOLDED,
    OTHER,
    SMALLEST,
    UNKNOWN,
    Cell,
    Stats,
    collect,
    published,
    rounded,
)
from gateway.audit.statistics.uptime import Availability, Uptime
from gateway.clock import ManualClock, to_us
from gateway.language.dates import name_the_zone
from gateway.views.statistics import as_csv, as_value, day_rows, statistics_of, table_rows
from gateway.views.statistics_page import page
from tests.support.audit_logs import NOON, LogHome
from tests.support.cli import Liaison
from tests.support.questions import AGREEMENTS, CASES, NAMES, NUMBERS, OFFICERS, fill

HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> LogHome:
    home = LogHome(tmp_path_factory.mktemp("stats"), clock=_HourlyClock(NOON))
    fill(home, 400)
    return home


class _HourlyClock(ManualClock):
    def now_us(self) -> int:
        self.advance(timedelta(hours=1))
        return super().now_us()


@pytest.fixture(scope="module")
def stats(home: LogHome) -> Stats:
    return _collect(home)


def _collect(home: LogHome, since_us: int = 0, until_us: int = 0) -> Stats:
    with home.store() as store:
        return collect(HomeLogs(store, home.keystore), since_us, until_us)


def _of(stats: Stats, measure: str, value: str | None = None) -> int:
    return sum(n for cell, n in stats.counts.items() if cell.measure == measure and value in (None, cell.value))


# ------------------------------------------------------------ counting


@pytest.mark.long
def test_every_question_has_one_fate(stats: Stats) -> None:
    assert _of(stats, "asked") == _of(stats, "received") > 100
    assert _of(stats, "asked") + _of(stats, "served") == 400
    for side in ("asked", "served"):
        for by in ("purpose", "agency", "query"):
            assert _of(stats, f"{side}-{by}") == _of(stats, side)
    assert _of(stats, "served-outcome") == _of(stats, "served")
    assert _of(stats, "received-outcome") == _of(stats, "received")
    assert _of(stats, "served-refusal") == _of(stats, "served-outcome", "refused") > 0
    assert _of(stats, "served-hit-only") == _of(stats, "served-outcome", "hit") > 0
    assert _of(stats, "denied") > 0
    assert stats.sizes["exchange/1"] == 400 + _of(stats, "asked")


def test_months_and_counterparts_are_apart(stats: Stats) -> None:
    assert {cell.month for cell in stats.counts} == {"2026-11", "2026-12"}
    assert {cell.counterpart for cell in stats.counts if cell.measure == "asked"} == {"vn", "kh"}
    assert {time.counterpart for time in stats.answer_times} == {"vn", "kh"}


def test_a_time_limits_what_is_counted(home: LogHome, stats: Stats) -> None:
    december = to_us(datetime(2026, 12, 1, tzinfo=UTC))
    before, after = _collect(home, until_us=december), _collect(home, since_us=december)
    assert before.counts + after.counts == stats.counts
    assert {cell.month for cell in before.counts} == {"2026-11"}


@pytest.mark.long
def test_what_is_erased_is_counted_as_such(tmp_path: Path) -> None:
    home = LogHome(tmp_path, clock=_HourlyClock(NOON))
    fill(home, 60)
    whole = _collect(home)
    home.keystore.destroy("nohit/2026-11")
    erased = _collect(home)
    assert _of(erased, "served") == _of(whole, "served")
    assert _of(erased, "served-outcome", UNKNOWN) > 0
    assert _of(erased, "served-outcome", "no_hit") < _of(whole, "served-outcome", "no_hit")


# ------------------------------------------------------------ small counts

CELLS = st.builds(
    Cell,
    st.sampled_from(["2026-11", "2026-12"]),
    st.sampled_from(["", "vn"]),
    st.sampled_from(["asked", *FOLDED]),
    st.sampled_from(["", "a", "b", "c"]),
)


@given(st.dictionaries(CELLS, st.integers(1, 200)))
def test_no_small_count_is_told(counts: dict[Cell, int]) -> None:
    shown = published(Counter(counts))
    assert all(count == -1 or count % SMALLEST == 0 for count in shown.values())
    assert 0 not in shown.values()
    for cell, count in counts.items():
        if cell.measure not in FOLDED:
            assert shown[cell] == (-1 if count < SMALLEST else rounded(count))
        elif cell.value and count < SMALLEST:
            assert cell not in shown
            assert Cell(cell.month, cell.counterpart, cell.measure, OTHER) in shown


@given(st.integers(SMALLEST, 10_000))
def test_a_count_is_rounded_by_two_at_most(count: int) -> None:
    assert abs(rounded(count) - count) <= SMALLEST // 2


# ------------------------------------------------------------ availability


def test_a_stop_counts_until_the_next_start() -> None:
    uptime = Uptime()
    for kind, at in (("start", 10), ("stop", 20), ("start", 22), ("stop", 110)):
        uptime.operation(kind, at * HOUR)
    assert list(uptime.months()) == [Availability("1970-01", 100 * 3600, 98 * 3600, 1)]


def test_a_killed_node_counts_as_down_from_its_last_entry_in_any_log() -> None:
    uptime = Uptime()
    for kind, at in (("start", 10), ("start", 50), ("clock", 60)):
        uptime.operation(kind, at * HOUR)
    for at in (12, 45, 55, 70):
        uptime.exchange(at * HOUR)
    assert list(uptime.months()) == [Availability("1970-01", 60 * 3600, 55 * 3600, 1)]


def test_an_outage_over_the_end_of_a_month_is_in_both() -> None:
    first, last = (to_us(datetime(2026, month, day, tzinfo=UTC)) for month, day in ((11, 30), (12, 2)))
    uptime = Uptime()
    uptime.operation("start", first - 24 * HOUR)
    uptime.operation("stop", first)
    uptime.operation("start", last)
    uptime.operation("stop", last + 24 * HOUR)
    november, december = uptime.months()
    assert (november.month, november.share, november.outages) == ("2026-11", 0.5, 1)
    assert (december.month, december.share, december.outages) == ("2026-12", 0.5, 1)


def test_a_log_without_entries_has_no_availability() -> None:
    assert list(Uptime().months()) == []


# ------------------------------------------------------------ what is shown


def test_nothing_shown_is_personal(stats: Stats) -> None:
    for exact in (True, False):
        shown = statistics_of(stats, "th", "now", exact=exact)
        for text in (page(shown), as_csv(shown), str(as_value(shown))):
            for value in (*OFFICERS, *CASES, *AGREEMENTS, *NAMES, *NUMBERS):
                assert value not in text


def test_a_value_cannot_be_a_formula_or_markup() -> None:
    stats = Stats(Counter({Cell("2026-11", "vn", "received-refusal", "=HYPERLINK(<b>)"): 9}))
    shown = statistics_of(stats, "th", "now", exact=True)
    assert ",'=HYPERLINK" in as_csv(shown)
    assert "<b>" not in page(shown)
    assert "&lt;b&gt;" in page(shown)


class _Page(HTMLParser):
    """Every element is closed, and nothing is fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not {"src", "href", "onload", "style"} & {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_in_itself(stats: Stats) -> None:
    reader = _Page()
    text = page(statistics_of(stats, "th", "now", exact=False))
    reader.feed(text)
    assert reader.open == []
    assert {"svg", "table", "style"} <= reader.seen
    assert "script" not in reader.seen
    assert "url(" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_the_page_tells_in_the_country_s_time_when_it_was_made(stats: Stats) -> None:
    def made() -> str:
        name_the_zone(lambda: 420)
        return page(statistics_of(stats, "th", "2026-12-02T07:02:05Z", exact=False))

    assert "Made 2026-12-02 14:02:05 +07:00 from" in copy_context().run(made)


def test_the_command_writes_all_forms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    liaison = Liaison(capsys)
    made = liaison("init", "--member", "la", "--home", "la", "--authority", "la-authority")
    assert made.code == 0, made.err
    assert liaison("audit", "stats", "--home", "la").code == 0
    ran = liaison("audit", "stats", "--home", "la", "--csv", "s.csv", "--html", "s.html", "--json")
    assert ran.value["member"] == "la"
    assert (tmp_path / "s.csv").read_text().startswith("month,counterpart,measure,value,count,meaning\n")
    assert (tmp_path / "s.html").read_text().startswith("<!doctype html>")


def _of_one_month(home: LogHome) -> Stats:
    begin = to_us(datetime(NOON.year, NOON.month, 1, tzinfo=UTC))
    end = to_us(datetime(NOON.year + NOON.month // 12, NOON.month % 12 + 1, 1, tzinfo=UTC))
    return _collect(home, begin, end)


def test_a_month_has_its_days_and_they_add_up_to_it(home: LogHome) -> None:
    stats = _of_one_month(home)
    shown = statistics_of(stats, "th", "now", exact=True)
    (month,) = shown.months
    assert shown.days[0] == f"{month}-01"
    assert len(shown.days) in (28, 29, 30, 31)
    for column in ("asked", "served", "received-outcome:hit", "served-outcome:refused"):
        counts = [shown.on(day, column) for day in shown.days]
        assert sum(counts) == shown.of_all(month, column)
    assert sum(shown.on(day, "asked") > 0 for day in shown.days) > 1
    told = [row[0] for row in day_rows(shown)]
    assert told == sorted(told)
    assert set(told) <= set(shown.days)
    assert "<h2>By day</h2>" in page(shown)
    assert {row["day"][:7] for row in as_value(shown)["days"]} == {month}


def test_days_hide_small_counts_as_months_do(home: LogHome) -> None:
    shown = statistics_of(_of_one_month(home), "th", "now", exact=False)
    assert all(count < 0 or count % SMALLEST == 0 for count in shown.daily.values())
    assert not any(0 < count < SMALLEST for count in shown.daily.values())


def test_several_months_are_shown_by_months(stats: Stats) -> None:
    shown = statistics_of(stats, "th", "now", exact=True)
    assert len(shown.months) > 1
    assert shown.days == []
    assert "By day" not in page(shown)


def test_countries_purposes_and_offences_are_told_in_words(stats: Stats) -> None:
    shown = statistics_of(stats, "th", "now", exact=True)
    text = page(shown)
    assert "Exchanges of Thailand (th)" in text
    assert {row[1] for row in table_rows(shown)} <= {"Viet Nam (vn)", "Cambodia (kh)", "Laos (la)"}
    assert "questions sent, by offence" in text.lower()
    assert re.search(r"investigation \(INVESTIGATION\)", text)
    assert as_value(shown)["counts"][0]["counterpart"] in ("", "vn", "kh", "la")  # machines read codes
