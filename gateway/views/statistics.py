"""Turn statistics of a log into a table, CSV and JSON; rounded unless exact counts are asked for."""

from __future__ import annotations

import csv
import io
import re
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.statistics.statistics import MEASURES, SMALLEST, AnswerTime, Cell, Stats, collect, published
from gateway.audit.statistics.uptime import Availability
from gateway.clock import SystemClock, rfc3339
from gateway.language.catalogue import Sentences
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES, QUERIES, RECORD_TYPES
from gateway.ops.homes.open_home import open_home
from gateway.views.lines import Line
from gateway.views.words.reason_words import reason_in_words

OURS = 10
TOTALS = (
    ("asked", "we asked"),
    ("received", "in time"),
    ("late", "late"),
    ("silent", "silent"),
    ("too-many", "too many"),
    ("received-outcome:hit", "hit"),
    ("received-outcome:no_hit", "no hit"),
    ("received-outcome:partial", "partial"),
    ("received-outcome:not_searched", "not searched"),
    ("received-outcome:refused", "refused"),
    ("served", "they asked"),
    ("served-outcome:hit", "hit"),
    ("served-outcome:no_hit", "no hit"),
    ("served-outcome:partial", "partial"),
    ("served-outcome:not_searched", "not searched"),
    ("served-outcome:refused", "refused"),
)
"""Columns of the table: measure and value, and the heading; the first `OURS` are of our questions."""

TITLES = ("month", "with", *(title for _, title in TOTALS))
DAY_TITLES = ("day", *TITLES[2:])
"""Headings of the table of totals."""

OFFENCES_OF = frozenset({"asked-offence", "served-offence"})
"""Measures that are apart in JSON, where readers of earlier versions take `counts` for all that there is."""

FEW = f"<{SMALLEST}"

# `*+` gives nothing back: a long text of blanks costs no more than its length.
_UNSEEN = r"['\" \r\n\u00a0\u200b-\u200d\u2060\ufeff]*+"
# In full width too, as East Asian keyboards write them.
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"^(?=[\t\r]|{_UNSEEN}{_SIGN})|[;\t|]{_UNSEEN}(?={_SIGN})")
"""The places of a text where a formula could begin. In some countries lists are separated by `;` and not by commas."""

_WORDS: Mapping[str, Sentences] = {
    "purpose": PURPOSES,
    "offence": OFFENCES,
    "query": QUERIES,
    "type": RECORD_TYPES,
    "only": RECORD_TYPES,
}
"""The words for the values of measures, by the last part of the measure's name."""

_REASONS = frozenset({
    "denied", "not-accepted", "onward-refused", "received-refusal", "served-refusal", "turned-away",
})  # fmt: skip
"""Measures whose values are codes of refusals."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The counts that are shown; -1 stands for fewer than five.

    `together` holds the counts over all counterparts, and by value over all months, too; `daily` those of each day over
    all counterparts.
    """

    member: str
    counts: Mapping[Cell, int]
    together: Mapping[Cell, int]
    daily: Mapping[Cell, int]
    answer_times: tuple[AnswerTime, ...]
    availability: tuple[Availability, ...]
    sizes: Mapping[str, int]
    exact: bool
    made: str

    @property
    def months(self) -> list[str]:
        """Return all months with a count, oldest first."""
        return sorted({cell.month for cell in self.counts})

    def total(self, month: str, counterpart: str, column: str) -> int:
        """Return the count of a column of `TOTALS`."""
        measure, _, value = column.partition(":")
        return self.counts.get(Cell(month, counterpart, measure, value), 0)

    def of_all(self, month: str, column: str) -> int:
        """Return the count of a column over all counterparts."""
        measure, _, value = column.partition(":")
        return self.together.get(Cell(month, "", measure, value), 0)

    @property
    def days(self) -> list[str]:
        """Return all days of the month, where the statistics are of one month only; else none."""
        if len(self.months) != 1:
            return []
        year, month = map(int, self.months[0].split("-"))
        return [f"{self.months[0]}-{day:02}" for day in range(1, monthrange(year, month)[1] + 1)]

    def on(self, day: str, column: str) -> int:
        """Return the count of a column on one day, over all counterparts."""
        measure, _, value = column.partition(":")
        return self.daily.get(Cell(day, "", measure, value), 0)

    def by_value(self, measure: str) -> list[tuple[str, int]]:
        """Return the values of a measure over all months and counterparts."""
        return [
            (cell.value, count) for cell, count in self.together.items() if (cell.month, cell.measure) == ("", measure)
        ]


def statistics_of(stats: Stats, member: str, made: str, *, exact: bool) -> Statistics:
    """Return the statistics to show; without `exact`, times of fewer than five answers are left out, too."""
    times = tuple(time for time in stats.answer_times if exact or time.answers >= SMALLEST)
    together: Counter[Cell] = Counter()
    for cell, count in stats.counts.items():
        together[Cell(cell.month, "", cell.measure, cell.value)] += count
        if cell.value:
            together[Cell("", "", cell.measure, cell.value)] += count
    daily: Counter[Cell] = Counter()
    for cell, count in stats.days.items():
        daily[Cell(cell.month, "", cell.measure, cell.value)] += count
    # Sums are made of exact counts and rounded afterwards: one of rounded counts would have all of their errors.
    counts, sums, days = (dict(item) if exact else published(item) for item in (stats.counts, together, daily))
    return Statistics(member, counts, sums, days, times, tuple(stats.uptime.months()), stats.sizes, exact, made)


def said(count: int) -> str:
    """Return a count in words."""
    return FEW if count < 0 else f"{count:,}"


