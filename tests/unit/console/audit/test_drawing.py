"""The drawing of a proof says what the proof says, for each entry of trees of many sizes."""

from __future__ import annotations

import hashlib

from gateway.audit.tree.checkpoint import Checkpoint
from gateway.audit.tree.merkle import Tree, leaf_hash, verify_inclusion
from gateway.console.audit.drawing import WIDE, draw, steps_of
from gateway.ops.mandate.placed import Placed
from tests.support.tables import table


def placed(tree: Tree, index: int) -> Placed:
    head = Checkpoint("th.liaison.internal/exchange/1", tree.size, tree.root(), (), (), b"", b"")
    return Placed("exchange/1", index, tree.leaf(index), tree.inclusion(index), head, ())


@table("size", [1, 2, 3, 5, 8, 13, 64, 257])
def test_the_last_step_gives_the_root_of_the_head(size: int) -> None:
    tree = Tree()
    tree.extend(leaf_hash(hashlib.sha256(bytes([at % 256, at // 256])).digest()) for at in range(size))
    for index in range(size):
        item = placed(tree, index)
        verify_inclusion(item.leaf, index, size, item.path, item.head.root)
        steps = steps_of(item)
        assert (steps[-1].gives if steps else item.leaf) == item.head.root
        drawn = draw(item, "title", "head", "leaf", ("Laos",))
        assert all(0 < spot.x < WIDE and 0 < spot.y < drawn.high for spot in drawn.spots)
        assert len([spot for spot in drawn.spots if spot.tone == "quiet"]) == len(item.path)
        assert [spot.text for spot in drawn.spots if spot.tone in ("done", "head", "leaf")] == ["Laos", "head", "leaf"]
