"""An alert of ours: how it stands at each counterpart, and what may be done: approve, renew, take back, close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.clock import HOUR_US, rfc3339_s
from gateway.console.frame.clocks import countdown
from gateway.console.frame.forms import Form
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Clock, Option, Row, Step, Tag, Tone
from gateway.console.pages.alerts.board import alert_path, stand_words
from gateway.console.pages.alerts.lasting import lasting, lengths
from gateway.console.pages.alerts.outcome import OutcomeForm, outcome_form, read_outcome
from gateway.console.pages.alerts.places import office_name
from gateway.console.pages.alerts.told import (
    PATH,
    STAND_TONES,
    STANDS,
    action_tone,
    action_words,
    alert_rows,
    hidden_time,
    reason_words,
    steps_of,
    warnings,
)
from gateway.console.uploads.attached import file_row
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.own_matter import Approval, OwnAct, approval, decision, done
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.acting.home import Stand
from gateway.desk.alerts.board import AlertStep, OwnStand
from gateway.desk.alerts.standing import AlertStand
from gateway.desk.alerts.values import OwnAlert
from gateway.errors import Malformed, Unknown
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import LIFT_REASONS, OFFENCES, PURPOSES
from gateway.model.desk.codes import LiftReason
from gateway.model.names import ExchangeId, exchange_id


@dataclass(frozen=True, slots=True)
class CounterpartView:
    """How an alert of ours stands at one counterpart, with all that was said there."""

    name: str
    tag: Tag
    offices: str
    clock: Clock | None
    note: str
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class OwnView:
    """An alert of ours. Each form is there where the person may do what it does: those to renew and to take back have
    the `lengths` and `reasons` to choose from. `renews`: what waits for approval is that the alert holds for longer.
    """

    action: str
    tone: Tone
    first: Sequence[str]
    banners: Sequence[Banner]
    tag: Tag
    clock: Clock | None
    facts: Sequence[Row]
    rows: Sequence[Row]
    counterparts: Sequence[CounterpartView]
    path: str
    approval: Approval | None
    renews: bool
    lengths: Sequence[Option]
    reasons: Sequence[Option]
    close: OutcomeForm | None
    faults: Sequence[tuple[str, str]]


def own_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of an alert of ours."""
    own, roles, path = _Own(parts), tuple(OPEN_TO[PATH]), f"{PATH}/{{id}}"
    return [
        door.get(path, own.show, roles),
        door.post(f"{path}/approve", own.approve, roles),
        door.post(f"{path}/renew", own.renew, roles),
        door.post(f"{path}/lift", own.lift, roles),
        door.post(f"{path}/close", own.close, roles),
    ]


class _Own:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Answer:
        """Return the page; the id of a counterpart's alert leads to its own page."""
        name = exchange_id(visit.part("id"))
        try:
            return await self._page(visit, name)
        except Unknown:
            key = await self._parts.desk.alerts.find_taken(visit.actor, name)
            if key is None:
                raise
            return To(alert_path(key))

    async def approve(self, visit: Visit, form: Form) -> Answer:
        """Approve or decline what a colleague wants to send."""
        return await self._done(visit, decision(self._parts.desk.own_alerts, visit, form), "reason")

    async def renew(self, visit: Visit, form: Form) -> Answer:
        """Let the alert stand for longer, or end sooner."""

        async def act(name: ExchangeId) -> None:
            until_us = visit.now_us + lasting(form.one("lasts"), "lasts") * HOUR_US
            await self._parts.desk.own_alerts.renew(visit.actor, name, until_us)

        return await self._done(visit, act, "lasts")

    async def lift(self, visit: Visit, form: Form) -> Answer:
        """Take the alert back: each counterpart's node hides it as it takes the word of it."""

        async def act(name: ExchangeId) -> None:
            if form.one("why") not in list(LiftReason):
                raise Malformed("choose why it is taken back", code="reason-missing", where="why")
            await self._parts.desk.own_alerts.lift(visit.actor, name, form.one("why"))

        return await self._done(visit, act, "why")

    async def close(self, visit: Visit, form: Form) -> Answer:
        """End the alert with what came of it."""

        async def act(name: ExchangeId) -> None:
            await self._parts.desk.own_alerts.close(visit.actor, name, read_outcome(form))

        return await self._done(visit, act, "about")

    async def _done(self, visit: Visit, act: OwnAct, field: str) -> Answer:
        return await done(visit, PATH, act, self._page, field, fields=("grams", "units", "persons"))

    async def _page(self, visit: Visit, name: ExchangeId, faults: tuple[tuple[str, str], ...] = ()) -> Page:
        found = await self._parts.desk.alerts.read_own(visit.actor, name)
        view = _view(found, visit, faults)
        title = tell(visit.language, "Our alert: {action}", action=view.action)
        live = f"{PATH}/events?about={name}"
        return Page("pages/alerts/own.html", title, view, 400 if faults else 200, live, name)


