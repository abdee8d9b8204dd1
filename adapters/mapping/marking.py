"""Markings in a mapping: the default, and rules that make it stricter."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from msgspec.structs import replace

from adapters.mapping.mapping import WIDEST, MarkingRule, When
from gateway.config.mistakes import Mistakes
from gateway.config.toml import TomlTable
from gateway.errors import Misconfigured
from gateway.model.marking import EVALUATION, Caveat, Level, Marking, Onward, UseCode, code
from gateway.model.purpose import Offence, Purpose
from gateway.records.codes import countries

_SETS: dict[str, type[StrEnum]] = {"use": UseCode, "caveats": Caveat, "purposes": Purpose, "offences": Offence}
_AUDIENCES = ("releasable_to", "withhold_from")
MARKING_KEYS = ("level", "onward", "evaluation", "keep_hours", "delete_after_use", *_SETS, *_AUDIENCES)

_Code = TypeVar("_Code", bound=StrEnum)
_AUDIENCE = re.compile(r"[a-z]{2}(?:\.[a-z0-9-]+){0,3}", re.ASCII)


def one_of(node: TomlTable, key: str, kind: type[_Code], text: str) -> _Code:
    """Return `text` as one of a closed list. Raises `Misconfigured` with its line."""
    try:
        return code(kind, text)
    except Misconfigured as error:
        node.fail(error.message, key, word=text, remedy=error.remedy, code=error.code)


def marking_rule(node: TomlTable, when: tuple[When, ...]) -> MarkingRule:
    """Return the parts of a marking that a table names; the others are the widest."""
    named = _named(node)
    return MarkingRule(when, replace(WIDEST, **named), frozenset(named))


def default_marking(node: TomlTable, mistakes: Mistakes) -> Marking:
    """Return a table's marking; missing parts keep the model's default, by which nothing is released."""
    mistakes.keep(node.unknown(*MARKING_KEYS))
    named: dict[str, Any] = {}
    for key in MARKING_KEYS:
        with mistakes.kept():
            named |= _named(node, key)
    return replace(Marking(), **{key: value for key, value in named.items() if value or key != "use"})


def _named(node: TomlTable, *keys: str) -> dict[str, Any]:
    """Return the parts of a marking, or those of `keys`, that a table names."""
    return {key: _part(node, key) for key in keys or MARKING_KEYS if key in node.data}


def _part(node: TomlTable, key: str) -> Any:
    if key in _SETS:
        kind = _SETS[key]
        return frozenset(one_of(node, key, kind, text) for text in node.texts(key))
    if key in _AUDIENCES:
        return _audience(node, key)
    match key:
        case "level":
            return one_of(node, key, Level, node.text(key))
        case "onward":
            return one_of(node, key, Onward, node.text(key))
        case "evaluation":
            return _evaluation(node)
        case "keep_hours":
            return _hours(node)
    return bool(node.get(key, bool))


def _evaluation(node: TomlTable) -> str:
    evaluation = node.text("evaluation")
    if not EVALUATION.fullmatch(evaluation):
        node.fail(f"`{evaluation}` is not an evaluation", "evaluation", remedy="A, B, C or X, and 1 to 4, such as `B2`")
    return evaluation


def _hours(node: TomlTable) -> int:
    hours = int(node.get("keep_hours", int))
    if hours < 1:
        node.fail("`keep_hours` is no number of hours", "keep_hours", remedy="1 or more, such as 48")
    return hours


_REGION = ("vn", "th", "la", "kh", "mm", "my", "sg", "id", "ph", "bn", "tl", "cn")


@cache
def _countries() -> frozenset[str]:
    return frozenset(alpha2.lower() for alpha2 in countries())


def _nearest_country(word: str) -> str:
    """Return the code with most letters in common; then the same first letter, then the region's codes, come first."""

    def far(each: str) -> tuple[int, bool, int, str]:
        same = sum(a == b for a, b in zip(each, word, strict=True))
        return -same, each[0] != word[0], _REGION.index(each) if each in _REGION else len(_REGION), each

    return min(_countries(), key=far)


def _audience(node: TomlTable, key: str) -> frozenset[str]:
    """Return members, or agencies and offices of members. Raises for a misspelt one: it would hide nothing."""
    for name in node.texts(key):
        if not _AUDIENCE.fullmatch(name):
            node.fail(f"`{name}` is not a member", key, name, "such as `th`, or `th.police` for one agency")
        member, dot, rest = name.partition(".")
        if member not in _countries():
            remedy = f"did you mean `{_nearest_country(member)}{dot}{rest}`? A member is its ISO 3166-1 alpha-2 code"
            node.fail(f"`{member}` is no country's code", key, name, remedy)
    return frozenset(node.texts(key))
