"""The form in which an officer says what came of an alert: what was seized and how much, or how many persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.values.dates import western_digits
from gateway.console.frame.forms import Form
from gateway.console.frame.shapes import Field, Option
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.desk.notices import OutcomeCode, OutcomeReport
from gateway.model.values import text_value
from gateway.views.desk.words import OUTCOMES

_MAX_TEXT = 2_000
_MOST = {"grams": 10**9, "units": 10**9, "persons": 10**6}


@dataclass(frozen=True, slots=True)
class OutcomeForm:
    """The fields of an outcome."""

    codes: Sequence[Option]
    fields: Sequence[Field]


def outcome_form(language: Language, wrong: Mapping[str, str]) -> OutcomeForm:
    """Return the form; `wrong` are faults by field."""
    labels = {
        "substance": tell(language, "Substance or goods that were seized"),
        "grams": tell(language, "How many grams"),
        "units": tell(language, "How many pieces"),
        "persons": tell(language, "How many persons"),
        "about": tell(language, "In short"),
    }
    return OutcomeForm(
        codes=[Option(code, tell(language, text)) for code, text in OUTCOMES.items()],
        fields=[
            Field(
                name,
                label,
                fault=wrong.get(name, ""),
                width="width-10" if name in _MOST else "",
                mode="numeric" if name in _MOST else "",
                most=12 if name in _MOST else 64 if name == "substance" else _MAX_TEXT,
            )
            for name, label in labels.items()
        ],
    )


def read_outcome(form: Form) -> OutcomeReport:
    """Return the outcome that a form says. Raises `Malformed`."""
    try:
        code = OutcomeCode(form.one("outcome"))
    except ValueError:
        raise Malformed("choose what came of it", code="bad-outcome", where="about") from None
    substance, text = form.one("substance").strip(), form.one("about").strip()
    return OutcomeReport(
        code,
        text_value(substance, "substance", 64) if substance else "",
        grams=_number(form.one("grams"), "grams"),
        units=_number(form.one("units"), "units"),
        persons=_number(form.one("persons"), "persons"),
        text=text_value(text, "about", _MAX_TEXT) if text else "",
    )


def _number(text: str, name: str) -> int:
    digits = western_digits(text.strip()).replace(",", "").replace(" ", "")
    if not digits:
        return 0
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 10 or int(digits) > _MOST[name]:
        raise Malformed("this is no whole number, or too large", code="bad-outcome", where=name)
    return int(digits)
