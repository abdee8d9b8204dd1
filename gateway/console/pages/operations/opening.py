"""The form by which an officer opens an operation; its members are invited once another person has approved it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from starlette.routing import Route

from gateway.clock import from_us, to_us
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of, label_of
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Field, Option
from gateway.console.pages.alerts.places import office_name
from gateway.console.pages.operations.listing import OPENERS, OPENING, PATH
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.forms.catalogue import templates
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES
from gateway.model.desk.rooms import MAX_TITLE, RoomRole
from gateway.model.handed.operations import Invited, OpenRoom
from gateway.model.names import identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.values import text_value

_Code = TypeVar("_Code", Purpose, Offence)
_FIELDS = ("title", "to", "observers", "template", "end", "purpose", "offence", "case")


@dataclass(frozen=True, slots=True)
class OpeningView:
    """The form."""

    title: Field
    to: Sequence[Option]
    to_label: str
    observers: Sequence[Option]
    observers_label: str
    templates: Sequence[Option]
    template_label: str
    end: Field
    purposes: Sequence[Option]
    purpose_label: str
    offences: Sequence[Option]
    offence_label: str
    case: Field
    faults: Sequence[tuple[str, str]]


def opening_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the form. They come before those of one operation, whose path fits as well."""
    opening = _Opening(parts)
    return [door.get(OPENING, opening.show, OPENERS), door.post(OPENING, opening.hand_in, OPENERS)]


class _Opening:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the empty form."""
        remembered = visit.remembered
        given = {"purpose": remembered.purpose, "offence": remembered.offence, "case": remembered.case}
        return self._page(visit, {name: (value,) for name, value in given.items()}, ())

    async def hand_in(self, visit: Visit, form: Form) -> Answer:
        """Open the operation; the same form again leads to the same one."""
        desk = self._parts.desk
        try:
            command = _command(form)
            asked = repr(command).encode()
            claim = await asyncio.to_thread(desk.keys.claim, visit.actor, f"operation {form.id}", asked)
            return To(f"{PATH}/{await desk.rooms.open(visit.actor, command, claim.name)}")
        except Refused as error:
            name = error.where if error.where in _FIELDS else "title"
            return self._page(visit, form.fields, ((name, fault_of(error, visit.language)),))

    def _page(self, visit: Visit, sent: Mapping[str, tuple[str, ...]], faults: tuple[tuple[str, str], ...]) -> Page:
        language, wrong = visit.language, dict(faults)

        def one(name: str) -> str:
            return next(iter(sent.get(name, ())), "")

        view = OpeningView(
            title=field_of(OpenRoom, "title", language, one("title"), wrong.get("title", ""), required=True),
            to=places(self._parts, sent.get("to", ()), language),
            to_label=label_of(OpenRoom, "to", language),
            observers=places(self._parts, sent.get("observers", ()), language),
            observers_label=tell(language, "Who only reads"),
            templates=[
                Option("", tell(language, "no form")),
                *(Option(name, one_.title[language.value], chosen=one("template") == name)
                  for name, one_ in templates().items()),
            ],
            template_label=label_of(OpenRoom, "template", language),
            end=Field("end", label_of(OpenRoom, "end", language), one("end"),
                      fault=wrong.get("end", ""), kind="date", required=True),
            purposes=[Option(code, tell(language, words), chosen=one("purpose") == code)
                      for code, words in PURPOSES.items()],
            purpose_label=label_of(OpenRoom, "purpose", language),
            offences=[Option(code, tell(language, words), chosen=one("offence") == code)
                      for code, words in OFFENCES.items()],
            offence_label=label_of(OpenRoom, "offence", language),
            case=field_of(OpenRoom, "case", language, one("case"), wrong.get("case", "")),
            faults=faults,
        )  # fmt: skip
        return Page("pages/operations/open.html", tell(language, "Open an operation"), view, 400 if faults else 200)


def places(parts: ConsoleParts, chosen: Sequence[str], language: Language, without: Sequence[str] = ()) -> list[Option]:
    """Return the other members but those `without`, each with its offices."""
    found = []
    for member, offices in sorted(parts.offices().items()):
        if member == parts.member or member in without:
            continue
        found.append(Option(member, with_country(member, language), chosen=member in chosen))
        found += [Option(office, f"– {office_name(office)}", chosen=office in chosen) for office in offices]
    return found


def _command(form: Form) -> OpenRoom:
    """Return the operation as a value of the desk. Raises `Malformed`."""
    case = form.one("case").strip()
    return OpenRoom(
        to=invited(form),
        title=text_value(" ".join(form.one("title").split()), "title", MAX_TITLE),
        end_us=_end_us(form.one("end")),
        purpose=_chosen(Purpose, form, "purpose"),
        offence=_chosen(Offence, form, "offence"),
        template=form.one("template"),
        case=reference(case, "case") if case else "",
    )


def invited(form: Form) -> tuple[Invited, ...]:
    """Return who was ticked: a member that was ticked as a whole takes part with all of its offices."""
    found: list[Invited] = []
    for name, role in (("to", RoomRole.PARTNER), ("observers", RoomRole.OBSERVER)):
        offices: dict[str, list[str]] = {}
        for place in form.all(name):
            offices.setdefault(place.partition(".")[0], []).append(place)
        found += (
            Invited(member_id(member), () if member in some else tuple(identifier(one, name) for one in some), role)
            for member, some in offices.items()
        )
    return tuple(found)


def _end_us(text: str) -> int:
    """Return the end of a day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Malformed("write a day, such as 2026-12-20", code="bad-time", where="end") from None
    return to_us(from_us(0).replace(year=day.year, month=day.month, day=day.day) + timedelta(days=1))


def _chosen(codes: type[_Code], form: Form, name: str) -> _Code:
    try:
        return codes(form.one(name))
    except ValueError:
        raise Malformed("choose one of the list", code="bad-operation", where=name) from None
