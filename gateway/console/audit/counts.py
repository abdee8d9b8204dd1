"""Statistics with charts: counts of questions and answers by month and country, small ones hidden; and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Route

from gateway.audit.statistics.statistics import LOST, OTHER, UNKNOWN
from gateway.clock import rfc3339_s
from gateway.console.audit.period import period_fields, period_us
from gateway.console.audit.running import JobView, job_view, reason_of
from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH, tabs
from gateway.console.frame.errors import problem_of
from gateway.console.frame.forms import Form
from gateway.console.frame.jobs import Job, Progress
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Field, Link, Table
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.errors import Malformed, Unknown
from gateway.host.aside import aside
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES, RECORD_TYPES
from gateway.views.statistics import Statistics, as_csv, said, statistics_of_home
from gateway.views.statistics_page import Columns

COUNTS = f"{PATH}/statistics"

_TOTALS: Sentences = {
    "asked": "we asked",
    "received-outcome:hit": "hit",
    "received-outcome:no_hit": "no hit",
    "received-outcome:partial": "partial",
    "received-outcome:refused": "refused",
    "late": "late",
    "silent": "silent",
    "served": "they asked",
    "served-outcome:hit": "hit given",
    "served-outcome:refused": "we refused",
}
"""The columns of the table."""

_BARS: Sentences = {
    "served-refusal": "Refusals given, by reason",
    "received-refusal": "Refusals received, by reason",
    "asked-purpose": "Questions sent, by purpose",
    "served-purpose": "Questions received, by purpose",
    "asked-offence": "Questions sent, by offence",
    "served-type": "Records given, by type",
    "received-type": "Records received, by type",
}
_REST: Sentences = {UNKNOWN: "erased", LOST: "its key is lost", OTHER: "others"}
_TRAFFIC = ("asked", "served")
_RARE = ("received-outcome:hit", "received-outcome:refused", "late", "silent")
_MOST_BARS = 12

Bars = tuple[str, Sequence[tuple[str, int]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class CountsView:
    """The form of the period, and the counts: charts, bars with their counts in words, and the table.

    `made` is when they were counted.
    """

    tabs: Sequence[Link]
    period: Sequence[Field]
    runs: bool
    faults: Sequence[tuple[str, str]]
    job: JobView | None
    made: str
    columns: Sequence[Columns]
    bars: Sequence[Bars]
    table: Table | None
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """The statistics of a period, as the form gave it."""

    shown: Statistics
    since: str
    until: str


def counts_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the routes of the statistics."""
    counts = _Counts(parts)
    return [
        door.get(COUNTS, counts.show, ROLES),
        door.post(COUNTS, counts.count, ROLES),
        door.get(f"{COUNTS}/csv", counts.csv, ROLES),
    ]


class _Counts:
    def __init__(self, parts: AuditParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the statistics that were counted last, or their progress."""
        return self._page(visit, self._parts.jobs.of(visit.officer.person, "statistics"))

    async def count(self, visit: Visit, form: Form) -> Answer:
        """Begin to count a period."""
        since, until = form.one("since").strip(), form.one("until").strip()
        try:
            bounds = period_us(since, until)
        except Malformed as error:
            return self._page(visit, None, since, until, (error.where, problem_of(error, visit.language).text))

        def work(job: Job) -> Counted:
            shown = aside(_counted, (self._parts.folder, *bounds), job.progress, job.wanted)
            return Counted(shown, since, until)

        known = self._parts.jobs.of(visit.officer.person, "statistics")
        if known is None or known.about != form.id:
            self._parts.jobs.begin(visit.officer.person, "statistics", work, form.id)
        return To(COUNTS)

    async def csv(self, visit: Visit) -> Response:
        """Return the statistics as a file for a table calculation."""
        job = self._parts.jobs.of(visit.officer.person, "statistics")
        if job is None or job.result is None:
            raise Unknown("nothing was counted yet", code="no-such-job", where="statistics", remedy="count first")
        headers = {"content-disposition": 'attachment; filename="statistics.csv"'}
        return Response(as_csv(job.result.shown), headers=headers, media_type="text/csv; charset=utf-8")

    def _page(
        self, visit: Visit, job: Job | None, since: str = "", until: str = "", fault: tuple[str, str] | None = None
    ) -> Page:
        language = visit.language
        counted: Counted | None = job.result if job is not None else None
        shown = counted.shown if counted is not None else None
        if counted is not None:
            since, until = counted.since, counted.until
        view = CountsView(
            tabs=tabs(COUNTS, language),
            period=period_fields(since, until, dict([fault] if fault else []), language),
            runs=job is not None and not job.is_over,
            faults=(fault,) if fault else (),
            job=job_view(job, language),
            made=moment(rfc3339_s(job.ended_us), language) if shown and job else "",
            columns=_columns(shown, language) if shown and shown.months else (),
            bars=list(_bars(shown, language)) if shown else (),
            table=_table(shown, language) if shown and shown.months else None,
            is_empty=shown is None and job is None,
        )
        live = f"{PATH}/jobs/{job.id}/events" if job is not None and not job.is_over else ""
        return Page("audit/counts.html", tell(language, "Statistics"), view, 400 if fault else 200, live=live)


def _counted(folder: Path, since_us: int, until_us: int, progress: Progress) -> Statistics:
    return statistics_of_home(folder, since_us, until_us, progress, exact=False)


def _columns(shown: Statistics, language: Language) -> list[Columns]:
    labels = shown.months
    charts = (
        (tell(language, "Questions sent and received"), _TRAFFIC),
        (tell(language, "Our questions with a hit, a refusal, or no answer in time"), _RARE),
    )
    return [
        Columns(
            title,
            labels,
            [(tell(language, _TOTALS[name]), [shown.of_all(month, name) for month in labels]) for name in drawn],
        )
        for title, drawn in charts
    ]


def _bars(shown: Statistics, language: Language) -> Iterator[Bars]:
    for measure, title in _BARS.items():
        rows = sorted(shown.by_value(measure), key=lambda item: (-item[1], item[0]))[:_MOST_BARS]
        if rows:
            named = [(_value(measure, value, language), count) for value, count in rows]
            yield tell(language, title), named, [said(count) for _, count in rows]


def _value(measure: str, value: str, language: Language) -> str:
    words = {"purpose": PURPOSES, "offence": OFFENCES, "type": RECORD_TYPES}.get(measure.rpartition("-")[2], {})
    if value in words:
        return tell(language, words[value])
    if value in _REST:
        return tell(language, _REST[value])
    return reason_of(value, language) if measure.endswith("refusal") else value


def _table(shown: Statistics, language: Language) -> Table:
    rows = [
        (month, with_country(peer, language), *(said(shown.total(month, peer, name)) for name in _TOTALS))
        for month in shown.months
        for peer in sorted({cell.counterpart for cell in shown.counts if cell.month == month and cell.counterpart})
    ]
    heads = (
        tell(language, "Month"),
        tell(language, "With"),
        *(tell(language, text) for text in _TOTALS.values()),
    )
    numbers = frozenset(range(2, len(heads)))
    return Table(tell(language, "By month and country"), heads, tuple(rows), numbers)
