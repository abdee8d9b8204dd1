"""Check at a start, before anything is signed, that the rows of a log are those that it once signed.

1. every row is re-hashed, and its hash is the one stored beside it;
2. the rows are gapless from 0, and as many as the state says;
3. their root is the state's;
4. the stored head was signed by a key of ours, and the tree extends it;
5. the same for the high-water file.

A failed check raises `Contradicted`, which names the first bad entry as closely as the evidence allows: exactly, when
a row disagrees with its stored hash, else as the range between the last good head and the first bad one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.audit.tree.checkpoint import Checkpoint, signed_head, verify_head
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.audit.tree.tile_tree import Roots
from gateway.errors import Contradicted, LiaisonError, StorageBroken
from gateway.ports.log_store import LogState, LogStore
from gateway.signing.keys import VerifyKey


def rebuild_tree(store: LogStore, state: LogState) -> Tree:
    """Carry out checks 1 and 2. Return the tree over the rows of a log. Stored hashes of pruned entries are taken as
    they are: the signed heads prove them (checks 3 to 5)."""
    tree = Tree()
    tree.extend(store.leaves(state.log, 0, state.first))
    if tree.size != state.first:
        raise tampered(state.log, tree.size, "its hash, which stays when an entry is pruned, is missing")
    return extend_tree(tree, store.bodies(state.log, state.first, state.size), state.size, state.log)


def extend_tree(tree: Tree, rows: Iterable[tuple[int, bytes, bytes]], size: int, log: str) -> Tree:
    """Carry out checks 1 and 2 for the rows after those in `tree`, add them to it, and return it."""
    for expected, (index, body, stored) in enumerate(_within(rows, size), tree.size):
        if index != expected:
            raise tampered(log, expected, "its row is missing")
        leaf = leaf_hash(body)
        if leaf != stored:
            raise tampered(log, index, "it is not what was written")
        tree.append(leaf)
    if tree.size != size:
        raise tampered(log, tree.size, "its row is missing")
    return tree


def check_state(tree: Tree, state: LogState, store: LogStore, origin: str, keys: Sequence[VerifyKey]) -> None:
    """Carry out checks 3 and 4."""
    if tree.root() != state.root:
        raise changed(tree, _history(store, state.log, origin, keys), state.log, "the stored root")
    if state.checkpoint:
        head = verify_head(state.checkpoint, origin, keys)
        check_extends(tree, head, store, state.log, keys)


def check_end(state: LogState, store: LogStore) -> None:
    """Check that no row follows the last one (check 2). Call it in a turn, where no other process adds rows."""
    if any(index >= state.size for index, _, _ in store.bodies(state.log, state.size, state.size + 1)):
        raise tampered(state.log, state.size, "it was put in after the last signed head")


def check_extends(tree: Tree, head: Checkpoint, store: LogStore, log: str, keys: Sequence[VerifyKey]) -> None:
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


def changed(tree: Tree, heads: Sequence[Checkpoint], log: str, against: str) -> Contradicted:
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


def _within(rows: Iterable[tuple[int, bytes, bytes]], size: int) -> Iterator[tuple[int, bytes, bytes]]:
    for row in rows:
        if row[0] >= size:
            return
        yield row
