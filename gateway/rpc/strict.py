"""Read a message from the wire in one encoding only: the bytes that a proto3 serialiser gives it (decision 0007).

The length alone does not tell: two numbers of a list take the same bytes packed and each with its tag, and a byte saved
in one field hides an over-long number in another. Only where a message has a map, whose entries have no order, the
length decides: the source processes' own wire, which has no list of numbers.

An empty item of a list takes two bytes on the wire, and an object of some microseconds in memory. So items are counted
before the message is parsed where its size alone does not keep their number small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from gateway.errors import Malformed

_Message = TypeVar("_Message", bound=Message)


def parse(kind: type[_Message], data: bytes, where: str, remedy: str = "") -> _Message:
    """Return `data` as a message of `kind`, or raise `Malformed` naming `where`.

    Unknown, repeated and over-long fields are refused, and fields in another order or form.
    """
    try:
        message = kind.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise Malformed("the bytes do not parse", code="malformed", where=where) from error
    message.DiscardUnknownFields()
    if message.SerializeToString() != data and not (len(data) == message.ByteSize() and _has_map(kind.DESCRIPTOR)):
        raise Malformed(
            "unknown, repeated, over-long or misplaced fields", code="unknown-field", where=where, remedy=remedy
        )
    return message


@lru_cache
def _has_map(descriptor: Descriptor) -> bool:
    """Tell whether a message or one inside it has a map. No message of the wire contains itself."""
    if descriptor.GetOptions().map_entry:
        return True
    inner = (field.message_type for field in descriptor.fields)
    return any(_has_map(each) for each in inner if each is not None)


def check_count(data: bytes, most: int, where: str) -> None:
    """Raise `Malformed` for a message with more than `most` fields at its top level.

    Values are skipped, not read: this costs some 0.3 µs for each field, and ends at the first one that is too many.
    """
    place, end = 0, len(data)
    for _ in range(most):
        if place >= end:
            return
        tag, place = _number(data, place, where)
        place = _SKIP.get(tag & 7, _refuse)(data, place, where)
    if place < end:
        raise Malformed("more than {most} items in one message", code="too-many-items", where=where, most=most)


def _number(data: bytes, place: int, where: str) -> tuple[int, int]:
    """Return the number in base 128 at `place`, and the place behind it."""
    number = shift = 0
    for byte in data[place : place + 10]:
        number |= (byte & 0x7F) << shift
        shift += 7
        place += 1
        if byte < 0x80:
            return number, place
    return _refuse(data, place, where), place


def _behind_bytes(data: bytes, place: int, where: str) -> int:
    length, place = _number(data, place, where)
    return place + length


def _refuse(_data: bytes, _place: int, where: str) -> int:
    raise Malformed("the bytes do not parse", code="malformed", where=where)


_SKIP: Mapping[int, Callable[[bytes, int, str], int]] = {
    0: lambda data, place, where: _number(data, place, where)[1],
    1: lambda _data, place, _where: place + 8,
    2: _behind_bytes,
    5: lambda _data, place, _where: place + 4,
}
"""The place behind a value, by its wire type. Groups (3 and 4) are in no message of ours."""
