"""The content of a search index of a log: for each term of a block of entries, those that have it.

Entries are in *blocks* of 1,024. The entries of a block whose content is under one key of the keystore are a *part*,
with a salt of its own. A term's posting in a part is found and read with a stream, which takes the part's key and the
term to make:

    term key = HMAC-SHA-256(part's key, term)
    stream   = SHAKE-256(term key, salt)
    label    = the first 8 bytes of the stream
    posting  = the entries' places in the block, XOR the rest of the stream

The part's key is derived from the key that the content is under. When that is destroyed, the part is random in every
copy of the index: no term can be tried, no posting says of which entries it is, and the same term has another label in
each part. A copy still tells how many different terms a part has, and of how many entries each is, to the next power of
two.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256, shake_256
from typing import Final

BLOCK: Final = 1024
"""Entries of a block."""

SALT_BYTES: Final = 16
_LABEL = 8
_PLACE = 2
_BITMAP = BLOCK // 8
_LISTED = (_BITMAP // _PLACE) // 2
"""The largest number of places that are in a list; more stand in a bitmap."""


class TermKeys:
    """Makes term keys under one part key."""

    def __init__(self, key: bytes) -> None:
        self._prepared = hmac.new(key, b"", sha256)

    def of(self, term: str) -> bytes:
        """Return the key of a term."""
        state = self._prepared.copy()
        state.update(term.encode("utf-8", "surrogatepass"))
        return state.digest()


def label(term_key: bytes, salt: bytes) -> int:
    """Return the label of a term in a part, as SQLite's signed integer."""
    return int.from_bytes(shake_256(term_key + salt).digest(_LABEL), "big", signed=True)


def seal(term_key: bytes, salt: bytes, places: Sequence[int]) -> tuple[int, bytes]:
    """Return label and posting of a term that the entries at `places` (ascending, at least one) of a block have."""
    plain = _list(places) if len(places) <= _LISTED else _bitmap(places)
    stream = shake_256(term_key + salt).digest(_LABEL + len(plain))
    return int.from_bytes(stream[:_LABEL], "big", signed=True), _xor(plain, stream[_LABEL:])


def unseal(term_key: bytes, salt: bytes, posting: bytes) -> int:
    """Return the places in a posting as bits, the first entry of the block lowest. A damaged posting gives wrong
    places."""
    plain = _xor(posting, shake_256(term_key + salt).digest(_LABEL + len(posting))[_LABEL:])
    if len(plain) >= _BITMAP:
        return int.from_bytes(plain[:_BITMAP], "little")
    bits = 0
    for at in range(0, len(plain), _PLACE):
        bits |= 1 << (int.from_bytes(plain[at : at + _PLACE], "little") % BLOCK)
    return bits


def places_of(bits: int) -> list[int]:
    """Return the places in `bits`, highest first."""
    found = []
    while bits:
        highest = bits.bit_length() - 1
        found.append(highest)
        bits ^= 1 << highest
    return found


def _list(places: Sequence[int]) -> bytes:
    """Return the places in two bytes each, the last one repeated up to a power of two."""
    wanted = 1 << (len(places) - 1).bit_length()
    return b"".join(place.to_bytes(_PLACE, "little") for place in [*places, *[places[-1]] * (wanted - len(places))])


def _bitmap(places: Sequence[int]) -> bytes:
    bits = 0
    for place in places:
        bits |= 1 << place
    return bits.to_bytes(_BITMAP, "little")


def _xor(data: bytes, stream: bytes) -> bytes:
    return (int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")).to_bytes(len(data), "little")
