"""Make the options of commands from forms (`gateway.model.handed`): the same fields, codes and words as everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args

import click
import msgspec

from gateway.cli.inputs.moments import TIME, TIME_AHEAD
from gateway.cli.inputs.periods import in_order
from gateway.cli.options import TEXT, Code, Word, together
from gateway.clock import rfc3339, to_us
from gateway.model.faces import fields
from gateway.model.faces.fields import FormField, flat_fields


def options_of(form: type[msgspec.Struct], *, leave: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Return a decorator that gives a command the options of a form, but for fields that it reads in a way of its own.

    Files have an option of their own (`attach_option`).
    """
    taken = (one for one in flat_fields(form) if one.name not in leave)
    return together(*(_option(one, {}) for one in taken if not isinstance(one.said, fields.Files)))


def option_of(form: type[msgspec.Struct], name: str, *, option: str = "", **more: Any) -> Callable[..., Any]:
    """Return the option of one field of a form. `more` is what a command asks otherwise than the form does.

    `option` is its name on the command line, where that is another than the field's.
    """
    (one,) = (one for one in flat_fields(form) if one.name == name)
    return _option(one, more, option)


def handed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a command was given as the REST API takes it."""
    return dict(_plain(given))


def names(text: str) -> list[str]:
    """Return the names of a list that is written with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _plain(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, datetime):
            yield name, rfc3339(to_us(value))
        elif value is not None:
            yield name, list(value) if isinstance(value, tuple) else value


def _option(one: FormField, more: dict[str, Any], called: str = "") -> Callable[..., Any]:
    option = called or one.name.removesuffix("_s")
    said: dict[str, Any] = {"help": one.said.help or None, "type": _type(one)}
    if one.kind is bool:
        said |= {"is_flag": True, "type": None}
    elif one.is_needed:
        said |= {"required": True}
    elif not isinstance(one.said, fields.Moment):
        said |= {"default": one.default, "show_default": bool(one.default) or isinstance(one.said, fields.Whole)}
    if isinstance(one.said, fields.Moment):
        said |= {"callback": in_order}
    if isinstance(one.said, fields.Member):
        said["metavar"] = "COUNTRY"
    if one.name.endswith("_s"):
        said["metavar"] = "S"
    return click.option(f"--{option.replace('_', '-')}", one.name, **said | more)


def _type(one: FormField) -> Any:
    if isinstance(one.said, fields.Among):
        return _coded(one.said.codes)
    kind = next((each for each in get_args(one.kind) if each is not type(None)), one.kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _coded(kind)
    match one.said:
        case fields.Moment(past=past):
            return TIME if past else TIME_AHEAD
        case fields.Whole(least=least):
            return click.IntRange(least)
        case fields.Code(codes=codes):
            return Code(list(codes))
    return TEXT if one.is_needed else None


def _coded(codes: Iterable[StrEnum]) -> Word | Code:
    """Return the type of an option whose words the docs write as these codes, in capitals or in small letters."""
    words = [each.value for each in codes]
    return Word(words) if all(word.isupper() for word in words) else Code(words)
