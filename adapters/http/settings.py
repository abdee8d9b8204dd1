"""The section `[http]` of a mapping: where the tables of a web interface are, and how its pages follow each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adapters.mapping.documents import path, places_of
from adapters.mapping.mapping import JoinKind, Mapping
from adapters.mapping.marking import one_of
from gateway.config.toml import TomlTable, nearest
from gateway.errors import Misconfigured

_KEYS = (
    "path", "rows", "item", "item_row", "paging", "parameter", "first", "size_parameter", "size", "next", "changes",
    "changes_value", "changed_since",
)  # fmt: skip
_MAX_SIZE = 10_000
_PATH = re.compile(r"/[!-~]*")
_PARAMETER = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}", re.ASCII)


class Paging(StrEnum):
    """The way to find the next page: none; its number; a cursor or an address in the page; the Link header."""

    NONE = "none"
    NUMBER = "number"
    CURSOR = "cursor"
    NEXT = "next"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a web interface. Paths begin behind the source's address and may have a query."""

    name: str
    path: str
    rows: Callable[[Any], Any]
    item: str
    item_row: Callable[[Any], Any]
    paging: Paging
    parameter: str
    first: int
    size_parameter: str
    size: int
    next: Callable[[Any], Any]
    changes: str
    changes_value: Callable[[Any], Any]
    changed_since: str


def tables_of(mapping: Mapping) -> dict[str, Table]:
    """Return the tables that the records of `mapping` name. Raises `Misconfigured` with file and line."""
    section = places_of(mapping, "http", "where the web interface keeps its tables")
    tables = {name: _table(name, section.table(name)) for name in section.data}
    for record in mapping.records.values():
        _check(tables, record.table, f"{mapping.file}:{record.line}", needs_item=True)
        for join in record.joins:
            if join.kind is not JoinKind.NESTED:
                _check(tables, join.table, f"{mapping.file}:{join.line}", needs_item=False)
    return tables


def _check(tables: dict[str, Table], name: str, where: str, needs_item: bool) -> None:
    if name not in tables:
        remedy = nearest(name, tables)
        raise Misconfigured(
            "unknown table `{name}`", code="bad-mapping", where=where, remedy="{advice}", name=name, advice=remedy
        )
    if needs_item and "{key}" not in tables[name].item:
        raise Misconfigured(
            "`{name}` does not say how one record is fetched",
            code="bad-mapping",
            where=where,
            remedy='add `item = "/.../{{key}}"` to [http.{name}]',
            name=name,
        )


def _table(name: str, node: TomlTable) -> Table:
    node.only(*_KEYS)
    paging = one_of(node, "paging", Paging, node.text("paging", "none"))
    for key in {Paging.NUMBER: ("parameter",), Paging.CURSOR: ("parameter", "next"), Paging.NEXT: ("next",)}.get(
        paging, ()
    ):
        if key not in node.data:
            node.fail(f"paging by `{paging}` needs `{key}`", "paging")
    return Table(
        name=name,
        path=_path(node, "path"),
        rows=_expression(node, "rows"),
        item=_path(node, "item") if "item" in node.data else "",
        item_row=_expression(node, "item_row"),
        paging=paging,
        parameter=_parameter(node, "parameter"),
        first=_number(node, "first", 1, 0, 1),
        size_parameter=_parameter(node, "size_parameter"),
        size=_number(node, "size", 100, 1, _MAX_SIZE),
        next=_expression(node, "next"),
        changes=_path(node, "changes") if "changes" in node.data else "",
        changes_value=_expression(node, "changes_value"),
        changed_since=_parameter(node, "changed_since"),
    )


def _path(node: TomlTable, key: str) -> str:
    text = node.text(key)
    parts = text.partition("?")[0].split("/")
    if not _PATH.fullmatch(text) or text.startswith("//") or "#" in text or ".." in parts or "." in parts:
        node.fail(f"`{key}` is a path such as `/v1/persons`", key)
    return text


def _parameter(node: TomlTable, key: str) -> str:
    text = node.text(key, "")
    if text and not _PARAMETER.fullmatch(text):
        node.fail(f"`{text}` is not the name of a parameter", key)
    return text


def _number(node: TomlTable, key: str, default: int, least: int, most: int) -> int:
    number: int = node.get(key, int, default)
    if not least <= number <= most:
        node.fail(f"`{key}` is from {least} to {most}", key)
    return number


def _expression(node: TomlTable, key: str) -> Callable[[Any], Any]:
    return path(node.text(key, "@"), node.place(key))
