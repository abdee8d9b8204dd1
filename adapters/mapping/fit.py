"""Checks, before any row is read, that the values of a mapping can be in the record's field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.mapping.mapping import Part, Value
from adapters.values.converters import CONVERTERS
from gateway.records.types import Field


def misfits(field: Field, value: Value) -> Iterator[tuple[str, str]]:
    """Yield each word of a field's value that would leave out every record with it, and the reason."""
    for part in value.parts:
        for word, made in _made(part):
            if not (field.shape(made) or field.shape([made])):
                yield word, f"`{field.name}` cannot be {_told(made)}"
        for name, inner in (part.item or {}).items():
            for each in inner.parts:
                if inner.is_list or any(type(made) in (dict, list) for _, made in _made(each)):
                    yield name, f"`{name}` is a member of an object, which holds texts and numbers only"


def _told(made: Any) -> str:
    if type(made) is str:
        return f"`{made}`"
    return "a list" if type(made) is list else "an object with " + ", ".join(map(str, made)) if made else "a number"


def _made(part: Part) -> Iterator[tuple[str, Any]]:
    """Yield the values that a part can give, as far as they are known, each with its word in the mapping.

    A converter of free text is judged by its example; the text itself may be any of a closed list.
    """
    if part.constant and part.names in ((), ("text",)):
        yield part.constant, part.constant
    if part.otherwise:
        yield part.otherwise, part.otherwise
    if not part.names or part.field:
        return
    if part.names == ("code",):
        yield from ((meaning, meaning) for meaning in (part.codes or {}).values() if meaning)
    elif part.names == ("truth",):
        return
    elif type(example := CONVERTERS[part.names[-1]].example[2]) is dict:
        yield part.names[-1], example
    elif type(example) is list:
        yield from ((part.names[-1], each) for each in example if type(each) is dict)
