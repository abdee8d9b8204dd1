"""Read a call: the system by its certificate, the officer by the token, and the body."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from gateway.agency.bodies.problems import language_headers
from gateway.agency.calls.parts import parts_of
from gateway.errors import Malformed, TimedOut, TooLarge, Unauthenticated
from gateway.https.client_certificate import ClientSystem, client_system
from gateway.language.languages import Language, accepted
from gateway.model.requester import Officer
from gateway.signing import strict_json
from gateway.telemetry import Metric

MAX_BODY = 64 * 1024
"""The most bytes in the body of a request."""

BODY_TIMEOUT_S = 10.0

EVENT_STREAM = "text/event-stream"

_IDEMPOTENCY_KEY = re.compile(r'"?([A-Za-z0-9][A-Za-z0-9._:-]{0,63})"?', re.ASCII)
_NO_HEADERS: Mapping[str, str] = {}


def language_of(request: Request) -> Language:
    """Return the language that the caller accepts."""
    return accepted(",".join(request.headers.getlist("accept-language")))


def client_of(request: Request) -> ClientSystem:
    """Return the system that calls, by its certificate. Raises `Unauthenticated`."""
    parts = parts_of(request)
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


def officer_of(request: Request) -> Officer:
    """Return the officer of the call, by its token, which is verified once. Raises `Unauthenticated`."""
    known: Officer | None = getattr(request.state, "bearer", None)
    if known is not None:
        return known
    client = client_of(request)
    headers = request.headers.getlist("authorization")
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(
            "no officer token", code="no-token", where="authorization", remedy="send `Authorization: Bearer <token>`"
        )
    request.state.verify = partial(parts_of(request).tokens.verify, token, client.thumbprint, client.name)
    officer: Officer = request.state.verify()
    request.state.officer, request.state.bearer = officer.person, officer
    parts_of(request).allowance.enter_officer(request.scope["state"], officer.person)
    return officer


async def _verified(request: Request) -> None:
    officer_of(request)
    parts_of(request).require_storage()


OFFICER_FIRST: Dependency = Depends(_verified)
"""Has a route verify the token, and that the database is there, before it looks at its path, its query or its body."""


async def json_body(request: Request) -> Any:
    """Return the body of the call as strict JSON. Raises `Malformed`, `TooLarge`, `TimedOut`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Malformed("the body must be JSON", code="not-json", where="content-type", remedy="send application/json")
    return strict_json.loads(await raw_body(request, MAX_BODY), MAX_BODY)


async def raw_body(request: Request, most: int) -> bytes:
    """Return the body of the call, which is read once. Raises `TooLarge` beyond so many bytes, and `TimedOut`."""
    known: bytes | None = getattr(request.state, "body", None)
    if known is not None:
        return known
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                data += part
                if len(data) > most:
                    raise TooLarge("a body has at most {limit} bytes", code="body-too-large", where="body", limit=most)
    except (TimeoutError, ClientDisconnect):
        raise TimedOut("the body did not come in time", code="slow-body", where="body") from None
    request.state.body = bytes(data)
    return bytes(data)


def key_of(text: str) -> str:
    """Return an idempotency key as it is kept; an empty text for none. Raises `Malformed`."""
    if not text:
        return ""
    match = _IDEMPOTENCY_KEY.fullmatch(text)
    if not match:
        raise Malformed(
            "not a key", code="bad-idempotency-key", where="idempotency-key", remedy="1 to 64 of A-Z a-z 0-9 . _ : -"
        )
    return match[1]


def shown(body: BaseModel, request: Request, status: int = 200, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """Return a body as JSON in answer to a call, and count the call."""
    parts_of(request).counters.add(Metric.REST_REQUESTS, status=str(status))
    all_headers = {**language_headers(language_of(request)), **headers}
    return Response(body.model_dump_json(), status, all_headers, media_type="application/json")


def streamed(events: AsyncIterator[bytes], request: Request) -> Response:
    """Return a stream of events in answer to an officer's call; it ends with the officer's token.

    From here on it counts among streams, and its connection, which ends with it, takes no place of those of calls.
    Raises `Overloaded`.
    """
    parts, officer = parts_of(request), officer_of(request)
    parts.allowance.enter_stream(request.scope["state"], request.state.client, officer.person)
    request.scope["state"]["is_stream"]()
    headers = {**language_headers(language_of(request)), "connection": "close"}
    return StreamingResponse(_while_verified(events, request.state.verify), media_type=EVENT_STREAM, headers=headers)


async def _while_verified(events: AsyncIterator[bytes], verify: Callable[[], Officer]) -> AsyncIterator[bytes]:
    """Yield the events of a stream; it ends before the next one once the token has expired or is accepted no more."""
    async for event in events:
        try:
            verify()
        except Unauthenticated:
            return
        yield event


def is_async(request: Request) -> bool:
    """Tell whether the caller prefers an answer at once (RFC 7240)."""
    preferences = ",".join(request.headers.getlist("prefer")).replace(";", ",").split(",")
    return any(preference.strip().lower() == "respond-async" for preference in preferences)
