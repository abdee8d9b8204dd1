"""The sources from which a verifier reads a log: a home, or an export. Nothing in them is trusted."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from gateway.audit.log.highwater import high_water_path, read_heads
from gateway.audit.log.succession import Continued, continued_in, neighbour, split_name
from gateway.audit.tree.checkpoint import Checkpoint, parse_checkpoint
from gateway.audit.tree.quorum import with_cosignatures
from gateway.audit.tree.tile_tree import PIECE, fold
from gateway.audit.tree.tiles import WIDTH
from gateway.errors import LiaisonError, Unknown
from gateway.model.evidence.witness import CosignedHead
from gateway.ports.content_keys import ContentKeys
from gateway.ports.log_store import LogStore, StoredEntry
from gateway.signing.keys import VerifyKey

SEGMENT: Final = 64 * WIDTH
"""Entries of a segment: one process checks it at once, and one file of an export holds it."""

_SETTLES = 20


def _readable(heads: Iterable[bytes]) -> Iterator[Checkpoint]:
    for data in heads:
        with suppress(LiaisonError):
            yield parse_checkpoint(data)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it was found. `stored_leaf` is the hash kept beside it, by which a changed entry is found.

    `private` is None when it is not there; `erased` then names the destroyed key, `lost` the one whose file is gone,
    `withheld` the ground on which an export does not show it; `problem` is the code of the fault in the content.
    """

    index: int
    body: bytes
    stored_leaf: bytes
    private: bytes | None
    request: bytes
    answer: bytes
    erased: str = ""
    problem: str = ""
    withheld: str = ""
    lost: str = ""


class LogEvidence(Protocol):
    """One log, as a verifier reads it."""

    @property
    def name(self) -> str:
        """The log's name and number, such as `exchange/1`."""

    @property
    def size(self) -> int:
        """The number of entries that the log is said to have."""

    @property
    def first(self) -> int:
        """The index of the first entry with a row; a multiple of 256."""

    @property
    def stop(self) -> int:
        """The index before which the rows end; a multiple of 256, or the size."""

    def heads(self) -> list[bytes]:
        """Return signed heads, unverified, in any order."""

    def continued(self, keys: Sequence[VerifyKey]) -> Continued | None:
        """Return the first entry of the next number, where entries of this one are lost; else None.

        `keys` are the log keys that the member lists. Raises `LiaisonError` where the continuation does not verify.
        """

    def segment(self, start: int) -> Iterator[Row]:
        """Return the rows of the segment of `SEGMENT` entries that begins at `start`, in order. Raises `Malformed`."""

    def rows(self) -> Iterator[Row]:
        """Return all rows, in order. Raises `Malformed`."""

    def bodies(self) -> Iterator[tuple[int, bytes]]:
        """Return index and exact public part of all rows, in order."""


