"""`/v1/threads` and `/v1/work`: notes between the humans of two desks, what has been looked at, and printed forms."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.bodies import NOTE
from gateway.agency.desk.once import OnceRoute
from gateway.agency.desk.responses import ThreadBody, WorkBody, thread_body, work_body
from gateway.agency.desk.routes import CHANGED, Peer, ThreadId, WorkId, brought, desk_of
from gateway.clock import SystemClock
from gateway.errors import Unknown
from gateway.model.desk.notices import About, Ask, Note, Notice
from gateway.ports.desk_uses import ThreadContent
from gateway.views.forms.printed import form_page, form_text


class FormBody(BaseModel):
    """A form as it is printed, in the caller's language: as plain text, and as one page of HTML."""

    thread: str
    peer: str
    language: str
    text: str
    page: str


def note_routes() -> APIRouter:
    """Return the routes of notes and printed forms."""
    router, works, clock = APIRouter(route_class=OnceRoute), APIRouter(route_class=OnceRoute), SystemClock()

    @router.post(
        "/threads/{thread_id}/note", response_model=ThreadBody, responses=CHANGED, openapi_extra=NOTE.documented
    )
    async def note(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Write a note to the humans of the other side; it moves nothing."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form, ids = NOTE.read_with_files(await json_body(request), "bad-note")
        key = await desk.reading.key(officer, thread_id, peer)
        actor = desk.actor(officer)
        files = await brought(desk, actor, ids)
        await desk.packages.note(actor, key, Note(form.language.value, form.text), files)
        return shown(thread_body(await desk.reading.after(key), language), request)

    @router.get("/threads/{thread_id}/form", response_model=FormBody, responses=refusals(400, 404))
    async def print_form(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Return the form of a thread as it is printed, once the entry of this reading is durable."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        request.state.handed_over = True
        found = await desk.reading.thread(officer, thread_id, peer)
        form, key = _form(found), found.item.thread.key
        body = FormBody(
            thread=key.thread_id,
            peer=key.peer,
            language=language.value,
            text=form_text(form, language),
            page=form_page(form, language),
        )
        return shown(body, request)

    @works.post("/{work_id}/read", response_model=WorkBody, responses=CHANGED)
    async def note_read(request: Request, work_id: WorkId) -> Response:
        """End the work of looking at a note or at what was not delivered; an answer is opened instead."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        await desk.queue.work(officer, work_id)
        await desk.handing.note_read(desk.actor(officer), work_id)
        return shown(work_body(await desk.queue.work(officer, work_id), clock.now_us(), language), request)

    router.include_router(works, prefix="/work")
    return router


def _form(found: ThreadContent) -> Notice:
    """Return the newest form of a thread. Raises `Unknown` where it has none, or none that is kept."""
    for item in reversed(found.notices):
        if item.notice is not None and isinstance(item.notice.body, Ask) and item.notice.body.about is About.FORM:
            return item.notice
    raise Unknown("this thread has no form that is kept", code="no-form", where="thread")
