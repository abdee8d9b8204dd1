"""`/v1/alerts`: raise, list, renew and lift alerts of ours, and those of counterparts that stand here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from msgspec.structs import replace
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.agency.bodies import patterns
from gateway.agency.bodies.onward import whole
from gateway.agency.bodies.openapi import body_of, refusals
from gateway.agency.bodies.requests import read_body
from gateway.agency.calls.caller import json_body, officer_of, shown
from gateway.agency.desk.asks import Member, ReferenceOrNone, time_us
from gateway.agency.desk.bodies import Closed, FileIds, LiftBody, OutcomeBody, ReasonOrNone
from gateway.agency.desk.once import OnceRoute, once_id
from gateway.agency.desk.routes import CHANGED, After, Limit, brought, desk_of
from gateway.clock import rfc3339
from gateway.desk.alerts.standing import AlertStand
from gateway.desk.alerts.values import Addressee, OwnAlert, RaiseAlert
from gateway.desk.listing import USUAL_LISTED
from gateway.model.desk.notices import Urgency
from gateway.model.names import ExchangeId, exchange_id, identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer

AlertId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]


class AddresseeBody(Closed):
    """A counterpart that gets an alert; without offices all of its offices do."""

    member: Member
    offices: Annotated[
        list[Annotated[str, Field(max_length=64, json_schema_extra=patterns.IDENTIFIER)]], Field(max_length=64)
    ] = Field(default_factory=list)


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


class AlertBody(Closed):
    """An alert as an officer hands it in; `fields` are those of a record of the type `Alert`.

    Without `until` it stands for 72 hours. `hidden_until` keeps it at home until an operation is over, for 48 hours at
    most; `operation` names one of ours, at whose end it is sent. With `to_life` it is sent before it is approved.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    to: Annotated[list[AddresseeBody], Field(min_length=1, max_length=32)]
    fields: dict[str, Any]
    purpose: Purpose
    offence: Offence
    case: ReferenceOrNone = ""
    ticket: ReferenceOrNone = ""
    urgency: Urgency = Urgency.FLASH
    until: AwareDatetime | None = None
    repeat_s: Annotated[int, Field(ge=1, le=86_400, strict=True), BeforeValidator(whole)] = 120
    to_life: bool = False
    hidden_until: AwareDatetime | None = None
    operation: Annotated[str, Field(max_length=35, json_schema_extra=patterns.IDENTIFIER_OR_NONE)] = ""
    attachments: FileIds = Field(default_factory=list)

    def as_command(self) -> RaiseAlert:
        """Return the alert as a value of the desk; raise `Malformed` for a bad one."""
        return RaiseAlert(
            to=tuple(
                Addressee(member_id(one.member), tuple(identifier(office, "to") for office in one.offices))
                for one in self.to
            ),
            fields=self.fields,
            purpose=self.purpose,
            offence=self.offence,
            case=reference(self.case, "case") if self.case else "",
            ticket=reference(self.ticket, "ticket") if self.ticket else "",
            urgency=self.urgency,
            until_us=time_us(self.until),
            repeat_s=self.repeat_s,
            to_life=self.to_life,
            hidden_until_us=time_us(self.hidden_until),
            operation=self.operation,
        )


class RenewBody(Closed):
    """Until when an alert is to stand."""

    until: AwareDatetime
    reason: ReasonOrNone = ""


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

    @router.post("", status_code=202, response_model=OwnAlertBody, responses=CHANGED, openapi_extra=body_of(AlertBody))
    async def raise_alert(request: Request) -> Response:
        """Raise an alert: it is sent once another person has approved it, or at once where a life is in danger."""
        officer, desk = officer_of(request), desk_of(request)
        body = read_body(AlertBody, await json_body(request), "bad-alert")
        actor = desk.actor(officer)
        files = await brought(desk, actor, body.attachments)
        made = await desk.own_alerts.raise_alert(actor, replace(body.as_command(), attachments=files), once_id(request))
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

    @router.post("/{alert_id}/renew", response_model=OwnAlertBody, responses=CHANGED, openapi_extra=body_of(RenewBody))
    async def renew(request: Request, alert_id: AlertId) -> Response:
        """Ask that an alert stands for longer, which another person approves; or let it end sooner, at once."""
        officer, desk = officer_of(request), desk_of(request)
        body = read_body(RenewBody, await json_body(request), "bad-alert")
        name = exchange_id(alert_id)
        await desk.own_alerts.renew(desk.actor(officer), name, time_us(body.until), body.reason)
        return await _shown(request, officer, name)

    @router.post("/{alert_id}/lift", response_model=OwnAlertBody, responses=CHANGED, openapi_extra=body_of(LiftBody))
    async def lift(request: Request, alert_id: AlertId) -> Response:
        """Lift an alert: every counterpart's node hides it as it takes the word of it."""
        officer, desk = officer_of(request), desk_of(request)
        body = read_body(LiftBody, await json_body(request), "bad-alert")
        name = exchange_id(alert_id)
        await desk.own_alerts.lift(desk.actor(officer), name, body.reason, body.words)
        return await _shown(request, officer, name)

    @router.post(
        "/{alert_id}/close", response_model=OwnAlertBody, responses=CHANGED, openapi_extra=body_of(OutcomeBody)
    )
    async def close(request: Request, alert_id: AlertId) -> Response:
        """End an alert with what came of it."""
        officer, desk = officer_of(request), desk_of(request)
        body = read_body(OutcomeBody, await json_body(request), "bad-outcome")
        name = exchange_id(alert_id)
        await desk.own_alerts.close(desk.actor(officer), name, body.as_model())
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
