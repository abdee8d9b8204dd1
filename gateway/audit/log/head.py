"""The part of a log that a process has hashed, and the head that it has signed over that.

At the start the newest million rows are hashed again, and those before them stand by the stored nodes of the tree. The
whole is compared with the log's state, with the head stored in it, and with the one in the high-water file. Where
several processes write to one log, one that takes it reads the entries of the others, hashes them again, and compares
the result with the state and the stored head before it goes on. So each size has one committed root, and a head is
signed only over a root that was committed and that this process has computed itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext

from gateway.audit.entries.entry import parse_entry
from gateway.audit.log.highwater import Seen
from gateway.audit.log.numbers import require_begun
from gateway.audit.log.recovery import check_end, check_extends, check_state, extend_tree, open_tree
from gateway.audit.tree.checkpoint import Signer
from gateway.audit.tree.merkle import EMPTY_ROOT, leaf_hash
from gateway.errors import Contradicted, Misconfigured, StorageAway, StorageBroken
from gateway.ports.log_store import LogState, LogStore, NewEntry, TreeNode
from gateway.signing.keys import VerifyKey

_AFTER_A_MOVE = (
    "was a standby promoted, or a backup put back, that lacks the last commits? Bring back the server that has them, "
    "then start the node again"
)


def state_at_start(
    store: LogStore, log: str, number: int, opening: Mapping[str, int] | None, seen: Seen | None, moved: str
) -> LogState:
    """Return the state of `log` in the database. Makes it if the log was never opened.

    Raises `Misconfigured` when it is missing although a head of it was signed, or when it may not be begun so.
    """
    state = known_state(store, log, seen, moved)
    if opening is None:
        require_begun(log, number, state)
    if state is None:
        state = LogState(log, number, 0, EMPTY_ROOT, b"", dict(opening or {}))
        store.commit(None, state, [])
    return state


def known_state(store: LogStore, log: str, seen: Seen | None, moved: str) -> LogState | None:
    """Return the state of `log` in the database; None for a log that was never opened.

    Raises `Misconfigured` when it is missing although a head of it was signed.
    """
    state = store.state(log)
    if state is None and seen is not None:
        raise Misconfigured(
            "the database has no log, but a head over {length} entries was signed{moved}",
            code="log-missing",
            where=f"log {log}",
            remedy="restore the database that belongs to this home",
            length=seen.head.size,
            moved=moved,
        )
    return state


class LogHead:
    """A log as this process knows it: `state`, the `tree` over its entries, the newest signed head (`checkpoint`), and
    the time of the last entry (`last_us`). Entries before `hashed_from` were not re-hashed. Not thread-safe: the log
    has the lock.

    Making it checks the log. One that is only `examined` is read as it is: no one writes to it. Raises `Contradicted`
    (which says `moved`, when the database is another one) and `StorageBroken`.
    """

    checkpoint: bytes

    def __init__(
        self,
        store: LogStore,
        signer: Signer,
        keys: Sequence[VerifyKey],
        state: LogState,
        seen: Seen | None,
        moved: str,
        *,
        examined: bool = False,
        rehashed: int | None = None,
    ) -> None:
        self._store = store
        self._signer = signer
        self._origin = signer.origin
        self._keys = keys
        self.tree, self.hashed_from = open_tree(store, state) if rehashed is None else open_tree(store, state, rehashed)
        self._check(state, seen, moved)
        self.state = state
        self.last_us = self._time_of_last()
        with nullcontext(state) if examined else store.turn(state) as current:
            self.catch_up(current)
            check_end(current, store)
        self.checkpoint = signer.sign(self.state.size, self.state.root)

    def unstored(self) -> list[TreeNode]:
        """Return the nodes of the tree that are to be stored with the next commit."""
        return [TreeNode(level, place, node) for (level, place), node in self.tree.unstored.items()]

    def sign_with(self, signer: Signer, keys: Sequence[VerifyKey]) -> None:
        """Sign with other keys from now on, beginning with the newest head; `keys` are all that have signed."""
        self._signer, self._keys = signer, keys
        self.checkpoint = signer.sign(self.state.size, self.state.root)

    def _check(self, state: LogState, seen: Seen | None, moved: str) -> None:
        """Compare the database with the signed heads. `Contradicted` also says when the database is another one."""
        try:
            check_state(self.tree, state, self._store, self._origin, self._keys)
            if seen is not None:
                check_extends(self.tree, seen.head, self._store, state.log, self._keys)
        except Contradicted as error:
            if not moved:
                raise
            raise Contradicted(
                error.message + moved, code=error.code, where=error.where, remedy=_AFTER_A_MOVE
            ) from error

    def _time_of_last(self) -> int:
        last = self.tree.size - 1
        if last < 0:
            return 0
        return time_of_entry(self._store, self.state.log, last)

    def catch_up(self, current: LogState) -> None:
        """Make `current` the state. Added entries are hashed again, and must match the state and its head."""
        known, self.state = self.state, current
        if current is known or (current.size, current.root) == (known.size, known.root):
            return
        try:
            self._take_up(known, current)
        except StorageAway:
            self.state = known
            self.tree.cut(known.size)
            raise

    def _take_up(self, known: LogState, current: LogState) -> None:
        if current.size <= known.size:
            raise StorageBroken(
                "the database has gone back: it holds {length} entries, and a head over {known_length} was signed",
                code="log-went-back",
                where=self._origin,
                remedy=_AFTER_A_MOVE,
                length=current.size,
                known_length=known.size,
            )
        body = b""

        def rows() -> Iterator[tuple[int, bytes, bytes]]:
            nonlocal body
            for row in self._store.bodies(current.log, known.size, current.size):
                body = row[1]
                yield row

        extend_tree(self.tree, rows(), current.size, current.log)
        check_state(self.tree, current, self._store, self._origin, self._keys)
        self.last_us = max(self.last_us, parse_entry(body).time_us)
        self.checkpoint = self._signer.sign(current.size, current.root)

    def holds(self, entries: Sequence[NewEntry]) -> bool:
        """Tell whether these entries are in the log, each in its place. No other ones have their salts."""
        first, stop = entries[0].index, entries[-1].index + 1
        if stop > self.state.size:
            return False
        found = self._store.bodies(self.state.log, first, stop)
        return [body for _, body, _ in found] == [entry.body for entry in entries]

    def reread(self, first: int, stop: int) -> None:
        """Raise `StorageBroken` unless the stored entries in [first, stop) are those of the tree. Skips pruned ones."""
        first = max(first, self.state.first)
        found = [(index, leaf_hash(body)) for index, body, _ in self._store.bodies(self.state.log, first, stop)]
        if found != [(index, self.tree.leaf(index)) for index in range(first, stop)]:
            raise StorageBroken(
                "entries {first} to {stop} read back are not what was written",
                where=self._origin,
                remedy="check memory and disk, then start the node again",
                first=first,
                stop=stop - 1,
            )


def time_of_entry(store: LogStore, log: str, index: int) -> int:
    """Return the time of an entry in microseconds since 1970; 0 where it is pruned."""
    return next((parse_entry(body).time_us for _, body, _ in store.bodies(log, index, index + 1)), 0)
