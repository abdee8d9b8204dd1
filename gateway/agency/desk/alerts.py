"""`/v1/alerts`: raise, list, renew and lift alerts of ours, and those of counterparts that stand here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from msgspec.structs import replace
from pydantic import BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.openapi import refusals
from gateway.agency.calls.caller import json_body, officer_of, shown
from gateway.agency.desk.bodies import OUTCOME
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.routes import CHANGED, After, Limit, brought, desk_of
from gateway.clock import rfc3339
from gateway.desk.alerts.standing import AlertStand
from gateway.desk.alerts.values import OwnAlert
from gateway.desk.listing import USUAL_LISTED
from gateway.model.handed.alerts import LiftAlert, RaiseAlert, RenewAlert
from gateway.model.names import ExchangeId, exchange_id
from gateway.model.requester import Officer

AlertId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]


_EXAMPLE: dict[str, Any] = {
    "to": [{"member": "la"}],
    "fields": {
        "alert_class": "DISCREET_CHECK",
        "objects": [{"kind": "vehicle", "plate": "กข 1234"}],
        "reason": "carries ketamine",
    },
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-17",
}


RAISE = Handed(RaiseAlert, "AlertBody", example=_EXAMPLE)
RENEW = Handed(RenewAlert, "RenewBody")
LIFT = Handed(LiftAlert, "LiftBody", example={"reason": "found", "text": "at her aunt's"})


class AlertAnswerBody(BaseModel):
    """An answer of a duty officer there to an alert; NOT_EXECUTED has a reason in law."""

    code: str
    reason: str
    text: str
    time: str


class AlertReaderBody(BaseModel):
    """A counterpart that gets an alert, in which thread, how that stands, and what was answered there.

    `closed` are those of the `offices` that it has no more: the others get the alert.
    """

    member: str
    offices: list[str]
    closed: list[str]
    thread: str
    state: str
    answers: list[AlertAnswerBody]


class OwnAlertBody(BaseModel):
    """An alert of ours. `stand` is `waiting` for approval, `on`, `lifted`, `closed`, `declined`, `lapsed` or `over`.

    `renewal` is until when it is to stand, as `renewal_by` asks, once another person has approved it.
    """

    id: str
    action: str
    stand: str
    fields: dict[str, Any]
    to: list[AlertReaderBody]
    purpose: str
    offence: str
    case: str
    urgency: str
    author: str
    approver: str
    raised: str
    until: str
    hidden_until: str
    operation: str
    to_life: bool
    reason: str
    renewal: str
    renewal_by: str


class AlertListBody(BaseModel):
    """Alerts of ours, the newest first; `next` is the `after` of the next page, empty on the last one."""

    alerts: list[OwnAlertBody]
    next: str


def alert_routes() -> APIRouter:
    """Return the routes of alerts."""
    router = APIRouter(prefix="/alerts", route_class=OnceRoute)

    @router.post("", status_code=202, response_model=OwnAlertBody, responses=CHANGED, openapi_extra=RAISE.documented)
    async def raise_alert(request: Request) -> Response:
        """Raise an alert: it is sent once another person has approved it, or at once where a life is in danger."""
        officer, desk = officer_of(request), desk_of(request)
        form, ids = RAISE.read_with_files(await json_body(request), "bad-alert")
        actor = desk.actor(officer)
        files = await brought(desk, actor, ids)
        made = await desk.own_alerts.raise_alert(actor, replace(form, attachments=files), once_id(request))
        return await _shown(request, officer, made, 202)

    @router.get("", response_model=AlertListBody, responses=refusals(400))
    async def list_alerts(
        request: Request,
        over: Annotated[bool, Query(description="those that have ended, as well")] = False,
        limit: Limit = USUAL_LISTED,
        after: After = "",
    ) -> Response:
        """Return the alerts of ours that the caller may read, page by page."""
        officer, desk = officer_of(request), desk_of(request)
        found = await desk.own_alerts.all(desk.actor(officer), over=over, limit=limit, after=after)
        standing = await desk.alerts.standing(found.items)
        alerts = [_alert_body(alert, stands) for alert, stands in zip(found.items, standing, strict=True)]
        return shown(AlertListBody(alerts=alerts, next=found.next), request)

    @router.get("/{alert_id}", response_model=OwnAlertBody, responses=refusals(400, 404))
    async def get_alert(request: Request, alert_id: AlertId) -> Response:
        """Return an alert of ours, with the state of each counterpart's thread."""
        officer = officer_of(request)
        return await _shown(request, officer, exchange_id(alert_id))

    @router.post("/{alert_id}/renew", response_model=OwnAlertBody, responses=CHANGED, openapi_extra=RENEW.documented)
    async def renew(request: Request, alert_id: AlertId) -> Response:
        """Ask that an alert stands for longer, which another person approves; or let it end sooner, at once."""
        officer, desk = officer_of(request), desk_of(request)
        form = RENEW.read(await json_body(request), "bad-alert")
        name = exchange_id(alert_id)
        await desk.own_alerts.renew(desk.actor(officer), name, form.until_us, form.reason)
        return await _shown(request, officer, name)

    @router.post("/{alert_id}/lift", response_model=OwnAlertBody, responses=CHANGED, openapi_extra=LIFT.documented)
    async def lift(request: Request, alert_id: AlertId) -> Response:
        """Lift an alert: every counterpart's node hides it as it takes the word of it."""
        officer, desk = officer_of(request), desk_of(request)
        form = LIFT.read(await json_body(request), "bad-alert")
        name = exchange_id(alert_id)
        await desk.own_alerts.lift(desk.actor(officer), name, form.reason, form.text)
        return await _shown(request, officer, name)

    @router.post("/{alert_id}/close", response_model=OwnAlertBody, responses=CHANGED, openapi_extra=OUTCOME.documented)
    async def close(request: Request, alert_id: AlertId) -> Response:
        """End an alert with what came of it."""
        officer, desk = officer_of(request), desk_of(request)
        form = OUTCOME.read(await json_body(request), "bad-outcome")
        name = exchange_id(alert_id)
        await desk.own_alerts.close(desk.actor(officer), name, form)
        return await _shown(request, officer, name)

    return router


