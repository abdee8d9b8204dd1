"""Messages of `liaison.witness.v1.WitnessService`, and the size that goes with a conflict."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError, Message
from liaison.witness.v1 import witness_pb2 as pb

from gateway.errors import Malformed

SIZE = "liaison-size"
"""Trailing metadata of a conflict: the size of the newest cosigned head."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def add_checkpoint(body: bytes, cosigned: bytes) -> bytes:
    """A head on its way to a witness."""
    return pb.AddCheckpointRequest(body=body, cosigned=cosigned).SerializeToString()


def parse_add_checkpoint(data: bytes) -> tuple[bytes, bytes]:
    """Body and cosigned head, or `Malformed`."""
    message = pb.AddCheckpointRequest()
    _parse(message, data)
    return message.body, message.cosigned


def cosignatures(lines: bytes) -> bytes:
    """Signature lines on their way back."""
    return pb.AddCheckpointResponse(signatures=lines).SerializeToString()


def parse_cosignatures(data: bytes) -> bytes:
    """Signature lines, or `Malformed`."""
    message = pb.AddCheckpointResponse()
    _parse(message, data)
    return message.signatures


def ask_largest_head(origin: str) -> bytes:
    """A question for the largest head on its way."""
    return pb.GetLargestHeadRequest(origin=origin).SerializeToString()


def parse_ask_largest_head(data: bytes) -> str:
    """The log that is asked for, or `Malformed`."""
    message = pb.GetLargestHeadRequest()
    _parse(message, data)
    return message.origin


def largest_head(checkpoint: bytes) -> bytes:
    """The largest head on its way back."""
    return pb.GetLargestHeadResponse(checkpoint=checkpoint).SerializeToString()


def parse_largest_head(data: bytes) -> bytes:
    """The largest head, or `Malformed`."""
    message = pb.GetLargestHeadResponse()
    _parse(message, data)
    return message.checkpoint


def size_of(metadata: Iterable[tuple[str, Any]]) -> int | None:
    """The size in a conflict's trailing metadata, or None."""
    for name, value in metadata:
        if name == SIZE and isinstance(value, str) and _SIZE.fullmatch(value):
            return int(value)
    return None


def _parse(message: Message, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise Malformed("the message does not parse", code="malformed-frame") from error
