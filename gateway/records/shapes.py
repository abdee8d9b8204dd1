"""From the JSON Schema of a field to a quick check of its value, and to words about it.

The published schema is the one that is checked: the checks are closures that are made from it once. They are plain
Python, since they run for each field of each record on the way out and on the way in. A shape only says if a value
fits; `types.Field.encode` checks sizes in bytes and characters once for the whole value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.errors import Malformed, Misconfigured
from gateway.model.values import PartialDate
from gateway.records.json_schema import DATE_FORMAT

Shape = Callable[[Any], bool]
Schema = Mapping[str, Any]

_WORDS_ONLY = frozenset({"title", "description", "default", "x-main", "minimum", "maximum", "$defs"})
_KNOWN = _WORDS_ONLY | {
    "$ref", "anyOf", "type", "const", "enum", "pattern", "format", "items", "maxItems", "properties", "required",
    "additionalProperties", "propertyNames", "maxProperties",
}  # fmt: skip


class Compiler:
    """Compiles the schemas of one model; `definitions` are its `$defs`."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def shape(self, schema: Schema) -> Shape:
        """Return the check of `schema`. Raises `Misconfigured`, at import, for a keyword that is not enforced here."""
        if unknown := schema.keys() - _KNOWN:
            raise Misconfigured(
                "no check for `{unknown}`", code="bad-schema", where="gateway/records/shapes.py", unknown=min(unknown)
            )
        if "$ref" in schema:
            return self.shape(self._named(schema))
        if "anyOf" in schema:
            return _either([self.shape(each) for each in schema["anyOf"]])
        if "const" in schema:
            return _constant(schema["const"])
        if "enum" in schema:
            return _one_of(frozenset(schema["enum"]))
        kind = schema["type"]
        if kind == "array":
            return _several(self.shape(schema["items"]), schema["maxItems"])
        if kind == "object":
            return self._object(schema)
        return _date_text if schema.get("format") == DATE_FORMAT else _plain(kind, schema)

    def words(self, schema: Schema) -> str:
        """Return `schema` in words, for remedies and documents."""
        if "$ref" in schema:
            return self.words(self._named(schema))
        if "anyOf" in schema:
            return ", or ".join(self.words(each) for each in schema["anyOf"])
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return f"one of {', '.join(schema['enum'])}"
        if schema["type"] == "array":
            return f"a list of {_plural(self.words(schema['items']))}"
        if schema["type"] == "object":
            return _members(schema)
        if schema.get("format") == DATE_FORMAT:
            return "YYYY, YYYY-MM or YYYY-MM-DD"
        return _TYPES[_kinds(schema["type"])]

    def _named(self, schema: Schema) -> Schema:
        return self._definitions[schema["$ref"].rpartition("/")[2]]

    def _object(self, schema: Schema) -> Shape:
        members = {name: self.shape(each) for name, each in schema["properties"].items()}
        if schema["additionalProperties"] is False:
            return _closed(members, frozenset(schema.get("required", ())))
        key = re.compile(schema["propertyNames"]["pattern"].strip("^$"), re.ASCII)
        return _open(members, self.shape(schema["additionalProperties"]), key, schema["maxProperties"])


def is_text(value: Any) -> bool:
    """Tell whether the value is one text."""
    return type(value) is str


def _is_truth(value: Any) -> bool:
    return type(value) is bool


def _date_text(value: Any) -> bool:
    if type(value) is not str:
        return False
    try:
        PartialDate(value)
    except Malformed:
        return False
    return True


def _kinds(kind: str | Sequence[str]) -> tuple[str, ...]:
    return (kind,) if isinstance(kind, str) else tuple(kind)


def _plain(kind: str | Sequence[str], schema: Schema) -> Shape:
    kinds = _kinds(kind)
    if kinds == ("string",):
        return is_text
    if kinds == ("boolean",):
        return _is_truth
    low, high, exact = schema["minimum"], schema["maximum"], "string" in kinds
    truth = "boolean" in kinds

    def fits(value: Any) -> bool:
        known = type(value)
        if known is str:
            return exact
        if known is int or known is float:
            return bool(low <= value <= high)  # neither NaN nor an infinity lies between
        return known is bool and truth

    return fits


def _constant(constant: Any) -> Shape:
    known = type(constant)
    return lambda value: type(value) is known and bool(value == constant)


def _one_of(words: frozenset[str]) -> Shape:
    return lambda value: type(value) is str and value in words


def _either(shapes: list[Shape]) -> Shape:
    if len(shapes) == 2:
        first, second = shapes
        return lambda value: first(value) or second(value)
    return lambda value: any(shape(value) for shape in shapes)


def _several(shape: Shape, most: int) -> Shape:
    def is_list(value: Any) -> bool:
        if type(value) is not list or len(value) > most:
            return False
        for item in value:  # noqa: SIM110 - a generator costs more than the checks
            if not shape(item):
                return False
        return True

    return is_list


def _closed(members: Mapping[str, Shape], required: frozenset[str]) -> Shape:
    # Most members are texts: one look-up for them, and no call.
    texts = frozenset(name for name, shape in members.items() if shape is is_text)

    def is_object(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for key, part in value.items():
            if key in texts:
                if type(part) is not str:
                    return False
            elif key not in members or not members[key](part):
                return False
        return required <= value.keys()

    return is_object


def _open(members: Mapping[str, Shape], other: Shape, key_form: re.Pattern[str], most: int) -> Shape:
    def is_object(value: Any) -> bool:
        if type(value) is not dict or len(value) > most:
            return False
        for key, part in value.items():
            shape = members.get(key)
            if shape is None:
                if type(key) is not str or not key_form.fullmatch(key) or not other(part):
                    return False
            elif not shape(part):
                return False
        return True

    return is_object


_TYPES = {
    ("string",): "one text",
    ("boolean",): "true or false",
    ("number", "string"): "a number, or a decimal number as text",
    ("boolean", "number", "string"): "a truth value, number or text",
}


def _members(schema: Schema) -> str:
    required = schema.get("required", ())
    names = [
        name if name in required or schema["additionalProperties"] else f"{name}?" for name in schema["properties"]
    ]
    if schema["additionalProperties"] is False:
        return f"{{{', '.join(names)}}}"
    return f"a flat object ({', '.join(names)})" if names else "a flat object"


def _plural(words: str) -> str:
    return words.replace("one text", "texts", 1) if words.startswith("one text") else words
