"""The OpenAPI document of the REST API: the bodies that the API parses itself, and every way in which it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from gateway.agency.bodies.patterns import THIS_YEAR, years_to
from gateway.agency.bodies.problems import Problem
from gateway.errors import Reason
from gateway.https.statuses import TITLES

_REF = "#/components/schemas/{model}"
_MODELS: dict[str, type[BaseModel]] = {model.__name__: model for model in (Problem,)}
"""Bodies that FastAPI does not read or write itself, by name; `body_of` adds those that it is called with."""

_EXAMPLES = {
    400: ("bad-search", Reason.INVALID_ARGUMENT),
    401: ("token-expired", Reason.UNAUTHENTICATED),
    403: ("role-not-allowed", Reason.PERMISSION_DENIED),
    404: ("not-found", Reason.NOT_FOUND),
    405: ("no-such-method", Reason.INVALID_ARGUMENT),
    409: ("replayed", Reason.ALREADY_EXISTS),
    413: ("body-too-large", Reason.RESOURCE_EXHAUSTED),
    429: ("officer-busy", Reason.RESOURCE_EXHAUSTED),
    431: ("headers-too-large", Reason.RESOURCE_EXHAUSTED),
    500: ("internal", Reason.INTERNAL),
    503: ("suspended", Reason.SUSPENDED),
    504: ("slow-body", Reason.DEADLINE_EXCEEDED),
}
"""A code of each status, for the examples."""

_OF_SYSTEMS = ("/v1/health", "/v1/members", "/v1/revocations")
"""Paths that a system may call without an officer's token."""

_RETRY = {"retry-after": {"schema": {"type": "string"}, "description": "seconds after which to ask again"}}


_SERVER = {
    "url": "https://{node}.{member}.liaison.internal:{port}",
    "description": "The country's own node: its certificate bears this name, whatever the address",
    "variables": {
        "node": {"default": "node1", "description": "[node] name in node.toml"},
        "member": {"default": "th", "description": "two letters of the country"},
        "port": {"default": "8443", "description": "[listen] agency in node.toml"},
    },
}
_SECURITY = {
    "system": {
        "type": "mutualTLS",
        "description": "TLS 1.3 with the client certificate of the calling system, issued by the country's authority",
    },
    "officer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An officer token: ES256, `typ` liaison-officer+jwt, bound to the certificate by `cnf`",
    },
}


class DocumentedApi(FastAPI):
    """FastAPI whose OpenAPI document has the schemas of bodies that FastAPI does not read or write itself."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document. What does not parse is 400 here, never FastAPI's 422."""
        document = super().openapi()
        schemas = document["components"]["schemas"]
        for model in _MODELS.values():
            body = model.model_json_schema(ref_template=_REF)
            schemas |= body.pop("$defs", {}) | {model.__name__: body}
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        document["servers"] = [_SERVER]
        document["components"]["securitySchemes"] = _SECURITY
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["security"] = [
                    {"system": []} if path.startswith(_OF_SYSTEMS) else {"system": [], "officer": []}
                ]
        return document


def document_text(document: Mapping[str, Any], year: int) -> str:
    """Return the document as it is served and written in `year`."""
    return json.dumps(document, indent=1).replace(THIS_YEAR, years_to(year)) + "\n"


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return what the document says of a request's body, whose schema then stands in the document."""
    _MODELS[model.__name__] = model
    return {"requestBody": {"required": True, "content": {"application/json": _schema(model)}}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the document says of refusals with these statuses."""
    return {
        status: {
            "description": TITLES[str(status)],
            "content": {"application/problem+json": {**_schema(Problem), "example": _example(status)}},
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in statuses
    }


def revocations_call(most: int) -> dict[str, Any]:
    """Return what the document says of the call that brings a list of revocations of at most so many bytes."""
    text = {"type": "string", "minLength": 1, "maxLength": most, "description": "A JWS of the identity provider's key"}
    body = {"required": True, "content": {"application/jwt": {"schema": text}}}
    return {"responses": OF_BODIES | refusals(409), "openapi_extra": {"requestBody": body}}


def _example(status: int) -> dict[str, Any]:
    code, reason = _EXAMPLES[status]
    problem = Problem(
        type=f"urn:liaison:problem:{code}", title=TITLES[str(status)], status=status, code=code, reason=reason
    )
    return problem.model_dump(mode="json", exclude_defaults=True)


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": _REF.format(model=model.__name__)}}


OF_BODIES = refusals(400, 413, 504)
"""The refusals of calls with a body."""