def _view(found: OwnStand, visit: Visit, faults: tuple[tuple[str, str], ...]) -> OwnView:
    alert, language, wrong = found.alert, visit.language, dict(faults)
    return OwnView(
        action=action_words(alert.action, language),
        tone=action_tone(alert.action),
        first=warnings(alert.fields, {}, language),
        banners=_banners(found, visit),
        tag=Tag(tell(language, STANDS[alert.stand]), STAND_TONES.get(alert.stand, "quiet")),
        clock=_clock(found, visit),
        facts=_facts(alert, language),
        rows=alert_rows(alert.fields, language),
        counterparts=[_counterpart(stand, found.steps.get(stand.member, ()), visit) for stand in found.stands],
        path=f"{PATH}/{alert.id}",
        approval=approval(found.approval, (alert.renewal.by if alert.renewal else alert.author).person, wrong, language)
        if found.approval and "approve" in found.acts
        else None,
        renews=alert.renewal is not None,
        lengths=lengths(language) if "renew" in found.acts else (),
        reasons=[Option(code.value, tell(language, LIFT_REASONS[code.value])) for code in LiftReason]
        if "lift" in found.acts
        else (),
        # an alert that was not sent yet has no outcome
        close=outcome_form(language, wrong) if "close" in found.acts and alert.stand is not Stand.WAITING else None,
        faults=faults,
    )


def _clock(found: OwnStand, visit: Visit) -> Clock | None:
    """Return the time of the approval that is missing, or that of the alert."""
    if found.approval is not None:
        return countdown(found.approval.due_us, visit.now_us, visit.language)
    return countdown(found.alert.until_us, visit.now_us, visit.language) if found.alert.stand is Stand.ON else None


def _banners(found: OwnStand, visit: Visit) -> tuple[Banner, ...]:
    alert, language, banners = found.alert, visit.language, []
    if alert.renewal is not None:
        time = moment(rfc3339_s(alert.renewal.until_us), language)
        person, reason = alert.renewal.by.person, alert.renewal.reason
        said = tell(language, "{person} asks that it holds until {time}", person=person, time=time)
        lines = (said, *filter(None, (reason,)))
        banners.append(Banner(tell(language, "Another person must approve that it goes on"), lines, "warn"))
    elif found.approval is not None:
        sent = (
            tell(language, "It was sent already, since a life is in danger. Without approval it is taken back then.")
            if alert.stand is Stand.ON
            else tell(language, "It has not been sent. Without approval it never is.")
        )
        banners.append(Banner(tell(language, "Another person must approve this alert"), (sent,), "warn"))
    if alert.stand is Stand.ON and alert.is_hidden(visit.now_us):
        time = hidden_time(alert, language)
        banners.append(Banner(tell(language, "It is kept at home until {time}, and is sent then", time=time)))
    return tuple(banners)


def _facts(alert: OwnAlert, language: Language) -> list[Row]:
    def at(time_us: int) -> str:
        return moment(rfc3339_s(time_us), language)

    rows = [
        Row(tell(language, "raised by"), (f"{alert.author.person}, {alert.author.office}", at(alert.raised_us))),
        Row(tell(language, "case or ticket"), (alert.case or alert.ticket,)),
        Row(
            tell(language, "why"),
            (tell(language, PURPOSES[alert.purpose.value]), tell(language, OFFENCES[alert.offence.value])),
        ),
        Row(tell(language, "holds until"), (at(alert.until_us),)),
    ]
    if alert.attachments:
        rows.append(file_row(alert.attachments, language))
    if alert.approver is not None:
        rows.insert(1, Row(tell(language, "approved by"), (alert.approver.person,)))
    if alert.reason:
        rows.append(Row(tell(language, "reason of its end"), (reason_words(alert.reason, language),)))
    return rows


def _counterpart(stand: AlertStand, steps: Sequence[AlertStep], visit: Visit) -> CounterpartView:
    language = visit.language
    said, tone = stand_words(stand, language)
    last = stand.reactions[-1] if stand.reactions else None
    is_due = not stand.reactions and stand.acknowledge_by_us and not stand.is_unanswered
    name = with_country(stand.member, language)
    closed = [tell(language, "{office} has closed: it gets nothing", office=office_name(one)) for one in stand.closed]
    why = [reason_words(last.reason, language)] if last is not None and last.reason else []
    return CounterpartView(
        name=name,
        tag=Tag(said, tone),
        offices=", ".join(map(office_name, stand.offices)) or tell(language, "all offices"),
        clock=countdown(stand.acknowledge_by_us, visit.now_us, language) if is_due else None,
        note="; ".join((*why, *closed)),
        steps=steps_of(steps, language, name),
    )
