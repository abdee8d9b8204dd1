"""`/v1/watches`: ask for watches, renew and end them, read what they met, and those of counterparts on our records."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from msgspec.structs import replace
from pydantic import BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, officer_of, shown
from gateway.agency.desk.asks import DraftedBody
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.routes import CHANGED, After, Limit, brought, desk_of
from gateway.agency.desk.steps import drafted_body
from gateway.agency.watches.bodies import (
    ADD,
    END,
    FOLLOW,
    OWN,
    OWN_LIST,
    RENEW,
    TAKEN_LIST,
    own_watch_body,
    taken_watch_body,
)
from gateway.desk.listing import USUAL_LISTED
from gateway.desk.watches.values import OwnWatch
from gateway.desk.worklist.uses import DeskUses
from gateway.model.handed.asks import with_files
from gateway.model.names import ExchangeId, exchange_id, member_id
from gateway.model.requester import Officer

WatchId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]


def watch_routes() -> APIRouter:
    """Return the routes of watches."""
    router = APIRouter(prefix="/watches", route_class=OnceRoute)

    @router.post("", status_code=202, response_model=OWN, responses=CHANGED, openapi_extra=ADD.documented)
    async def add(request: Request) -> Response:
        """Ask for a watch: it is sent once another person has approved it. One that is too wide is refused."""
        officer, desk = officer_of(request), desk_of(request)
        form = ADD.read(await json_body(request), "bad-watch")
        made = await desk.watches.add(desk.actor(officer), form, once_id(request))
        return await _shown(request, officer, made, 202)

    @router.get("", response_model=OWN_LIST, responses=refusals(400))
    async def list_watches(
        request: Request,
        over: Annotated[bool, Query(description="those that have ended, as well")] = False,
        limit: Limit = USUAL_LISTED,
        after: After = "",
    ) -> Response:
        """Return watches of ours that the caller may read, page by page."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.watches.all(desk.actor(officer), over=over, limit=limit, after=after)
        body = OWN_LIST(watches=[await _watch_body(desk, watch) for watch in found.items], next=found.next)
        return shown(body, request)

    @router.get("/taken", response_model=TAKEN_LIST, responses=refusals(400))
    async def list_taken(request: Request, limit: Limit = USUAL_LISTED, after: After = "") -> Response:
        """Return watches of counterparts on our records, page by page, but for those that no person is shown."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.watch_standing.theirs(desk.actor(officer), limit=limit, after=after)
        body = TAKEN_LIST(watches=[taken_watch_body(watch) for watch in found.items], next=found.next)
        return shown(body, request)

    @router.get("/{watch_id}", response_model=OWN, responses=refusals(400, 404))
    async def get_watch(request: Request, watch_id: WatchId) -> Response:
        """Return a watch of ours with what it has met."""
        officer = officer_of(request)
        return await _shown(request, officer, exchange_id(watch_id))

    @router.post("/{watch_id}/renew", response_model=OWN, responses=CHANGED, openapi_extra=RENEW.documented)
    async def renew(request: Request, watch_id: WatchId) -> Response:
        """Say that a watch is still needed; a supervisor must approve it."""
        officer, desk = officer_of(request), desk_of(request)
        form = RENEW.read(await json_body(request), "bad-watch")
        name = exchange_id(watch_id)
        await desk.watches.renew(desk.actor(officer), name, form.until_us, form.reason)
        return await _shown(request, officer, name)

    @router.post("/{watch_id}/end", response_model=OWN, responses=CHANGED, openapi_extra=END.documented)
    async def end(request: Request, watch_id: WatchId) -> Response:
        """End a watch; its recipients are told, and watch no more."""
        officer, desk = officer_of(request), desk_of(request)
        form = END.read(await json_body(request), "bad-watch")
        name = exchange_id(watch_id)
        await desk.watches.end(desk.actor(officer), name, form.reason)
        return await _shown(request, officer, name)

    @router.post(
        "/{watch_id}/followup",
        status_code=202,
        response_model=DraftedBody,
        responses=CHANGED,
        openapi_extra=FOLLOW.documented,
    )
    async def follow(request: Request, watch_id: WatchId) -> Response:
        """Draft a follow-up to a hit of a watch: a human of the owner decides on it, once it is approved here."""
        officer, desk = officer_of(request), desk_of(request)
        form, ids = FOLLOW.read_with_files(await json_body(request), "bad-ask", watch=exchange_id(watch_id))
        actor = desk.actor(officer)
        watch = await desk.watches.show(actor, form.watch)
        command = replace(form, watch=watch.thread_with(member_id(form.peer)))
        command = with_files(command, await brought(desk, actor, ids))
        drafted = await desk.drafting.follow_watch(actor, command, once_id(request))
        return shown(drafted_body(drafted), request, 202)

    return router


async def _shown(request: Request, officer: Officer, watch_id: ExchangeId, status: int = 200) -> Response:
    desk = desk_of(request)
    watch = await desk.watches.show(desk.actor(officer), watch_id)
    return shown(await _watch_body(desk, watch), request, status)


async def _watch_body(desk: DeskUses, watch: OwnWatch) -> BaseModel:
    return own_watch_body(watch, await desk.watch_standing.ours(watch))