class HomeLog:
    """A log in a node's own database; the node may be running."""

    def __init__(self, store: LogStore, keys: ContentKeys, name: str, highwater: Path) -> None:
        self.name = name
        self._store = store
        self._keys = keys
        self._high_water = high_water_path(highwater, *split_name(name))
        self._continued = continued_in(store, name)
        state = store.state(name)
        self._first = state.first if state else 0
        self.size, self._heads = self._settled() if self._continued is None else self._ended(self._continued)

    def apart(self) -> HomeLog:
        """Return this log as it can be given to another process, where `attach` has to come first."""
        part = copy.copy(self)
        part._heads = []
        del part._store, part._keys
        return part

    def add_heads(self, heads: Iterable[CosignedHead]) -> None:
        """Take heads with their cosignatures, up to the size that the log has here."""
        self._heads += [with_cosignatures(head) for head in heads if head.size <= self.size]

    def attach(self, store: LogStore, keys: ContentKeys) -> None:
        """Read from this store and with these keys from now on."""
        self._store, self._keys = store, keys

    def _ended(self, continued: Continued) -> tuple[int, list[bytes]]:
        """Return size and heads of a log that goes on under the next number. The size is that of the kept part."""
        state = self._store.state(self.name)
        heads = [*read_heads(self._high_water), *self._store.checkpoints(self.name)]
        heads += [state.checkpoint] if state and state.checkpoint else []
        kept = continued.kept(_readable(heads))
        return min(kept.size, state.size) if kept and state else 0, heads

    def _settled(self) -> tuple[int, list[bytes]]:
        """Return size and heads of one moment: a running node signs a little after it commits.

        Heads are read before the size, so that an honest node never has a head beyond it.
        """
        kept = self._store.checkpoints(self.name)
        for _ in range(_SETTLES):
            heads = read_heads(self._high_water)
            state = self._store.state(self.name)
            size = state.size if state else 0
            if any(head.split(b"\n", 2)[1:2] == [str(size).encode()] for head in heads):
                break
        return size, [*heads, *([state.checkpoint] if state and state.checkpoint else []), *kept]

    @property
    def first(self) -> int:
        """The index of the first entry that was not pruned."""
        return self._first

    def outer(self, pieces: range) -> Iterator[bytes]:
        """Yield the nodes over pieces of pruned entries."""
        for piece in pieces:
            yield fold(list(self.leaves(piece * PIECE, (piece + 1) * PIECE)))

    def ragged(self, size: int) -> bytes:
        """Return the node over the pruned entries between the last whole piece and `size`."""
        return fold(list(self.leaves(size // PIECE * PIECE, size)))

    @property
    def stop(self) -> int:
        """The size: rows end with the log."""
        return self.size

    def heads(self) -> list[bytes]:
        """Return the high-water file's heads, the state's, and those that were stored with batches."""
        return self._heads

    def continued(self, keys: Sequence[VerifyKey]) -> Continued | None:
        """Return the first entry of the next number, unverified: that number is checked in the same home."""
        del keys
        return self._continued

    def following(self) -> HomeLog:
        """Return the log's next number."""
        return HomeLog(self._store, self._keys, neighbour(self.name, 1), self._high_water.parent)

    def rows(self) -> Iterator[Row]:
        """Yield rows with their content decrypted, and one more where one was put in after the last."""
        for start in range(self._first, max(1, self.size), SEGMENT):
            yield from self.segment(start)

    def segment(self, start: int) -> Iterator[Row]:
        """Yield the rows of a segment."""
        stop = min(start + SEGMENT, self.size)
        yield from self.part(start, stop)
        state = self._store.state(self.name)
        if self._continued is None and stop == self.size and (state is None or state.size == self.size):
            for stored in self._store.entries(self.name, self.size, self.size + 1):
                yield Row(stored.index, stored.body, b"", None, b"", b"")

    def part(self, start: int, stop: int) -> Iterator[Row]:
        """Yield the rows with index in [start, stop)."""
        leaves = self._store.bodies(self.name, start, stop)
        hashes = {}
        for stored in self._store.entries(self.name, start, stop):
            while stored.index not in hashes:
                index, _, leaf = next(leaves)
                hashes[index] = leaf
            yield self._row(stored, hashes.pop(stored.index))

    def leaves(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the stored leaf hashes in [start, stop)."""
        return self._store.leaves(self.name, start, stop)

    def body(self, index: int) -> bytes:
        """Return the public part of one entry with a row."""
        return next(iter(self._store.bodies(self.name, index, index + 1)))[1]

    def bodies(self) -> Iterator[tuple[int, bytes]]:
        """Return index and public part of all rows."""
        return self.bodies_of(self._first, self.size)

    def bodies_of(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Yield index and public part of the rows in [start, stop)."""
        for index, body, _ in self._store.bodies(self.name, start, stop):
            yield index, body

    def _row(self, stored: StoredEntry, leaf: bytes) -> Row:
        if stored.content is None:
            return Row(stored.index, stored.body, leaf, None, b"", b"", problem="content-missing")
        try:
            opened = self._keys.open_content(self.name, stored.index, stored.content)
        except Unknown as error:
            gone = {"lost" if error.code == "no-key" else "erased": stored.content.key_id}
            return Row(stored.index, stored.body, leaf, None, b"", b"", **gone)
        except LiaisonError as error:
            return Row(stored.index, stored.body, leaf, None, b"", b"", problem=error.code)
        return Row(stored.index, stored.body, leaf, *opened)
