"""`/v1/work` and `/v1/threads`: what people see of the desk, and work that they take and assign."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from gateway.agency.bodies.openapi import refusals
from gateway.agency.bodies.patterns import EXCHANGE_ID
from gateway.agency.calls.caller import EVENT_STREAM, json_body, language_of, officer_of, shown, streamed
from gateway.agency.calls.parts import parts_of
from gateway.agency.desk.bodies import ASSIGN
from gateway.agency.desk.cards import DutyCardBody, duty_card
from gateway.agency.desk.once import OnceRoute
from gateway.agency.desk.responses import (
    CONTENT,
    ThreadListBody,
    WorkBody,
    WorkListBody,
    thread_body,
    thread_content,
    work_body,
    work_events,
    work_list,
)
from gateway.clock import SystemClock
from gateway.desk.acting.parts import Actor
from gateway.desk.listing import MOST_LISTED
from gateway.desk.worklist.uses import DeskUses
from gateway.errors import Unavailable
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.names import reference
from gateway.ports.desk_uses import ThreadQuery, WorkQuery

WORK_ID = r"^[A-Za-z0-9._:-]{1,200}$"
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {EVENT_STREAM: {}}}}
_READ = refusals(400, 404)
CHANGED = refusals(400, 404, 409, 413, 504)

WorkId = Annotated[str, Path(pattern=WORK_ID, description="as the list of work shows it")]
ThreadId = Annotated[str, Path(max_length=32, json_schema_extra=EXCHANGE_ID)]
Peer = Annotated[str, Query(max_length=2, description="whose thread, where two members use the id")]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
After = Annotated[str, Query(max_length=64, description="the list begins behind this: `next` of the page before")]


def desk_of(request: Request) -> DeskUses:
    """Return the desk's use cases. Raises `Unavailable` where this node has none."""
    desk = parts_of(request).desk
    if desk is None:
        raise Unavailable("this node has no desk", code="no-desk")
    return desk


async def brought(desk: DeskUses, actor: Actor, ids: list[str]) -> tuple[Attachment, ...]:
    """Return the files with these ids, which the person who acts has brought."""
    return await asyncio.to_thread(desk.bringing.named, actor, ids) if ids else ()


def desk_routes() -> APIRouter:
    """Return the routes of work and threads."""
    router = APIRouter()
    router.include_router(_work(), prefix="/work")
    router.include_router(_threads())
    return router


def _work() -> APIRouter:
    router, clock = APIRouter(route_class=OnceRoute), SystemClock()

    @router.get("", response_model=WorkListBody, responses=refusals(400))
    async def list_work(
        request: Request,
        kind: Annotated[list[WorkKind], Query(description="only of these kinds")] = [],  # noqa: B006
        mine: Annotated[bool, Query(description="only what is assigned to the caller")] = False,
        everything: Annotated[
            bool,
            Query(alias="all", description="what others do or are to do, as well, as far as the caller looks after it"),
        ] = False,
        done: Annotated[bool, Query(description="work that is done, as well")] = False,
        limit: Limit = 200,
        after: Annotated[
            str, Query(max_length=224, description="the list begins behind this: `next` of the page before")
        ] = "",
    ) -> Response:
        """Return the work that the caller sees, page by page: no content of any matter.

        First comes what a human is waited for (FLASH, then URGENT, then what a counterpart or a colleague waits for),
        and in each part what is due first. The hits of a search at a counterpart are one item.
        """
        officer, language = officer_of(request), language_of(request)
        query = WorkQuery(tuple(kind), mine=mine, all=everything, done=done, limit=limit, folded=True, after=after)
        return shown(work_list(await desk_of(request).queue.page(officer, query), clock.now_us(), language), request)

    @router.get(
        "/events",
        response_class=StreamingResponse,
        responses=_STREAM | refusals(400),
    )
    async def follow_work(
        request: Request,
        kind: Annotated[list[WorkKind], Query(description="only of these kinds")] = [],  # noqa: B006
        mine: Annotated[bool, Query(description="only what is assigned to the caller")] = False,
    ) -> Response:
        """Stream the caller's work as server-sent events: `work` (new or changed), `gone`, `listed`; no content."""
        officer, language = officer_of(request), language_of(request)
        lists = desk_of(request).queue.follow(officer, WorkQuery(tuple(kind), mine=mine, limit=1000))
        return streamed(work_events(lists, clock.now_us, language), request)

    @router.get("/{work_id}", response_model=WorkBody, responses=_READ)
    async def get_work(request: Request, work_id: WorkId) -> Response:
        """Return one item of work that the caller sees."""
        officer, language = officer_of(request), language_of(request)
        found = await desk_of(request).queue.work(officer, work_id)
        return shown(work_body(found, clock.now_us(), language), request)

    @router.post("/{work_id}/take", response_model=WorkBody, responses=_READ | refusals(409))
    async def take_work(request: Request, work_id: WorkId) -> Response:
        """Assign work to the caller, who may do it. The same again changes nothing."""
        officer, language = officer_of(request), language_of(request)
        found = await desk_of(request).queue.take(officer, work_id)
        return shown(work_body(found, clock.now_us(), language), request)

    @router.post("/{work_id}/assign", response_model=WorkBody, responses=CHANGED, openapi_extra=ASSIGN.documented)
    async def assign_work(request: Request, work_id: WorkId) -> Response:
        """Assign work to another person, who may do it."""
        officer, language = officer_of(request), language_of(request)
        form = ASSIGN.read(await json_body(request), "bad-assignment")
        found = await desk_of(request).queue.assign(officer, work_id, form.person, form.reason)
        return shown(work_body(found, clock.now_us(), language), request)

    return router


def _threads() -> APIRouter:
    router, clock = APIRouter(), SystemClock()

    @router.get("/threads", response_model=ThreadListBody, responses=refusals(400))
    async def list_threads(
        request: Request,
        kind: Annotated[list[ThreadKind], Query(description="only of these kinds")] = [],  # noqa: B006
        state: Annotated[list[ThreadState], Query(description="only in these states")] = [],  # noqa: B006
        group: Annotated[str, Query(max_length=64, description="only of this group")] = "",
        limit: Limit = 100,
    ) -> Response:
        """Return the threads that the caller may read, the newest first: no content."""
        officer, language = officer_of(request), language_of(request)
        group = reference(group, "group") if group else ""
        query = ThreadQuery(tuple(kind), tuple(state), group, limit)
        found = await desk_of(request).reading.threads(officer, query)
        body = ThreadListBody(threads=[thread_body(item, language) for item in found])
        return shown(body, request)

    @router.get("/threads/{thread_id}/phone", response_model=DutyCardBody, responses=_READ)
    async def get_phone(
        request: Request,
        thread_id: ThreadId,
        peer: Peer = "",
    ) -> Response:
        """Return whom to phone about a thread: who is on duty here for what waits in it, and the offices there."""
        officer, desk = officer_of(request), desk_of(request)
        key = await desk.reading.key(officer, thread_id, peer)
        return shown(duty_card(await asyncio.to_thread(desk.phoning.of, key)), request)

    @router.get("/threads/{thread_id}", response_model=CONTENT, responses=_READ)
    async def get_thread(
        request: Request,
        thread_id: ThreadId,
        peer: Peer = "",
    ) -> Response:
        """Return a thread with its notices and work, once the entry of this reading is durable."""
        officer, language = officer_of(request), language_of(request)
        request.state.handed_over = True
        found = await desk_of(request).reading.thread(officer, thread_id, peer)
        return shown(thread_content(found, clock.now_us(), language), request)

    return router
