"""Read a message from the wire in one encoding only: the bytes that a proto3 serialiser gives it (decision 0007).

The length alone does not tell: two numbers of a list take the same bytes packed and each with its tag, and a byte saved
in one field hides an over-long number in another. Only where a message has a map, whose entries have no order, the
length decides: the source processes' own wire, which has no list of numbers.
"""

from __future__ import annotations

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
