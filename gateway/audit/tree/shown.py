"""A head that a log showed together with one of its entries, and the parts of the tree that both fix for ever."""

from __future__ import annotations

import msgspec

from gateway.audit.tree.checkpoint import Checkpoint


class Shown(msgspec.Struct, frozen=True):
    """A head whose signature was verified, with the inclusion proof that leads to it from one entry's `leaf`."""

    head: Checkpoint
    index: int
    leaf: bytes
    hashes: tuple[bytes, ...]


def whole_parts(shown: Shown) -> list[tuple[int, int, bytes]]:
    """Return the entry's leaf and the whole parts of the tree to its left: level, place on the level, hash.

    A part over 2^level entries never changes, whatever the log grows to (RFC 6962, 2.1). The proof has the parts to the
    left of the entry where the bits of its index are set.
    """
    index, size, hashes = shown.index, shown.head.size, shown.hashes
    found = [(0, index, shown.leaf)]
    inner = (index ^ (size - 1)).bit_length()
    at = inner
    for level in range(index.bit_length()):
        if not index >> level & 1:
            continue
        if level < inner:
            digest = hashes[level]
        else:
            digest, at = hashes[at], at + 1
        found.append((level, (index >> level) - 1, digest))
    return found
