"""`/v1/incidents`: tell all counterparts of an incident here, and acknowledge those of counterparts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.responses import WorkBody, work_body
from gateway.agency.desk.routes import CHANGED, After, Limit, WorkId, desk_of
from gateway.clock import SystemClock, rfc3339
from gateway.desk.listing import USUAL_LISTED
from gateway.desk.oversight.values import IncidentItem
from gateway.errors import Malformed
from gateway.model.desk.notices import Notice, Service
from gateway.model.handed.incidents import EndIncident, TellMore, TellNews
from gateway.model.names import exchange_id
from gateway.records.types import RECORD_TYPES

IncidentId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]
_EXAMPLE: dict[str, Any] = {"code": "INCIDENT", "text": "An officer token was stolen and used. It is revoked."}


TELL = Handed(TellNews, "IncidentBody", example=_EXAMPLE)
MORE = Handed(TellMore, "MoreBody")
END = Handed(EndIncident, "EndIncidentBody")


class IncidentWordBody(BaseModel):
    """One word about an incident: what it is, who said it, and the words."""

    code: str
    text: str
    author: str


class IncidentReaderBody(BaseModel):
    """A counterpart: `standing` is `waiting`, `delivered`, `acknowledged`, or `not-taken`: phone its desk."""

    member: str
    thread: str
    standing: str
    at: str
    text: str


class OwnIncidentBody(BaseModel):
    """An incident of ours. `acknowledged` counts the counterparts that have acknowledged its newest word."""

    id: str
    code: str
    over: bool
    told: str
    since: str
    until: str
    types: list[str]
    words: list[IncidentWordBody]
    to: list[IncidentReaderBody]
    acknowledged: int
    counterparts: int


class IncidentListBody(BaseModel):
    """Incidents of ours, the newest first; `next` is the `after` of the next page, empty on the last one."""

    incidents: list[OwnIncidentBody]
    next: str


class TakenIncidentBody(BaseModel):
    """The word of a counterpart about itself."""

    member: str
    thread: str
    code: str
    text: str
    types: list[str]
    since: str
    until: str
    issued: str


def incident_routes() -> APIRouter:
    """Return the routes of incidents."""
    router, clock = APIRouter(), SystemClock()
    own = APIRouter(prefix="/incidents", route_class=OnceRoute)
    works = APIRouter(prefix="/work", route_class=OnceRoute)

    @own.post("", status_code=202, response_model=OwnIncidentBody, responses=CHANGED, openapi_extra=TELL.documented)
    async def tell_incident(request: Request) -> Response:
        """Tell counterparts of an incident, an outage or a drill here: it leaves at once, past a suspension, too."""
        officer, desk = officer_of(request), desk_of(request)
        form = TELL.read(await json_body(request), "bad-incident")
        _check_types(form.types)
        name = await desk.incidents.tell(desk.actor(officer), form, once_id(request))
        return await _shown(request, name, 202)

    @own.get("", response_model=IncidentListBody, responses=refusals(400))
    async def list_incidents(
        request: Request,
        over: Annotated[bool, Query(description="those that have ended, as well")] = False,
        limit: Limit = USUAL_LISTED,
        after: After = "",
    ) -> Response:
        """Return incidents of ours, page by page, each with how many counterparts have acknowledged it."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.incidents.all(desk.actor(officer), over=over, limit=limit, after=after)
        body = IncidentListBody(incidents=[_body(one) for one in found.items], next=found.next)
        return shown(body, request)

    @own.get("/{incident_id}", response_model=OwnIncidentBody, responses=refusals(400, 404))
    async def get_incident(request: Request, incident_id: IncidentId) -> Response:
        """Return an incident of ours with its standing at each counterpart."""
        return await _shown(request, incident_id)

    @own.post("/{incident_id}/more", response_model=OwnIncidentBody, responses=CHANGED, openapi_extra=MORE.documented)
    async def tell_more(request: Request, incident_id: IncidentId) -> Response:
        """Tell more about an incident to all who know of it; they acknowledge it anew."""
        officer, desk = officer_of(request), desk_of(request)
        form = MORE.read(await json_body(request), "bad-incident")
        await desk.incidents.add(desk.actor(officer), exchange_id(incident_id), form.text)
        return await _shown(request, incident_id)

    @own.post(
        "/{incident_id}/close",
        response_model=OwnIncidentBody,
        responses=CHANGED,
        openapi_extra=END.documented,
    )
    async def close_incident(request: Request, incident_id: IncidentId) -> Response:
        """Tell all who know of an incident that it is over."""
        officer, desk = officer_of(request), desk_of(request)
        form = END.read(await json_body(request), "bad-incident")
        await desk.incidents.close(desk.actor(officer), exchange_id(incident_id), form.text)
        return await _shown(request, incident_id)

    @works.post("/{work_id}/incident", response_model=TakenIncidentBody, responses=CHANGED)
    async def read_incident(request: Request, work_id: WorkId) -> Response:
        """Return what a counterpart says of an incident there, once the entry of this reading is durable."""
        officer, desk = officer_of(request), desk_of(request)
        await desk.queue.work(officer, work_id)
        found = await desk.incidents.taken(desk.actor(officer), work_id)
        return shown(_taken_body(found), request)

    @works.post(
        "/{work_id}/acknowledge-incident",
        response_model=WorkBody,
        responses=CHANGED,
        openapi_extra=END.documented,
    )
    async def acknowledge_incident(request: Request, work_id: WorkId) -> Response:
        """Acknowledge an incident of a counterpart, which is told so."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form = END.read(await json_body(request), "bad-incident")
        await desk.queue.work(officer, work_id)
        await desk.incidents.acknowledge(desk.actor(officer), work_id, form.text)
        return shown(work_body(await desk.queue.work(officer, work_id), clock.now_us(), language), request)

    router.include_router(own)
    router.include_router(works)
    return router


def _check_types(names: Sequence[str]) -> None:
    for name in names:
        if name not in RECORD_TYPES:
            raise Malformed(
                "`{type}` is no record type", code="bad-value", where="types", remedy="`liaison schema`", type=name[:64]
            )


async def _shown(request: Request, name: str, status: int = 200) -> Response:
    officer, desk = officer_of(request), desk_of(request)
    found = await desk.incidents.show(desk.actor(officer), exchange_id(name))
    return shown(_body(found), request, status)


def _body(item: IncidentItem) -> OwnIncidentBody:
    incident = item.incident
    first = incident.words[0]
    pairs = zip(incident.words, incident.authors, strict=True)
    return OwnIncidentBody(
        id=incident.id,
        code=incident.code.value,
        over=incident.is_over,
        told=rfc3339(incident.told_us),
        since=rfc3339(first.since_us),
        until=_time(first.until_us),
        types=list(first.types),
        words=[IncidentWordBody(code=word.code.value, text=word.text, author=by.person) for word, by in pairs],
        to=[
            IncidentReaderBody(
                member=one.member,
                thread=one.thread_id,
                standing=one.standing.value,
                at=_time(one.time_us),
                text=one.text,
            )
            for one in item.stands
        ],
        acknowledged=item.acknowledged,
        counterparts=len(item.stands),
    )


def _taken_body(notice: Notice) -> TakenIncidentBody:
    body, head = notice.body, notice.head
    assert isinstance(body, Service)
    return TakenIncidentBody(
        member=head.sender,
        thread=head.thread_id,
        code=body.code.value,
        text=body.text,
        types=list(body.types),
        since=_time(body.since_us),
        until=_time(body.until_us),
        issued=rfc3339(head.issued_us),
    )


def _time(moment_us: int) -> str:
    return rfc3339(moment_us) if moment_us else ""
