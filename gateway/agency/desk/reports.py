"""`/v1/reports`: write reports on methods and routes, find those of everybody, and read them on as they were added."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from msgspec.structs import replace
from pydantic import AwareDatetime, BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.answers import answer, many
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.asks import time_us
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.routes import CHANGED, After, Limit, brought, desk_of
from gateway.clock import rfc3339, rfc3339_s
from gateway.desk.acting.home import Stand
from gateway.desk.listing import USUAL_LISTED
from gateway.desk.reports.library import MOST, Found, Shelved
from gateway.desk.reports.values import Draft, Left, LibraryQuery, OwnReport, Reader, Trace
from gateway.desk.worklist.uses import DeskUses
from gateway.errors import Unknown
from gateway.language.languages import Language
from gateway.model.faces.told import told
from gateway.model.handed.reports import ObjectToReport, WithdrawReport, WriteReport
from gateway.model.names import exchange_id
from gateway.views.desk.reports import report_title

ReportId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]
_Text = Annotated[str, Query(max_length=200)]
_Code = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9._/-]{0,64}$")]

_EXAMPLE: dict[str, Any] = {
    "fields": {
        "method": "tablets under the false floor of pick-up trucks",
        "route": [{"crossing": "mae-sai.tachilek"}],
        "indicators": ["new welds under the bed"],
        "period": "2026-03/2026-05",
    },
    "lang": "en",
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "C-2026-88",
}


WRITE = Handed(WriteReport, "ReportBody", example=_EXAMPLE)
WITHDRAW = Handed(WithdrawReport, "WithdrawReportBody", example={"reason": "outdated"})
OBJECT = Handed(ObjectToReport, "ObjectBody", example={"text": "the third indicator tells who it is"})


_READER = answer(
    "ReportReaderBody",
    "A counterpart that gets a report, and the thread in which it does.",
    Reader,
    leave=("agreement",),
)
_LEFT = answer("ReportLeftBody", "A counterpart that does not get a report, and the code of why.", Left)
_TRACE = answer(
    "TraceBody",
    "A place in a report that may tell who a person is: the field, from and to which character, and the kind.",
    Trace,
)
DRAFT = answer(
    "ReportDraftBody",
    """A report that was not handed in yet: who would get it, who would not, and what stands in its way.

`unchecked` are own sources whose names could not be looked for in it.""",
    title=str,
    to=many(_READER),
    left=many(_LEFT),
    traces=many(_TRACE),
    unchecked=list[str],
)
OWN = answer(
    "OwnReportBody",
    "A report of ours. `stand` is `waiting` for approval, `published`, `withdrawn`, `declined` or `lapsed`.",
    OwnReport,
    leave=("wanted", "until", "attachments"),
    title=str,
    author=str,
    approver=str,
    to=many(_READER),
    left=many(_LEFT),
    not_after=str,
)


class ShelvedBody(BaseModel):
    """A report of the library. One that was `withdrawn`, or may be kept no longer, has a time there, and no content.

    `added` is when its newest `version` was added here, a time that no other report has, and `first_added` when it was
    written or taken here. `id` is one at all members.
    `tlp` is the label that comes nearest to its marking.
    """

    id: str
    owner: str
    agency: str
    thread: str
    version: int
    added: str
    first_added: str
    withdrawn: str
    not_after: str
    title: str
    fields: dict[str, Any]
    languages: list[str]
    marking: dict[str, Any]
    tlp: str


class ReportListBody(BaseModel):
    """Reports; `next` is the `added_after` of the next page, empty on the last one and without `added_after`.

    `capped`: there are more that fit. `partial`: some that may fit were not looked at in the time that a search has, or
    cannot be read, so that no report here does not mean that there is none.
    """

    reports: list[ShelvedBody]
    next: str
    capped: bool
    partial: bool


OWN_LIST = answer(
    "OwnReportListBody",
    "Reports of ours, the newest first; `next` is the `after` of the next page, empty on the last one.",
    reports=many(OWN),
    next=str,
)
ONE = answer(
    "OneReportBody",
    "A report: as it stands in the library, and of ours also who has it.",
    report=ShelvedBody | None,
    own=OWN | None,
)


def report_routes() -> APIRouter:
    """Return the routes of reports."""
    router = APIRouter(prefix="/reports", route_class=OnceRoute)
    _writing(router)
    _reading(router)
    return router


def _writing(router: APIRouter) -> None:
    @router.post("", status_code=202, response_model=OWN, responses=CHANGED, openapi_extra=WRITE.documented)
    async def publish(request: Request) -> Response:
        """Write a report: it is sent once another person has approved it. One that may tell of a person is refused."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form, ids = WRITE.read_with_files(await json_body(request), "bad-report")
        actor = desk.actor(officer)
        files = await brought(desk, actor, ids)
        made = await desk.own_reports.publish(actor, replace(form, attachments=files), once_id(request))
        return shown(own_body(await desk.own_reports.show(actor, made), language), request, 202)

    @router.post("/check", response_model=DRAFT, responses=CHANGED, openapi_extra=WRITE.documented)
    async def check(request: Request) -> Response:
        """Return who would get a report, and each place in it that may tell who a person is.

        Names are looked up in our own sources, as far as the officer may learn: that takes a case and is an entry.
        """
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form = WRITE.read(await json_body(request), "bad-report")
        draft = await desk.own_reports.check(desk.actor(officer), form)
        return shown(_draft_body(draft, language), request)

    @router.post(
        "/{report_id}/withdraw",
        response_model=OWN,
        responses=CHANGED,
        openapi_extra=WITHDRAW.documented,
    )
    async def withdraw(request: Request, report_id: ReportId) -> Response:
        """Withdraw a report of ours: it is gone at every counterpart as soon as that takes the word of it."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form = WITHDRAW.read(await json_body(request), "bad-report")
        actor, name = desk.actor(officer), exchange_id(report_id)
        await desk.own_reports.withdraw(actor, name, form.reason, form.text)
        return shown(own_body(await desk.own_reports.show(actor, name), language), request)

    @router.post("/{report_id}/object", response_model=ONE, responses=CHANGED, openapi_extra=OBJECT.documented)
    async def object_to(request: Request, report_id: ReportId) -> Response:
        """Tell the owner of a counterpart's report that something in it should not be there."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form = OBJECT.read(await json_body(request), "bad-report")
        actor = desk.actor(officer)
        await desk.library.object_to(actor, exchange_id(report_id), form.text)
        found = await desk.library.read(actor, report_id)
        return shown(ONE(report=shelved_body(found, language), own=None), request)


