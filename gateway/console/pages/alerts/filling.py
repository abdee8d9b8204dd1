"""The form of an alert: what a template asks for, to whom it goes, for how long, and under what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gateway.console.frame.forms import Form, field_of, label_of
from gateway.console.frame.shapes import Field, Hidden, Option
from gateway.console.pages.alerts.kinds import COUNTRIES, LABELS, Kind
from gateway.console.pages.alerts.lasting import USUAL_H, hidden_lengths, lengths
from gateway.console.pages.alerts.places import office_name
from gateway.console.pages.alerts.told import action_words
from gateway.console.uploads.attached import BROUGHT, FilesPart
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import countries, with_country
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES
from gateway.model.handed.alerts import RaiseAlert

_MOST = 256
_MOST_REASON = 300
_REPEATS = (120, 300, 900)
_MUST_NOT = ("DO_NOT_ALERT_SUBJECT", "DO_NOT_DETAIN")
_OTHERS: Sentences = {
    "decision_ref": "Warrant or decision that it rests on",
    "contact": "Contact around the clock: a role, no name",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """Keeps what was filled in, so that a page with a fault shows it again."""

    values: Mapping[str, tuple[str, ...]]

    NAMES: ClassVar[tuple[str, ...]] = (
        "action",
        "do_not",
        "reason",
        "offence",
        "purpose",
        "decision_ref",
        "contact",
        "case",
        "ticket",
        "to",
        "lasts",
        "hidden",
        "repeat",
        "to_life",
    )
    """The fields that every template has."""

    @classmethod
    def of(cls, form: Form) -> Sent:
        """Return what a form sent, in the fields that any template has."""
        known = {*cls.NAMES, *LABELS, "kind", BROUGHT}
        return cls(
            {name: tuple(text.strip() for text in values) for name, values in form.fields.items() if name in known}
        )

    @classmethod
    def empty(cls, kind: Kind, basis: Mapping[str, str]) -> Sent:
        """Return what a template has before anything is filled in."""
        first = {"kind": (kind.name,), "action": kind.actions[:1], "do_not": kind.warns, "lasts": (str(USUAL_H),)}
        return cls(first | {"repeat": (str(_REPEATS[0]),)} | {name: (text,) for name, text in basis.items()})

    def one(self, name: str) -> str:
        """Return the first value of a field; an empty text without one."""
        return next(iter(self.values.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a field."""
        return self.values.get(name, ())

    def having(self, name: str, values: tuple[str, ...]) -> Sent:
        """Return what was filled in, with these values of a field."""
        return Sent({**self.values, name: values})

    @property
    def hidden(self) -> list[Hidden]:
        """Return what was filled in as values that another form carries."""
        return [Hidden(name, text) for name, values in self.values.items() for text in values]


@dataclass(frozen=True, slots=True)
class Choice:
    """A field for which one of several is chosen."""

    name: str
    label: str
    options: Sequence[Option]
    hint: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class FillView:
    """The form of a template."""

    about: str
    kind: Hidden
    action: Choice
    must_not: Choice
    fields: Sequence[Field | Choice]
    more: Sequence[Field | Choice]
    reason: Field
    to: Choice
    times: Sequence[Choice]
    basis: Sequence[Field | Choice]
    to_life: Choice
    files: FilesPart
    faults: Sequence[tuple[str, str]]


