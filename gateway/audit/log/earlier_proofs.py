"""Prove entries of an earlier number of a log: those that were not acknowledged before entries were lost."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.audit.log.succession import split_name
from gateway.audit.tree.checkpoint import signed_head
from gateway.audit.tree.merkle import Tree
from gateway.errors import Malformed
from gateway.model.exchange import LogProof
from gateway.ports.log_store import LogStore
from gateway.signing.keys import VerifyKey


def earlier_proof(store: LogStore, origin: str, index: int, keys: Sequence[VerifyKey]) -> LogProof:
    """Return the proof of an entry under the newest head of its log that fits the rows. Hashes the whole log again.

    Raises `Malformed` when no such head covers the entry.
    """
    log = origin.partition("/")[2]
    split_name(log)
    state, tree = store.state(log), Tree()
    tree.extend(store.leaves(log, 0, state.size if state else 0))
    for data in reversed(store.checkpoints(log)):
        head = signed_head(data, origin, keys)
        if head is not None and index < head.size <= tree.size and tree.root(head.size) == head.root:
            return LogProof(index, tuple(tree.inclusion(index, head.size)), data)
    raise Malformed("no signed head covers this entry", code="not-in-log", where=origin)
