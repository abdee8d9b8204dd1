"""A report: what it says, and what may be done with it: approve, decline, take back, object."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from starlette.routing import Route

from gateway.console.frame.forms import Form, field_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page
from gateway.console.frame.shapes import Field, Hidden, Option, Row, Tag
from gateway.console.pages.reports.told import PATH, STAND_TONES, field_rows, own_rows, shelf_rows
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.own_matter import WORK, OwnAct, decision, done
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.acting.home import Stand
from gateway.desk.reports.library import Shelved
from gateway.desk.reports.values import OwnReport
from gateway.errors import Forbidden, Malformed, Unknown
from gateway.language.catalogue import tell
from gateway.language.terms import REPORT_REASONS
from gateway.model.desk.codes import ReportReason
from gateway.model.desk.work import Role
from gateway.model.handed.reports import ObjectToReport, WithdrawReport
from gateway.model.handed.work import Approve
from gateway.model.names import ExchangeId, exchange_id
from gateway.ports.desk import Work
from gateway.views.desk.reports import STANDS, report_title

_OBJECTING = frozenset({Role.NATIONAL_DESK, Role.DATA_OFFICER})


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report. Each form is there where the person may do what it does, with the field of its words."""

    waits: bool
    tag: Tag | None
    rows: Sequence[Row]
    facts: Sequence[Row]
    path: str
    approval: Field | None
    work: tuple[Hidden, ...]
    withdrawal: Field | None
    reasons: Sequence[Option]
    objection: Field | None
    faults: Sequence[tuple[str, str]]


def report_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of one report."""
    one, roles, path = _One(parts), tuple(OPEN_TO[PATH]), f"{PATH}/{{id}}"
    return [
        door.get(path, one.show, roles),
        door.post(f"{path}/approve", one.approve, roles),
        door.post(f"{path}/withdraw", one.withdraw, roles),
        door.post(f"{path}/object", one.object_to, roles),
    ]


class _One:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Answer:
        """Return the page; the owner of a counterpart's report is told once that it was read."""
        return await self._page(visit, exchange_id(visit.part("id")))

    async def approve(self, visit: Visit, form: Form) -> Answer:
        """Approve or decline what a colleague has written."""
        own = self._parts.desk.own_reports
        return await self._done(visit, decision(own, visit, form, "approve-words"), "approve-words")

    async def withdraw(self, visit: Visit, form: Form) -> Answer:
        """Take the report back: it is gone at each counterpart as soon as that takes the word of it."""

        async def act(name: ExchangeId) -> None:
            if form.one("why") not in list(ReportReason):
                raise Malformed("choose why it is taken back", code="reason-missing", where="why")
            words = form.one("withdraw-words").strip()
            await self._parts.desk.own_reports.withdraw(visit.actor, name, form.one("why"), words)

        return await self._done(visit, act, "withdraw-words")

    async def object_to(self, visit: Visit, form: Form) -> Answer:
        """Tell the owner that something in the report should not be there."""

        async def act(name: ExchangeId) -> None:
            await self._parts.desk.library.object_to(visit.actor, name, form.one("object-words").strip())

        return await self._done(visit, act, "object-words")

    async def _done(self, visit: Visit, act: OwnAct, field: str) -> Answer:
        return await done(visit, PATH, act, self._page, field, shown=(Malformed, Forbidden))

    async def _page(self, visit: Visit, name: ExchangeId, faults: tuple[tuple[str, str], ...] = ()) -> Page:
        desk = self._parts.desk
        own = shelved = work = None
        acts: frozenset[str] = frozenset()
        try:
            own = await desk.own_reports.show(visit.actor, name)
            work, acts = await asyncio.to_thread(desk.own_reports.acts, visit.actor, own)
        except Unknown:
            own = None
        if own is None or own.stand is Stand.PUBLISHED:
            shelved = await desk.library.read(visit.actor, name)
        view = _view(own, shelved, work, acts, visit, faults)
        fields = own.fields if own is not None else shelved.fields if shelved is not None else {}
        title = report_title(fields, visit.language)
        return Page("pages/reports/one.html", title, view, 400 if faults else 200, printed=name)


def _view(
    own: OwnReport | None,
    shelved: Shelved | None,
    work: Work | None,
    acts: frozenset[str],
    visit: Visit,
    faults: tuple[tuple[str, str], ...],
) -> ReportView:
    language, wrong = visit.language, dict(faults)
    report = own or shelved
    assert report is not None

    def words(form: type[msgspec.Struct], name: str, place: str) -> Field:
        return field_of(form, name, language, fault=wrong.get(place, ""), place=place)

    facts = (*(shelf_rows(shelved, language) if shelved else ()), *(own_rows(own, language) if own else ()))
    return ReportView(
        waits=own is not None and own.stand is Stand.WAITING,
        tag=Tag(tell(language, STANDS[own.stand.value]), STAND_TONES.get(own.stand.value, "quiet")) if own else None,
        rows=field_rows(report.fields, report.lang, language),
        facts=facts,
        path=f"{PATH}/{report.id}",
        approval=words(Approve, "reason", "approve-words") if work is not None and "approve" in acts else None,
        work=(Hidden(WORK, work.id),) if work is not None else (),
        withdrawal=words(WithdrawReport, "text", "withdraw-words") if "withdraw" in acts else None,
        reasons=[Option(code.value, tell(language, REPORT_REASONS[code.value])) for code in ReportReason],
        objection=words(ObjectToReport, "text", "object-words") if own is None and visit.roles & _OBJECTING else None,
        faults=faults,
    )
