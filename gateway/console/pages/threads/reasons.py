"""The fields of every ask: facts, links, urgency, and until when a person is held; read into values of the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.console.frame.forms import Form, label_of, text_of
from gateway.console.frame.shapes import Text
from gateway.console.pages.alerts.places import office_name
from gateway.console.pages.threads.forms import Part, Writer
from gateway.desk.people.times import near_us
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.model.desk.notices import Urgency
from gateway.model.handed.asks import Question, Reasons
from gateway.model.marking import SubjectCategory
from gateway.views.desk.words import CATEGORIES, URGENCIES

_AS_HELD = ""
FIELDS = ("facts", "held", "urgency", "urgency_reason", "why_you", "link", "category")
"""The names of the fields, as they stand in a form."""

OFFICE = "to_office"
"""The field of the office abroad to which an ask is addressed."""


@dataclass(frozen=True, slots=True)
class ReasonParts:
    """The fields of the reasons: those that are always shown, and those that are folded."""

    first: tuple[Part, ...]
    more: tuple[Part, ...]


def reason_parts(writer: Writer, facts: str = "", why_you: str = "", *, has_clock: bool = True) -> ReasonParts:
    """Return the fields; `facts` are what the page knows already. A form of a capital has its own clock."""
    language = writer.language
    first = [writer.of(Reasons, "facts", facts, language=Language.EN.value if facts else "")]
    if has_clock:
        first.append(
            writer.line(
                "held",
                label_of(Reasons, "held_until", language),
                hint=tell(language, "a time of today, such as 14:30; empty if nobody is held"),
                mode="numeric",
                most=20,
            )
        )
        urgencies = {_AS_HELD: tell(language, "flash while a person is held, else priority")} | writer.told(URGENCIES)
        first.append(writer.one_of(Reasons, "urgency", urgencies))
    more = (
        *((writer.of(Reasons, "urgency_reason"),) if has_clock else ()),
        writer.of(Reasons, "why_you", why_you),
        writer.of(Reasons, "link"),
        writer.one_of(Reasons, "category", writer.told(CATEGORIES), "UNKNOWN"),
    )
    return ReasonParts(tuple(first), more)


def office_part(writer: Writer, offices: Mapping[str, Sequence[str]]) -> Part:
    """Return the choice of the office abroad to which an ask is addressed, by the member that has it."""
    language = writer.language
    options: dict[str, Text | str] = {"": tell(language, "its desk on duty")}
    for member, names in sorted(offices.items()):
        country = with_country(member, language)
        options |= {name: f"{country}: {office_name(name)}" for name in names}
    hint = tell(language, "such as the one across the river; without one it goes to the desk of the agency concerned")
    return writer.one_of(Question, OFFICE, options, hint=hint)


def read_office(form: Form, offices: Sequence[str]) -> str:
    """Return the office abroad that a form names, empty for none. Raises `Malformed` for one of another country."""
    office = form.one(OFFICE)
    if office and office not in offices:
        raise Malformed("choose an office of the country that is asked", code="unknown-office", where=OFFICE)
    return office


def read_reasons(form: Form, member: str, now_us: int) -> Reasons:
    """Return the reasons that a form says. Raises `Malformed`, which names the field."""
    held = form.one("held").strip()
    held_us = _held(held, member, now_us) if held else 0
    chosen = form.one("urgency")
    try:
        urgency = Urgency(chosen) if chosen else Urgency.FLASH if held_us else Urgency.PRIORITY
        category = SubjectCategory(form.one("category") or "UNKNOWN")
    except ValueError:
        raise Malformed("choose one of the list", code="bad-ask", where="urgency") from None
    why = text_of(form, Reasons, "urgency_reason")
    return Reasons(
        facts=text_of(form, Reasons, "facts"),
        urgency=urgency,
        why_you=text_of(form, Reasons, "why_you"),
        link=text_of(form, Reasons, "link"),
        urgency_reason=why or ("a person is held" if held_us else ""),
        category=category,
        held_until_us=held_us,
    )


def _held(text: str, member: str, now_us: int) -> int:
    try:
        return near_us(text, member, now_us)
    except Malformed:
        raise Malformed("write a time such as 14:30", code="bad-date", where="held") from None
