"""A tree that keeps its right end in memory, and reads all else where it is stored, in tiles of 256 hashes.

A tile of level 0 has the hashes of 256 entries, which their rows give; a tile of level n has 256 nodes, each over 256^n
entries. They are stored one by one, with the entries that complete them, so that a crash leaves none half written.

What is read is not believed. A tile has to give the node above it, that node is in a tile that was checked in the same
way, and the nodes in memory gave the root that was signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, Protocol

from gateway.audit.tree.merkle import HASH_BYTES, Tree, node_hash
from gateway.errors import StorageBroken

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
CACHED: Final = 64
"""Tiles in memory beside the right end, 16 KiB each."""

_WHOLE: Final = 4
"""Complete tiles of a level in memory from which on all but the last one are let go."""


class Tiles(Protocol):
    """The stored hashes of one log."""

    def tile(self, level: int, place: int) -> Sequence[bytes]:
        """Return the hashes of tile `place` of `level`, at most 256; an empty one for a node that is not stored."""


class StoredTree(Tree):
    """A tree of which `tiles` has what is not at its right end.

    `unstored` are the nodes that are still to be stored, by level of their tile and place on it. The owner stores them
    with the entries that complete them, and then calls `stored`.
    """

    def __init__(self, tiles: Tiles) -> None:
        super().__init__()
        self.unstored: dict[tuple[int, int], bytes] = {}
        self._tiles = tiles
        self._tile = lru_cache(maxsize=CACHED)(self._read)

    def resume(self, size: int) -> bool:
        """Begin with the first `size` entries, a multiple of 256, by the stored nodes alone. Return False where some
        are missing. Whether they are right shows when the tree gives a signed root: all of them are part of it."""
        levels: list[tuple[int, bytearray]] = []
        for tile in range(1 + size.bit_length() // HEIGHT):
            place, width = divmod(size >> tile * HEIGHT, WIDTH)
            hashes = self._tiles.tile(tile, place)[:width] if width else []
            if len(hashes) != width or not all(hashes):
                return False
            inner = _levels(b"".join(hashes))
            levels += ((place << HEIGHT - height, bytearray(nodes)) for height, nodes in enumerate(inner))
        self._levels = levels
        return True

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        self._add(0, leaf)
        self._completed(self.size)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of leaves. A whole tile costs half of its leaves one by one."""
        hashes = list(leaves)
        if len(hashes) == WIDTH and self.size % WIDTH == 0:
            self._add_tile(hashes)
        else:
            super().extend(hashes)

    def _add_tile(self, hashes: Sequence[bytes]) -> None:
        inner = _levels(b"".join(hashes))
        for height, nodes in enumerate(inner):
            if height == len(self._levels):
                self._levels.append((0, bytearray()))
            self._levels[height][1].extend(nodes)
        self._add(HEIGHT, node_hash(inner[-1][:HASH_BYTES], inner[-1][HASH_BYTES:]))
        self._completed(self.size)

    def _completed(self, size: int) -> None:
        """Note the nodes that the newest leaf completed."""
        place, rest = divmod(size, WIDTH)
        tile = 1
        while not rest:
            self.unstored[tile, place - 1] = self.node(tile * HEIGHT, place - 1)
            tile, (place, rest) = tile + 1, divmod(place, WIDTH)

    def node(self, level: int, index: int) -> bytes:
        """Return the complete node `index` of `level`. Raises `StorageBroken` for stored hashes that are not signed."""
        start, nodes = self._levels[level]
        if index >= start:
            at = (index - start) * HASH_BYTES
            return bytes(nodes[at : at + HASH_BYTES])
        tile, height = divmod(level, HEIGHT)
        place, at = divmod(index, WIDTH >> height)
        return self._tile(tile, place)[height][at * HASH_BYTES : (at + 1) * HASH_BYTES]

    def _read(self, tile: int, place: int) -> list[bytes]:
        """Return the nodes of a complete tile, for each level below the node above it, which they have to give."""
        waiting = self.unstored  # before the read: what is stored meanwhile leaves it
        hashes = list(self._tiles.tile(tile, place))
        if waiting and tile:
            hashes = [waiting.get((tile, place * WIDTH + at), known) for at, known in enumerate(hashes)]
        levels = _levels(b"".join(hashes))
        top = levels[-1]
        if len(levels[0]) != WIDTH * HASH_BYTES or node_hash(top[:HASH_BYTES], top[HASH_BYTES:]) != self.node(
            (tile + 1) * HEIGHT, place
        ):
            width = WIDTH ** (tile + 1)
            raise StorageBroken(
                "the stored hashes of entries {first} to {stop} are not those that were signed",
                where="tree",
                remedy="check memory and disk, then start the node again: it hashes the entries themselves",
                first=place * width,
                stop=(place + 1) * width - 1,
            )
        return levels

    def cut(self, size: int) -> None:
        """Take away the leaves from `size` on: those of a batch that was not written."""
        super().cut(size)
        self.unstored = {
            (tile, place): node for (tile, place), node in self.unstored.items() if (place + 1) * WIDTH**tile <= size
        }

    def stored(self) -> None:
        """Take note that `unstored` is stored, and let go of what is not at the right end."""
        self.unstored = {}
        self.let_go()

    def let_go(self) -> None:
        """Keep the last complete tile of each level and what follows it; the rest is read again where it is needed."""
        for low in range(0, len(self._levels), HEIGHT):
            start, nodes = self._levels[low]
            complete = (start + len(nodes) // HASH_BYTES) // WIDTH
            if complete - start // WIDTH < _WHOLE:
                continue
            for height, level in enumerate(range(low, min(low + HEIGHT, len(self._levels)))):
                first, (start, nodes) = complete - 1 << HEIGHT - height, self._levels[level]
                self._levels[level] = (first, nodes[(first - start) * HASH_BYTES :])  # in one step, for readers


def _levels(hashes: bytes) -> list[bytes]:
    """Return the complete nodes over at most 256 hashes: the hashes themselves, and seven levels above them."""
    return list(_upwards(hashes))


def _upwards(nodes: bytes) -> Iterator[bytes]:
    for _ in range(HEIGHT):
        yield nodes
        pairs = range(0, len(nodes) - HASH_BYTES, 2 * HASH_BYTES)
        nodes = b"".join(node_hash(nodes[at : at + 32], nodes[at + 32 : at + 64]) for at in pairs)
