"""The REST API for a country's own systems: searches, the onward use of their records, and the node's health.

`POST /v1/searches`, `GET /v1/searches/{id}`, `POST /v1/searches/{id}/onward`, and `GET /v1/members`, `/v1/health`,
`/v1/health/ready`, `/v1/health/live`, and `PUT /v1/revocations`. Every call carries a client certificate (TLS) and,
except for members, health and revocations, an officer token bound to it. The API calls only
`gateway.ports.officers.Searches` and `OnwardUses`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gateway.agency.allowance import Allowance, Leaving
from gateway.agency.bodies.members import MembersBody, members_body
from gateway.agency.client_certificate import ClientSystem, client_system
from gateway.agency.officer_tokens.revocations import MAX_LIST
from gateway.agency.onward import OnwardBody, OnwardResponse, onward_response, read_onward
from gateway.agency.openapi import OF_BODIES, DocumentedApi, body_of, document_text, refusals, revocations_call
from gateway.agency.patterns import IDEMPOTENCY_KEY
from gateway.agency.problems import language_headers, plain_problem, problem, status_of
from gateway.agency.requests import SearchBody, read_search
from gateway.agency.responses import HealthBody, LiveBody, ReadyBody, SearchResponse, search_events, search_response
from gateway.agency.tokens import OfficerTokens
from gateway.clock import SystemClock
from gateway.config.schema import Limits
from gateway.errors import (
    Forbidden,
    LiaisonError,
    Malformed,
    Reason,
    Refused,
    StorageBroken,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from gateway.language.languages import Language, accepted
from gateway.model.consent import Place
from gateway.model.names import member_id
from gateway.model.requester import Officer
from gateway.ports.officers import OnwardUses, Searches
from gateway.signing import strict_json
from gateway.telemetry import Counters, Logger, LogLine, Metric, Span, record_span, start_trace

MAX_BODY = 64 * 1024
"""The most bytes in the body of a request."""

BODY_TIMEOUT_S = 10.0

_IDEMPOTENCY_KEY = re.compile(r'"?([A-Za-z0-9][A-Za-z0-9._:-]{0,63})"?', re.ASCII)
_SEARCH_ID = r"^[A-Za-z0-9._-]{1,64}$"
_EVENT_STREAM = "text/event-stream"
_OF_EVERY_CALL = refusals(401, 403, 405, 429, 431, 500, 503)
_BEGUN: dict[int | str, dict[str, Any]] = {
    202: {
        "model": SearchResponse,
        "description": "The search runs; read it at `location`",
        "headers": {"location": {"schema": {"type": "string"}}, "preference-applied": {"schema": {"type": "string"}}},
    }
}
_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was refused before it became a search, for its entry. `officer` is empty where it is unknown."""

    client: str
    officer: str
    code: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class AgencyParts:
    """The parts of the API, handed in by `gateway.app`.

    `health` returns the health as JSON, and `members` the members; `refused` writes the entry of a refused call;
    `broken` gets an error after which the process must end. Without `onward` no record is ever used onward.
    `is_withdrawn` tells whether a system's certificate (by its name and `x5t#S256`) is not accepted any more.
    `revocations` takes the list of the identity provider, whose system is called `provider`.
    """

    member: str
    searches: Searches
    tokens: OfficerTokens
    health: Callable[[], dict[str, Any]]
    members: Callable[[], Awaitable[dict[str, Any]]]
    refused: Callable[[RefusedCall], Awaitable[None]]
    broken: Callable[[StorageBroken], None]
    counters: Counters
    onward: OnwardUses | None = None
    revocations: Callable[[bytes], Awaitable[None]] | None = None
    provider: str = ""
    is_withdrawn: Callable[[str, str], bool] = lambda _name, _thumbprint: False
    allowance: Allowance = field(default_factory=lambda: Allowance(Limits(), SystemClock().monotonic))
    monotonic: Callable[[], float] = SystemClock().monotonic


