"""Errors of the REST API as problem details (RFC 9457): code, reason, remedy, and never a trace."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.errors import LiaisonError, Reason, Refused
from gateway.https.statuses import TITLES, status_of
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.language.sentences import remedy, sentence


class Problem(BaseModel):
    """A refusal. `code` and `reason` are for machines; `title`, `detail` and `remedy` are in the caller's language."""

    type: str
    title: str
    status: int
    code: str
    reason: Reason
    detail: str = ""
    where: str = ""
    remedy: str = ""


def problem(error: LiaisonError, language: Language) -> JSONResponse:
    """Return the response for an error; one that is not a refusal reveals nothing internal."""
    status = status_of(error)
    if not isinstance(error, Refused):
        return plain_problem(status, error.code, error.reason, language)
    body = _body(status, error.code, error.reason, language) | {"detail": sentence(error, language)}
    advice = remedy(error, language)
    if not advice and error.reason is Reason.INVALID_ARGUMENT:
        advice = tell(language, "see /openapi.json")
    body |= {key: value for key, value in (("where", error.where), ("remedy", advice)) if value}
    return _response(status, body, language)


def plain_problem(status: int, code: str, reason: Reason, language: Language = Language.EN) -> JSONResponse:
    """Return a response that holds no more than its code and title."""
    return _response(status, _body(status, code, reason, language), language)


def language_headers(language: Language) -> dict[str, str]:
    """Return the headers that name the language of the sentences, and say that it varies by caller."""
    return {"cache-control": "no-store", "content-language": language.value, "vary": "accept-language"}


def _body(status: int, code: str, reason: Reason, language: Language) -> dict[str, Any]:
    return {
        "type": f"urn:liaison:problem:{code}",
        "title": tell(language, TITLES.get(str(status), "not served")),
        "status": status,
        "code": code,
        "reason": reason.value,
    }


def _response(status: int, body: dict[str, Any], language: Language) -> JSONResponse:
    headers = language_headers(language)
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status in (429, 503):
        headers["retry-after"] = "1"
    return JSONResponse(body, status, headers, media_type="application/problem+json")


HEADERS_TOO_LARGE = plain_problem(431, "headers-too-large", Reason.RESOURCE_EXHAUSTED)
"""The answer to a request whose headers are too many or too long."""
