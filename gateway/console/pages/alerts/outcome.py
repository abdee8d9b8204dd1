"""The form in which an officer says what came of an alert or an answer: what was seized, or how many persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adapters.values.dates import western_digits
from gateway.console.frame.forms import Form, field_of, label_of, text_of
from gateway.console.frame.shapes import Field, Option
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.desk.notices import OutcomeCode, OutcomeReport
from gateway.model.faces.fields import Whole, fields_of
from gateway.views.desk.words import OUTCOMES

_WORDS = "about"
"""The name of its words on a page, which has a field `text` for others."""


@dataclass(frozen=True, slots=True)
class OutcomeForm:
    """The fields of an outcome."""

    codes: Sequence[Option]
    fields: Sequence[Field]


def outcome_form(language: Language, wrong: Mapping[str, str]) -> OutcomeForm:
    """Return the form; `wrong` are faults by field."""
    codes = [Option(code, tell(language, text)) for code, text in OUTCOMES.items()]
    return OutcomeForm(codes, outcome_fields(language, lambda _name: "", wrong))


def outcome_fields(language: Language, value: Callable[[str], str], wrong: Mapping[str, str]) -> list[Field]:
    """Return the fields beside the code, with what was sent before and what is wrong with it."""

    def text(name: str, place: str) -> Field:
        return field_of(OutcomeReport, name, language, value(place), wrong.get(place, ""), place=place)

    def count(name: str) -> Field:
        label, fault = label_of(OutcomeReport, name, language), wrong.get(name, "")
        return Field(name, label, value(name), fault=fault, width="width-10", mode="numeric", most=12)

    return [text("substance", "substance"), *map(count, ("grams", "units", "persons")), text("text", _WORDS)]


def read_outcome(form: Form) -> OutcomeReport:
    """Return the outcome that a form says. Raises `Malformed`."""
    try:
        code = OutcomeCode(form.one("outcome"))
    except ValueError:
        raise Malformed("choose what came of it", code="bad-outcome", where=_WORDS) from None
    return OutcomeReport(
        code,
        text_of(form, OutcomeReport, "substance"),
        grams=_number(form, "grams"),
        units=_number(form, "units"),
        persons=_number(form, "persons"),
        text=text_of(form, OutcomeReport, "text", _WORDS),
    )


def _number(form: Form, name: str) -> int:
    """Return a whole number, in the digits of any script; 0 for none."""
    said = fields_of(OutcomeReport)[name].said
    assert isinstance(said, Whole)
    digits = western_digits(form.one(name).strip()).replace(",", "").replace(" ", "")
    if not digits:
        return 0
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 10 or int(digits) > said.most:
        raise Malformed("this is no whole number, or too large", code="bad-outcome", where=name)
    return int(digits)
