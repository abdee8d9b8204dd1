"""Leave the padding of answers out of storage: zeros that the wire needs would double what a commit writes.

`squeeze` leaves out the first run of zeros that is worth it: 4 bytes give its place, 4 its length, then comes the rest.
`spread` is the exact inverse.
"""

from __future__ import annotations

_RUN = bytes(64)
_HEAD = 8


def squeeze(data: bytes) -> bytes:
    """Return `data` without its first run of at least 64 zeros."""
    start = data.find(_RUN)
    if start < 0:
        return bytes(_HEAD) + data
    # An answer has one such run: where the last one ends, the first one ends, too. Stripping looks at each byte.
    end = data.rfind(_RUN) + len(_RUN)
    length = end - start
    if data[start:end] != bytes(length):
        length = len(data) - start - len(data[start:].lstrip(b"\0"))
    return b"".join((start.to_bytes(4, "big"), length.to_bytes(4, "big"), data[:start], data[start + length :]))


def spread(data: bytes) -> bytes:
    """Return the data that `squeeze` was given. Raises `ValueError` when `data` is too short."""
    if len(data) < _HEAD:
        raise ValueError("squeezed data has 8 bytes at least")
    start, length = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:_HEAD], "big")
    rest = data[_HEAD:]
    return rest[:start] + bytes(length) + rest[start:]
