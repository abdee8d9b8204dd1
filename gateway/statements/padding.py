"""Pad payloads to a few lengths, so that the length of an envelope tells little."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import Malformed, TooLarge


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
