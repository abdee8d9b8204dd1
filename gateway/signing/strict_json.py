"""JSON (RFC 8259) without its freedoms: one reading for each document, or none.

Refused are duplicate members, NaN and infinities, invalid UTF-8, a byte order mark, lone surrogates, integers beyond
2^53 (RFC 7493, 2.2), and more bytes or levels than allowed.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

from gateway.errors import Malformed, TooLarge

MAX_DEPTH = 32
MAX_ITEMS = 100_000
"""Items of one signed document; the charter of a thousand members has a third of them."""

_MAX_INTEGER = 2**53
_MAX_NUMBER = 32
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_UNICODE = re.compile("[\ud800-\udfff]")


def loads(data: bytes, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of a JSON document. Raises `Malformed`, or `TooLarge` over `max_bytes`."""
    if len(data) > max_bytes:
        raise TooLarge("the document has more than {max_bytes} bytes", code="document-too-large", max_bytes=max_bytes)
    if data.startswith(b"\xef\xbb\xbf"):
        raise _bad("a byte order mark is not allowed")
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _bad("this is not UTF-8") from error
    except RecursionError as error:
        raise _bad(f"nested more than {max_depth} levels deep") from error
    except ValueError as error:
        raise _bad(f"this is not JSON: {error}") from error
    # The walk costs more than the parse; the bytes of most documents show that they do not need it.
    if data.count(b"{") + data.count(b"[") > max_depth:
        _check_depth(value, max_depth)
    if _SURROGATE.search(data):
        _check_text(value)
    return value


def check_items(data: bytes) -> None:
    """Raise `Malformed` for a document of more items than one that people sign has: to parse it holds the process."""
    if data.count(b",") > MAX_ITEMS or data.count(b'"') > 2 * MAX_ITEMS:
        raise Malformed("more than {limit} items in one document", code="too-many-items", limit=MAX_ITEMS)


def dumps(value: Any) -> bytes:
    """Return the one form in which this project writes JSON: UTF-8, sorted members, no spaces. Raises `Malformed`."""
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except (ValueError, TypeError) as error:
        raise _bad(f"the value cannot be written: {error}") from error


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _bad(f"the member `{twice[:40]!a}` occurs twice")
    return members


def _constant(text: str) -> NoReturn:
    raise _bad(f"`{text}` is not a number of JSON")


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER or abs(value := int(text)) > _MAX_INTEGER:
        raise _bad("an integer is beyond 2^53")
    return value


def _float(text: str) -> float:
    if len(text) > _MAX_NUMBER or not math.isfinite(value := float(text)):
        raise _bad("a number is too long or too large")
    return value


def _check_depth(value: Any, max_depth: int) -> None:
    """Raise `Malformed` for too many levels; it goes level by level, so that hostile depth costs no stack."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > max_depth:
            raise _bad(f"nested more than {max_depth} levels deep")
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_text(value: Any) -> None:
    """Raise `Malformed` for escaped halves of a surrogate pair: they make text that has no bytes."""
    if isinstance(value, str):
        if _UNICODE.search(value):
            raise _bad("a text holds half a character")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_text(name)
            _check_text(member)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


def _bad(message: str) -> Malformed:
    return Malformed(message, code="bad-json")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
