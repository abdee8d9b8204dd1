"""The figures of a month: bars beside their labels and tables, made by a job; as CSV, and as a page to be handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.console.audit.running import JobView, job_view
from gateway.console.frame.errors import problem_of
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.forms import Form
from gateway.console.frame.jobs import Job
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Field, Option, Table
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.acts import Act
from gateway.desk.figures.months import month_at
from gateway.desk.figures.pack import Pack
from gateway.desk.roles import TABLE, Reach
from gateway.errors import Refused, Unknown
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.ops.audit.figures import ALL, PackMaker, Wanted
from gateway.views.pack.files import as_csv
from gateway.views.pack.page import PackView, TableView, pack_view, page

PATH = "/figures"
_KIND = "figures"

Bars = tuple[str, Sequence[tuple[str, int]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class FiguresView:
    """The form, the job while it runs, and the figures."""

    month: Field
    others: Sequence[Option]
    offices: Sequence[Option]
    runs: bool
    faults: Sequence[tuple[str, str]]
    job: JobView | None
    pack: PackView | None
    bars: Sequence[Bars]
    tables: Sequence[Table]


def figures_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the figures."""
    figures, roles = _Figures(parts), tuple(OPEN_TO[PATH])
    return [
        door.get(PATH, figures.show, roles),
        door.post(PATH, figures.count, roles),
        door.get(f"{PATH}/csv", figures.csv, roles),
        door.get(f"{PATH}/page", figures.page, roles),
        door.get(f"{PATH}/jobs/{{job}}/events", figures.follow, roles),
    ]


class _Figures:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._packs = PackMaker(parts.audit.folder, parts.clock.now_us)

    async def show(self, visit: Visit) -> Page:
        """Return the figures that were counted last, or their progress."""
        return self._page(visit, self._parts.audit.jobs.of(visit.officer.person, _KIND))

    async def count(self, visit: Visit, form: Form) -> Answer:
        """Begin to count a month."""
        # Not from the form where the person sees one office only: a changed field must not show another one.
        office = form.one("office") if _sees_all(visit) else visit.officer.office
        wanted = Wanted(form.one("with"), form.one("month").strip(), office)
        try:
            self._packs.check(visit.actor.person, wanted)
        except Refused as error:
            where = error.where if error.where in ("month", "with", "office") else "month"
            return self._page(visit, None, ((where, problem_of(error, visit.language).text),))

        def work(job: Job) -> Pack:
            return self._packs.make(wanted, job.progress, job.wanted)

        known = self._parts.audit.jobs.of(visit.officer.person, _KIND)
        if known is None or known.about != form.id:
            self._parts.audit.jobs.begin(visit.officer.person, _KIND, work, form.id)
        return To(PATH)

    async def csv(self, visit: Visit) -> Response:
        """Return the figures as a file for a table calculation."""
        return _file(as_csv(self._made(visit)), "figures.csv", "text/csv; charset=utf-8")

    async def page(self, visit: Visit) -> Response:
        """Return the figures as a page that stands by itself, in the language of the person."""
        return _file(page(self._made(visit), visit.language), "figures.html", "text/html; charset=utf-8")

    async def follow(self, visit: Visit) -> Response:
        """Stream that the job has gone on."""
        jobs = self._parts.audit.jobs
        return StreamingResponse(
            merged_changes([jobs.follow(jobs.require(visit.officer.person, visit.part("job")))]),
            media_type=EVENT_STREAM,
        )

    def _made(self, visit: Visit) -> Pack:
        job = self._parts.audit.jobs.of(visit.officer.person, _KIND)
        if job is None or not isinstance(job.result, Pack):
            raise Unknown("nothing was counted yet", code="no-such-job", where="figures", remedy="count first")
        return job.result

    def _page(self, visit: Visit, job: Job | None, faults: Sequence[tuple[str, str]] = ()) -> Page:
        language, made = visit.language, job.result if job is not None else None
        pack: Pack | None = made if isinstance(made, Pack) else None
        shown = pack_view(pack, language) if pack is not None else None
        view = FiguresView(
            month=Field(
                "month",
                tell(language, "Month, as 2026-11"),
                pack.month.name if pack else month_at(visit.now_us, self._parts.member).name,
                fault=dict(faults).get("month", ""),
                width="width-10",
                most=7,
            ),
            others=self._others(visit, pack),
            offices=self._offices(visit, pack),
            runs=job is not None and not job.is_over,
            faults=faults,
            job=job_view(job, language),
            pack=shown,
            bars=[_bars(table) for table in shown.tables if len(table.rows) > 1] if shown else (),
            tables=[_table(table, tell(language, "what")) for table in shown.tables] if shown else (),
        )
        live = f"{PATH}/jobs/{job.id}/events" if job is not None and not job.is_over else ""
        return Page("pages/figures.html", tell(language, "Figures"), view, 400 if faults else 200, live=live)

    def _others(self, visit: Visit, pack: Pack | None) -> list[Option]:
        language, chosen = visit.language, (pack.peer or ALL) if pack is not None else ""
        members = sorted(member for member in self._parts.offices() if member != self._parts.member)
        named = [Option(member, with_country(member, language), chosen=member == chosen) for member in members]
        every = Option(ALL, tell(language, "all: for our own use"), chosen=chosen == ALL)
        return [*named, *([every] if _sees_all(visit) else [])]

    def _offices(self, visit: Visit, pack: Pack | None) -> list[Option]:
        own = self._parts.offices().get(self._parts.member, ())
        if not _sees_all(visit):
            return [Option(visit.officer.office, visit.officer.office, chosen=True)]
        chosen = pack.office if pack is not None else ""
        every = Option("", tell(visit.language, "all offices"), chosen=not chosen)
        return [every, *(Option(office, office, chosen=office == chosen) for office in own)]


def _sees_all(visit: Visit) -> bool:
    return any(TABLE[role].get(Act.FIGURES) is Reach.MEMBER for role in visit.roles)


def _file(text: str, name: str, kind: str) -> Response:
    return Response(text, headers={"content-disposition": f'attachment; filename="{name}"'}, media_type=kind)


def _bars(table: TableView) -> Bars:
    """Return the bars of a table's first column, each beside its label."""
    rows = [(label, cells[0].bar) for label, cells in table.rows]
    return f"{table.title}: {table.heads[0]}", rows, [cells[0].text for _, cells in table.rows]


def _table(table: TableView, first: str) -> Table:
    """Return a table; `first` is the head of its labels."""
    rows = tuple((label, *(cell.text for cell in cells)) for label, cells in table.rows)
    return Table(table.title, (first, *table.heads), rows, frozenset(range(1, len(table.heads) + 1)))
