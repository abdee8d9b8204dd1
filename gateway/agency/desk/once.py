"""Carry out each call of the desk that writes once for each `idempotency-key`: a repeated one gets the first answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from gateway.agency.bodies.patterns import IDEMPOTENCY_KEY
from gateway.agency.bodies.problems import language_headers
from gateway.agency.calls.caller import MAX_BODY, key_of, language_of, officer_of, raw_body
from gateway.agency.calls.parts import parts_of
from gateway.desk.acting.once import Claim, OnceKeys
from gateway.errors import Malformed
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.signing import strict_json
from gateway.telemetry import Metric

_HEADER = "idempotency-key"
_MADE_ANEW = ("/choice", "/challenge", "/open", "/matter", "/incident")
"""Calls that show records or a challenge: their answer is made anew, by what may be shown then."""

Handler = Callable[[Request], Awaitable[Response]]


def _documented(
    _key: Annotated[
        str,
        Header(
            alias=_HEADER,
            description="the same key with the same request returns the first answer, with another one it is refused",
            json_schema_extra=IDEMPOTENCY_KEY,
        ),
    ] = "",
) -> None:
    """Name the header in the document of the API; `OnceRoute` reads it."""


def once_id(request: Request) -> ExchangeId:
    """Return the id of what a call opens: under a key always the same."""
    claim: Claim | None = getattr(request.state, "claim", None)
    return claim.name if claim is not None else new_exchange_id()


class OnceRoute(APIRoute):
    """A route of the desk, whose writing calls are carried out once for each key."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        before = list(options.get("dependencies") or ())
        if "POST" in (options.get("methods") or ()) and not any(one.dependency is _documented for one in before):
            before.append(Depends(_documented))
        super().__init__(path, endpoint, **options | {"dependencies": before})

    def get_route_handler(self) -> Any:
        """Return the handler of the route; a call that writes is carried out once."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            return await _once(request, handle)

        return once if "POST" in (self.methods or ()) else handle


async def _once(request: Request, handle: Handler) -> Response:
    officer, desk = officer_of(request), parts_of(request).desk
    headers = request.headers.getlist(_HEADER)
    key = key_of(headers[0]) if len(headers) == 1 else ""
    if len(headers) > 1:
        raise Malformed("not a key", code="bad-idempotency-key", where=_HEADER, remedy="send one key")
    if not key or desk is None:
        return await handle(request)
    asked = await _asked(request)
    async with desk.keys.once(desk.actor(officer), key, asked) as claim:
        if claim.answer:
            return _again(request, claim.answer)
        request.state.claim = claim
        return await _first(request, handle, desk.keys, claim)


async def _asked(request: Request) -> bytes:
    """Return all that a call says: the path with its query, and the body, whatever the order of its members."""
    body = await raw_body(request, MAX_BODY)
    said = strict_json.dumps(strict_json.loads(body, MAX_BODY)) if body else b""
    return f"{request.url.path}?{request.url.query}\n".encode() + said


async def _first(request: Request, handle: Handler, keys: OnceKeys, claim: Claim) -> Response:
    response = await handle(request)
    if not request.url.path.endswith(_MADE_ANEW):
        answer = f"{response.status_code}\n".encode() + bytes(response.body)
        await asyncio.to_thread(keys.keep, claim, answer)
    return response


def _again(request: Request, answer: bytes) -> Response:
    status, _, body = answer.partition(b"\n")
    parts_of(request).counters.add(Metric.REST_REQUESTS, status=status.decode())
    return Response(body, int(status), language_headers(language_of(request)), media_type="application/json")
