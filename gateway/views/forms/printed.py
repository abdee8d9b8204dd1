"""Print a form that was asked, in the reader's language: one page that needs no network, and plain text."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.clock import rfc3339_s
from gateway.desk.forms.catalogue import FieldType, Form, FormField, form_named
from gateway.errors import Malformed
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.desk.notices import About, Ask, Notice
from gateway.model.requester import Requester
from gateway.views.render import render
from gateway.views.words.printable import printable

_WORDS: Sentences = {
    "from": "from the desk of",
    "to": "to the desk of",
    "time": "time",
    "case": "case",
    "agreement": "agreement",
    "requester": "asked by",
    "approver": "approved by",
    "facts": "facts",
}

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FormView:
    """The content of a printed form: who asks whom, and the fields with their values."""

    title: str
    language: str
    about: tuple[Pair, ...]
    fields: tuple[Pair, ...]


def form_view(notice: Notice, language: Language) -> FormView:
    """Return a form as it is printed. Raises `Malformed` for a notice that is not a form."""
    ask, head = notice.body, notice.head
    if not isinstance(ask, Ask) or ask.about is not About.FORM:
        raise Malformed("this notice is no form", code="no-form", where="notice")
    form, values = form_named(ask.topic), dict(ask.values)
    told = {
        "from": with_country(head.sender, language),
        "to": with_country(head.recipient, language),
        "time": moment(rfc3339_s(head.issued_us), language),
        "case": head.case or head.ticket,
        "agreement": head.agreement,
        "requester": _human(head.requester),
        "approver": _human(head.approver) if head.approver is not None else "",
        "facts": ask.facts,
    }
    return FormView(
        form.title[language.value],
        language.value,
        tuple((tell(language, _WORDS[name]), value) for name, value in told.items() if value),
        _fields(form, values, language),
    )


def form_page(notice: Notice, language: Language) -> str:
    """Return the page of a form, made to be printed."""
    return render("form.html", form_view(notice, language))


def form_text(notice: Notice, language: Language) -> str:
    """Return a form as plain text, one line for each field."""
    view = form_view(notice, language)
    lines = [view.title, ""]
    lines += [f"{name}: {value}" for name, value in (*view.about, *view.fields)]
    return "\n".join(map(printable, lines)) + "\n"


def _fields(form: Form, values: dict[str, str], language: Language) -> tuple[Pair, ...]:
    return tuple(
        (field.label[language.value], _value(field, values[field.code], language))
        for field in form.fields
        if field.code in values
    )


def _value(field: FormField, value: str, language: Language) -> str:
    if field.type is FieldType.CODE:
        return field.codes[value][language.value]
    return with_country(value, language) if field.type is FieldType.COUNTRY else value


def _human(who: Requester) -> str:
    return f"{who.role}, {who.agency}, {who.office} ({who.pseudonym})"
