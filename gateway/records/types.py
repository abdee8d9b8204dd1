"""The closed registry of record types: their fields, the meaning of each, and the check of a field's value.

It is made from the models (`people.py`, `objects.py`, `work.py`), the only definition. The check is plain Python,
since it runs for each field of each record on the way out and on the way in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import orjson

from gateway.errors import Malformed, TooLarge
from gateway.records.base import MAIN, RecordModel
from gateway.records.json_schema import json_schema
from gateway.records.objects import Consignment, Seizure, Vehicle, Vessel
from gateway.records.people import BorderCrossing, Person, TravelDocument, VisaResidence
from gateway.records.shapes import Compiler, Shape
from gateway.records.work import Alert, CaseReference, ModusOperandiReport

MAX_FIELD = 4 * 1024
"""Bytes of one field's value as JSON in UTF-8."""

MAX_RECORD = 12 * 1024
"""Bytes of all values of one record together."""

_PLAIN = MAX_FIELD // 4 - 2
"""A text of fewer characters is within `MAX_FIELD`, even if each takes four bytes."""

DIGESTS = (12, 16, 20, 24)
"""Digests in a record, one for each present field, the rest decoys: the first number that is enough for the type."""


def compact_json(value: Any) -> str:
    """Return JSON without white space, in the characters themselves. Raises `TypeError` for what is not JSON."""
    return orjson.dumps(value).decode()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record type. `form` and `doc` say in words what `shape` checks and what it means."""

    name: str
    form: str
    doc: str
    shape: Shape

    def encode(self, value: Any) -> str:
        """Return `value` as JSON. Raises `Malformed` or `TooLarge` with the field's name when it does not fit."""
        if not self.shape(value):
            raise Malformed("the value has another form", code="bad-field", where=self.name, remedy=self.form)
        if (
            type(value) is str
            and value.isprintable()
            and len(value) < _PLAIN
            and '"' not in value
            and "\\" not in value
        ):
            return f'"{value}"'  # nothing in it is written otherwise in JSON
        try:
            text = compact_json(value)
        except (ValueError, TypeError, RecursionError) as error:
            _refuse_control_characters(value, self.name)
            raise Malformed("the value is not JSON", code="bad-field", where=self.name) from error
        if not text.isprintable() or "\\" in text:
            _refuse_control_characters(value, self.name)
        # Four bytes a character at most: the exact size is only worth counting when it could matter.
        if 4 * len(text) > MAX_FIELD and len(text.encode()) > MAX_FIELD:
            raise TooLarge("more than {limit} bytes", code="field-too-large", where=self.name, limit=MAX_FIELD)
        return text


@dataclass(frozen=True)
class RecordType:
    """A record type: its name, the version of its schema, its fields in order, its number of digests.

    `main` are the fields that a mapping must map or leave out by name, and that officers count.
    """

    name: str
    schema_version: int
    fields: tuple[str, ...]
    main: tuple[str, ...]
    digests: int
    model: type[RecordModel]

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """The fields by name, in order. Made on first use: a command that only counts fields does not wait for it."""
        schema = json_schema(self.model)
        compiler = Compiler(schema.get("$defs", {}))
        made = {
            name: Field(name, compiler.words(each), each["description"], compiler.shape(each))
            for name, each in schema["properties"].items()
        }
        return MappingProxyType(made)

    @property
    def vct(self) -> str:
        """The type as it is written in a record, such as `liaison:Person:1`."""
        return f"liaison:{self.name}:{self.schema_version}"

    def total(self, shown: Collection[str]) -> int:
        """Return the number of fields that an officer is told of if `shown` are disclosed: these and all main ones."""
        return len({*self.main, *shown})

    def check_whole(self, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return `encode` of all fields, at the owner. Raises `Malformed` also for rules over several fields."""
        encoded = self.encode(fields)
        if self.model.check is not RecordModel.check:
            self.model.read(fields)
        return encoded

    def encode(self, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return pairs of name and JSON value, in the order of the type. Raises like `Field.encode`."""
        by_name = self.by_name
        encoded = [(name, by_name[name].encode(fields[name])) for name in self.fields if name in fields]
        if len(encoded) != len(fields):
            unknown = next(name for name in fields if name not in self.by_name)
            raise Malformed(
                "`{unknown!a}` is not a field of {name}",
                code="unknown-field",
                where=self.name,
                remedy="one of {fields}",
                unknown=str(unknown)[:40],
                name=self.name,
                fields=", ".join(self.fields),
            )
        if sum(len(text) for _, text in encoded) * 4 > MAX_RECORD:
            _limit_record(encoded, self.name)
        return encoded


def _limit_record(encoded: list[tuple[str, str]], where: str) -> None:
    if sum(len(text.encode()) for _, text in encoded) > MAX_RECORD:
        raise TooLarge("more than {limit} bytes", code="record-too-large", where=where, limit=MAX_RECORD)


def _refuse_control_characters(value: Any, where: str) -> None:
    if isinstance(value, str):
        if not value.isprintable() and any(unicodedata.category(mark) in ("Cc", "Cs", "Co") for mark in value):
            raise Malformed("control characters are not allowed", code="bad-text", where=where)
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_control_characters(part, where)


def _type(model: type[RecordModel]) -> RecordType:
    fields = model.model_fields
    return RecordType(
        name=model.__name__,
        schema_version=model.schema_version,
        fields=tuple(fields),
        main=tuple(name for name, field in fields.items() if field.json_schema_extra == MAIN),
        digests=next(number for number in DIGESTS if number >= len(fields)),
        model=model,
    )


_TYPES = tuple(
    _type(model)
    for model in (
        Person,
        TravelDocument,
        Vehicle,
        Consignment,
        Seizure,
        BorderCrossing,
        Vessel,
        VisaResidence,
        Alert,
        CaseReference,
        ModusOperandiReport,
    )
)

RECORD_TYPES: Mapping[str, RecordType] = MappingProxyType({kind.name: kind for kind in _TYPES})
"""All record types by name."""

BY_VCT: Mapping[str, RecordType] = MappingProxyType({kind.vct: kind for kind in _TYPES})
"""All record types by the type as it is written in a record."""


def record_type(name: str) -> RecordType:
    """Return the record type called `name`. Raises `Malformed`."""
    kind = RECORD_TYPES.get(name)
    if kind is None:
        raise Malformed(
            "`{name!a}` is not a record type",
            code="unknown-record-type",
            remedy="one of {record_types}",
            name=name[:40],
            record_types=", ".join(RECORD_TYPES),
        )
    return kind
