"""The stored tree against the one in memory, for random growth, sizes, losses and changes of what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.tree.merkle import Tree, verify_consistency, verify_inclusion
from gateway.audit.tree.stored_tree import CACHED, HEIGHT, WIDTH, StoredTree
from gateway.errors import Malformed, StorageBroken

MOST = 67_000
"""Leaves of the reference tree: three levels of tiles."""


def leaf(index: int) -> bytes:
    return sha256(index.to_bytes(8, "big")).digest()


@pytest.fixture(scope="module")
def reference() -> Tree:
    tree = Tree()
    tree.extend(map(leaf, range(MOST)))
    return tree


class Rows:
    """What a database holds: the leaves of committed entries, and nodes."""

    def __init__(self) -> None:
        self.leaves = 0
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.changed: dict[int, bytes] = {}
        self.reads = 0

    def tile(self, level: int, place: int) -> Sequence[bytes]:
        self.reads += 1
        first = place * WIDTH
        if level == 0:
            return [self.changed.get(at) or leaf(at) for at in range(first, min(first + WIDTH, self.leaves))]
        return [self.nodes.get((level, first + at), b"") for at in range(WIDTH)]

    def commit(self, tree: StoredTree) -> None:
        self.leaves = tree.size
        self.nodes |= tree.unstored
        tree.stored()


def grown(rows: Rows, *sizes: int) -> StoredTree:
    tree = StoredTree(rows)
    for size in sizes:
        tree.extend(map(leaf, range(tree.size, size)))
        rows.commit(tree)
    return tree


def in_memory(tree: StoredTree) -> int:
    return sum(len(nodes) for _, nodes in tree._levels)


@pytest.fixture(scope="module")
def long() -> tuple[Rows, StoredTree]:
    rows = Rows()
    return rows, grown(rows, *range(997, MOST, 997), MOST)


@pytest.mark.long
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_proof_is_that_of_the_tree_in_memory(
    reference: Tree, long: tuple[Rows, StoredTree], data: st.DataObject
) -> None:
    rows, tree = long
    if data.draw(st.booleans()):  # after a start
        start = data.draw(st.integers(0, MOST // WIDTH)) * WIDTH
        tree = StoredTree(rows)
        assert tree.resume(start)
        assert (tree.size, tree.root()) == (start, reference.root(start))
        tree.extend(map(leaf, range(start, min(MOST, start + 700))))
    most = tree.size
    size = data.draw(st.integers(1, max(1, most)))
    if size > most:
        return
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert tree.root(size) == reference.root(size)
    proof, extension = tree.inclusion(index, size), tree.consistency(first, size)
    assert (proof, extension) == (reference.inclusion(index, size), reference.consistency(first, size))
    verify_inclusion(leaf(index), index, size, proof, tree.root(size))
    verify_consistency(first, size, tree.root(first), tree.root(size), extension)
    assert tree.leaf(index) == leaf(index)


@pytest.mark.long
@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 1_500), min_size=1, max_size=8), st.data())
def test_batches_of_any_size_and_a_kill_or_a_cut_between_any_two_leave_what_is_committed(
    reference: Tree, batches: list[int], data: st.DataObject
) -> None:
    rows = Rows()
    tree = StoredTree(rows)
    for count in batches:
        tree.extend(map(leaf, range(tree.size, tree.size + count)))
        end = data.draw(st.sampled_from(["commit", "commit", "kill", "cut"]))
        if end == "commit":
            rows.commit(tree)
        elif end == "cut":  # another process took the log
            tree.cut(rows.leaves)
        if end != "kill":
            continue
        start = data.draw(st.integers(0, rows.leaves // WIDTH)) * WIDTH
        tree = StoredTree(rows)
        assert tree.resume(start)
        tree.extend(map(leaf, range(start, rows.leaves)))
    size = tree.size
    assert tree.root() == reference.root(size)
    assert all((place + 1) * WIDTH**level <= size for level, place in tree.unstored)
    for index in {0, size // 2, size - 1} & set(range(size)):
        assert tree.inclusion(index) == reference.inclusion(index, size)


def test_memory_does_not_grow_with_the_tree(long: tuple[Rows, StoredTree]) -> None:
    rows, tree = long
    assert in_memory(grown(Rows(), 10_000)) < 64 * 10_000
    assert in_memory(tree) < 3 * 2 * (WIDTH * 6) * 32
    for index in range(0, MOST, WIDTH):
        tree.inclusion(index)
    assert tree._tile.cache_info().currsize <= CACHED
    before = rows.reads
    tree.inclusion(MOST - 1)
    assert rows.reads == before, "proofs at the end of the log read nothing"


@pytest.mark.parametrize("place", [(1, 3), (2, 0), (1, 259)])
def test_a_changed_node_gives_no_proof(long: tuple[Rows, StoredTree], place: tuple[int, int]) -> None:
    rows, _ = long
    other = Rows()
    other.leaves, other.nodes = rows.leaves, {**rows.nodes, place: bytes(32)}
    tree = StoredTree(other)
    tree.resume(MOST // WIDTH * WIDTH)
    tree.extend(map(leaf, range(MOST // WIDTH * WIDTH, MOST)))
    width = WIDTH ** place[0]
    if tree.root() == long[1].root():  # else a start sees it
        with pytest.raises(StorageBroken, match="not those that were signed"):
            tree.inclusion(place[1] * width)
    else:
        assert place == (2, 0) or place[1] >= MOST // WIDTH**2 * WIDTH
    rows.changed = {5_000: bytes(32)}
    try:
        tree = grown_from(rows)
        with pytest.raises(StorageBroken, match="entries 4864 to 5119"):
            tree.leaf(5_000)
        assert tree.leaf(6_000) == leaf(6_000)
    finally:
        rows.changed = {}


def grown_from(rows: Rows) -> StoredTree:
    tree = StoredTree(rows)
    assert tree.resume(MOST // WIDTH * WIDTH)
    return tree


def test_a_missing_node_is_told_before_the_tree_is_used(long: tuple[Rows, StoredTree]) -> None:
    rows, _ = long
    other = Rows()
    newest = max(place for level, place in rows.nodes if level == 1)
    other.nodes = {place: node for place, node in rows.nodes.items() if place != (1, newest)}
    assert not StoredTree(other).resume(MOST // WIDTH * WIDTH)


@pytest.mark.long
def test_what_is_not_stored_yet_is_read_from_memory(reference: Tree) -> None:
    """A log of an earlier version has no nodes: they wait for the next commit."""
    rows = Rows()
    rows.leaves = MOST
    tree = StoredTree(rows)
    for first in range(0, MOST, 4_096):
        tree.extend(map(leaf, range(first, min(first + 4_096, MOST))))
        tree.let_go()
    assert len(tree.unstored) == MOST // WIDTH + MOST // WIDTH**2
    assert tree.inclusion(77) == reference.inclusion(77)
    assert in_memory(tree) < 64 * MOST // 10
    with pytest.raises(Malformed):
        tree.inclusion(MOST)
    assert len(tree.node(2 * HEIGHT, 0)) == 32