def _reading(router: APIRouter) -> None:
    @router.get("", response_model=ReportListBody, responses=refusals(400))
    async def list_reports(
        request: Request,
        text: _Text = "",
        offence: Annotated[str, Query(max_length=16, pattern=r"^[A-Z]{0,16}$")] = "",
        place: _Text = "",
        crossing: _Code = "",
        period: _Code = "",
        owner: Annotated[str, Query(max_length=2, pattern=r"^[a-z]{0,2}$")] = "",
        added_after: Annotated[AwareDatetime | None, Query(description="read on: in the order of adding")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 25,
    ) -> Response:
        """Return the reports that stand and fit, the newest first; with `added_after` all that were added since.

        These come in the order of adding, with those that were withdrawn.
        """
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        actor, after = desk.actor(officer), ""
        if added_after is not None:
            found = Found(tuple(await desk.library.added(actor, time_us(added_after), limit)))
            after = rfc3339(found.reports[-1].added_us) if len(found.reports) == limit else ""
        else:
            query = LibraryQuery(text, offence, place, crossing, period, owner)
            found = await desk.library.search(actor, query, limit)
        body = ReportListBody(
            reports=[shelved_body(one, language) for one in found.reports],
            next=after,
            capped=found.capped,
            partial=found.partial,
        )
        return shown(body, request)

    @router.get("/own", response_model=OWN_LIST, responses=refusals(400))
    async def list_own(request: Request, limit: Limit = USUAL_LISTED, after: After = "") -> Response:
        """Return reports of ours, whatever became of them, page by page."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        found = await desk.own_reports.all(desk.actor(officer), over=True, limit=limit, after=after)
        body = OWN_LIST(reports=[own_body(one, language) for one in found.items], next=found.next)
        return shown(body, request)

    @router.get("/{report_id}", response_model=ONE, responses=refusals(400, 404))
    async def get_report(request: Request, report_id: ReportId) -> Response:
        """Return a report; the owner of a counterpart's is told once that it was read."""
        officer, language = officer_of(request), language_of(request)
        return shown(await _one(desk_of(request), officer, report_id, language), request)


async def _one(desk: DeskUses, officer: Any, report_id: str, language: Language) -> BaseModel:
    """Return a report as it stands in the library, and of ours its standing. Raises `Unknown` where it is neither."""
    actor, name = desk.actor(officer), exchange_id(report_id)
    own = None
    try:
        report = await desk.own_reports.show(actor, name)
        own = own_body(report, language)
        if report.stand is not Stand.PUBLISHED:
            return ONE(report=None, own=own)
    except Unknown:
        own = None
    found = await desk.library.read(actor, report_id)
    return ONE(report=shelved_body(found, language), own=own)


def own_body(report: OwnReport, language: Language) -> BaseModel:
    """Return a report of ours as the API shows it."""
    return OWN(
        **told(report)
        | {
            "title": report_title(report.fields, language),
            "author": report.author.person,
            "approver": report.approver.person if report.approver is not None else "",
            "not_after": rfc3339_s(report.until_us),
        }
    )


def shelved_body(report: Shelved, language: Language) -> ShelvedBody:
    """Return a report of the library as the API shows it."""
    return ShelvedBody(
        id=report.id,
        owner=report.owner,
        agency=report.agency,
        thread=report.thread.thread_id,
        version=report.version,
        added=rfc3339(report.added_us),
        first_added=rfc3339(report.first_us),
        withdrawn=rfc3339(report.withdrawn_us) if report.withdrawn_us else "",
        not_after=rfc3339_s(report.until_us),
        title=report_title(report.fields, language) if report.fields else "",
        fields=report.fields,
        languages=[report.lang] if report.lang else [],
        marking=report.marking,
        tlp=report.label.value,
    )


def _draft_body(draft: Draft, language: Language) -> BaseModel:
    report = draft.report
    return DRAFT(
        title=report_title(report.fields, language),
        to=[told(to) for to in report.to],
        left=[told(one) for one in report.left],
        traces=[told(one) for one in draft.traces],
        unchecked=list(draft.unchecked),
    )
