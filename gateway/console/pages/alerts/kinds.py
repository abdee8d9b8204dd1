"""The templates of alerts: what each asks for, and what its record says, so that little is typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.console.gate.understood import birth_date
from gateway.language.catalogue import Sentences
from gateway.model.forms.numbers import compact

PERSON = ("name", "romanised", "birth", "document", "issuer")
VEHICLE = ("plate", "province", "country", "make", "colour")
VESSEL = ("vessel_name", "local_reg", "hull_marks", "flag")
SHIPMENT = ("container", "goods", "declaration")

LABELS: Sentences = {
    "name": "Name, as it is written",
    "romanised": "Name in Latin letters",
    "birth": "Born: day, month or year",
    "document": "Number of a passport or another document",
    "issuer": "Country that issued it",
    "plate": "Plate",
    "province": "Province on the plate",
    "country": "Country of the plate",
    "make": "Make",
    "colour": "Colour",
    "vessel_name": "Name of the boat or ship",
    "local_reg": "Local registration",
    "hull_marks": "Marks of the hull",
    "flag": "Country of the flag",
    "container": "Number of the container",
    "goods": "Goods",
    "declaration": "Number of the declaration",
}
COUNTRIES = frozenset({"issuer", "country", "flag"})
"""The fields that a country is chosen for."""

_OF_THING: Mapping[str, str] = {"vessel_name": "name", "container": "number"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A template: the actions that it offers, the usual one first, and the fields that it asks for.

    `more` are fields that are often not known. `thing` is the kind of thing that its fields describe. `warns` are the
    things that must not be done unless the officer says otherwise.
    """

    name: str
    about: str
    actions: tuple[str, ...]
    fields: tuple[str, ...]
    thing: str
    more: tuple[str, ...] = ()
    warns: tuple[str, ...] = ()


NAMES: Sentences = {
    "fugitive": "A person who is sought",
    "child": "A missing child or person",
    "vehicle": "A vehicle",
    "boat": "A boat or ship",
    "danger": "Danger to officers",
    "shipment": "A shipment",
}
_ABOUT: Sentences = {
    "fugitive": "Arrest, find or watch a person at the border.",
    "child": "Find and protect a child, or a person who is missing or in need of protection.",
    "vehicle": "Watch, search or seize a vehicle by its plate.",
    "boat": "Watch, search or seize a boat by its name, registration or marks.",
    "danger": "Warn officers of a person or vehicle that is dangerous to them.",
    "shipment": "Watch, search or seize a container or goods.",
}
_WATCH = ("DISCREET_CHECK", "SPECIFIC_CHECK")

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "fugitive",
            _ABOUT["fugitive"],
            ("ARREST", "LOCATE", *_WATCH, "INQUIRY_CHECK", "UNKNOWN_WANTED"),
            PERSON,
            "vehicle",
            VEHICLE,
        ),
        Kind(
            "child",
            _ABOUT["child"],
            ("MISSING_CHILD", "VULNERABLE", "MISSING_ADULT"),
            PERSON,
            "vehicle",
            VEHICLE,
            ("DO_NOT_DETAIN",),
        ),
        Kind("vehicle", _ABOUT["vehicle"], (*_WATCH, "SEIZE_OBJECT"), VEHICLE, "vehicle"),
        Kind("boat", _ABOUT["boat"], (*_WATCH, "SEIZE_OBJECT"), VESSEL, "vessel"),
        Kind("danger", _ABOUT["danger"], ("WARN_SAFETY",), PERSON, "vehicle", VEHICLE),
        Kind(
            "shipment", _ABOUT["shipment"], ("SPECIFIC_CHECK", "DISCREET_CHECK", "SEIZE_OBJECT"), SHIPMENT, "container"
        ),
    )
}


def record_of(kind: Kind, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of the record that a template and what was filled in make. Raises `Malformed` for a bad date.

    Whether that is enough for an alert, and in its form, the use case says.
    """
    fields: dict[str, Any] = {}
    if name := sent.get("name", ""):
        latin = sent.get("romanised", "")
        fields["names"] = [{"text": name} | ({"romanised": latin} if latin else {})]
    elif latin := sent.get("romanised", ""):
        fields["names"] = [{"text": latin}]
    if born := sent.get("birth", ""):
        fields["birth"] = {"value": birth_date(born).value}
    if number := sent.get("document", ""):
        issuer = sent.get("issuer", "")
        fields["identifiers"] = [{"number": compact(number)} | ({"issuer": issuer} if issuer else {})]
    about = {
        _OF_THING.get(name, name): sent[name]
        for name in (*VEHICLE, *VESSEL, *SHIPMENT)
        if sent.get(name) and name in kind.fields + kind.more
    }
    if about:
        fields["objects"] = [{"kind": kind.thing} | about]
    return fields
