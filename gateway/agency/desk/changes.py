"""`/v1/holders`, `/v1/changes` and `/v1/held-back`: who holds copies of our records, and what is done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from gateway.agency.bodies.answers import answer, many
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.responses import ThreadBody, thread_body
from gateway.agency.desk.routes import CHANGED, WorkId, desk_of
from gateway.clock import SystemClock, rfc3339
from gateway.desk.originator.holders import Holders
from gateway.exchange.held_back import Held
from gateway.model.handed.changes import ChangeCommand, Comply, FreeRecord
from gateway.ops.desk.holders import MOST, PAGE, summary

HELD = answer("HeldBody", "The copies of one record of ours. Of `changed` copies so many are `confirmed`.", Holders)
HOLDERS = answer(
    "HoldersBody",
    """A record's copies, or a page of the ledger of copies. Holders in `out_of_reach` have left the federation.

`waited` copies of the whole ledger are not confirmed yet. `next` is the `after` of the next page, empty after the
last; `left` copies are still to come, null for a caller who does not see those of all agencies.""",
    records=many(HELD),
    changed=int,
    confirmed=int,
    objected=int,
    out_of_reach=list[str],
    waited=int,
    left=int | None,
    next=str,
)


CHANGE = Handed(
    ChangeCommand,
    "ChangeBody",
    example={"change": "WITHDRAWN", "record": "kh.customs.seizures/S-17", "text": "acquitted"},
)
FREE = Handed(FreeRecord, "FreeBody")
COMPLY = Handed(Comply, "ComplyBody")


class ToldBody(BaseModel):
    """The threads in which holders are told, each with its member; `out_of_reach` are those that have left."""

    group: str
    threads: list[dict[str, str]]
    out_of_reach: list[str]
    still_there: list[str] = Field(description="withdrawn records that their source still has: they are held back")


class HeldBackBody(BaseModel):
    """A record that is held back from `holder`, or from all (empty), since its owner withdrew it."""

    record: str
    type: str
    holder: str
    since: str
    work: str


class AllHeldBackBody(BaseModel):
    """Lists what is held back of the caller's agency."""

    held: list[HeldBackBody]


def change_routes() -> APIRouter:
    """Return the routes of the owner's control."""
    router, works, clock = APIRouter(route_class=OnceRoute), APIRouter(route_class=OnceRoute), SystemClock()

    @router.get("/holders", response_model=HOLDERS, responses=refusals(400))
    async def list_holders(
        request: Request,
        record: Annotated[str, Query(max_length=256, description="our own `source/key`; empty: the ledger")] = "",
        after: Annotated[str, Query(pattern=r"^[A-Za-z0-9._~-]{0,64}$", description="`next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST, description="copies of a page")] = PAGE,
    ) -> Response:
        """Return who holds copies of a record of ours, or of all in pages, and how many ends are confirmed."""
        officer, desk = officer_of(request), desk_of(request)
        person, now_us, view = desk.actor(officer).person, clock.now_us(), desk.holders
        if record:
            found = await asyncio.to_thread(view.of, person, now_us, record)
        else:
            found = await asyncio.to_thread(view.listed, person, now_us, after, limit)
        return shown(HOLDERS.model_validate(summary(found)), request)

    @router.post(
        "/changes", status_code=202, response_model=ToldBody, responses=CHANGED, openapi_extra=CHANGE.documented
    )
    async def change(request: Request) -> Response:
        """Correct, withdraw, contest or reclassify what was given, or cut an office off: every holder is told."""
        officer, desk = officer_of(request), desk_of(request)
        form = CHANGE.read(await json_body(request), "bad-change")
        changed = await desk.originator.change(desk.actor(officer), form, once_id(request))
        told = ToldBody(
            group=changed.group_id,
            threads=[{"member": key.peer, "thread": key.thread_id} for key in changed.threads],
            out_of_reach=list(changed.out_of_reach),
            still_there=list(changed.still_there),
        )
        return shown(told, request, 202)

    @router.get("/held-back", response_model=AllHeldBackBody, responses=refusals(403))
    async def list_held_back(request: Request) -> Response:
        """Return the records of the caller's agency that are held back since they were withdrawn."""
        officer, desk = officer_of(request), desk_of(request)
        found = await asyncio.to_thread(desk.holding.listed, desk.actor(officer))
        return shown(_held_back(found), request)

    @router.post("/held-back/lift", response_model=AllHeldBackBody, responses=CHANGED, openapi_extra=FREE.documented)
    async def lift(request: Request) -> Response:
        """Hold a record back no longer: it is given again. Return what was held back."""
        officer, desk = officer_of(request), desk_of(request)
        form = FREE.read(await json_body(request), "bad-lift")
        return shown(_held_back(await desk.holding.lift(desk.actor(officer), form.record)), request)

    @works.post("/{work_id}/comply", response_model=ThreadBody, responses=CHANGED, openapi_extra=COMPLY.documented)
    async def comply(request: Request, work_id: WorkId) -> Response:
        """Erase the copies that a change is about and confirm it, or object to it."""
        officer, desk = officer_of(request), desk_of(request)
        form = COMPLY.read(await json_body(request), "bad-objection")
        item = await desk.queue.work(officer, work_id)
        await desk.compliance.comply(desk.actor(officer), work_id, objection=form.objection, text=form.text)
        language = language_of(request)
        return shown(thread_body(await desk.reading.after(item.work.key), language), request)

    router.include_router(works, prefix="/work")
    return router


def _held_back(found: Iterable[Held]) -> AllHeldBackBody:
    return AllHeldBackBody(
        held=[
            HeldBackBody(
                record=each.record, type=each.type, holder=each.holder, since=rfc3339(each.since_us), work=each.work
            )
            for each in found
        ]
    )