def fill_view(
    kind: Kind,
    sent: Sent,
    parts: ConsoleParts,
    visit: Visit,
    files: FilesPart,
    faults: tuple[tuple[str, str], ...],
) -> FillView:
    """Return the form of a template with what was filled in."""
    language, wrong = visit.language, dict(faults)
    inputs = _Inputs(sent, wrong, language)
    return FillView(
        about=tell(language, kind.about),
        kind=Hidden("kind", kind.name),
        action=inputs.choice(
            "action",
            tell(language, "What is to be done"),
            [(code, action_words(code, language)) for code in kind.actions],
        ),
        must_not=inputs.choice(
            "do_not",
            tell(language, "What must not be done"),
            [(code, action_words(code, language)) for code in _MUST_NOT],
        ),
        fields=[inputs.known(name) for name in kind.fields],
        more=[inputs.known(name) for name in kind.more],
        reason=inputs.field(
            "reason",
            tell(language, "Why, in short"),
            hint=tell(language, "It is read as you write it. The action above is read by each in their own language."),
            most=_MOST_REASON,
        ),
        to=inputs.choice("to", label_of(RaiseAlert, "to", language), _receivers(parts, language)),
        times=inputs.times(),
        basis=inputs.basis(visit),
        to_life=inputs.choice(
            "to_life",
            label_of(RaiseAlert, "to_life", language),
            [("1", tell(language, "A life is in danger: send it at once, and have it approved within an hour"))],
        ),
        files=files,
        faults=faults,
    )


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Makes the fields of a form from what was sent."""

    sent: Sent
    wrong: Mapping[str, str]
    language: Language

    def known(self, name: str) -> Field | Choice:
        """Return a field of a template."""
        label = tell(self.language, LABELS[name])
        if name not in COUNTRIES:
            return self.field(name, label)
        none = ("", tell(self.language, "not known"))
        return self.choice(name, label, [none, *countries(self.language).items()])

    def field(self, name: str, label: str, hint: str = "", most: int = _MOST) -> Field:
        return Field(name, label, self.sent.one(name), hint=hint, fault=self.wrong.get(name, ""), most=most)

    def choice(self, name: str, label: str, options: Sequence[tuple[str, str]], hint: str = "") -> Choice:
        chosen = self.sent.all(name)
        made = [Option(code, text, chosen=code in chosen) for code, text in options]
        return Choice(name, label, made, hint, self.wrong.get(name, ""))

    def times(self) -> list[Choice]:
        language, wrong = self.language, self.wrong
        repeats = [(str(seconds), tell(language, "every {count} min", count=seconds // 60)) for seconds in _REPEATS]
        return [
            Choice(
                "lasts",
                label_of(RaiseAlert, "until", language),
                lengths(language, self.sent.one("lasts")),
                fault=wrong.get("lasts", ""),
            ),
            Choice(
                "hidden",
                label_of(RaiseAlert, "hidden_until", language),
                hidden_lengths(language, self.sent.one("hidden")),
                fault=wrong.get("hidden", ""),
            ),
            self.choice("repeat", label_of(RaiseAlert, "repeat_s", language), repeats),
        ]

    def basis(self, visit: Visit) -> list[Field | Choice]:
        language = self.language
        purposes = [(code, tell(language, text)) for code, text in PURPOSES.items() if code in visit.officer.purposes]
        offences = [(code, tell(language, text)) for code, text in OFFENCES.items()]
        none = ("", tell(language, "choose one"))
        return [
            *(
                field_of(RaiseAlert, name, language, self.sent.one(name), self.wrong.get(name, ""))
                for name in ("case", "ticket")
            ),
            self.choice("purpose", label_of(RaiseAlert, "purpose", language), [none, *purposes]),
            self.choice("offence", label_of(RaiseAlert, "offence", language), [none, *offences]),
            self.field("decision_ref", tell(language, _OTHERS["decision_ref"])),
            self.field("contact", tell(language, _OTHERS["contact"])),
        ]


def _receivers(parts: ConsoleParts, language: Language) -> list[tuple[str, str]]:
    """Return whom an alert can go to: each counterpart as a whole, and each of its offices."""
    found: list[tuple[str, str]] = []
    for member, offices in sorted(parts.offices().items()):
        if member == parts.member:
            continue
        name = with_country(member, language)
        found.append((member, tell(language, "{country}: all offices", country=name)))
        found += [(office, f"{name}: {office_name(office)}") for office in offices]
    return found
