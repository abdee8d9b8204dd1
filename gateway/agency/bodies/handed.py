"""Make the bodies of calls from forms (`gateway.model.handed`): the same fields, limits and words as everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from types import GenericAlias, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

import msgspec
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, create_model

from gateway.agency.bodies import patterns
from gateway.agency.bodies.closed import Closed, OneOf, whole
from gateway.agency.bodies.openapi import body_of
from gateway.agency.bodies.wrong_bodies import read_body
from gateway.model.faces.fields import (
    Among,
    Code,
    Exchange,
    Files,
    FormField,
    Id,
    Inner,
    Matching,
    Member,
    Moment,
    Pairs,
    Reference,
    Said,
    Several,
    Text,
    Whole,
    Within,
    Written,
    fields_of,
    flat_fields,
    item_of,
    taken,
)

F = TypeVar("F", bound=msgspec.Struct)

_PATTERNS: Mapping[type[Said], tuple[dict[str, Any], dict[str, Any] | None]] = {
    Text: (patterns.TEXT, patterns.TEXT_OR_NONE),
    Id: (patterns.IDENTIFIER, patterns.IDENTIFIER_OR_NONE),
    Reference: (patterns.REFERENCE, patterns.REFERENCE_OR_NONE),
    Member: (patterns.MEMBER, None),
    Exchange: (patterns.EXCHANGE_ID, patterns.EXCHANGE_ID),
}
"""The pattern of a text that is needed, and of one that may stay empty."""

_FORMS: dict[type[BaseModel], type[msgspec.Struct]] = {}
"""The form of each body that is made here, so that the parts of others are read as theirs."""

_LEAST = (Text, Id, Reference)
"""Texts of which an empty one is refused for that, before its form is looked at."""


class Handed(Generic[F]):
    """The body by which a form is handed in. `path` names fields that are not in it: the call's path says them.

    `own` has types of fields whose bodies are made by hand: `as_model` of each makes the value that the form holds.
    `beside` has types of members that the form does not hold, such as the one by which a call tells forms apart.
    """

    def __init__(
        self,
        form: type[F],
        name: str,
        *,
        example: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        path: tuple[str, ...] = (),
        own: Mapping[str, Any] | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        self._form = form
        schema = dict(more or {}) | ({"examples": [dict(example)]} if example else {})
        self.model = _model(form, name, schema, path, own or {}, beside or {})

    @property
    def documented(self) -> dict[str, Any]:
        """Return what the document of the API says of the body of a call."""
        return body_of(self.model)

    def read(self, value: Any, code: str, **path: Any) -> F:
        """Return `value` (parsed JSON) as the form; raise `Malformed` with `code` for the first wrong member."""
        return _read(self._form, read_body(self.model, value, code), path)

    def read_with_files(self, value: Any, code: str, **path: Any) -> tuple[F, list[str]]:
        """Return `value` as the form without its files, and the ids of those."""
        return self.made(read_body(self.model, value, code), **path)

    def made(self, body: BaseModel, **path: Any) -> tuple[F, list[str]]:
        """Return a body of `model` as the form without its files, and the ids of those."""
        (files,) = (one.name for one in flat_fields(self._form) if isinstance(one.said, Files))
        return _read(self._form, body, path), getattr(body, files)


def _model(
    form: type[msgspec.Struct],
    name: str,
    schema: dict[str, Any],
    path: tuple[str, ...],
    own: Mapping[str, Any],
    beside: Mapping[str, Any],
) -> type[Closed]:
    fields: dict[str, Any] = {each: (kind, ...) for each, kind in beside.items()}
    fields |= {
        one.name: (own[one.name], _default(one)) if one.name in own else _field(one)
        for one in flat_fields(form)
        if one.name not in path
    }
    more = {"json_schema_extra": schema} if schema else {}
    doc = inspect.getdoc(form)
    made = create_model(name, __base__=Closed, __doc__=doc, __module__=__name__, __cls_kwargs__=more, **fields)
    _FORMS[made] = form
    return made


def _field(one: FormField) -> tuple[Any, Any]:
    """Return type and default of a field of a body."""
    kind, said = _kind(one.kind, one.said, is_needed=one.is_needed), one.said
    examples = list(said.examples) or None
    if said.help or examples:
        kind = Annotated[kind, Field(description=said.help or None, examples=examples)]
    return kind, _default(one)


def _default(one: FormField) -> Any:
    if one.is_needed:
        return ...
    if isinstance(one.said, Several | Pairs | Files) and one.default is not None:
        return Field(default_factory=dict if isinstance(one.said, Pairs) else list)
    return None if isinstance(one.said, Moment) else one.default


def _kind(kind: Any, said: Said, *, is_needed: bool, is_listed: bool = False) -> Any:
    match said:
        case Written(most=most):
            pattern = _PATTERNS.get(type(said), (None, None))[not is_needed]
            least = 1 if is_needed and not is_listed and isinstance(said, _LEAST) else None
            return Annotated[str, Field(min_length=least, max_length=most, json_schema_extra=pattern)]
        case Matching(pattern=form, least=least, most=longest):
            return Annotated[str, Field(min_length=least, max_length=longest, pattern=form)]
        case Moment():
            return AwareDatetime if is_needed else AwareDatetime | None
        case Whole(least=least, most=most):
            return Annotated[int, Field(ge=least, le=most, strict=True), BeforeValidator(whole)]
        case Code(codes=codes):
            return Annotated[str, OneOf(codes, required=is_needed)]
        case Among(codes=some):
            literal: Any = Literal
            return literal[tuple(code.value for code in some)]
        case Files(most=most):
            return _listed((str, Exchange()), Field(max_length=most))
        case Pairs(most=most, longest=longest):
            name, text = Annotated[str, Field(max_length=64)], _kind(str, Text(longest), is_needed=True)
            return Annotated[GenericAlias(dict, (name, text)), Field(max_length=most)]
        case Several(least=least, most=most, apart=apart):
            more: dict[str, Any] = {"uniqueItems": True} if apart else {}
            listed = _listed(item_of(kind), Field(min_length=least or None, max_length=most, json_schema_extra=more))
            return listed | None if isinstance(kind, UnionType) else listed
    if (held := _form_in(kind)) is None:
        return kind
    return _nested(held) | None if isinstance(kind, UnionType) else _nested(held)


def _listed(item: tuple[Any, Said], said: Any) -> Any:
    return Annotated[GenericAlias(list, (_kind(*item, is_needed=True, is_listed=True),)), said]


@cache
def _nested(form: type[msgspec.Struct]) -> type[Closed]:
    """Return the body of a form that is a part of others."""
    return _model(form, f"{form.__name__}Body", {}, (), {}, {})


def _form_in(kind: Any) -> type[msgspec.Struct] | None:
    """Return the form that a field holds, or may hold; None where it holds another value."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return next((each for each in kinds if isinstance(each, type) and issubclass(each, msgspec.Struct)), None)


def _read(form: type[F], body: BaseModel, known: Mapping[str, Any], place: str = "") -> F:
    """Return a body as its form, without files. Raises `Malformed`."""
    given = {
        one.own: _read(one.kind, body, {}, place)
        if isinstance(one.said, Within)
        else _value(one.kind, one.said, getattr(body, one.name), f"{place}{one.name}")
        for one in fields_of(form).values()
        if one.own not in known and not isinstance(one.said, Files | Inner)
    }
    return form(**given, **known)


def _value(kind: Any, said: Said, given: Any, place: str) -> Any:
    if isinstance(said, Several) and given is not None:
        of, item = item_of(kind)
        return tuple(_value(of, item, each, place) for each in given)
    if hasattr(given, "as_model"):
        return given.as_model()
    if (of := _FORMS.get(type(given))) is not None:
        return _read(of, given, {}, f"{place}.")
    return taken(said, given, place)
