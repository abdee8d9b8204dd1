"""The closed registry of record types: their fields, what each means, and the check of a field's value.

The check is plain Python, since it runs for each field of each record on the way out and on the way in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from gateway.errors import Malformed, TooLarge
from gateway.records.shapes import (
    Shape,
    is_date,
    is_identifier,
    is_item,
    is_moment,
    is_name,
    is_names,
    is_number,
    is_text,
    several,
)

MAX_FIELD = 4 * 1024
"""Bytes of one field's value as JSON in UTF-8."""

MAX_RECORD = 12 * 1024
"""Bytes of all values of one record together."""

DIGESTS = 12
"""Digests in a record of any type: one for each field that is there, the rest decoys."""


def compact_json(value: Any) -> str:
    """JSON without white space, in the characters themselves. Raises `TypeError` for what is not JSON."""
    return orjson.dumps(value).decode()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record type. `form` and `doc` say in words what `shape` checks and what it means."""

    name: str
    form: str
    doc: str
    shape: Shape

    def encode(self, value: Any) -> str:
        """`value` as JSON; `Malformed` or `TooLarge` naming the field when it may not stand there."""
        if not self.shape(value):
            raise Malformed("the value has another form", code="bad-field", where=self.name, remedy=self.form)
        try:
            text = compact_json(value)
        except (ValueError, TypeError, RecursionError) as error:
            _refuse_control_characters(value, self.name)
            raise Malformed("the value is not JSON", code="bad-field", where=self.name) from error
        if not text.isprintable() or "\\" in text:
            _refuse_control_characters(value, self.name)
        # Four bytes a character at most: the exact size is only worth counting when it could matter.
        if 4 * len(text) > MAX_FIELD and len(text.encode()) > MAX_FIELD:
            raise TooLarge(f"more than {MAX_FIELD} bytes", code="field-too-large", where=self.name)
        return text


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record type: its name, the version of its schema, its fields in order, its number of digests."""

    name: str
    schema_version: int
    fields: tuple[str, ...]
    by_name: Mapping[str, Field]
    digests: int = DIGESTS

    @property
    def vct(self) -> str:
        """The type as it stands in a record, such as `liaison:Person:1`."""
        return f"liaison:{self.name}:{self.schema_version}"

    def encode(self, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Pairs of name and JSON value, in the order of the type; raises like `Field.encode`."""
        encoded = [(name, self.by_name[name].encode(fields[name])) for name in self.fields if name in fields]
        if len(encoded) != len(fields):
            unknown = next(name for name in fields if name not in self.by_name)
            raise Malformed(
                f"`{str(unknown)[:40]!a}` is not a field of {self.name}",
                code="unknown-field",
                where=self.name,
                remedy=f"one of {', '.join(self.fields)}",
            )
        if sum(len(text) for _, text in encoded) * 4 > MAX_RECORD:
            _limit_record(encoded, self.name)
        return encoded


def _limit_record(encoded: list[tuple[str, str]], where: str) -> None:
    if sum(len(text.encode()) for _, text in encoded) > MAX_RECORD:
        raise TooLarge(f"more than {MAX_RECORD} bytes", code="record-too-large", where=where)


def _refuse_control_characters(value: Any, where: str) -> None:
    if isinstance(value, str):
        if not value.isprintable() and any(unicodedata.category(mark) in ("Cc", "Cs", "Co") for mark in value):
            raise Malformed("control characters are not allowed", code="bad-text", where=where)
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_control_characters(part, where)


_FORMS: Mapping[str, tuple[str, Shape]] = {
    "text": ("one text", is_text),
    "texts": ("a list of texts", several(is_text)),
    "names": ("a list of {text, script, lang?}", several(is_name)),
    "name": ("one text, one {text, script, lang?}, or a list of them", is_names),
    "date": ("{value: YYYY, YYYY-MM or YYYY-MM-DD, calendar?, original?}", is_date),
    "moment": ("RFC 3339 text, or a date", is_moment),
    "ids": ("a list of {scheme or doc_code, issuer, number}", several(is_identifier)),
    "items": ("a list of texts or flat objects", several(is_item)),
    "item": ("one text, or one flat object", is_item),
    "number": ("a number, or a decimal number as text", is_number),
}


def _type(name: str, *fields: tuple[str, str, str]) -> RecordType:
    made = [Field(field, *_described(form, doc)) for field, form, doc in fields]
    return RecordType(name, 1, tuple(field.name for field in made), MappingProxyType({f.name: f for f in made}))


def _described(form: str, doc: str) -> tuple[str, str, Shape]:
    words, shape = _FORMS[form]
    return words, doc, shape


_TYPES = (
    _type(
        "Person",
        ("names", "names", "every name and spelling that the owner holds"),
        ("birth", "date", "date of birth, as far as it is known"),
        ("sex", "text", "ICAO 9303 code: M, F or X"),
        ("nationalities", "texts", "ISO 3166-1 alpha-3, and ICAO codes for stateless persons and refugees"),
        ("national_ids", "ids", "national identity numbers with their scheme"),
        ("documents", "ids", "travel documents that the person was seen with"),
        ("addresses", "items", "addresses as the owner writes them"),
        ("warnings", "texts", "what an officer must know for safety"),
        ("status", "text", "what the person is to the owner: wanted, missing, convicted"),
    ),
    _type(
        "TravelDocument",
        ("doc_code", "text", "ICAO 9303 document code, or a local one such as BORDER_PASS"),
        ("issuer", "text", "issuing country, ICAO alpha-3"),
        ("number", "text", "number as printed"),
        ("holder_name", "name", "name of the holder"),
        ("birth", "date", "date of birth of the holder"),
        ("issued", "date", "date of issue"),
        ("expires", "date", "date of expiry"),
        ("status", "text", "VALID, LOST, STOLEN, STOLEN_BLANK, REVOKED, EXPIRED or UNKNOWN"),
        ("last_crossing", "item", "where and when the document last crossed a border"),
    ),
    _type(
        "Vehicle",
        ("plate", "item", "registration as on the plate, in its own script"),
        ("province", "text", "province of registration; a Thai plate is unique only with it"),
        ("country", "text", "country of registration"),
        ("make", "text", "maker"),
        ("model", "text", "model"),
        ("colour", "text", "colour"),
        ("vin", "text", "vehicle identification number, ISO 3779"),
        ("status", "text", "STOLEN, SOUGHT, SEIZED, EXPORT_BAN or NONE"),
        ("reported", "date", "since when the status holds"),
    ),
    _type(
        "Consignment",
        ("declaration", "text", "number of the customs declaration"),
        ("office", "text", "customs office"),
        ("consignor", "item", "who sends"),
        ("consignee", "item", "who receives"),
        ("lines", "items", "goods: tariff code, description, origin, mass"),
        ("containers", "items", "container numbers, ISO 6346"),
        ("transport", "item", "means of transport"),
        ("route", "items", "places of the route, in order"),
        ("risk", "text", "result of the risk assessment: GREEN, YELLOW or RED"),
    ),
    _type(
        "Seizure",
        ("reference", "text", "the seizing agency's own number"),
        ("date", "date", "day of the seizure"),
        ("office", "text", "seizing office"),
        ("goods", "items", "what was seized"),
        ("quantity", "number", "how much"),
        ("unit", "text", "unit of the quantity"),
        ("persons", "items", "persons in the case"),
        ("containers", "items", "containers in the case, ISO 6346"),
        ("vehicles", "items", "vehicles in the case"),
    ),
    _type(
        "BorderCrossing",
        ("crossing_point", "text", "crossing point"),
        ("direction", "text", "IN or OUT"),
        ("at", "moment", "when"),
        ("mode", "text", "AIR, LAND, RIVER, RAIL or SEA"),
        ("document", "item", "document that was shown"),
        ("person_name", "name", "name of the traveller"),
        ("vehicle", "item", "vehicle that was used"),
        ("decision", "text", "ADMIT, REFUSE, SECONDARY or ABSENT"),
        ("nationality", "text", "nationality of the traveller, ISO 3166-1 alpha-3"),
    ),
)

RECORD_TYPES: Mapping[str, RecordType] = MappingProxyType({kind.name: kind for kind in _TYPES})
"""All record types by name."""

BY_VCT: Mapping[str, RecordType] = MappingProxyType({kind.vct: kind for kind in _TYPES})
"""All record types by the type that stands in a record."""


def record_type(name: str) -> RecordType:
    """The record type called `name`, or `Malformed`."""
    kind = RECORD_TYPES.get(name)
    if kind is None:
        raise Malformed(
            f"`{name[:40]!a}` is not a record type",
            code="unknown-record-type",
            remedy=f"one of {', '.join(RECORD_TYPES)}",
        )
    return kind


def as_json_schema(kind: RecordType) -> dict[str, object]:
    """A description of `kind` for documents: title, version, and a line for each field (JSON Schema's words)."""
    return {
        "title": kind.name,
        "version": kind.schema_version,
        "additionalProperties": False,
        "properties": {name: {"description": field.doc, "form": field.form} for name, field in kind.by_name.items()},
    }
