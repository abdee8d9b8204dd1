"""The markings of what leaves, all made here: the labels of TLP 2.0 as OASIS published them, and our limits of use.

A marking that is in a report's text or fields is a text: nothing from outside becomes a reference to a marking.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from bridges.leaving import USES, Label
from bridges.report import NAMESPACE, Handling

_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP_CREATED = "2022-10-01T00:00:00.000Z"
_TLP_IDS = {
    Label.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Label.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Label.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Label.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
}

FIXED = "2026-11-28T00:00:00.000Z"
"""When the objects that never change were made."""


def identifier(kind: str, *parts: str) -> str:
    """Return the STIX identifier of a thing of ours, the same for the same parts."""
    return f"{kind}--{uuid.uuid5(NAMESPACE, '/'.join((kind, *parts)))}"


HANDLING_EXTENSION = identifier("extension-definition", "handling", "1")
LIAISON = identifier("identity", "liaison")


def marking_refs(handling: Handling) -> list[str]:
    """Return the references to the markings of a report: its label, and its limits of use where it has any."""
    return [_TLP_IDS[handling.label], *([_uses_id(handling.uses)] if handling.uses else [])]


def marking_objects(handling: Handling) -> Iterator[dict[str, Any]]:
    """Yield the objects that `marking_refs` names."""
    label = handling.label
    yield {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": _TLP_IDS[label],
        "created": _TLP_CREATED,
        "name": f"TLP:{label.value.upper()}",
        "extensions": {_TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": label.value}},
    }
    if handling.uses:
        yield _uses_marking(handling.uses)


def handling_extension(handling: Handling, until: str) -> dict[str, Any]:
    """Return the extension of an object that says for machines what its readers may do with it, and until when."""
    return {
        HANDLING_EXTENSION: {
            "extension_type": "property-extension",
            "use": list(handling.uses),
            "not_after": until,
        }
    }


def house_objects() -> Iterator[dict[str, Any]]:
    """Yield our own identity, and the definition of our extension."""
    yield identity(LIAISON, "Liaison")
    yield {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": HANDLING_EXTENSION,
        "created_by_ref": LIAISON,
        "created": FIXED,
        "modified": FIXED,
        "name": "Liaison handling",
        "description": "Limits of use, and the moment after which an object must not be kept.",
        "schema": _SCHEMA,
        "version": "1.0.0",
        "extension_types": ["property-extension"],
        "extension_properties": ["use", "not_after"],
    }


def identity(name: str, words: str) -> dict[str, Any]:
    """Return the identity of an organisation."""
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": name,
        "created": FIXED,
        "modified": FIXED,
        "name": words,
        "identity_class": "organization",
    }


_SCHEMA = (
    '{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["extension_type"],'
    '"properties":{"extension_type":{"const":"property-extension"},'
    '"use":{"type":"array","uniqueItems":true,"items":{"enum":["U0","U1","U2","U3"]}},'
    '"not_after":{"type":"string","format":"date-time"}}}'
)


def _uses_id(uses: tuple[str, ...]) -> str:
    return identifier("marking-definition", "use", *uses)


def _uses_marking(uses: tuple[str, ...]) -> dict[str, Any]:
    """Return our marking: a statement in words for programs that do not know the extension, the codes for others."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": _uses_id(uses),
        "created_by_ref": LIAISON,
        "created": FIXED,
        "name": f"Liaison {' '.join(uses)}",
        "definition_type": "statement",
        "definition": {"statement": "; ".join(f"{code}: {USES[code]}" for code in uses)},
        "extensions": {HANDLING_EXTENSION: {"extension_type": "property-extension", "use": list(uses)}},
    }
