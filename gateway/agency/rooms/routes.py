"""The routes of operations: open, invite, join, write, seal, read, and the pack of one that is over."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.bodies import OUTCOME
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.routes import CHANGED, After, Limit, desk_of
from gateway.agency.rooms.bodies import (
    CONTENT,
    ENTRY,
    INVITE,
    OPEN,
    OPERATION,
    OPERATION_LIST,
    PACK,
    ROOM_ID,
    SEAL,
    WORDS,
)
from gateway.desk.listing import USUAL_LISTED
from gateway.model.desk.notices import Note
from gateway.model.requester import Officer
from gateway.views.operations.pack import pack_page
from gateway.views.operations.told import line_told, pack_told, room_told

RoomId = Annotated[str, Path(pattern=ROOM_ID, description="as the list of operations shows it")]
_BAD = "bad-operation"


def room_routes() -> APIRouter:
    """Return the routes of operations."""
    router = APIRouter(prefix="/operations", route_class=OnceRoute)
    _reading(router)
    _owning(router)
    _taking_part(router)
    return router


def _reading(router: APIRouter) -> None:
    @router.get("", response_model=OPERATION_LIST, responses=refusals(400))
    async def list_operations(
        request: Request,
        over: Annotated[bool, Query(description="those that have ended, as well")] = False,
        limit: Limit = USUAL_LISTED,
        after: After = "",
    ) -> Response:
        """Return operations that the caller may read, page by page, without their entries."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.room_pages.all(desk.actor(officer), over=over, limit=limit, after=after)
        body = OPERATION_LIST(operations=[OPERATION(**line_told(line)) for line in found.items], next=found.next)
        return shown(body, request)

    @router.get("/{room_id}", response_model=CONTENT, responses=refusals(400, 404))
    async def get_operation(request: Request, room_id: RoomId) -> Response:
        """Return an operation with its entries, once the entry of this reading is durable."""
        return await _shown(request, officer_of(request), room_id)

    @router.get("/{room_id}/pack", response_model=PACK, responses=refusals(400, 404))
    async def get_pack(request: Request, room_id: RoomId) -> Response:
        """Return an operation with its results and its list of evidence, also as one page to be printed."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        request.state.handed_over = True
        page = await desk.room_pages.read(desk.actor(officer), room_id)
        told = pack_told(page)
        body = PACK(**told, page=pack_page(told, language))
        return shown(body, request)


def _owning(router: APIRouter) -> None:
    @router.post("", status_code=202, response_model=CONTENT, responses=CHANGED, openapi_extra=OPEN.documented)
    async def open_operation(request: Request) -> Response:
        """Open an operation: its members are invited once another person has approved it."""
        officer, desk = officer_of(request), desk_of(request)
        form = OPEN.read(await json_body(request), _BAD)
        room_id = await desk.rooms.open(desk.actor(officer), form, once_id(request))
        return await _shown(request, officer, room_id, 202)

    @router.post("/{room_id}/invite", response_model=CONTENT, responses=CHANGED, openapi_extra=INVITE.documented)
    async def invite(request: Request, room_id: RoomId) -> Response:
        """Ask that more members are invited into an operation of ours: another person approves it."""
        officer, desk = officer_of(request), desk_of(request)
        form = INVITE.read(await json_body(request), _BAD)
        await desk.rooms.invite(desk.actor(officer), room_id, form.to)
        return await _shown(request, officer, room_id)

    @router.post("/{room_id}/seal", response_model=CONTENT, responses=CHANGED, openapi_extra=SEAL.documented)
    async def seal(request: Request, room_id: RoomId) -> Response:
        """End an operation of ours: all its members only read it from now on."""
        officer, desk = officer_of(request), desk_of(request)
        form = SEAL.read(await json_body(request), _BAD)
        await desk.rooms.seal(desk.actor(officer), room_id, form.text, called_off=form.called_off)
        return await _shown(request, officer, room_id)


def _taking_part(router: APIRouter) -> None:
    @router.post("/{room_id}/join", response_model=CONTENT, responses=CHANGED)
    async def join(request: Request, room_id: RoomId) -> Response:
        """Join an operation of another member."""
        officer, desk = officer_of(request), desk_of(request)
        await desk.rooms.join(desk.actor(officer), room_id)
        return await _shown(request, officer, room_id)

    @router.post("/{room_id}/leave", response_model=CONTENT, responses=CHANGED, openapi_extra=WORDS.documented)
    async def leave(request: Request, room_id: RoomId) -> Response:
        """Leave an operation of another member for good, joined or not."""
        officer, desk = officer_of(request), desk_of(request)
        form = WORDS.read(await json_body(request), _BAD)
        await desk.rooms.leave(desk.actor(officer), room_id, form.text)
        return await _shown(request, officer, room_id)

    @router.post("/{room_id}/note", response_model=CONTENT, responses=CHANGED, openapi_extra=ENTRY.documented)
    async def note(request: Request, room_id: RoomId) -> Response:
        """Write an entry for all members."""
        officer, desk = officer_of(request), desk_of(request)
        form = ENTRY.read(await json_body(request), "bad-note")
        await desk.rooms.note(desk.actor(officer), room_id, Note(form.language.value, form.text, form.values))
        return await _shown(request, officer, room_id)

    @router.post("/{room_id}/outcome", response_model=CONTENT, responses=CHANGED, openapi_extra=OUTCOME.documented)
    async def outcome(request: Request, room_id: RoomId) -> Response:
        """Write what came of the operation here, for its table of results."""
        officer, desk = officer_of(request), desk_of(request)
        form = OUTCOME.read(await json_body(request), "bad-outcome")
        await desk.rooms.outcome(desk.actor(officer), room_id, form)
        return await _shown(request, officer, room_id)


async def _shown(request: Request, officer: Officer, room_id: str, status: int = 200) -> Response:
    request.state.handed_over = True
    desk = desk_of(request)
    page = await desk.room_pages.read(desk.actor(officer), room_id)
    return shown(CONTENT(**room_told(page)), request, status)
