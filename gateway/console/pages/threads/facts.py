"""Show what a thread is about as a summary: who asks what, why, for whom, and until when a person is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gateway.console.frame.clocks import countdown
from gateway.console.frame.forms import label_of
from gateway.console.frame.records import as_written, foreign
from gateway.console.frame.shapes import Clock, Row, Text
from gateway.console.pages.alerts.places import office_name
from gateway.console.uploads.attached import file_row
from gateway.desk.forms.catalogue import FieldType, FormField, form_named, topic_named
from gateway.desk.second_step.approval import URGENCY_REASON
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES, named
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.handed.asks import FollowUp, Reasons
from gateway.model.purpose import Offence, Purpose
from gateway.views.desk.words import CATEGORIES, notice_words, urgency_words
from gateway.views.search.fields import field_name


class Basis(Protocol):
    """Holds what an ask stands on: the head of its notice, or its draft."""

    @property
    def urgency(self) -> Urgency:
        """The class of its clock."""

    @property
    def purpose(self) -> Purpose:
        """The purpose."""

    @property
    def offence(self) -> Offence:
        """The offence."""

    @property
    def case(self) -> str:
        """The case of the asker."""

    @property
    def ticket(self) -> str:
        """The ticket of the asker."""

    @property
    def to_office(self) -> str:
        """The office to which it is addressed; empty for none."""

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files that go with it."""


def ask_rows(ask: Ask, basis: Basis, language: Language) -> tuple[Row, ...]:
    """Return an ask as the lines of a summary; what it does not say has no line."""
    rows = tuple(
        Row(name, tuple(foreign(value) if isinstance(value, str) else value for value in values))
        for name, values in _pairs(ask, basis, language)
        if any(values)
    )
    return (*rows, file_row(basis.attachments, language)) if basis.attachments else rows


def held_clock(ask: Ask, now_us: int, language: Language) -> Clock | None:
    """Return until when a person is held, counted down to; None where none is."""
    return countdown(ask.held_until_us, now_us, language) if ask.held_until_us else None


def subject(ask: Ask, language: Language) -> str:
    """Return what an ask asks, in one line: its kind, and its topic or form."""
    told = notice_words("ask", ask.about.value, language)
    label = _label(ask, language)
    return f"{told}: {label}" if label else told


def _pairs(ask: Ask, basis: Basis, language: Language) -> Iterator[tuple[str, tuple[Text | str, ...]]]:
    values = dict(ask.values)
    yield tell(language, "What is asked"), (subject(ask, language),)
    yield tell(language, "The office there"), (office_name(basis.to_office) if basis.to_office else "",)
    yield label_of(Reasons, "facts", language), as_written(ask.facts)
    yield label_of(Reasons, "why_you", language), as_written(ask.why_you)
    yield label_of(Reasons, "link", language), as_written(ask.link)
    yield label_of(Reasons, "category", language), (_category(ask, language),)
    if ask.about is not About.FORM:
        wanted = tuple(field_name(name, language) for name in ask.fields)
        yield label_of(FollowUp, "fields", language), (", ".join(wanted),)
    yield (
        tell(language, "Urgency"),
        (
            urgency_words(basis.urgency.value, language),
            *as_written(values.get(URGENCY_REASON, "")),
        ),
    )
    yield tell(language, "Purpose"), (named(basis.purpose.value, PURPOSES, language),)
    yield tell(language, "Offence"), (named(basis.offence.value, OFFENCES, language),)
    yield tell(language, "Case number"), (basis.case,)
    yield tell(language, "Ticket"), (basis.ticket,)
    if ask.about is About.FORM:
        yield from _form_pairs(ask, values, language)


def _category(ask: Ask, language: Language) -> str:
    code = ask.category.value
    return tell(language, CATEGORIES[code]) if code != "UNKNOWN" else ""


def _label(ask: Ask, language: Language) -> str:
    try:
        if ask.about is About.FORM:
            return form_named(ask.topic).title[language.value]
        return topic_named(ask.topic).label[language.value] if ask.about is About.QUESTION else ""
    except Malformed:  # a topic of a newer version, at the other side
        return ask.topic


def _form_pairs(ask: Ask, values: dict[str, str], language: Language) -> Iterator[tuple[str, tuple[str, ...]]]:
    try:
        fields = form_named(ask.topic).fields
    except Malformed:
        yield from ((name, (value,)) for name, value in values.items())
        return
    for field in fields:
        if field.code in values:
            yield field.label[language.value], (form_value(field, values[field.code], language),)


def form_value(field: FormField, value: str, language: Language) -> str:
    """Return the value of a field of a form in words."""
    if field.type is FieldType.CODE and value in field.codes:
        return field.codes[value][language.value]
    return with_country(value, language) if field.type is FieldType.COUNTRY else value
