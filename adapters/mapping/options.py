"""Read the options of a mapping's parts, joins and conditions from TOML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.values.conversion import Convert, Option
from adapters.values.converters import CONVERTERS, date_of
from gateway.config.toml import TomlTable, nearest
from gateway.errors import Misconfigured

_OF_UNITS = frozenset(("unit", "mass", "volume"))
"""Converters whose cells have words of their own: a new one must not take the record away."""

CONDITION = '{} = {{ column = "...", in = ["..."] }}'


def conditions_of(node: TomlTable, key: str) -> list[TomlTable]:
    """Return the conditions of `key`: one table, or a list of them."""
    data: Any = node.data.get(key, [])
    items = data if isinstance(data, list) else [data]
    if not all(isinstance(item, dict) for item in items):
        node.fail(f"`{key}` holds conditions", key, remedy=CONDITION.format(key))
    return [node.inner(key, item) for item in items]


OVER = (
    'say `rows = "newest by COLUMN"` for the present state of a history, `rows = "any"` (as it was read until now), or '
    '`rows = "all"`'
)


def date_reader_of(node: TomlTable, key: str) -> Convert:
    """Return the reader of dates in the formats of `key`."""
    try:
        return date_of({"formats": list(node.texts(key))}, bounded=False)
    except Misconfigured as error:
        node.fail(error.message, key, remedy=error.remedy)


def pairs_of(node: TomlTable) -> tuple[list[tuple[str, str]], str]:
    """Return the columns of a join, each with the column that it equals, and the key that says so."""
    if "on" not in node.data:
        return [(node.text("column"), node.text("to"))], "column"
    if "column" in node.data or "to" in node.data:
        node.fail("a join has either `on`, or `column` and `to`", "on", remedy="leave `column` and `to` out")
    pairs = node.data["on"]
    if not isinstance(pairs, list) or not pairs or not all(_is_pair(pair) for pair in pairs):
        node.fail("`on` is a list of pairs", "on", remedy='on = [["column of the joined table", "column of this one"]]')
    return [(column, to) for column, to in pairs], "on"


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) and text for text in pair)


def option_of(inner: TomlTable, key: str, option: Option) -> Any:
    """Return an option's value, checked for type and choices."""
    value: Any = inner.texts(key) if option.kind is list else inner.get(key, option.kind)
    if option.choices and value not in option.choices:
        inner.fail(f"`{key}` cannot be `{value}`", key, remedy=nearest(str(value), option.choices))
    return value


def spares_record(inner: TomlTable, names: Sequence[str]) -> bool:
    """Tell whether an unreadable value costs the field alone, as one with a unit does unless the mapping says more."""
    spared = inner.text("unreadable", "field" if _OF_UNITS.intersection(names) else "record")
    if spared not in ("record", "field"):
        inner.fail("`unreadable` is `record` or `field`", "unreadable", remedy="what is left out")
    return spared == "field"


def columns_of(inner: TomlTable) -> tuple[str, ...]:
    """Return the columns that a part names."""
    return inner.texts("columns") + ((inner.text("column"),) if "column" in inner.data else ())


def pick_of(inner: TomlTable) -> str:
    """Return which of many rows a part takes: `first`, `last` or all of them."""
    pick = inner.text("pick", "")
    if pick and (pick not in ("first", "last") or "from" not in inner.data):
        inner.fail("`pick` is `first` or `last`, with `from`", "pick")
    return pick


def converter_names(inner: TomlTable) -> tuple[str, ...]:
    """Return the converters of a part; `text` where it names none and has cells to convert."""
    names = inner.texts("convert")
    for name in names:
        if name not in CONVERTERS:
            inner.fail(f"unknown converter `{name}`", "convert", name, nearest(name, CONVERTERS))
    if names or "item" in inner.data or "field" in inner.data:
        return names
    return ("text",)
