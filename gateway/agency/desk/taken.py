"""`/v1/alerts/taken`: the alerts of counterparts that warn here now, and the opening of one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import officer_of, shown
from gateway.agency.desk.once import OnceRoute
from gateway.agency.desk.routes import CHANGED, Peer, ThreadId, desk_of
from gateway.clock import rfc3339
from gateway.desk.alerts.book import HeldAlert


class TakenAlertBody(BaseModel):
    """An alert of a counterpart, without what it says: its action, for which offices (none: all), and until when."""

    thread: str
    owner: str
    agency: str
    action: str
    offices: list[str]
    until: str


class OpenedAlertBody(TakenAlertBody):
    """An alert of a counterpart with its fields and the rules of its handling."""

    fields: dict[str, Any]
    marking: dict[str, Any]


class TakenListBody(BaseModel):
    """Alerts of counterparts that warn here now, the first that ends first."""

    alerts: list[TakenAlertBody]


def taken_routes() -> APIRouter:
    """Return the routes of counterparts' alerts."""
    router = APIRouter(prefix="/alerts/taken", route_class=OnceRoute)

    @router.get("", response_model=TakenListBody, responses=refusals(400))
    async def list_taken(request: Request) -> Response:
        """Return the counterparts' alerts that warn now and that the caller may read, without what they say."""
        officer, desk = officer_of(request), desk_of(request)
        found = sorted(await desk.taken_alerts.all(desk.actor(officer)), key=lambda alert: alert.until_us)
        body = TakenListBody(alerts=[TakenAlertBody(**_body(alert)) for alert in found])
        return shown(body, request)

    @router.post("/{thread_id}/open", response_model=OpenedAlertBody, responses=CHANGED)
    async def open_taken(request: Request, thread_id: ThreadId, peer: Peer = "") -> Response:
        """Open an alert of a counterpart, once the entry of it is durable; its owner is told once that it was read."""
        officer, desk = officer_of(request), desk_of(request)
        key = await desk.reading.key(officer, thread_id, peer)
        alert = await desk.taken_alerts.read(desk.actor(officer), key)
        body = OpenedAlertBody(**_body(alert), fields=alert.fields, marking=alert.marking)
        return shown(body, request)

    return router


def _body(alert: HeldAlert) -> dict[str, Any]:
    return {
        "thread": alert.key.thread_id,
        "owner": alert.owner,
        "agency": alert.agency,
        "action": alert.action,
        "offices": list(alert.offices),
        "until": rfc3339(alert.until_us),
    }
