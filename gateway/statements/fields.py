"""Small checks that all payloads share: times, hashes, texts, limits; and the padding that hides their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters, digits
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from liaison.exchange.v1 import statements_pb2 as pb

from gateway.errors import Malformed, Stale, TooLarge
from gateway.model.requester import Requester
from gateway.model.values import text_value

SKEW_US = 30_000_000
"""The most that the clocks of two members may differ, in microseconds."""

HASH_SIZE = 32
_RECORD = (ascii_letters + digits + "._~-").encode()
"""The characters of a record."""
_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""


def timestamp(us: int) -> Timestamp:
    """Return microseconds since 1970 as a protobuf time."""
    seconds, micros = divmod(us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1_000)


def microseconds(moment: Timestamp, where: str) -> int:
    """Return a protobuf time in microseconds since 1970; raise `Malformed` when it is missing, earlier, or finer."""
    seconds, nanos = moment.seconds, moment.nanos
    if not 0 < seconds <= _LAST_SECOND or not 0 <= nanos < 1_000_000_000 or nanos % 1_000:
        raise Malformed("not a time in whole microseconds", code="bad-time", where=where)
    return seconds * 1_000_000 + nanos // 1_000


def check_hash(value: bytes, where: str) -> bytes:
    """Return `value` when it has the 32 bytes of a SHA-256 hash or a blind, else raise `Malformed`."""
    if len(value) != HASH_SIZE:
        raise Malformed("not {hash_size} bytes", code="bad-hash", where=where, hash_size=HASH_SIZE)
    return value


def optional_text(value: str, where: str, limit: int) -> str:
    """Return `value` when it is empty or a proper text of at most `limit` characters, else raise `Malformed`."""
    return text_value(value, where, limit) if value else value


def is_compact(record: str) -> bool:
    """Tell whether `record` has characters of a record only; takes a third of the time of a pattern."""
    return record.isascii() and not record.encode().translate(None, _RECORD)


def requester_message(requester: Requester) -> pb.Requester:
    """Return a requester for a payload."""
    return pb.Requester(
        role=requester.role, office=requester.office, agency=requester.agency, pseudonym=requester.pseudonym
    )


class Issued(Protocol):
    """A statement that says when it was issued."""

    @property
    def issued_us(self) -> int:
        """The time of issue in microseconds since 1970."""


def check_issued(statement: Issued, now_us: int) -> None:
    """Raise `Stale` for a statement that was issued further ahead of our time than clocks may differ."""
    if statement.issued_us > now_us + SKEW_US:
        raise Stale("issued in the future", code="from-the-future", where="issued_time", remedy="compare the clocks")


# ------------------------------------------------------------ padding


def pad(payload: bytes, tag: int, sizes: Sequence[int], rest: bytes = b"") -> bytes:
    """Add the padding field of this one-byte tag to `payload`, and then `rest`, so that it has exactly one of `sizes`.

    Only the fields in `rest` have higher numbers, so the bytes are those that a serialiser would give. A few
    gaps cannot be filled exactly, since the field's own length takes one, two or three bytes: then the next size is
    used. Raises `TooLarge`.
    """
    length_so_far = len(payload) + len(rest)
    for size in sizes:
        if size <= length_so_far:
            continue
        for length_bytes in (1, 2, 3):
            zeros = size - length_so_far - 1 - length_bytes
            if zeros > 0 and len(length := _varint(zeros)) == length_bytes:
                return b"".join((payload, bytes((tag,)), length, bytes(zeros), rest))
    raise TooLarge(
        "more than {sizes} bytes", code="statement-too-large", where="payload", remedy="say less", sizes=sizes[-1]
    )


def check_padding(payload: bytes, padding: bytes, sizes: Sequence[int]) -> None:
    """Raise `Malformed` for a payload of another size, or whose padding is not all zeros."""
    if len(payload) not in sizes or padding != bytes(len(padding)):
        raise Malformed("not padded to one of the sizes", code="bad-padding", where="padding")


def _varint(number: int) -> bytes:
    """Return `number` in base 128, least significant group first (protobuf encoding)."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
