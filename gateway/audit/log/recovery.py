"""Check at a start, before anything is signed, that the rows of a log are those that it once signed.

1. each of the newest `REHASHED` rows is re-hashed, and its hash is the one stored beside it;
2. the rows are gapless from 0, and as many as the state says;
3. their root is the state's;
4. the stored head was signed by a key of ours, and the tree extends it;
5. the same for the high-water file.

A failed check raises `Contradicted`, which names the first bad entry as closely as the evidence allows: exactly, when
a row disagrees with its stored hash, else as the range between the last good head and the first bad one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.tree.checkpoint import Checkpoint, signed_head, verify_head
from gateway.audit.tree.merkle import leaf_hash
from gateway.audit.tree.stored_tree import WIDTH, StoredTree
from gateway.audit.tree.tile_tree import Roots
from gateway.errors import Contradicted, LiaisonError, StorageBroken
from gateway.ports.log_store import LogState, LogStore
from gateway.signing.keys import VerifyKey

REHASHED: Final = 1 << 20
"""Entries at the end of a log that a start re-hashes, so that its time is bounded. The scrubber re-hashes those before
them, beginning at once."""

_PAGE: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class StoredTiles:
    """The hashes of one log in a store."""

    store: LogStore
    log: str

    def tile(self, level: int, place: int) -> Sequence[bytes]:
        """Return the hashes of tile `place` of `level`, at most 256; an empty one for a node that is not stored."""
        first = place * WIDTH
        if level == 0:
            return list(self.store.leaves(self.log, first, first + WIDTH))
        found = self.store.nodes(self.log, level, first, first + WIDTH)
        return [found.get(at, b"") for at in range(first, first + WIDTH)]


def open_tree(store: LogStore, state: LogState, rehashed: int = REHASHED) -> tuple[StoredTree, int]:
    """Carry out checks 1 and 2. Return the tree over a log, and the index from which on its rows were re-hashed.

    Rows before the newest `rehashed` stand as stored nodes. Where these do not give the state's root, nothing but the
    rows is believed: all of them are re-hashed, and the nodes are made anew.
    """
    first = max(0, state.size - rehashed) // WIDTH * WIDTH
    tree = StoredTree(StoredTiles(store, state.log))
    if first and tree.resume(first):
        _add_rows(tree, store, state)
        if tree.root() == state.root:
            return tree, first
    tree = StoredTree(StoredTiles(store, state.log))
    _add_rows(tree, store, state)
    _leave_out_stored(tree, store, state.log)
    return tree, 0


def _add_rows(tree: StoredTree, store: LogStore, state: LogState) -> None:
    """Add all entries after those in `tree`. Stored hashes of pruned ones are taken as they are: the signed heads prove
    them (checks 3 to 5)."""
    while tree.size < state.first:
        stop = min(state.first, tree.size + _PAGE)
        tree.extend(store.leaves(state.log, tree.size, stop))
        if tree.size != stop:
            raise tampered(state.log, tree.size, "its hash, which stays when an entry is pruned, is missing")
        tree.let_go()
    extend_tree(tree, store.bodies(state.log, tree.size, state.size), state.size, state.log)


def _leave_out_stored(tree: StoredTree, store: LogStore, log: str) -> None:
    """Take from the nodes that are to be stored those that are."""
    for level in {level for level, _ in tree.unstored}:
        count = tree.size // WIDTH**level
        for start in range(0, count, _PAGE):
            for place, node in store.nodes(log, level, start, min(start + _PAGE, count)).items():
                if tree.unstored.get((level, place)) == node:
                    del tree.unstored[level, place]


def extend_tree(tree: StoredTree, rows: Iterable[tuple[int, bytes, bytes]], size: int, log: str) -> None:
    """Carry out checks 1 and 2 for the rows after those in `tree`, and add them to it."""
    leaves: list[bytes] = []
    expected = tree.size
    for index, body, stored in rows:
        if index != expected:
            raise tampered(log, expected, "its row is missing")
        leaf = leaf_hash(body)
        if leaf != stored:
            raise tampered(log, index, "it is not what was written")
        leaves.append(leaf)
        expected += 1
        if not expected % WIDTH:
            tree.extend(leaves)
            leaves.clear()
            if not expected % _PAGE:
                tree.let_go()
    if expected != size:
        raise tampered(log, expected, "its row is missing")
    tree.extend(leaves)


def check_state(tree: StoredTree, state: LogState, store: LogStore, origin: str, keys: Sequence[VerifyKey]) -> None:
    """Carry out checks 3 and 4."""
    if tree.root() != state.root:
        raise changed(tree, _history(store, state.log, origin, keys), state.log, "the stored root")
    if state.checkpoint:
        head = verify_head(state.checkpoint, origin, keys)
        check_extends(tree, head, store, state.log, keys)


def check_end(state: LogState, store: LogStore) -> None:
    """Check that no row follows the last one (check 2), but for those that another process has added meanwhile."""
    more = [index for index, _, _ in store.bodies(state.log, state.size, state.size + 1)]
    if more and (now := store.state(state.log)) is not None and now.size <= state.size:
        raise tampered(state.log, state.size, "it was put in after the last signed head")


def check_extends(tree: Roots, head: Checkpoint, store: LogStore, log: str, keys: Sequence[VerifyKey]) -> None:
    """Check that `tree` has at least the entries of `head`, and the same ones (check 5)."""
    if head.size > tree.size:
        raise tampered(log, tree.size, f"its row is missing: a head over {head.size} entries was signed")
    if tree.root(head.size) != head.root:
        history = [*_history(store, log, head.origin, keys), head]
        raise changed(tree, history, log, f"the head that was signed over {head.size} entries")


def as_broken(error: LiaisonError) -> StorageBroken:
    """Return the error that ends the log for a failure in a batch."""
    if isinstance(error, StorageBroken):
        return error
    return StorageBroken("a batch could not be written: {detail}", where=error.where, detail=error.message)


def tampered(log: str, index: int, what: str) -> Contradicted:
    """Return the finding that entry `index` is the first bad one."""
    return Contradicted(
        "entry {index} is bad: {what}",
        code="log-changed",
        where=f"log {log}",
        remedy="keep the files as evidence, then restore the database from a backup that holds all signed entries",
        index=index,
        what=what,
    )


def changed(tree: Roots, heads: Sequence[Checkpoint], log: str, against: str) -> Contradicted:
    """Return the finding that the tree is not the signed one, with the first bad entry as close as `heads` tell."""
    start, stop = first_bad_range(tree, heads)
    place = f"entry {start}" if stop == start + 1 else f"one of the entries {start} to {stop - 1}"
    return Contradicted(
        "{place} is bad: the tree is not that of {against}",
        code="log-changed",
        where=f"log {log}",
        remedy="keep the files as evidence, then restore the database from a backup that holds all signed entries",
        place=place,
        against=against,
    )


def first_bad_range(tree: Roots, heads: Sequence[Checkpoint]) -> tuple[int, int]:
    """Return the range [start, stop) of the first bad entry: between the last good head and the first bad one."""
    good = 0
    for head in sorted(heads, key=lambda item: item.size):
        if head.size > tree.size or tree.root(head.size) != head.root:
            return good, max(good + 1, min(head.size, tree.size))
        good = head.size
    return good, max(good + 1, tree.size)


def _history(store: LogStore, log: str, origin: str, keys: Sequence[VerifyKey]) -> list[Checkpoint]:
    return list(_verified(store.checkpoints(log), origin, keys))


def _verified(heads: Iterable[bytes], origin: str, keys: Sequence[VerifyKey]) -> Iterator[Checkpoint]:
    for data in heads:
        if (head := signed_head(data, origin, keys)) is not None:
            yield head
