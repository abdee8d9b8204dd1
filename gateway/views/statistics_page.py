"""Make one HTML page of a log's statistics: charts and tables, static, self-contained, made to be printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.audit.statistics.statistics import MEASURES
from gateway.language.countries import with_country
from gateway.language.dates import with_zones
from gateway.language.languages import Language
from gateway.views.render import render
from gateway.views.statistics import (
    DAY_TITLES,
    OURS,
    TOTALS,
    Statistics,
    breakdown,
    day_rows,
    in_words,
    said,
    table_rows,
)

_TRAFFIC = (("asked", "sent"), ("served", "received"))
_RARE = (
    ("received-outcome:hit", "hit"),
    ("received-outcome:not_searched", "not searched"),
    ("received-outcome:refused", "refused"),
    ("late", "late"),
    ("silent", "silent"),
    ("too-many", "too many"),
)
"""The outcomes of few questions; in one chart with the no hits they would not be seen."""
_CHARTED = (
    "served-refusal",
    "received-refusal",
    "asked-purpose",
    "served-purpose",
    "asked-offence",
    "served-offence",
    "served-type",
    "received-type",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart with a group of columns for each label; a series is a name and its counts, -1 = too small to be told."""

    title: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[int]]]

    @property
    def highest(self) -> int:
        """The end of the scale: the next of 4, 8, 12, 16, 20, 40, 80 …, which four lines divide well."""
        most = max((count for _, counts in self.series for count in counts), default=0)
        step = 4
        while 5 * step < most:
            step *= 10
        return next(number for number in range(step, 5 * step + 1, step) if number >= most)


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Columns from `first_number` on are numbers; each of `groups` is a title over that many heads."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    first_number: int
    caption: str = ""
    groups: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class StatisticsView:
    """The content of the page: charts with columns, charts with lying bars (title and rows), sections with tables."""

    title: str
    about: str
    span: str
    columns: Sequence[Columns]
    bars: Sequence[tuple[str, Sequence[tuple[str, int]]]]
    sections: Sequence[tuple[str, Sequence[Table]]]


def page(shown: Statistics) -> str:
    """Return the page of these statistics."""
    months = shown.months
    charts = (
        ("Questions sent and received", _TRAFFIC),
        ("Our questions with a hit, a refusal, no search, or no answer in time", _RARE),
    )
    view = StatisticsView(
        title=f"Exchanges of {with_country(shown.member, Language.EN)}",
        about=_about(shown),
        span="day" if shown.days else "month",
        columns=[_columns(shown, title, drawn) for title, drawn in charts if months],
        bars=[
            (MEASURES[measure], [(in_words(measure, value), count) for value, count in _sorted(rows)])
            for measure in _CHARTED
            if months and (rows := shown.by_value(measure))
        ],
        sections=[(title, [table for table in tables if table.rows]) for title, tables in _sections(shown)],
    )
    return render("statistics.html", view)


def _columns(shown: Statistics, title: str, drawn: Sequence[tuple[str, str]]) -> Columns:
    """Return a chart by months, or by the days of the only month."""
    if shown.days:
        labels = [day[-2:].lstrip("0") for day in shown.days]
        return Columns(title, labels, [(name, [shown.on(day, column) for day in shown.days]) for column, name in drawn])
    months = shown.months
    series = [(name, [shown.of_all(month, column) for month in months]) for column, name in drawn]
    return Columns(title, months, series)


def _sorted(rows: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _about(shown: Statistics) -> str:
    months = shown.months
    period = " to ".join(dict.fromkeys((months[0], months[-1]))) if months else "no month"
    entries = ", ".join(f"{size:,} entries of {log}" for log, size in sorted(shown.sizes.items()))
    how = (
        "Exact counts: for own use, not to be passed on."
        if shown.exact
        else "Counts of one to four are shown as <5, the others are rounded to a multiple of five: sums can differ."
    )
    return f"{period}. Made {with_zones(shown.made)} from the audit log ({entries}). {how}"


def _sections(shown: Statistics) -> Iterator[tuple[str, list[Table]]]:
    groups = (("", 2), ("our questions", OURS), ("their questions", len(TOTALS) - OURS))
    heads = ("month", "with", *(title for _, title in TOTALS))
    yield "By month and counterpart", [Table(heads, list(table_rows(shown)), 2, groups=groups)]
    if days := list(day_rows(shown)):
        groups = (("", 1), ("our questions", OURS), ("their questions", len(TOTALS) - OURS))
        yield "By day", [Table(DAY_TITLES, days, 1, groups=groups)]
    heads = ("month", "with", "counts")
    yield "In detail", [Table(heads, lines, 3, meaning) for _, meaning, lines in breakdown(shown)]
    times = [
        (item.month, with_country(item.counterpart, Language.EN), f"{item.median_ms:,}", f"{item.p95_ms:,}")
        for item in shown.answer_times
    ]
    yield "Answer times", [Table(("month", "with", "median, ms", "95 % within, ms"), times, 2)]
    spans = [
        (item.month, f"{100 * item.share:.3f} %", said(item.outages), f"{item.covered_s / 86_400:,.1f}")
        for item in shown.availability
    ]
    heads = ("month", "running", "stops and crashes", "days that the log covers")
    yield "Availability of the node", [Table(heads, spans, 1)]
