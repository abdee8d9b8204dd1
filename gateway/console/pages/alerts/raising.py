"""Raise an alert: choose a template, fill it in, read it as each receiver will, and hand it in for approval."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace
from starlette.routing import Route

from gateway.clock import HOUR_US
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Link
from gateway.console.pages.alerts.filling import Sent, fill_view
from gateway.console.pages.alerts.kinds import KINDS, NAMES, Kind, record_of
from gateway.console.pages.alerts.lasting import lasting
from gateway.console.pages.alerts.reading import preview_view
from gateway.console.pages.alerts.told import PATH
from gateway.console.uploads.attached import BROUGHT, FILES, Attached, FilesPart, files_part
from gateway.console.uploads.file_form import FileForm
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import Malformed, Refused, Unknown
from gateway.language.catalogue import tell
from gateway.model.desk.work import Role
from gateway.model.handed.alerts import Addressee, RaiseAlert
from gateway.model.names import identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose

_Code = TypeVar("_Code", Purpose, Offence)

RAISE = f"{PATH}/raise"
_ROLES = (Role.OFFICER,)
_ONCE = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_PLACES: Mapping[str, str] = {
    "alert_class": "action",
    "until": "lasts",
    "hidden_until": "hidden",
    "repeat_s": "repeat",
    "identifiers": "document",
}
"""The field of the form that stands for a part of the command, where their names differ."""


def raising_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes by which an alert is raised. They come before those of one alert, whose path fits as well."""
    raising = _Raising(parts)
    return [door.get(RAISE, raising.show, _ROLES), door.upload(RAISE, raising.go_on, _ROLES)]


class _Raising:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the templates, or the empty form of the one that the query names."""
        name, language = visit.query("kind"), visit.language
        if name:
            remembered = visit.remembered
            basis = {"case": remembered.case, "ticket": remembered.ticket}
            basis |= {"purpose": remembered.purpose, "offence": remembered.offence}
            return self._form(visit, _kind(name), Sent.empty(_kind(name), basis), files_part(language))
        kinds = [
            (Link(f"{RAISE}?kind={kind.name}", tell(language, NAMES[kind.name])), tell(language, kind.about))
            for kind in KINDS.values()
        ]
        return Page("pages/alerts/choose.html", tell(language, "Raise an alert"), kinds)

    async def go_on(self, visit: Visit) -> Answer:
        """Show the alert as its receivers will read it, show the form again, or hand the alert in."""
        came = await FileForm.read(visit.request)
        form, attached = came.form, Attached(self._parts.desk, visit.actor, came)
        kind, sent = _kind(form.one("kind")), Sent.of(form)
        if form.one("step") == "change":
            return self._form(visit, kind, sent, await attached.part(visit.language))
        try:
            # The fields are checked first: what a browser sends of its files can be read only once.
            command = replace(self._command(visit, kind, sent), attachments=await attached.take())
            sent = sent.having(BROUGHT, attached.ids)
            if form.one("step") == "send":
                return await self._raised(visit, form, command, sent)
            preview = await self._parts.desk.own_alerts.preview(visit.actor, command)
        except Refused as error:
            name, fault = attached.field(self._field(kind, error)), fault_of(error, visit.language)
            files = await attached.part(visit.language, fault if name == FILES else "")
            return self._form(visit, kind, sent, files, ((name, fault),))
        view = preview_view(preview, sent, _once(form), visit)
        return Page("pages/alerts/preview.html", tell(visit.language, "Read it before it is sent"), view)

    async def _raised(self, visit: Visit, form: Form, command: RaiseAlert, sent: Sent) -> To:
        """Hand the alert in; the same form again leads to the same alert."""
        desk = self._parts.desk
        asked = msgspec.json.encode(sorted((name, list(values)) for name, values in sent.values.items()))
        claim = await asyncio.to_thread(desk.keys.claim, visit.actor, f"alert {_once(form)}", asked)
        return To(f"{PATH}/{await desk.own_alerts.raise_alert(visit.actor, command, claim.name)}")

    def _command(self, visit: Visit, kind: Kind, sent: Sent) -> RaiseAlert:
        """Return the alert as a value of the desk. Raises `Malformed`."""
        fields = record_of(kind, {name: sent.one(name) for name in sent.values}) | {
            "alert_class": sent.one("action") if sent.one("action") in kind.actions else "",
            "do_not": list(sent.all("do_not")),
            "reason": sent.one("reason"),
            "offence": _chosen(Offence, sent, "offence").value,
            "decision_ref": sent.one("decision_ref"),
            "contact": sent.one("contact"),
        }
        case, ticket = sent.one("case"), sent.one("ticket")
        until_us = visit.now_us + lasting(sent.one("lasts"), "lasts") * HOUR_US
        hidden = sent.one("hidden")
        return RaiseAlert(
            to=self._addressees(sent),
            fields=fields,
            purpose=_chosen(Purpose, sent, "purpose"),
            offence=_chosen(Offence, sent, "offence"),
            case=reference(case, "case") if case else "",
            ticket=reference(ticket, "ticket") if ticket else "",
            until_us=until_us,
            repeat_s=_seconds(sent),
            to_life=bool(sent.one("to_life")),
            hidden_until_us=visit.now_us + lasting(hidden, "hidden") * HOUR_US if hidden else 0,
        )

    def _addressees(self, sent: Sent) -> tuple[Addressee, ...]:
        """Return whom it is for: a member that was ticked as a whole gets it in all of its offices."""
        offices: dict[str, list[str]] = {}
        for place in sent.all("to"):
            member = place.partition(".")[0]
            offices.setdefault(member, []).append(place)
        return tuple(
            Addressee(member_id(member), () if member in places else tuple(identifier(one, "to") for one in places))
            for member, places in offices.items()
        )

    def _form(
        self, visit: Visit, kind: Kind, sent: Sent, files: FilesPart, faults: tuple[tuple[str, str], ...] = ()
    ) -> Page:
        view = fill_view(kind, sent, self._parts, visit, files, faults)
        title = f"{tell(visit.language, 'Raise an alert')}: {tell(visit.language, NAMES[kind.name])}"
        return Page("pages/alerts/fill.html", title, view, 400 if faults else 200)

    def _field(self, kind: Kind, error: Refused) -> str:
        """Return the field of the form that a refusal is about."""
        part = error.where.removeprefix("fields.").removeprefix("Alert.")
        name = _PLACES.get(part, part)
        shown = (*kind.fields, *kind.more, *Sent.NAMES)
        return name if name in shown else kind.fields[0]


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise Unknown("there is no such template", code="no-such-path", where="kind")
    return KINDS[name]


def _once(form: Form) -> str:
    """Return the id of the form in which the alert was filled in: it stays the same until the alert is handed in."""
    return form.one("once") if _ONCE.fullmatch(form.one("once")) else form.id


def _chosen(codes: type[_Code], sent: Sent, name: str) -> _Code:
    try:
        return codes(sent.one(name))
    except ValueError:
        raise Malformed("choose one of the list", code="bad-alert", where=name) from None


def _seconds(sent: Sent) -> int:
    text = sent.one("repeat")
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        raise Malformed("choose one of the list", code="bad-alert", where="repeat")
    return int(text)
