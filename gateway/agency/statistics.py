"""`/v1/statistics`: the figures of a month, for supervisors of an office and for the desk of the country."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.agency.bodies import patterns
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import officer_of, shown
from gateway.agency.calls.parts import parts_of
from gateway.agency.desk.routes import desk_of
from gateway.errors import Unavailable
from gateway.ops.audit.figures import ALL, Wanted
from gateway.views.pack.files import as_value

Office = Annotated[str, Query(max_length=64, json_schema_extra=patterns.IDENTIFIER_OR_NONE)]


class FigureTableBody(BaseModel):
    """One table: each row has its `value`, and a figure in each column; `<5` stands for one to four."""

    table: str
    side: str
    rows: list[dict[str, Any]]


class PackBody(BaseModel):
    """The figures of a month; `since` and `until` are its bounds in the country's time."""

    model_config = ConfigDict(populate_by_name=True)

    member: str
    peer: str = Field(alias="with")
    office: str
    facing: str
    month: str
    since: str
    until: str
    made: str
    exact: bool
    minutes: int
    empty: bool
    tables: list[FigureTableBody]


def statistics_routes() -> APIRouter:
    """Return the route of the figures."""
    router = APIRouter()

    @router.get("/statistics", response_model=PackBody, responses=refusals(400, 404, 503))
    async def get_statistics(
        request: Request,
        peer: Annotated[str, Query(alias="with", max_length=3, description="the counterpart, or `all`")] = ALL,
        month: Annotated[str, Query(max_length=7, description="as `2026-11`; by default this month")] = "",
        office: Office = "",
        facing: Office = "",
    ) -> Response:
        """Return the figures of a month: of an office to its supervisor, of all to the national desk and the auditor.

        They are counted in a process of their own, one at a time.
        """
        officer, figures = officer_of(request), parts_of(request).figures
        if figures is None:
            raise Unavailable("this node makes no figures", code="no-desk")
        person = desk_of(request).actor(officer).person
        pack = await figures.once(person, Wanted(peer, month, office, facing))
        return shown(PackBody.model_validate(as_value(pack)), request)

    return router
