"""`/v1/attachments` and those of threads: files that officers bring, and files that they open.

A file comes and leaves in parts: none is ever whole in memory. It leaves so that no browser shows it as a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from gateway.agency.bodies.answers import answer, many
from gateway.agency.bodies.openapi import refusals
from gateway.agency.bodies.problems import language_headers
from gateway.agency.calls.caller import language_of, officer_of, shown
from gateway.agency.calls.parts import parts_of
from gateway.agency.desk.routes import Peer, ThreadId, desk_of
from gateway.clock import rfc3339
from gateway.desk.attachments.opening import ShownFile, refusal_of
from gateway.errors import Malformed, TimedOut, Unauthenticated
from gateway.model.desk.attachments import Attachment
from gateway.model.faces.told import told
from gateway.model.marking import Level
from gateway.ports.files.held import HeldFile
from gateway.telemetry import Metric
from gateway.views.desk.file_headers import file_headers

_BYTES = "application/octet-stream"
_CALL: dict[str, Any] = {
    "requestBody": {"required": True, "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}}
}
_GIVEN: dict[int | str, dict[str, Any]] = {200: {"content": {_BYTES: {}}, "description": "The bytes of the file"}}
Root = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="the file's root, as its notice names it")]


BROUGHT = answer(
    "BroughtBody",
    """A file that the caller has brought: its `id` is named in `attachments` of what the caller writes next.

`original` is the SHA-256 of a table that came with formulas: what is kept is a copy in which they are texts.""",
    Attachment,
    id=str,
    original=str,
)
FILE = answer(
    "FileBody",
    """A file of a thread. `here` are the bytes of it that this node has, and `why_not` is the code of why it cannot be
opened now, empty where it can. `state` is `waiting`, `unscanned`, `clean`, `shut`, `refused` or `lost`.

`original` is the SHA-256 of a table with formulas: what is opened is a copy in which they are texts.""",
    Attachment,
    ours=bool,
    notice=str,
    since=str,
    state=str,
    here=int,
    why_not=str,
    original=str,
)
FILES = answer("FilesBody", "The files of a thread, the oldest first.", attachments=many(FILE))


def file_routes() -> APIRouter:
    """Return the routes of files."""
    router = APIRouter()

    @router.post(
        "/attachments",
        status_code=201,
        response_model=BROUGHT,
        responses=refusals(400, 413, 504),
        openapi_extra=_CALL,
    )
    async def bring(
        request: Request,
        name: Annotated[str, Query(max_length=120, description="of the file, with the ending of its type")],
        marking: Annotated[Level, Query(description="the level of confidentiality")] = Level.OFFICIAL,
    ) -> Response:
        """Bring a file for what the caller writes next. Its type is told by its content, against a closed list."""
        officer, desk = officer_of(request), desk_of(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _BYTES:
            raise Malformed("a file comes as bytes", code="not-bytes", where="content-type", remedy=f"send {_BYTES}")
        length = request.headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0
        row = await desk.bringing.bring(desk.actor(officer), name, body_parts(request), size, marking)
        parts_of(request).tokens.check(officer)
        return shown(brought_body(row), request, 201)

    @router.get("/threads/{thread_id}/attachments", response_model=FILES, responses=refusals(400, 404))
    async def list_files(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Return the files of a thread, and how each stands: no content."""
        officer, desk = officer_of(request), desk_of(request)
        key = await desk.reading.key(officer, thread_id, peer)
        found = [file_body(each) for each in await desk.files.list(key)]
        return shown(FILES(attachments=found), request)

    @router.get(
        "/threads/{thread_id}/attachments/{root}",
        response_class=StreamingResponse,
        responses=_GIVEN | refusals(400, 404),
    )
    async def open_file(request: Request, thread_id: ThreadId, root: Root, peer: Peer = "") -> Response:
        """Open a file of a thread, once the entry of its opening is durable."""
        officer, desk = officer_of(request), desk_of(request)
        key = await desk.reading.key(officer, thread_id, peer)
        opened = await desk.files.open(desk.actor(officer), key, bytes.fromhex(root))

        async def given() -> AsyncIterator[bytes]:
            async for part in opened.parts:
                try:
                    parts_of(request).tokens.check(officer)
                except Unauthenticated:
                    return
                yield part

        parts_of(request).counters.add(Metric.REST_REQUESTS, status="200")
        headers = {**language_headers(language_of(request)), **file_headers(opened.about)}
        return StreamingResponse(given(), media_type=_BYTES, headers=headers)

    return router


async def body_parts(request: Request) -> AsyncIterator[bytes]:
    """Yield the body of a call as it comes. Its connection ends where it comes too slowly."""
    request.scope["state"]["body_is_file"]()
    try:
        async for part in request.stream():
            yield part
    except (ClientDisconnect, asyncio.CancelledError):
        raise TimedOut("the file did not come in time", code="slow-body", where="body") from None


def brought_body(row: HeldFile) -> BaseModel:
    """Return a file that an officer has brought as JSON shows it."""
    return BROUGHT(**told(row.about), id=row.notice_id, original=row.original.hex())


def file_body(file: ShownFile) -> BaseModel:
    """Return a file of a thread as JSON shows it."""
    row, refusal = file.row, refusal_of(file.row)
    return FILE(
        **told(row.about),
        ours=row.ours,
        notice=row.notice_id,
        since=rfc3339(row.time_us),
        state=row.state.value,
        here=file.here,
        why_not=refusal.code if refusal is not None else "",
        original=row.original.hex(),
    )
