"""The shapes that a field's JSON value can have: closed, flat, and quick to check.

A shape is a function that says whether a value fits. Sizes and characters are not its business: `types.encode`
checks them once for the whole value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from gateway.errors import Malformed
from gateway.model.values import PartialDate

Shape = Callable[[Any], bool]

MAX_ITEMS = 64
"""Items in one list of a field."""

_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_MAX_INT = 2**53 - 1
_NAME_KEYS = frozenset({"text", "script", "lang", "source", "romanised"})
_DATE_KEYS = frozenset({"value", "calendar", "original", "estimated"})
_ID_KEYS = frozenset({"scheme", "doc_code", "issuer", "number"})


def is_text(value: Any) -> bool:
    """One text."""
    return type(value) is str


def is_number(value: Any) -> bool:
    """An integer that every JSON reader keeps exactly, a fraction, or a decimal number as text."""
    if type(value) is int:
        return abs(value) <= _MAX_INT
    return type(value) is str or (type(value) is float and isfinite(value))


def is_name(value: Any) -> bool:
    """`{text, script, lang?, source?, romanised?}`: a name as somebody wrote it."""
    return _is_flat(value, _NAME_KEYS, "text")


def is_date(value: Any) -> bool:
    """`{value, calendar?, original?, estimated?}` with `value` known to the year, month or day."""
    if type(value) is not dict or not value.keys() <= _DATE_KEYS or type(value.get("value")) is not str:
        return False
    try:
        PartialDate(value["value"])
    except Malformed:
        return False
    return all(type(part) is (bool if key == "estimated" else str) for key, part in value.items())


def is_identifier(value: Any) -> bool:
    """`{scheme | doc_code, issuer, number}`: a document or a national identity number."""
    return _is_flat(value, _ID_KEYS, "number")


def is_item(value: Any) -> bool:
    """A text, or a flat object of texts, numbers and truth values."""
    if type(value) is not dict:
        return type(value) is str
    return len(value) <= MAX_ITEMS and all(map(_is_key, value)) and all(map(_is_plain, value.values()))


def is_moment(value: Any) -> bool:
    """A point in time as text (RFC 3339), or a date."""
    return type(value) is str or is_date(value)


def is_names(value: Any) -> bool:
    """One name (text or object) or several."""
    return type(value) is str or is_name(value) or several(is_name)(value)


def several(shape: Shape) -> Shape:
    """A list of values of `shape`, at most `MAX_ITEMS`."""

    def is_list(value: Any) -> bool:
        return type(value) is list and len(value) <= MAX_ITEMS and all(map(shape, value))

    return is_list


def _is_flat(value: Any, keys: frozenset[str], needed: str) -> bool:
    """Whether `value` is an object of texts with these keys only, `needed` among them."""
    if type(value) is not dict or needed not in value or not value.keys() <= keys:
        return False
    return all(type(part) is str for part in value.values())


def _is_key(key: Any) -> bool:
    return type(key) is str and _KEY.fullmatch(key) is not None


def _is_plain(value: Any) -> bool:
    return type(value) is bool or is_number(value)
