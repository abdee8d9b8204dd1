"""The REST API for a country's own systems: searches, the onward use of their records, and the node's health.

`POST /v1/searches`, `GET /v1/searches/{id}`, `POST /v1/searches/{id}/onward`, and `GET /v1/members`, `/v1/health`,
`/v1/health/ready`, `/v1/health/live`, and `PUT /v1/revocations`. Every call carries a client certificate (TLS) and,
except for members, health and revocations, an officer token bound to it. The API calls only
`gateway.ports.officers.Searches` and `OnwardUses`.
"""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.agency.bodies.members import MEMBERS, members_body
from gateway.agency.bodies.onward import ONWARD, OnwardResponse, onward_response
from gateway.agency.bodies.openapi import OF_BODIES, DocumentedApi, document_text, refusals, revocations_call
from gateway.agency.bodies.patterns import IDEMPOTENCY_KEY
from gateway.agency.bodies.problems import plain_problem, problem
from gateway.agency.bodies.requests import SEARCH
from gateway.agency.bodies.responses import (
    FOUND,
    HealthBody,
    LiveBody,
    ReadyBody,
    search_events,
    search_response,
)
from gateway.agency.bodies.wrong_bodies import wrong_body
from gateway.agency.calls.caller import (
    EVENT_STREAM,
    OFFICER_FIRST,
    client_of,
    is_async,
    json_body,
    key_of,
    language_of,
    officer_of,
    raw_body,
    shown,
    streamed,
)
from gateway.agency.calls.parts import AgencyParts, RefusedCall, hand_in, parts_of
from gateway.agency.desk.alerts import alert_routes
from gateway.agency.desk.attached.files import file_routes
from gateway.agency.desk.changes import change_routes
from gateway.agency.desk.notes import note_routes
from gateway.agency.desk.reports import report_routes
from gateway.agency.desk.routes import desk_routes
from gateway.agency.desk.steps import step_routes
from gateway.agency.desk.taken import taken_routes
from gateway.agency.officer_tokens.revocations import MAX_LIST
from gateway.agency.oversight.freezes import freeze_routes
from gateway.agency.oversight.incidents import incident_routes
from gateway.agency.oversight.misuse import misuse_routes
from gateway.agency.oversight.reviews import review_routes
from gateway.agency.rooms.routes import room_routes
from gateway.agency.statistics import statistics_routes
from gateway.agency.watches.routes import watch_routes
from gateway.clock import SystemClock
from gateway.errors import (
    Forbidden,
    LiaisonError,
    Reason,
    Refused,
    StorageAway,
    StorageBroken,
    Unavailable,
)
from gateway.https.statuses import status_of
from gateway.model.desk.consent import Place
from gateway.model.names import member_id
from gateway.telemetry import Logger, LogLine, Metric, parse_traceparent

_SEARCH_ID = r"^[A-Za-z0-9._-]{1,64}$"
_NO_TELEMETRY: Any = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)
"""Keep FastAPI from telling of calls by itself: what it tells holds texts of errors, and variables switch it on."""

_OF_EVERY_CALL = refusals(401, 403, 405, 429, 431, 500, 503)
_BEGUN: dict[int | str, dict[str, Any]] = {
    202: {
        "model": FOUND,
        "description": "The search runs; read it at `location`",
        "headers": {"location": {"schema": {"type": "string"}}, "preference-applied": {"schema": {"type": "string"}}},
    }
}


def create_api(parts: AgencyParts) -> ASGIApp:
    """Return a node's application, for `gateway.https.listener`, which hands in the client's certificate."""
    app = application()

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        state = hand_in(scope, parts)
        try:
            await app(scope, receive, send)
        finally:
            parts.allowance.leave(state)

    return call