def create_api(parts: AgencyParts) -> FastAPI:
    """Return the application, for `gateway.agency.server`, which hands in the client's certificate."""
    app = DocumentedApi(
        title="Liaison: search abroad",
        version="1",
        description="One request, one line for each counterpart. Silence is never shown as no hit.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(_routes(parts))
    document = document_text(app.openapi(), SystemClock().now().year).encode()

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        _client(request, parts)
        return Response(document, media_type="application/json")

    app.add_middleware(Leaving, allowance=parts.allowance)
    _handle_errors(app, parts)
    return app


def _routes(parts: AgencyParts) -> APIRouter:
    router = APIRouter(prefix="/v1", responses=_OF_EVERY_CALL)
    log = Logger(component="agency")

    @router.post(
        "/searches",
        response_model=SearchResponse,
        responses=_BEGUN | OF_BODIES | refusals(409),
        openapi_extra=body_of(SearchBody),
    )
    async def start_search(
        request: Request,
        idempotency_key: Annotated[
            str, Header(description="the same key returns the first search", json_schema_extra=IDEMPOTENCY_KEY)
        ] = "",
        traceparent: Annotated[str, Header(description="W3C trace context")] = "",
        prefer: Annotated[str, Header(description="`respond-async`: 202 at once, RFC 7240")] = "",
    ) -> Response:
        """Ask counterparts: 200 when all lines are there or the budget is over; 202 at once with `respond-async`."""
        del prefer
        officer, language = _officer(request, parts), _language(request)
        search = read_search(await _json_body(request))
        trace = start_trace(traceparent)
        command = search.as_command(_key(idempotency_key), trace.header)
        request.state.handed_over = True  # from here on the search writes its own entries
        began = parts.monotonic()

        def ended(search_id: str) -> None:
            seconds = parts.monotonic() - began
            parts.counters.add(Metric.SEARCH_SECONDS, seconds)
            record_span(log, Span.SEARCH, trace, seconds, search_id=search_id)

        if not _is_async(request):
            found = await parts.searches.start(officer, command)
            ended(found.id)
            parts.tokens.check(officer)  # nothing is shown to an officer who was revoked meanwhile
            return _shown(search_response(found, language), parts, language)
        leave = parts.allowance.held(request.scope["state"])

        def over(search_id: str, error: BaseException | None) -> None:
            ended(search_id)
            leave()
            if isinstance(error, StorageBroken):
                parts.broken(error)

        try:
            found = await parts.searches.begin(officer, command, over)
        except BaseException:
            leave()
            raise
        headers = {"location": f"/v1/searches/{found.id}", "preference-applied": "respond-async"}
        return _shown(search_response(found, language), parts, language, 202, headers)

    @router.get("/searches/{search_id}", response_model=SearchResponse, responses=refusals(400, 404))
    async def get_search(request: Request, search_id: Annotated[str, Path(pattern=_SEARCH_ID)]) -> Response:
        """Return the search as it is now; as events until no answer can come when `Accept` says `text/event-stream`."""
        officer, language = _officer(request, parts), _language(request)
        if _EVENT_STREAM in request.headers.get("accept", ""):
            await parts.searches.get(officer, search_id)  # an unknown id is a problem, not an empty stream
            events = search_events(parts.searches.follow(officer, search_id), language)
            events = _until_revoked(events, lambda: parts.tokens.check(officer))
            return StreamingResponse(events, media_type=_EVENT_STREAM, headers=language_headers(language))
        return _shown(search_response(await parts.searches.get(officer, search_id), language), parts, language)

    @router.post(
        "/searches/{search_id}/onward",
        response_model=OnwardResponse,
        responses={202: {"model": OnwardResponse}} | OF_BODIES | refusals(404, 409),
        openapi_extra=body_of(OnwardBody),
    )
    async def use_onward(request: Request, search_id: Annotated[str, Path(pattern=_SEARCH_ID)]) -> Response:
        """Decide whether a record may be used onward: 200 allowed, 403 refused, 202 the owner was asked for consent."""
        officer = _officer(request, parts)
        own = Place(member_id(parts.member), officer.agency, officer.office)
        command = read_onward(await _json_body(request)).as_command(search_id, own)
        if parts.onward is None:
            raise Forbidden("records are not used onward here", code="no-onward")
        request.state.handed_over = True  # from here on the use writes its own entry
        answer = await parts.onward.use(officer, command)
        language = _language(request)
        return _shown(onward_response(answer, language), parts, language, 200 if answer.allowed else 202)

    @router.get("/members", response_model=MembersBody)
    async def members(request: Request) -> Response:
        """Tell of each member what it offers, whether it can be asked, and how its documents and its node are."""
        _client(request, parts)
        language = _language(request)
        return _shown(members_body(await parts.members(), language), parts, language)

    @router.put("/revocations", status_code=204, response_class=Response, **revocations_call(MAX_LIST))
    async def put_revocations(request: Request) -> Response:
        """Take the signed list of revocations, from the identity provider's system only: 204 once it is in force."""
        client = _client(request, parts)
        if parts.revocations is None or not parts.provider or client.name != parts.provider:
            raise Forbidden("only the identity provider's system sends revocations", code="not-the-provider")
        await parts.revocations(await _body(request, MAX_LIST))
        return Response(None, 204)

    @router.get("/health", response_model=HealthBody, responses={503: {"model": HealthBody}})
    async def health(request: Request) -> Response:
        """Tell whether the node is ready for work, why it is not, and how its sources are: 200, or 503."""
        _client(request, parts)
        return _health(parts.health())

    @router.get("/health/ready", response_model=ReadyBody, responses={503: {"model": ReadyBody}})
    async def ready(request: Request) -> Response:
        """Tell whether the node is ready for work, and why it is not: 200, or 503."""
        _client(request, parts)
        found = parts.health()
        return _health({name: found[name] for name in ("status", "problems") if name in found})

    @router.get("/health/live", response_model=LiveBody)
    async def live(request: Request) -> Response:
        """Tell that the node's loop turns: it would not answer otherwise."""
        _client(request, parts)
        return _health({"status": "ok"})

    return router


def _health(found: dict[str, Any]) -> Response:
    return JSONResponse(found, 503 if found.get("problems") else 200, headers={"cache-control": "no-store"})


def _language(request: Request) -> Language:
    return accepted(",".join(request.headers.getlist("accept-language")))


def _client(request: Request, parts: AgencyParts) -> ClientSystem:
    certificate = getattr(request.state, "client_certificate", None)
    try:
        client = client_system(certificate, parts.member)
    except Unauthenticated:
        parts.allowance.enter_system(request.scope["state"], "")
        raise
    request.state.client = client.name
    parts.allowance.enter_system(request.scope["state"], client.name)
    if parts.is_withdrawn(client.name, client.thumbprint):
        raise Unauthenticated(
            "this system or its certificate is withdrawn",
            code="client-withdrawn",
            where="client certificate",
            remedy="ask the node's administrator for a new certificate",
        )
    return client


def _officer(request: Request, parts: AgencyParts) -> Officer:
    client = _client(request, parts)
    headers = request.headers.getlist("authorization")
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(
            "no officer token", code="no-token", where="authorization", remedy="send `Authorization: Bearer <token>`"
        )
    officer = parts.tokens.verify(token, client.thumbprint, client.name)
    request.state.officer = officer.person
    parts.allowance.enter_officer(request.scope["state"], officer.person)
    return officer


async def _until_revoked(events: AsyncIterator[bytes], check: Callable[[], None]) -> AsyncIterator[bytes]:
    """Yield the events of a stream; it ends without another one once the officer is revoked."""
    async for event in events:
        try:
            check()
        except Unauthenticated:
            return
        yield event


async def _json_body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Malformed("the body must be JSON", code="not-json", where="content-type", remedy="send application/json")
    return strict_json.loads(await _body(request, MAX_BODY), MAX_BODY)


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                data += part
                if len(data) > most:
                    raise TooLarge("a body has at most {limit} bytes", code="body-too-large", where="body", limit=most)
    except (TimeoutError, ClientDisconnect):
        raise TimedOut("the body did not come in time", code="slow-body", where="body") from None
    return bytes(data)


def _key(text: str) -> str:
    if not text:
        return ""
    match = _IDEMPOTENCY_KEY.fullmatch(text)
    if not match:
        raise Malformed(
            "not a key", code="bad-idempotency-key", where="idempotency-key", remedy="1 to 64 of A-Z a-z 0-9 . _ : -"
        )
    return match[1]


def _is_async(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).replace(";", ",").split(",")
    return any(preference.strip().lower() == "respond-async" for preference in preferences)


def _shown(
    body: BaseModel, parts: AgencyParts, language: Language, status: int = 200, headers: Mapping[str, str] = _NO_HEADERS
) -> Response:
    parts.counters.add(Metric.REST_REQUESTS, status=str(status))
    all_headers = {**language_headers(language), **headers}
    return Response(body.model_dump_json(), status, all_headers, media_type="application/json")


def _handle_errors(app: FastAPI, parts: AgencyParts) -> None:
    log = Logger(component="agency")

    async def note(request: Request, error: LiaisonError) -> None:
        client, officer = getattr(request.state, "client", ""), getattr(request.state, "officer", "")
        log.warning(LogLine.AGENCY_REFUSED, client=client, code=error.code, reason=error.reason.value)
        if getattr(request.state, "handed_over", False) or not parts.allowance.is_entry(client, error.code):
            return
        try:
            await parts.refused(RefusedCall(client, officer, error.code, error.reason))
        except Unavailable as lacking:  # the refusal leaves all the same
            log.error(LogLine.AGENCY_FAILED, lacking)
        except StorageBroken as broken:
            parts.broken(broken)

    @app.exception_handler(LiaisonError)
    async def known(request: Request, error: LiaisonError) -> Response:
        parts.counters.add(Metric.REST_REQUESTS, status=str(status_of(error)))
        if isinstance(error, StorageBroken):
            parts.broken(error)
        elif isinstance(error, Refused):
            await note(request, error)
        else:
            log.error(LogLine.AGENCY_FAILED, error)
        return problem(error, _language(request))

    @app.exception_handler(RequestValidationError)
    async def unparsed(request: Request, _error: RequestValidationError) -> Response:
        return await known(
            request, Malformed("the request does not parse", code="bad-request", remedy="see /openapi.json")
        )

    @app.exception_handler(HTTPException)
    async def unknown_path(request: Request, error: HTTPException) -> Response:
        try:
            _client(request, parts)  # a call of what is not there is a call of its system, too
        except Refused as refused:
            return await known(request, refused)
        code = {404: "no-such-path", 405: "no-such-method"}.get(error.status_code, "http")
        reason = Reason.NOT_FOUND if error.status_code == 404 else Reason.INVALID_ARGUMENT
        refused_as = plain_problem(error.status_code, code, reason, _language(request))
        refused_as.headers.update(error.headers or {})  # a 405 names the methods that there are
        return refused_as

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error(LogLine.AGENCY_FAILED, error)
        return plain_problem(500, "internal", Reason.INTERNAL, _language(request))