def as_value(shown: Statistics) -> dict[str, Any]:
    """Return statistics as JSON. A count that is not shown is the text `<5`."""
    return {
        "member": shown.member,
        "made": shown.made,
        "entries": dict(shown.sizes),
        "exact": shown.exact,
        "counts": [_counted(*item) for item in sorted(shown.counts.items()) if item[0].measure not in OFFENCES_OF],
        "offences": [_counted(*item) for item in sorted(shown.counts.items()) if item[0].measure in OFFENCES_OF],
        "days": [
            {
                "day": cell.month,
                "measure": cell.measure,
                "value": cell.value,
                "count": FEW if count < 0 else count,
            }
            for cell, count in sorted(shown.daily.items())
        ],
        "answer_times": [
            {
                "month": time.month,
                "counterpart": time.counterpart,
                "median_ms": time.median_ms,
                "p95_ms": time.p95_ms,
            }
            for time in shown.answer_times
        ],
        "availability": [
            {"month": item.month, "share": round(item.share, 5), "outages": item.outages} for item in shown.availability
        ],
    }


def _counted(cell: Cell, count: int) -> dict[str, Any]:
    return {
        "month": cell.month,
        "counterpart": cell.counterpart,
        "measure": cell.measure,
        "value": cell.value,
        "count": FEW if count < 0 else count,
    }


def as_csv(shown: Statistics) -> str:
    """Return statistics as CSV: a heading, then one line for each count."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("month", "counterpart", "measure", "value", "count", "meaning"))
    for cell, count in sorted(shown.counts.items()):
        told = FEW if count < 0 else str(count)
        writer.writerow(
            (cell.month, cell.counterpart, cell.measure, spreadsheet_cell(cell.value), told, MEASURES[cell.measure])
        )
    for time in shown.answer_times:
        for name, value in (("answer-time-median-ms", time.median_ms), ("answer-time-p95-ms", time.p95_ms)):
            writer.writerow((time.month, time.counterpart, name, "", value, "from question to answer, milliseconds"))
    for item in shown.availability:
        share = f"{100 * item.share:.3f}"
        writer.writerow(
            (item.month, "", "availability-percent", "", share, "time in which the node ran, of that logged")
        )
    return out.getvalue()


def table_rows(shown: Statistics) -> Iterator[tuple[str, ...]]:
    """Yield rows of the table of totals: month, counterpart, and `TOTALS`."""
    for month in shown.months:
        for peer in sorted({cell.counterpart for cell in shown.counts if cell.month == month and cell.counterpart}):
            yield month, _member(peer), *(said(shown.total(month, peer, column)) for column, _ in TOTALS)


def day_rows(shown: Statistics) -> Iterator[tuple[str, ...]]:
    """Yield rows of the table of days of one month: the day, and `TOTALS` over all counterparts. Days without: none."""
    for day in shown.days:
        counts = [shown.on(day, column) for column, _ in TOTALS]
        if any(counts):
            yield day, *(said(count) for count in counts)


def in_words(measure: str, value: str) -> str:
    """Return the value of a measure in words, with its code behind them."""
    if measure in _REASONS:
        return reason_in_words(value)
    words = _WORDS.get(measure.rpartition("-")[2], {})
    return f"{words[value]} ({value})" if words.get(value, value) != value else value


def _member(name: str) -> str:
    return with_country(name, Language.EN)


def breakdown(shown: Statistics) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Yield each measure with several values, its meaning, and rows of month, counterpart and values."""
    for measure, meaning in MEASURES.items():
        lines: dict[tuple[str, str], list[str]] = {}
        for cell, count in sorted(shown.counts.items()):
            if cell.measure == measure and cell.value:
                told = f"{in_words(measure, cell.value)} {said(count)}"
                lines.setdefault((cell.month, _member(cell.counterpart)), []).append(told)
        if lines:
            yield measure, meaning, [(month, peer, ", ".join(values)) for (month, peer), values in lines.items()]


def spreadsheet_cell(text: str) -> str:
    """Return a text in a form that no spreadsheet takes for a formula, wherever it sees the bounds of a cell."""
    return _FORMULA.sub(lambda place: f"{place[0]}'", text)


def statistics_of_home(
    folder: Path, since_us: int, until_us: int, progress: Callable[[int, int], None] | None, *, exact: bool
) -> Statistics:
    """Count the entries of a home; its node may be running. Raises `Misconfigured`, `Contradicted`."""
    with open_home(folder) as evidence:
        stats = collect(HomeLogs(evidence.store, evidence.keys), since_us, until_us, progress)
    made = rfc3339(SystemClock().now_us() // 1_000_000 * 1_000_000)
    return statistics_of(stats, evidence.member, made, exact=exact)


def statistics_lines(shown: Statistics) -> Iterator[Line]:
    """Yield in lines the figures that the table of totals does not have."""
    if not shown.counts:
        yield "the log has nothing to count in this time"
        return
    if len(shown.months) > 1:
        month = shown.months[-1]
        yield f"the statistics of one month have its days, too: --since {month}-01", "dim"
    for _, meaning, rows in breakdown(shown):
        yield meaning, "title"
        for month, peer, values in rows:
            yield f"  {month} {peer}  {values}"
    for time in shown.answer_times:
        told = f"median {time.median_ms:,} ms, 95 % within {time.p95_ms:,} ms"
        yield f"answers of {_member(time.counterpart)} in {time.month}: {told}"
    for item in shown.availability:
        yield f"availability in {item.month}: {100 * item.share:.3f} % of the time that the log covers"
    if not shown.exact:
        yield (
            "counts of one to four are shown as <5, the others rounded to a multiple of five; --exact for own use",
            "dim",
        )
