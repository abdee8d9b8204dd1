"""Say of a field of a form what may be written into it, once for all faces: the REST API, the commands and the pages.

A form is a value of the desk: a struct whose fields are annotated with one of these. `gateway.agency.bodies.handed`
makes the bodies of calls from it, `gateway.cli.inputs.handed` the options of commands; pages take labels and limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from gateway.clock import to_us
from gateway.model.names import exchange_id, identifier, member_id, reference
from gateway.model.values import text_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Says of any field how it is called on pages, and in one sentence what it is: every face has the same words."""

    label: str = ""
    help: str = ""
    hint: bool = False
    """Pages show the sentence below the field, too."""
    examples: Sequence[Any] = ()
    name: str = ""
    """The name of the field in all faces, where the form's own name is another."""

    def __post_init__(self) -> None:
        """Take the label as the sentence, where no other is given."""
        if self.label and not self.help:
            object.__setattr__(self, "help", f"{self.label}.")


@dataclass(frozen=True, slots=True)
class Written(Said):
    """Says of a field that it is a text of at most `most` characters. A field with a default may stay empty."""

    most: int


@dataclass(frozen=True, slots=True)
class Text(Written):
    """A text of one line, or of several on pages (`long`)."""

    long: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Id(Written):
    """The id of an office, officer, agency, agreement or another thing that a member names."""

    most: int = 64


@dataclass(frozen=True, slots=True)
class Reference(Written):
    """The number of a case or of a ticket."""

    most: int = 64


@dataclass(frozen=True, slots=True)
class Member(Written):
    """The id of a member."""

    most: int = 2


@dataclass(frozen=True, slots=True)
class Exchange(Written):
    """The id of an exchange, such as that of a notice."""

    most: int = 32


@dataclass(frozen=True, slots=True)
class Matching(Said):
    """A text of one form, as a regular expression says it."""

    pattern: str
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Moment(Said):
    """A time, ahead unless it is `past`. The form holds it in microseconds, 0 for none, under its name with `_us`."""

    past: bool = False


@dataclass(frozen=True, slots=True)
class Whole(Said):
    """A whole number."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Code(Said):
    """One code of a list. A field with a default may stay empty."""

    codes: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Among(Said):
    """One of some codes of an enumeration: the others are not for persons to choose."""

    codes: tuple[StrEnum, ...]


@dataclass(frozen=True, slots=True)
class Several(Said):
    """Several values of one kind, each once where they are `apart`."""

    most: int
    least: int = 0
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Pairs(Said):
    """Texts by name: an object in JSON, pairs in their order in the form."""

    most: int
    longest: int


@dataclass(frozen=True, slots=True)
class Within(Said):
    """A form whose fields stand beside those of the form that holds it."""


@dataclass(frozen=True, slots=True)
class Files(Said):
    """Files that go with what is handed in. Each face brings them in a way of its own; then the form gets them."""

    most: int


@dataclass(frozen=True, slots=True)
class Inner(Said):
    """A field of a value that no person hands in: where the value is a form, it has its default there."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form: its name in the form and in all faces, its type, and what it is where it is not given."""

    own: str
    name: str
    kind: Any
    said: Said
    is_needed: bool
    default: Any


def taken(said: Said, given: Any, place: str) -> Any:
    """Return what was given for a field as the form holds it. Raises `Malformed`, which names `place`."""
    match said:
        case Text(most=most):
            return text_value(given, place, most) if given else ""
        case Id():
            return identifier(given, place) if given else ""
        case Reference():
            return reference(given, place) if given else ""
        case Member():
            return member_id(given) if given else ""
        case Exchange():
            return exchange_id(given)
        case Pairs(longest=longest):
            return tuple(sorted((name, text_value(text, place, longest)) for name, text in given.items()))
        case Among(codes=codes):
            return next(code for code in codes if code == given)
        case Moment():
            return to_us(given) if given is not None else 0
    return given


def said_of(hint: Any) -> tuple[Any, Said]:
    """Return a type without its annotation, and what that says of it."""
    if get_origin(hint) is not Annotated:
        return hint, Said()
    kind, *marks = get_args(hint)
    return kind, next((mark for mark in marks if isinstance(mark, Said)), Said())


def flat_fields(form: type[msgspec.Struct]) -> Iterator[FormField]:
    """Yield what persons hand in of a form, with the fields of the forms within it in their places."""
    for one in fields_of(form).values():
        if not isinstance(one.said, Inner):
            yield from flat_fields(one.kind) if isinstance(one.said, Within) else (one,)


def item_of(kind: Any) -> tuple[Any, Said]:
    """Return the type of one of several values, and what is said of it."""
    listed = get_args(kind)[0] if isinstance(kind, UnionType) else kind
    return said_of(get_args(listed)[0])


@cache
def fields_of(form: type[msgspec.Struct]) -> dict[str, FormField]:
    """Return the fields of a form by their names in all faces, in their order."""
    return {one.name: one for one in _fields(form)}


def _fields(form: type[msgspec.Struct]) -> Iterator[FormField]:
    hints = get_type_hints(form, include_extras=True)
    for one in msgspec.structs.fields(form):
        kind, said = said_of(hints[one.name])
        name = said.name or one.name.removesuffix("_us")
        yield FormField(one.name, name, kind, said, one.required, None if one.required else one.default)