async def _shown(request: Request, officer: Officer, alert_id: ExchangeId, status: int = 200) -> Response:
    desk = desk_of(request)
    alert = await desk.own_alerts.show(desk.actor(officer), alert_id)
    (standing,) = await desk.alerts.standing([alert])
    return shown(_alert_body(alert, standing), request, status)


def _alert_body(alert: OwnAlert, standing: Sequence[AlertStand]) -> OwnAlertBody:
    return OwnAlertBody(
        id=alert.id,
        action=alert.action,
        stand=alert.stand.value,
        fields=alert.fields,
        to=[
            AlertReaderBody(
                member=one.member,
                offices=list(one.offices),
                closed=list(stand.closed),
                thread=one.thread_id,
                state=stand.state,
                answers=[
                    AlertAnswerBody(code=each.code, reason=each.reason, text=each.text, time=rfc3339(each.time_us))
                    for each in stand.reactions
                ],
            )
            for one, stand in zip(alert.to, standing, strict=True)
        ],
        purpose=alert.purpose.value,
        offence=alert.offence.value,
        case=alert.case or alert.ticket,
        urgency=alert.urgency.value,
        author=alert.author.person,
        approver=alert.approver.person if alert.approver is not None else "",
        raised=rfc3339(alert.raised_us),
        until=rfc3339(alert.until_us),
        hidden_until=rfc3339(alert.hidden_until_us) if alert.hidden_until_us else "",
        operation=alert.operation,
        to_life=alert.to_life,
        reason=alert.reason,
        renewal=rfc3339(alert.renewal.until_us) if alert.renewal is not None else "",
        renewal_by=alert.renewal.by.person if alert.renewal is not None else "",
    )
