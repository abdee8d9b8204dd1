"""The HTTP status of each error, and its title in words."""

from __future__ import annotations

from gateway.errors import LiaisonError, Reason, Refused, StorageBroken, TooLarge
from gateway.language.catalogue import Sentences

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

_STATUS_OF_CODE = {"no-such-hit": 409, "record-gone": 409}
"""The search is there, so it is no 404; what the body names of it is not."""

TITLES: Sentences = {
    "400": "the request does not parse",
    "401": "not authenticated",
    "403": "not permitted",
    "404": "not found",
    "405": "no such method",
    "409": "conflict",
    "413": "too large",
    "415": "not JSON",
    "429": "too many requests",
    "431": "headers too large",
    "500": "internal error",
    "503": "not served now",
    "504": "no answer in time",
}


def status_of(error: LiaisonError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, Refused | StorageBroken):
        return _STATUS_OF_CODE.get(error.code, _STATUS[error.reason])
    return 500
