"""Errors of the REST API as problem details (RFC 9457): code, reason, remedy, and never a trace."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from gateway.errors import LiaisonError, Reason, Refused, StorageBroken, TooLarge

_STATUS = {
    Reason.INVALID_ARGUMENT: 400,
    Reason.UNAUTHENTICATED: 401,
    Reason.PERMISSION_DENIED: 403,
    Reason.NOT_FOUND: 404,
    Reason.ABORTED: 409,
    Reason.ALREADY_EXISTS: 409,
    Reason.FAILED_PRECONDITION: 409,
    Reason.RESOURCE_EXHAUSTED: 429,
    Reason.SUSPENDED: 503,
    Reason.RECEIPTS_DUE: 503,
    Reason.UNAVAILABLE: 503,
    Reason.DEADLINE_EXCEEDED: 504,
    Reason.INTERNAL: 500,
}

_TITLES = {
    400: "the request does not parse",
    401: "not authenticated",
    403: "not permitted",
    404: "not found",
    405: "no such method",
    409: "conflict",
    413: "too large",
    415: "not JSON",
    429: "too many requests",
    431: "headers too large",
    500: "internal error",
    503: "not served now",
    504: "no answer in time",
}


def status_of(error: LiaisonError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, Refused | StorageBroken):
        return _STATUS[error.reason]
    return 500


def problem(error: LiaisonError) -> JSONResponse:
    """The response for an error; what is no refusal says nothing of its inside."""
    status = status_of(error)
    if not isinstance(error, Refused):
        return plain_problem(status, error.code, error.reason)
    body = _body(status, error.code, error.reason)
    body |= {"detail": error.message}
    body |= {key: value for key, value in (("where", error.where), ("remedy", error.remedy)) if value}
    return _response(status, body)


def plain_problem(status: int, code: str, reason: Reason) -> JSONResponse:
    """A response that says nothing but its code."""
    return _response(status, _body(status, code, reason))


def _body(status: int, code: str, reason: Reason) -> dict[str, Any]:
    title = _TITLES.get(status, "not served")
    return {
        "type": f"urn:liaison:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "reason": reason.value,
    }


def _response(status: int, body: dict[str, Any]) -> JSONResponse:
    headers = {"cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status in (429, 503):
        headers["retry-after"] = "1"
    return JSONResponse(body, status, headers, media_type="application/problem+json")
