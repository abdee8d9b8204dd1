"""Read texts, codes and lists of notices. Each is bounded, and none can move or hide what stands around it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.notices import MAX_WORDS
from gateway.model.values import text_value
from gateway.statements.fields import is_compact, microseconds

MAX_RECORD = 24 * 1024
"""The most characters of a record; `records.verify` has the same limit, and loads all record types."""

MAX_VALUES = 64
MAX_NUMBER = 10**12

_JOINERS = frozenset("\u200b\u200c\u200d\u2060")
"""Invisible characters that Khmer, Burmese, Lao and Thai need between words and in syllables."""
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", re.ASCII)
_JTI = re.compile(r"[0-9a-f]{32}", re.ASCII)
_RECORD_TYPE = re.compile(r"[A-Z][A-Za-z]{0,63}", re.ASCII)
_T = TypeVar("_T")
_Code = TypeVar("_Code", bound=StrEnum)


def free_text(text: str, where: str) -> str:
    """Return a text for a human; raise `Malformed` for an empty or long one, and for control or direction characters.

    Direction characters (U+202E and the like) would show a sentence otherwise than it was signed.
    """
    text_value(text, where, MAX_WORDS)
    if not text.isprintable() and any(_hides(mark) for mark in text):
        raise Malformed(
            "invisible or direction characters are not allowed",
            code="bad-text",
            where=where,
            remedy="type the text anew",
        )
    return text


def _hides(mark: str) -> bool:
    return unicodedata.category(mark) in ("Cf", "Zl", "Zp") and mark not in _JOINERS


def optional_text(text: str, where: str) -> str:
    """Return `text` when it is empty or a text for a human (`free_text`)."""
    return free_text(text, where) if text else text


def code(text: str, where: str) -> str:
    """Return `text` when it has the form of a code, else raise `Malformed`."""
    if not _CODE.fullmatch(text):
        raise Malformed("not a code", code="bad-code", where=where)
    return text


def optional_code(text: str, where: str) -> str:
    """Return `text` when it is empty or has the form of a code, else raise `Malformed`."""
    return code(text, where) if text else text


def listed(kind: type[_Code], text: str, where: str) -> _Code:
    """Return the code of a closed list, else raise `Malformed`."""
    try:
        return kind(text)
    except ValueError:
        raise Malformed("the {place} is unknown", code=f"unknown-{where}", where=where, place=where) from None


def many(items: Sequence[str], limit: int, where: str, read: Callable[[str, str], _T]) -> tuple[_T, ...]:
    """Return a list of at most `limit` different items, each read by `read`; else raise `Malformed`."""
    _check_count(len(items), limit, where)
    found = tuple(read(item, where) for item in items)
    if len(set(found)) != len(found):
        raise Malformed("an item is listed twice", code="listed-twice", where=where)
    return found


def _check_count(count: int, limit: int, where: str) -> None:
    if count > limit:
        raise Malformed("more than {limit} items", code="too-many", where=where, limit=limit)


def values(items: Sequence[pb.CodedValue], where: str = "values") -> tuple[tuple[str, str], ...]:
    """Return values by code, each code once; else raise `Malformed`."""
    _check_count(len(items), MAX_VALUES, where)
    many([item.code for item in items], MAX_VALUES, where, code)
    return tuple((item.code, free_text(item.value, where)) for item in items)


def value_messages(pairs: Iterable[tuple[str, str]]) -> list[pb.CodedValue]:
    """Return values by code for a payload."""
    return [pb.CodedValue(code=name, value=value) for name, value in pairs]


def jti(text: str, where: str) -> str:
    """Return the id of a record, else raise `Malformed`."""
    if not _JTI.fullmatch(text):
        raise Malformed("a record's id has 32 hexadecimal digits", code="bad-value", where=where)
    return text


def record_type(text: str, where: str) -> str:
    """Return `text` when it has the form of the name of a record type, else raise `Malformed`."""
    if not _RECORD_TYPE.fullmatch(text):
        raise Malformed("not a record type", code="bad-value", where=where)
    return text


def compact(text: str, where: str) -> str:
    """Return a record that has the characters of one, else raise `Malformed`. `records.verify` verifies it."""
    if not text or len(text) > MAX_RECORD or not is_compact(text):
        raise Malformed("not a record", code="bad-record", where=where)
    return text


def number(value: int, where: str) -> int:
    """Return a count or weight up to `MAX_NUMBER`, else raise `Malformed`."""
    if value > MAX_NUMBER:
        raise Malformed("more than {limit}", code="bad-number", where=where, limit=MAX_NUMBER)
    return value


def optional_time(moment: Timestamp, where: str, *, present: bool) -> int:
    """Return a time in microseconds since 1970, and 0 where it is not there."""
    return microseconds(moment, where) if present else 0
