"""Read and write what a descriptor says of its offices: who may address which, and whom humans phone there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.errors import Malformed
from gateway.model.desk.offices import Addressable, Contact, Facing
from gateway.model.names import identifier
from gateway.model.values import text_value
from gateway.trust.documents.fields import Fields

_MAX_OFFICES = 4_096
_MAX_REACH = 128


def offices_as_json(addressable: Addressable, contacts: Iterable[Contact]) -> dict[str, Any]:
    """Return the members of a descriptor that tell of offices; what is empty is left out."""
    value = {
        "contacts": [{"office": each.office, "reach": each.reach} for each in contacts],
        "facing": [{"faces": list(it.faces), "office": it.office} for it in addressable.facing],
        "national_desks": list(addressable.national_desks),
    }
    return {name: listed for name, listed in value.items() if listed}


def read_addressable(fields: Fields) -> Addressable:
    """Return which offices may be addressed by which. Raises `Malformed`."""
    national = fields.texts("national_desks", _MAX_OFFICES) if fields.has("national_desks") else ()
    facing = tuple(map(_read_facing, fields.items("facing", _MAX_OFFICES))) if fields.has("facing") else ()
    if len({each.office for each in facing}) != len(facing):
        raise Malformed("an office is listed once, with all that face it", code="bad-field", where="descriptor.facing")
    return Addressable(national, facing)


def read_contacts(fields: Fields) -> tuple[Contact, ...]:
    """Return whom humans phone at the offices. Raises `Malformed`."""
    return tuple(map(_read_contact, fields.items("contacts", _MAX_OFFICES))) if fields.has("contacts") else ()


def _read_facing(value: Any) -> Facing:
    fields = Fields(value, "descriptor.facing", ("faces", "office"))
    faces = tuple(identifier(text, "descriptor.facing") for text in fields.texts("faces", _MAX_OFFICES))
    return Facing(identifier(fields.text("office"), "descriptor.facing"), faces)


def _read_contact(value: Any) -> Contact:
    fields = Fields(value, "descriptor.contacts", ("office", "reach"))
    reach = text_value(fields.text("reach"), "descriptor.contacts", _MAX_REACH)
    return Contact(identifier(fields.text("office"), "descriptor.contacts"), reach)
