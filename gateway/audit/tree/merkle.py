"""The hash tree of RFC 6962, section 2.1 (the same as RFC 9162), with SHA-256.

`Tree` keeps all complete nodes in memory, one bytearray for each level (64 bytes for each leaf in all); that of a
running log keeps the newest ones only (`gateway.audit.tree.stored_tree`). Its ragged right edge is computed when asked
for. Verifiers raise and never return a flag. They refuse hashes of any other length than 32 bytes, and so an empty root
of a tree that has leaves (FACT-20).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from gateway.errors import Contradicted, Malformed

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

_SHARED = 4
"""Levels below which the proofs of neighbouring leaves differ: blocks of 16."""

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(_NODE + left + right).digest()


class Tree:
    """A tree that only grows, but for `cut`. One thread adds leaves; others may read what was there before."""

    def __init__(self) -> None:
        self._levels: list[tuple[int, bytearray]] = [(0, bytearray())]
        """For each level the index of the first node in memory, and the nodes from it on."""
        self._edge: tuple[int, list[bytes | None]] = (0, [])
        self._upper: tuple[tuple[int, int], tuple[bytes, ...]] = ((-1, 0), ())

    @property
    def size(self) -> int:
        """The number of leaves."""
        start, nodes = self._levels[0]
        return start + len(nodes) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        self._add(0, leaf)

    def _add(self, level: int, node: bytes) -> None:
        """Add the next complete node of a level, and those above it that it completes."""
        levels = self._levels
        if level == len(levels):
            levels.append((0, bytearray()))
        start, nodes = levels[level]
        index = start + len(nodes) // HASH_BYTES
        nodes += node
        while index & 1:
            node = sha256(_NODE + nodes[-2 * HASH_BYTES : -HASH_BYTES] + node).digest()
            index >>= 1
            level += 1
            if level == len(levels):
                levels.append((0, bytearray()))
            nodes = levels[level][1]
            nodes += node

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of leaves."""
        for leaf in leaves:
            self.append(leaf)

    def cut(self, size: int) -> None:
        """Take away the leaves from `size` on: those of a batch that was not written."""
        for level, (start, nodes) in enumerate(self._levels):
            del nodes[((size >> level) - start) * HASH_BYTES :]
        self._edge, self._upper = (0, []), ((-1, 0), ())

    def leaf(self, index: int) -> bytes:
        """Return the hash of leaf `index`."""
        return self.node(0, index)

    def node(self, level: int, index: int) -> bytes:
        """Return the complete node `index` of `level`; leaves are level 0."""
        return bytes(self._levels[level][1][index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` leaves (of all, by default)."""
        size = self._checked(size)
        if size == 0:
            return EMPTY_ROOT
        top = (size - 1).bit_length()
        if size == 1 << top:
            return self.node(top, 0)
        edge = self._right_edge(size)[top]
        assert edge is not None
        return edge

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that leaf `index` is in the tree of `size` leaves, from the leaf upwards (2.1.1)."""
        size = self._checked(size)
        if not 0 <= index < size:
            raise Malformed(
                "entry {index} is not among the first {length}",
                code="not-in-log",
                where="proof",
                index=index,
                length=size,
            )
        height = (size - 1).bit_length()
        if height <= _SHARED:
            return self._siblings(index, size, 0, height)
        # The entries of a batch stand beside each other, and their proofs differ below only.
        block = (index >> _SHARED, size)
        if self._upper[0] != block:
            self._upper = (block, self._siblings(index, size, _SHARED, height))
        return self._siblings(index, size, 0, _SHARED) + self._upper[1]

    def _siblings(self, index: int, size: int, start: int, stop: int) -> tuple[bytes, ...]:
        """Return the part of a proof on the levels from `start` to before `stop`."""
        edge = self._right_edge(size)
        proof: list[bytes] = []
        for level in range(start, stop):
            sibling, complete = (index >> level) ^ 1, size >> level
            if sibling < complete:
                proof.append(self.node(level, sibling))
            elif sibling == complete and (ragged := edge[level]) is not None:
                proof.append(ragged)
        return tuple(proof)

    def consistency(self, first: int, second: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the tree of `second` leaves extends the tree of `first` leaves (2.1.2)."""
        second = self._checked(second)
        if not 0 < first <= second:
            raise Malformed(
                "no proof from {first} to {second} leaves", code="not-in-log", where="proof", first=first, second=second
            )
        return tuple(self._subproof(first, 0, second, known=True))

    def _subproof(self, first: int, start: int, stop: int, *, known: bool) -> list[bytes]:
        if first == stop - start:
            return [] if known else [self._range(start, stop)]
        split = 1 << (stop - start - 1).bit_length() - 1
        if first <= split:
            return [*self._subproof(first, start, start + split, known=known), self._range(start + split, stop)]
        rest = self._subproof(first - split, start + split, stop, known=False)
        return [*rest, self._range(start, start + split)]

    def _range(self, start: int, stop: int) -> bytes:
        width = stop - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self.node(level, start >> level)
        split = 1 << (width - 1).bit_length() - 1
        return node_hash(self._range(start, start + split), self._range(start + split, stop))

    def _right_edge(self, size: int) -> list[bytes | None]:
        """Return, for each level, the node over the leaves to the right of its last complete node, or None."""
        known, edge = self._edge
        if known == size:
            return edge
        edge = [None]
        for level in range((size - 1).bit_length() if size else 0):
            ragged, complete = edge[level], size >> level
            if complete & 1:
                left = self.node(level, complete - 1)
                ragged = left if ragged is None else node_hash(left, ragged)
            edge.append(ragged)
        self._edge = (size, edge)
        return edge

    def _checked(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise Malformed(
                "the tree has {length} leaves, not {other_length}",
                code="not-in-log",
                where="proof",
                length=self.size,
                other_length=size,
            )
        return size


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `Contradicted` unless `proof` shows that `leaf` is at `index` under `root` (RFC 9162, 2.1.3.2), and
    `Malformed` for a hash that has not 32 bytes."""
    _require_hashes([leaf, root, *proof])
    if not 0 <= index < size:
        raise Contradicted(
            "entry {index} is not among the first {length}", where="inclusion proof", index=index, length=size
        )
    node, position, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise Contradicted("the proof is too long", where="inclusion proof")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last or node != root:
        raise Contradicted("the proof does not lead to the root", where="inclusion proof")


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise `Contradicted` unless `proof` shows that the second tree extends the first (RFC 9162, 2.1.4.2), and
    `Malformed` for a hash that has not 32 bytes."""
    _require_hashes([first_root, second_root, *proof])
    if not 0 < first <= second:
        raise Contradicted(
            "no proof leads from {first} to {second} leaves", where="consistency proof", first=first, second=second
        )
    if first == second:
        if proof or first_root != second_root:
            raise Contradicted("two trees of one size differ", where="consistency proof")
        return
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        raise Contradicted("the proof is empty", where="consistency proof")
    _walk(first, second, first_root, second_root, path)


def _walk(first: int, second: int, first_root: bytes, second_root: bytes, path: list[bytes]) -> None:
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Contradicted("the proof is too long", where="consistency proof")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise Contradicted("the second tree does not extend the first", where="consistency proof")


def _require_hashes(values: Iterable[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in values):
        raise Malformed("a hash has 32 bytes", code="bad-hash", where="proof")
