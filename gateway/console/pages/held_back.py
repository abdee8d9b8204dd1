"""The form by which a data officer lifts what is held back, since it was withdrawn and its source still has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clock import rfc3339_s
from gateway.console.frame.shapes import Button, Option
from gateway.exchange.held_back import Held
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language


@dataclass(frozen=True, slots=True)
class HeldForm:
    """Shows what is held back of an agency, and the form that lifts one record of it."""

    title: str
    about: str
    label: str
    records: Sequence[Option]
    send: Button


def held_form(held: Sequence[Held], language: Language) -> HeldForm | None:
    """Return the form; None where nothing is held back."""
    if not held:
        return None
    told: dict[str, list[str]] = {}
    for each in held:
        whom = with_country(each.holder, language) if each.holder else tell(language, "all countries")
        since = moment(rfc3339_s(each.since_us), language)
        told.setdefault(each.record, []).append(
            tell(language, "held back from {whom} since {time}", whom=whom, time=since)
        )
    return HeldForm(
        title=tell(language, "Withdrawn records that are held back"),
        about=tell(
            language,
            "They are given to nobody until their row in the source is another one. Lift one whose row is right.",
        ),
        label=tell(language, "Record"),
        records=[Option(record, f"{record}: {', '.join(lines)}") for record, lines in told.items()],
        send=Button(tell(language, "Give it again"), kind="danger"),
    )
