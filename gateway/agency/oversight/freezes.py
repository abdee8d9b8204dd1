"""`/v1/freezes`: accounts that two persons freeze, and free again. Approving is an act on work, as of all approvals."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.answers import answer, many
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, officer_of, shown
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.routes import CHANGED, After, Limit, desk_of
from gateway.desk.listing import USUAL_LISTED
from gateway.desk.oversight.frozen import Freeze
from gateway.model.faces.told import told
from gateway.model.handed.freezes import AskFreeze, LiftFreeze
from gateway.model.names import ExchangeId, exchange_id

FreezeId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]
_EXAMPLE: dict[str, Any] = {"person": "th.o.1042", "reason": "asked for his family nine times without a case"}


ASK = Handed(AskFreeze, "FreezeBody", example=_EXAMPLE)
LIFT = Handed(LiftFreeze, "LiftFreezeBody")


FROZEN = answer(
    "FrozenBody",
    """An account. `stage` is `asked`, `frozen`, `lifting` (frozen, and its end is asked for), `lifted` or `declined`.

`approval` is the work by which another person approves the last step; empty where nothing waits.""",
    Freeze,
    stage=str,
    in_force=bool,
)
FROZEN_LIST = answer(
    "FrozenListBody",
    "Accounts, the newest first; `next` is the `after` of the next page, empty on the last one.",
    freezes=many(FROZEN),
    next=str,
)


def freeze_routes() -> APIRouter:
    """Return the routes of frozen accounts."""
    router = APIRouter(prefix="/freezes", route_class=OnceRoute)

    @router.post("", status_code=202, response_model=FROZEN, responses=CHANGED, openapi_extra=ASK.documented)
    async def ask_freeze(request: Request) -> Response:
        """Ask that an account is frozen. It counts once another person has approved it."""
        officer, desk = officer_of(request), desk_of(request)
        form = ASK.read(await json_body(request), "bad-freeze")
        name = await desk.freezes.ask(desk.actor(officer), form, once_id(request))
        return await _shown(request, name, 202)

    @router.get("", response_model=FROZEN_LIST, responses=refusals(400))
    async def list_freezes(
        request: Request,
        over: Annotated[bool, Query(description="those that are free again or were declined, as well")] = False,
        limit: Limit = USUAL_LISTED,
        after: After = "",
    ) -> Response:
        """Return accounts that are frozen or are to be, page by page, once the entry of this look is durable."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.freezes.all(desk.actor(officer), over=over, limit=limit, after=after)
        body = FROZEN_LIST(freezes=[_body(one) for one in found.items], next=found.next)
        return shown(body, request)

    @router.get("/{freeze_id}", response_model=FROZEN, responses=refusals(400, 404))
    async def get_freeze(request: Request, freeze_id: FreezeId) -> Response:
        """Return the freezing of an account with its steps, once the entry of this look is durable."""
        return await _shown(request, exchange_id(freeze_id))

    @router.post(
        "/{freeze_id}/lift",
        status_code=202,
        response_model=FROZEN,
        responses=CHANGED,
        openapi_extra=LIFT.documented,
    )
    async def ask_lift(request: Request, freeze_id: FreezeId) -> Response:
        """Ask that an account is free again. It stays frozen until another person has approved it."""
        officer, desk = officer_of(request), desk_of(request)
        form = LIFT.read(await json_body(request), "bad-freeze")
        await desk.freezes.lift(desk.actor(officer), exchange_id(freeze_id), form.reason)
        return await _shown(request, exchange_id(freeze_id), 202)

    return router


async def _shown(request: Request, freeze_id: ExchangeId, status: int = 200) -> Response:
    officer, desk = officer_of(request), desk_of(request)
    found = await desk.freezes.show(desk.actor(officer), freeze_id)
    return shown(_body(found), request, status)


def _body(freeze: Freeze) -> BaseModel:
    return FROZEN(**told(freeze) | {"stage": freeze.stage.value, "in_force": freeze.is_in_force})
