"""A tree in pieces of 256 leaves, which an export keeps as tiles and several processes hash at once.

A `TileTree` has one node for each complete piece, so that it needs a quarter of a byte for each leaf. It is the same
tree as `merkle.Tree`: a node over 256 leaves is a node of level 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from gateway.audit.tree.merkle import Tree, node_hash
from gateway.errors import Malformed

PIECE: Final = 256
"""Leaves of a complete piece."""


class Roots(Protocol):
    """A tree that gives the roots over its first leaves; `Tree` and `TileTree` do."""

    @property
    def size(self) -> int:
        """The number of leaves."""

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves."""


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over 1 to 256 leaf hashes."""
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = [*paired, level[-1]] if len(level) & 1 else paired
    return level[0]


def ragged(hashes: Sequence[bytes], widths: Sequence[int]) -> list[bytes]:
    """Return the roots over the first 1 to 256 leaf hashes, for each of `widths`."""
    tree = Tree()
    tree.extend(hashes)
    return [tree.root(width) for width in widths]


class TileTree:
    """Complete pieces, and the ragged ends of the sizes that are asked for."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._rest = 0
        self._ragged: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self.tree.size * PIECE + self._rest

    def append(self, node: bytes) -> None:
        """Add the node over a complete piece."""
        self.tree.append(node)

    def end(self, width: int) -> None:
        """Set the number of leaves after the last complete piece."""
        self._rest = width

    def add_ragged(self, size: int, node: bytes) -> None:
        """Set the node over the leaves after the last complete piece below `size`."""
        self._ragged[size] = node

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves. Raises `Malformed` where their ragged end was not added."""
        complete, width = divmod(size, PIECE)
        if width == 0:
            return self.tree.root(complete)
        if size not in self._ragged or complete > self.tree.size:
            raise Malformed("the tree over {length} leaves is not known", code="not-in-log", where="tree", length=size)
        node = self._ragged[size]
        for level in range(complete.bit_length()):
            if complete >> level & 1:
                node = node_hash(self.tree.node(level, (complete >> level) - 1), node)
        return node

    def node(self, index: int) -> bytes:
        """Return the node over piece `index`."""
        return self.tree.node(0, index)
