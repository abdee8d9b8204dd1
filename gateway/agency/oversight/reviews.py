"""`/v1/work`: look at what is to be reviewed or looked into, and end it; `/v1/reviews` has the figures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from msgspec.structs import replace
from pydantic import AwareDatetime, BaseModel

from gateway.agency.bodies.answers import answer, many
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.asks import time_us
from gateway.agency.desk.once import OnceRoute
from gateway.agency.desk.responses import WorkBody, work_body
from gateway.agency.desk.routes import CHANGED, WorkId, desk_of
from gateway.clock import SystemClock
from gateway.desk.oversight.reviewing import Looked, Reviewed
from gateway.model.faces.told import told
from gateway.model.handed.work import Review, Settle

REVIEW = Handed(Review, "ReviewBody", example={"result": "in-order", "text": "case file seen"})
SETTLE = Handed(Settle, "SettleBody", example={"result": "explained", "text": "a joint operation"})
MATTER = answer(
    "MatterBody",
    """A review or a finding. `question` is what was asked for, of reviews only; `searches` and `works` are references.

`what` is `sample` (picked by chance), `offline` (a look-up in a copy), `withdrawn` (its owner withdrew a record
that was opened), `finding` (of the rule `rule`), or `incident`. `member` is the country that a finding is about.""",
    Looked,
    leave=("ticket",),
    work=str,
)
FIGURES = answer(
    "FiguresBody", "Reviews of one office: raised, done in time, done late, open, and over their time.", Reviewed
)
FIGURES_LIST = answer(
    "FiguresListBody", "The figures of the offices that the caller looks after.", reviews=many(FIGURES)
)


def review_routes() -> APIRouter:
    """Return the routes of reviews and findings."""
    router, clock = APIRouter(), SystemClock()
    works = APIRouter(prefix="/work", route_class=OnceRoute)

    @works.post("/{work_id}/matter", response_model=MATTER, responses=CHANGED)
    async def look_at_matter(request: Request, work_id: WorkId) -> Response:
        """Return what a review or a finding is about, once the entry of this look is durable."""
        officer, desk = officer_of(request), desk_of(request)
        await desk.queue.work(officer, work_id)
        found = await desk.reviews.look(desk.actor(officer), work_id)
        return shown(_matter_body(found), request)

    @works.post("/{work_id}/review", response_model=WorkBody, responses=CHANGED, openapi_extra=REVIEW.documented)
    async def review(request: Request, work_id: WorkId) -> Response:
        """End a review of a colleague's question, never of one's own."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form = REVIEW.read(await json_body(request), "bad-review")
        await desk.queue.work(officer, work_id)
        await desk.reviews.review(desk.actor(officer), work_id, form.result, form.text)
        return shown(work_body(await desk.queue.work(officer, work_id), clock.now_us(), language), request)

    @works.post("/{work_id}/settle", response_model=WorkBody, responses=CHANGED, openapi_extra=SETTLE.documented)
    async def settle(request: Request, work_id: WorkId) -> Response:
        """End the work on a finding, or on an incident of ours."""
        officer, desk, language = officer_of(request), desk_of(request), language_of(request)
        form = SETTLE.read(await json_body(request), "bad-review")
        await desk.queue.work(officer, work_id)
        await desk.reviews.settle(desk.actor(officer), work_id, form.result, form.text)
        return shown(work_body(await desk.queue.work(officer, work_id), clock.now_us(), language), request)

    @router.get("/reviews", response_model=FIGURES_LIST, responses=refusals(400))
    async def count_reviews(
        request: Request, since: Annotated[AwareDatetime | None, Query(description="those raised since then")] = None
    ) -> Response:
        """Return how many reviews there were by office: in time, late, open, over their time."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.reviews.figures(desk.actor(officer), time_us(since))
        body = FIGURES_LIST(reviews=[FIGURES(**told(one)) for one in found])
        return shown(body, request)

    router.include_router(works)
    return router


def _matter_body(found: Looked) -> BaseModel:
    said = told(replace(found, case=found.case or found.ticket))
    del said["ticket"]
    return MATTER(**said | {"work": found.work.id})
