"""Small checks that all payloads share: times, hashes, texts, limits."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.errors import Malformed, Stale
from gateway.model.values import text_value

SKEW_US = 30_000_000
"""How far the clocks of two members may differ, in microseconds."""

HASH_SIZE = 32
_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""


def timestamp(us: int) -> Timestamp:
    """Microseconds since 1970 as a protobuf time."""
    seconds, micros = divmod(us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1_000)


def microseconds(moment: Timestamp, where: str) -> int:
    """A protobuf time as microseconds since 1970; `Malformed` when missing, before 1970, or finer than that."""
    seconds, nanos = moment.seconds, moment.nanos
    if not 0 < seconds <= _LAST_SECOND or not 0 <= nanos < 1_000_000_000 or nanos % 1_000:
        raise Malformed("not a time in whole microseconds", code="bad-time", where=where)
    return seconds * 1_000_000 + nanos // 1_000


def check_hash(value: bytes, where: str) -> bytes:
    """`value`, when it has the 32 bytes of a SHA-256 hash or a blind, else `Malformed`."""
    if len(value) != HASH_SIZE:
        raise Malformed(f"not {HASH_SIZE} bytes", code="bad-hash", where=where)
    return value


def optional_text(value: str, where: str, limit: int) -> str:
    """`value`, which may be empty, else must be a proper text of at most `limit` characters."""
    return text_value(value, where, limit) if value else value


def check_not_from_the_future(issued_us: int, now_us: int) -> None:
    """`Stale` when `issued_us` lies further ahead than clocks may differ."""
    if issued_us > now_us + SKEW_US:
        raise Stale("issued in the future", code="from-the-future", where="issued_time", remedy="compare the clocks")