@cache
def application() -> DocumentedApi:
    """Return the application of all nodes of this process: to build its routes costs more than the rest of a start."""
    app = DocumentedApi(
        title="Liaison: search abroad",
        version="1",
        description="One request, one line for each counterpart. Silence is never shown as no hit.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.include_router(_routes())
    making = threading.Lock()

    @cache
    def made(year: int) -> bytes:
        return document_text(app.openapi(), year).encode()

    def document(year: int) -> bytes:
        with making:
            return made(year)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        client_of(request)
        async with parts_of(request).documenting:
            text = await asyncio.to_thread(document, SystemClock().now().year)
        return Response(text, media_type="application/json")

    _handle_errors(app)
    return app


def _routes() -> APIRouter:
    router, first = APIRouter(prefix="/v1", responses=_OF_EVERY_CALL), [OFFICER_FIRST]

    @router.post(
        "/searches",
        response_model=FOUND,
        responses=_BEGUN | OF_BODIES | refusals(409),
        openapi_extra=SEARCH.documented,
        dependencies=first,
    )
    async def start_search(
        request: Request,
        idempotency_key: Annotated[
            str, Header(description="the same key returns the first search", json_schema_extra=IDEMPOTENCY_KEY)
        ] = "",
        traceparent: Annotated[str, Header(description="W3C trace context")] = "",
        tracestate: Annotated[str, Header(description="W3C trace state; sent on, at most 512 bytes")] = "",
        prefer: Annotated[str, Header(description="`respond-async`: 202 at once, RFC 7240")] = "",
    ) -> Response:
        """Ask counterparts: 200 when all lines are there or the budget is over; 202 at once with `respond-async`."""
        del prefer
        parts, officer, language = parts_of(request), officer_of(request), language_of(request)
        said = {"idempotency_key": key_of(idempotency_key), "traceparent": traceparent, "tracestate": tracestate}
        command = SEARCH.read(await json_body(request), "bad-search", **said)
        request.state.handed_over = True  # from here on the search writes its own entries
        if not is_async(request):
            found = await parts.searches.start(officer, command)
            parts.tokens.check(officer)  # nothing is shown to an officer who was revoked meanwhile
            return shown(search_response(found, language), request)
        leave = parts.allowance.held(request.scope["state"])

        def over(_search_id: str, error: BaseException | None) -> None:
            leave()
            if isinstance(error, StorageBroken):
                parts.broken(error)

        try:
            found = await parts.searches.begin(officer, command, over)
        except BaseException:
            leave()
            raise
        headers = {"location": f"/v1/searches/{found.id}", "preference-applied": "respond-async"}
        return shown(search_response(found, language), request, 202, headers)

    @router.get("/searches/{search_id}", response_model=FOUND, responses=refusals(400, 404), dependencies=first)
    async def get_search(request: Request, search_id: Annotated[str, Path(pattern=_SEARCH_ID)]) -> Response:
        """Return the search as it is now; as events until no answer can come when `Accept` says `text/event-stream`."""
        parts, officer, language = parts_of(request), officer_of(request), language_of(request)
        if EVENT_STREAM in request.headers.get("accept", ""):
            await parts.searches.get(officer, search_id)  # an unknown id is a problem, not an empty stream
            return streamed(search_events(parts.searches.follow(officer, search_id), language), request)
        return shown(search_response(await parts.searches.get(officer, search_id), language), request)

    @router.post(
        "/searches/{search_id}/onward",
        response_model=OnwardResponse,
        responses={202: {"model": OnwardResponse}} | OF_BODIES | refusals(404, 409),
        openapi_extra=ONWARD.documented,
        dependencies=first,
    )
    async def use_onward(request: Request, search_id: Annotated[str, Path(pattern=_SEARCH_ID)]) -> Response:
        """Decide whether a record may be used onward: 200 allowed, 403 refused, 202 the owner was asked for consent."""
        parts, officer = parts_of(request), officer_of(request)
        own = Place(member_id(parts.member), officer.agency, officer.office)
        command = ONWARD.read(await json_body(request), "bad-onward", search_id=search_id).placed(own)
        if parts.onward is None:
            raise Forbidden("records are not used onward here", code="no-onward")
        request.state.handed_over = True  # from here on the use writes its own entry
        answer = await parts.onward.use(officer, command)
        language = language_of(request)
        return shown(onward_response(answer, language), request, 200 if answer.allowed else 202)

    for of_officers in (
        desk_routes,
        step_routes,
        file_routes,
        note_routes,
        taken_routes,
        alert_routes,
        incident_routes,
        freeze_routes,
        review_routes,
        misuse_routes,
        report_routes,
        watch_routes,
        change_routes,
        statistics_routes,
        room_routes,
    ):
        router.include_router(of_officers(), dependencies=first)

    @router.get("/members", response_model=MEMBERS)
    async def members(request: Request) -> Response:
        """Tell of each member what it offers, whether it can be asked, and how its documents and its node are."""
        client_of(request)
        parts, language = parts_of(request), language_of(request)
        parts.require_storage()
        return shown(members_body(await parts.members(), language), request)

    @router.put("/revocations", status_code=204, response_class=Response, **revocations_call(MAX_LIST))
    async def put_revocations(request: Request) -> Response:
        """Take the signed list of revocations, from the identity provider's system only: 204 once it is in force."""
        parts, client = parts_of(request), client_of(request)
        if parts.revocations is None or not parts.provider or client.name != parts.provider:
            raise Forbidden("only the identity provider's system sends revocations", code="not-the-provider")
        await parts.revocations(await raw_body(request, MAX_LIST))
        return Response(None, 204)

    @router.get("/health", response_model=HealthBody, responses={503: {"model": HealthBody}})
    async def health(request: Request) -> Response:
        """Tell whether the node is ready for work, why it is not, and how its sources are: 200, or 503."""
        client_of(request)
        return _health(parts_of(request).health())

    @router.get("/health/ready", response_model=ReadyBody, responses={503: {"model": ReadyBody}})
    async def ready(request: Request) -> Response:
        """Tell whether the node is ready for work, and why it is not: 200, or 503."""
        client_of(request)
        found = parts_of(request).health()
        return _health({name: found[name] for name in ("status", "problems") if name in found})

    @router.get("/health/live", response_model=LiveBody)
    async def live(request: Request) -> Response:
        """Tell that the node's loop turns: it would not answer otherwise."""
        client_of(request)
        return _health({"status": "ok"})

    return router


def _health(found: dict[str, Any]) -> Response:
    return JSONResponse(found, 503 if found.get("problems") else 200, headers={"cache-control": "no-store"})


def _handle_errors(app: FastAPI) -> None:
    log = Logger(component="agency")

    async def note(request: Request, error: LiaisonError) -> None:
        parts = parts_of(request)
        client, officer = getattr(request.state, "client", ""), getattr(request.state, "officer", "")
        trace = parse_traceparent(request.headers.get("traceparent", ""))
        place: dict[str, Any] = {"trace_id": trace.trace_id} if trace else {}
        log.warning(LogLine.AGENCY_REFUSED, client=client, code=error.code, reason=error.reason.value, **place)
        if getattr(request.state, "handed_over", False) or not parts.allowance.is_entry(client, error.code):
            return
        try:
            await parts.refused(RefusedCall(client, officer, error.code, error.reason))
        except (Unavailable, StorageAway) as lacking:  # the refusal leaves all the same
            log.error(LogLine.AGENCY_FAILED, lacking)
        except StorageBroken as broken:
            parts.broken(broken)

    @app.exception_handler(LiaisonError)
    async def known(request: Request, error: LiaisonError) -> Response:
        parts = parts_of(request)
        parts.counters.add(Metric.REST_REQUESTS, status=str(status_of(error)))
        if isinstance(error, StorageBroken):
            parts.broken(error)
        elif isinstance(error, Refused):
            await note(request, error)
        else:
            log.error(LogLine.AGENCY_FAILED, error)
        return problem(error, language_of(request))

    @app.exception_handler(RequestValidationError)
    async def unparsed(request: Request, error: RequestValidationError) -> Response:
        return await known(request, wrong_body(error.errors(), {}, "bad-request"))

    @app.exception_handler(HTTPException)
    async def unknown_path(request: Request, error: HTTPException) -> Response:
        try:
            client_of(request)  # a call of what is not there is a call of its system, too
        except Refused as refused:
            return await known(request, refused)
        code = {404: "no-such-path", 405: "no-such-method"}.get(error.status_code, "http")
        reason = Reason.NOT_FOUND if error.status_code == 404 else Reason.INVALID_ARGUMENT
        refused_as = plain_problem(error.status_code, code, reason, language_of(request))
        refused_as.headers.update(error.headers or {})  # a 405 names the methods that there are
        return refused_as

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error(LogLine.AGENCY_FAILED, error)
        return plain_problem(500, "internal", Reason.INTERNAL, language_of(request))
