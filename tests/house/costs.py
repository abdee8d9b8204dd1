"""Count the files that a change touches, and the classes that say the same thing twice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import NamedTuple

from gateway.model.desk.notices import NoticeType
from gateway.model.query import QueryKind
from tests.house.tree import TOPS, parsed
from tests.support.shared import PROJECT

FIELDS = ("repeat_s", "hidden_until")
"""The fields of an alert that are counted where no other is named: one that travels, one that stays at home."""

NOTICES = (NoticeType.ROOM, NoticeType.REPORT, NoticeType.WATCH, NoticeType.ALERT)
QUESTIONS = tuple(QueryKind)

MIRRORED_FIELDS, MIRRORED_PART = 5, 0.75
"""Classes mirror each other from so many common fields on, if they are so large a part of the smaller class."""

_PRODUCT = (*TOPS, "proto/liaison")
_OTHERS = ("proto/gen", "tests", "docs", "deploy")
_SUFFIXES = {".py", ".pyi", ".proto", ".html", ".css", ".js", ".json", ".toml", ".cedar", ".cedarschema", ".md", ".po"}
_UNITS = "(?:_(?:us|ms|s))?"


class Named(NamedTuple):
    """The files that name a thing: those of the product, and all others of the repository (tests, pages, generated)."""

    product: list[str]
    others: list[str]


def field(name: str) -> Named:
    """Return the files that name a field, with or without its unit."""
    return _naming(rf"\b{re.escape(name)}{_UNITS}\b")


def notice(kind: NoticeType) -> Named:
    """Return the files that name a kind of notice: its type, the kind of its threads, or its message."""
    return _naming(rf"\b(?:NoticeType|ThreadKind)\.{kind.name}\b|{_camel(kind)}Notice\b")


def question(kind: QueryKind) -> Named:
    """Return the files that name a kind of question: its member of `QueryKind`, or its class or message."""
    name = _camel(kind).removesuffix("Reference")
    return _naming(rf"\bQueryKind\.{kind.name}\b|(?<![A-Za-z]){name}Query\b|\b{kind}_query\b")


def _camel(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


def _naming(pattern: str) -> Named:
    names = re.compile(pattern)
    found = Named([], [])
    for top, path, text in _texts():
        if names.search(text):
            (found.product if top in _PRODUCT and not path.endswith(".po") else found.others).append(path)
    return found


@cache
def _texts() -> list[tuple[str, str, str]]:
    return [
        (top, str(path.relative_to(PROJECT)), path.read_text(encoding="utf-8"))
        for top in (*_PRODUCT, *_OTHERS)
        for path in sorted((PROJECT / top).rglob("*"))
        if path.suffix in _SUFFIXES
    ]


# ------------------------------------------------------------ classes


class Fields(NamedTuple):
    """A class of the product with the names of its annotated fields."""

    place: str
    name: str
    fields: frozenset[str]


def mirrors() -> list[tuple[int, Fields, Fields]]:
    """Return the pairs of classes that have most fields in common, and how many; the most alike first."""
    classes = [each for each in _classes() if len(each.fields) >= MIRRORED_FIELDS]
    found = []
    for one, other in combinations(classes, 2):
        common, smaller = len(one.fields & other.fields), min(len(one.fields), len(other.fields))
        if common >= MIRRORED_FIELDS and common >= MIRRORED_PART * smaller:
            found.append((common, one, other))
    return sorted(found, key=lambda pair: (-pair[0], pair[1], pair[2]))


def _classes() -> Iterator[Fields]:
    for path, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                named = [each for each in node.body if isinstance(each, ast.AnnAssign)]
                fields = frozenset(each.target.id for each in named if isinstance(each.target, ast.Name))
                yield Fields(f"{path.relative_to(PROJECT)}:{node.lineno}", node.name, fields)
