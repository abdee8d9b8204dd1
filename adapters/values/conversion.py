"""A named converter: a function made from checked options, with the words that the guide prints of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Malformed

Convert = Callable[[Any], Any]
"""From a cleaned cell (text or number, never None) to a JSON value, or None for "nothing known"."""

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a converter. `kind` is its TOML type: `str`, `int`, `bool`, or `list` for texts.

    `choices` closes a text; an option that is `needed` has no default.
    """

    doc: str
    kind: type = str
    choices: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Converter:
    """A named converter: its value, its options, and an example that the tests run and the guide shows.

    `example` is (cell, options, value). `make` raises `Misconfigured` for options that do not fit together; its
    function raises `Malformed` for a cell that it cannot read. `unreadable` says in words which cells those are.
    """

    doc: str
    make: Callable[[Options], Convert]
    example: tuple[Any, Options, Any]
    options: Mapping[str, Option] = field(default_factory=dict)
    unreadable: str = ""


def plain(convert: Convert) -> Callable[[Options], Convert]:
    """Return a `make` that ignores its options, for a converter without options."""
    return lambda _options: convert


def unreadable(what: str) -> Malformed:
    """Return the error for an unreadable value; the value itself is not in it, since it may be personal."""
    return Malformed("not {what}", code="unreadable", what=what)
