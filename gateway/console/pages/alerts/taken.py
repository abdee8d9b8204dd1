"""An alert of a counterpart: what to do, its record, what was said since, and the answers of a duty officer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.clock import rfc3339_s
from gateway.console.frame.clocks import countdown
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of, text_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Button, Clock, Field, Option, Row, Step, Tag, Tone
from gateway.console.pages.alerts.board import alert_path
from gateway.console.pages.alerts.outcome import OutcomeForm, outcome_form, read_outcome
from gateway.console.pages.alerts.places import office_name
from gateway.console.pages.alerts.told import (
    PATH,
    SUBJECTS,
    action_tone,
    action_words,
    alert_rows,
    steps_of,
    subject,
    warnings,
)
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.alerts.board import AlertStep, TakenAlert
from gateway.desk.alerts.taken import OUTCOME
from gateway.errors import Malformed, Refused, Stale, Unknown
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import NOT_EXECUTED
from gateway.model.desk.notices import StatusCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import WorkKind
from gateway.model.handed.work import React
from gateway.model.names import exchange_id, member_id
from gateway.views.search.lines import marking_text

_REACTIONS: Sentences = {
    "ACKNOWLEDGED": "Acknowledge: we have seen it",
    "ACTING": "We act on it",
    "CANNOT": "We cannot act on it",
}


@dataclass(frozen=True, slots=True)
class TakenView:
    """A counterpart's alert. Forms are there for those who may answer."""

    action: str
    tone: Tone
    owner: str
    first: Sequence[str]
    clock: Clock | None
    tags: Sequence[Tag]
    facts: Sequence[Row]
    rows: Sequence[Row]
    obey: str
    steps: Sequence[Step]
    path: str
    answers: Sequence[Button]
    note: Field | None
    reasons: Sequence[Option]
    outcome: OutcomeForm | None
    faults: Sequence[tuple[str, str]]


def taken_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of a counterpart's alert."""
    taken, roles, path = _Taken(parts), tuple(OPEN_TO[PATH]), f"{PATH}/{{peer}}/{{thread}}"
    return [
        door.get(path, taken.show, roles),
        door.post(f"{path}/answer", taken.answer, roles),
        door.post(f"{path}/outcome", taken.report, roles),
    ]


