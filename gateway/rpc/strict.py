"""Read a message from the wire in one encoding only: the length that a proto3 serialiser gives it (decision 0007)."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from gateway.errors import Malformed

_Message = TypeVar("_Message", bound=Message)


def parse(kind: type[_Message], data: bytes, where: str, remedy: str = "") -> _Message:
    """Return `data` as a message of `kind`, or raise `Malformed` naming `where`.

    Unknown, repeated and over-long fields are refused.
    """
    try:
        message = kind.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise Malformed("the bytes do not parse", code="malformed", where=where) from error
    message.DiscardUnknownFields()
    if message.ByteSize() != len(data):
        raise Malformed("unknown, repeated or over-long fields", code="unknown-field", where=where, remedy=remedy)
    return message
