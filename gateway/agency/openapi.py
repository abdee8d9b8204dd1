"""The OpenAPI document of the REST API: the bodies that the API parses itself, and every way in which it refuses."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from gateway.agency.onward import OnwardBody
from gateway.agency.problems import TITLES, Problem
from gateway.agency.requests import SearchBody

_REF = "#/components/schemas/{model}"
_MODELS = (SearchBody, OnwardBody, Problem)

_RETRY = {"retry-after": {"schema": {"type": "string"}, "description": "seconds after which to ask again"}}


class DocumentedApi(FastAPI):
    """FastAPI whose OpenAPI document has the schemas of bodies that FastAPI does not read or write itself."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document. What does not parse is 400 here, never FastAPI's 422."""
        if not self.openapi_schema:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            for model in _MODELS:
                body = model.model_json_schema(ref_template=_REF)
                schemas |= body.pop("$defs", {}) | {model.__name__: body}
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for operation in (each for path in document["paths"].values() for each in path.values()):
                operation["responses"].pop("422", None)
        return super().openapi()


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return what the document says of a request's body."""
    return {"requestBody": {"required": True, "content": {"application/json": _schema(model)}}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the document says of refusals with these statuses."""
    return {
        status: {
            "description": TITLES[str(status)],
            "content": {"application/problem+json": _schema(Problem)},
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in statuses
    }


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": _REF.format(model=model.__name__)}}