class _Taken:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the page; its owner is told once that the alert was read."""
        return await self._page(visit)

    async def answer(self, visit: Visit, form: Form) -> Answer:
        """Tell the owner what becomes of its alert here; the same again says nothing more."""
        key = _key(visit)
        try:
            code = _code(form)
            reason = form.one("reason") if code is StatusCode.NOT_EXECUTED else ""
            await self._parts.desk.taken_alerts.tell(
                visit.actor, key, code, reason, text_of(form, React, "text", "note")
            )
        except Stale:
            return To(alert_path(key))
        except Malformed as error:
            return await self._page(visit, _fault(error, ("note", "reason"), visit.language))
        return To(alert_path(key))

    async def report(self, visit: Visit, form: Form) -> Answer:
        """Tell the owner what came of its alert."""
        key = _key(visit)
        try:
            await self._parts.desk.taken_alerts.report(visit.actor, key, read_outcome(form))
        except Stale:
            return To(alert_path(key))
        except Malformed as error:
            return await self._page(visit, _fault(error, ("grams", "units", "persons", "about"), visit.language))
        return To(alert_path(key))

    async def _page(self, visit: Visit, fault: tuple[tuple[str, str], ...] = ()) -> Page:
        key, language = _key(visit), visit.language
        try:
            found = await self._parts.desk.alerts.read_taken(visit.actor, key)
        except Unknown:
            return self._over(visit, await self._parts.desk.alerts.read_over(visit.actor, key))
        view = _view(found, visit, fault)
        live = f"{PATH}/events?about={key.thread_id}"
        title = tell(language, "Alert: {action}", action=view.action)
        return Page("pages/alerts/taken.html", title, view, 400 if fault else 200, live, key.thread_id)

    def _over(self, visit: Visit, steps: Sequence[AlertStep]) -> Page:
        """Return the page of an alert that warns here no more: who follows it must not act on it."""
        language = visit.language
        told = steps_of(steps, language, with_country(_key(visit).peer, language))
        return Page("pages/alerts/over.html", tell(language, "An alert that is over"), told)


def _view(found: TakenAlert, visit: Visit, fault: tuple[tuple[str, str], ...]) -> TakenView:
    alert, language, wrong = found.alert, visit.language, dict(fault)
    owner = with_country(alert.owner, language)
    waits = [work for work in found.works if work.kind is WorkKind.ACKNOWLEDGE and not work.done_us]
    may_answer = StatusCode.ACKNOWLEDGED.value in found.acts
    tags = [Tag(tell(language, "not acknowledged"), "danger")] if waits else []
    if found.to_life:
        tags.append(Tag(tell(language, "a life is in danger"), "danger"))
    return TakenView(
        action=action_words(alert.action, language),
        tone=action_tone(alert.action),
        owner=owner,
        first=warnings(alert.fields, alert.marking, language),
        clock=countdown(min(work.due_us for work in waits), visit.now_us, language) if waits else None,
        tags=tags,
        facts=_facts(found, owner, language),
        rows=alert_rows(alert.fields, language),
        obey=marking_text(alert.marking, language),
        steps=steps_of(found.steps, language, owner),
        path=alert_path(alert.key),
        answers=_answers(bool(waits), language) if may_answer else (),
        note=_note(wrong.get("note", ""), language) if may_answer else None,
        reasons=[Option(code, tell(language, text)) for code, text in NOT_EXECUTED.items()] if may_answer else (),
        outcome=outcome_form(language, wrong) if OUTCOME in found.acts else None,
        faults=fault,
    )


def _facts(found: TakenAlert, owner: str, language: Language) -> list[Row]:
    alert = found.alert
    done = [work for work in found.works if work.done_us and work.by]
    rows = [
        Row(tell(language, "about"), (tell(language, SUBJECTS[subject(alert.fields)]),)),
        Row(tell(language, "from"), (f"{owner}, {alert.agency}",)),
        Row(tell(language, "for"), tuple(map(office_name, alert.offices)) or (tell(language, "all offices"),)),
        Row(tell(language, "holds until"), (moment(rfc3339_s(alert.until_us), language),)),
    ]
    if done:
        by = tuple(f"{work.by}, {moment(rfc3339_s(work.done_us), language)}" for work in done)
        rows.append(Row(tell(language, "answered by"), by))
    return rows


def _answers(is_waiting: bool, language: Language) -> list[Button]:
    """Return the answers; the first one is what waits: an acknowledgement, and then what is done."""
    first = StatusCode.ACKNOWLEDGED if is_waiting else StatusCode.ACTING
    return [
        Button(tell(language, text), "code", code, "first" if code == first else "")
        for code, text in _REACTIONS.items()
        if is_waiting or code != StatusCode.ACKNOWLEDGED
    ]


def _note(fault: str, language: Language) -> Field:
    hint = tell(language, "They read it as you write it: keep it short")
    return field_of(React, "text", language, fault=fault, place="note", hint=hint)


def _code(form: Form) -> StatusCode:
    try:
        return StatusCode(form.one("code"))
    except ValueError:
        raise Malformed("an alert is not answered so", code="bad-reaction", where="code") from None


def _key(visit: Visit) -> ThreadKey:
    return ThreadKey(member_id(visit.part("peer")), exchange_id(visit.part("thread")))


def _fault(error: Refused, names: Sequence[str], language: Language) -> tuple[tuple[str, str], ...]:
    """Return what was wrong, beside the field that the error names, or the first one."""
    name = error.where if error.where in names else names[0]
    return ((name, fault_of(error, language)),)
