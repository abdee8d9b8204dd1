"""Make the bodies of answers from the values that they show (`gateway.model.faces.told` makes plain ones of these)."""

from __future__ import annotations

import inspect
from functools import cache
from types import GenericAlias, UnionType
from typing import Any, get_args, get_origin

import msgspec
from pydantic import BaseModel, create_model

from gateway.model.faces.fields import fields_of


def answer(
    name: str,
    doc: str,
    shows: type[msgspec.Struct] | None = None,
    *,
    base: type[BaseModel] = BaseModel,
    leave: tuple[str, ...] = (),
    **own: Any,
) -> type[BaseModel]:
    """Return the body of an answer, with the fields of the value that it shows, but for those to `leave`.

    `own` are types of members that the value does not have, or has otherwise.
    """
    shown = [one for one in fields_of(shows).values() if one.name not in leave] if shows is not None else []
    types = {one.name: own[one.name] if one.name in own else _shown(one.own, one.kind) for one in shown} | own
    members: dict[str, Any] = {each: (kind, ...) for each, kind in types.items()}
    return create_model(name, __base__=base, __doc__=doc, __module__=__name__, **members)


def many(kind: type[BaseModel]) -> Any:
    """Return the type of a list of bodies."""
    return GenericAlias(list, (kind,))


def _shown(name: str, kind: Any) -> Any:
    """Return the type as which a field is told."""
    if name.endswith("_us"):
        return str
    if isinstance(kind, UnionType):
        return next(_shown(name, one) for one in get_args(kind) if one is not type(None)) | None
    if get_origin(kind) in (tuple, frozenset):
        return GenericAlias(list, (_shown("", get_args(kind)[0]),))
    if get_origin(kind) is not None or kind in (str, int, bool):
        return kind
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _nested(kind)
    return str


@cache
def _nested(kind: type[msgspec.Struct]) -> type[BaseModel]:
    """Return the body of a value that is a part of others."""
    return answer(f"{kind.__name__}Body", inspect.getdoc(kind) or "", kind)
