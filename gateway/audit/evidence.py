"""Where a verifier reads a log from: a home, or an export. Nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from gateway.audit.highwater import high_water_path, read_heads
from gateway.audit.tiles import WIDTH
from gateway.errors import LiaisonError, Malformed, Unknown
from gateway.ports import ContentKeys, LogStore, StoredEntry

RUN: Final = 64 * WIDTH
"""Entries of a run: what one process checks at once, and one file of an export holds."""

_SETTLES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it was found. `stored_leaf` is the hash kept beside it, for finding what was changed.

    `private` is None when it is not there; `erased` then names the destroyed key, `withheld` the ground on which an
    export does not show it; `problem` is the code of what is wrong with the content.
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


class LogEvidence(Protocol):
    """One log."""

    @property
    def name(self) -> str:
        """`exchange/1`."""

    @property
    def size(self) -> int:
        """How many entries there are said to be."""

    @property
    def first(self) -> int:
        """The first entry that rows are there for; a multiple of 256."""

    @property
    def stop(self) -> int:
        """The entry before which they end; a multiple of 256, or the size."""

    def heads(self) -> list[bytes]:
        """Signed heads, unverified, in any order."""

    def run(self, start: int) -> Iterator[Row]:
        """The rows of the run of `RUN` entries that begins at `start`, in order. Raises `Malformed`."""

    def rows(self) -> Iterator[Row]:
        """All rows that there are, in order. Raises `Malformed`."""

    def bodies(self) -> Iterator[tuple[int, bytes]]:
        """Index and exact public part of all rows that there are, in order."""


class HomeLog:
    """A log in a node's own database; the node may be running."""

    def __init__(self, store: LogStore, keys: ContentKeys, name: str, highwater: Path) -> None:
        self.name = name
        self._store = store
        self._keys = keys
        self._high_water = high_water_path(highwater, *_split(name))
        self.size, self._heads = self._settled()

    def _settled(self) -> tuple[int, list[bytes]]:
        """Size and heads of one moment: a running node signs a little after it commits.

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
        """0: a home has all of its log."""
        return 0

    @property
    def stop(self) -> int:
        """The size."""
        return self.size

    def heads(self) -> list[bytes]:
        """The high-water file's heads, the state's, and those that were stored with batches."""
        return self._heads

    def rows(self) -> Iterator[Row]:
        """Rows with their content decrypted, and one row too many where somebody put one in."""
        for start in range(0, max(1, self.size), RUN):
            yield from self.run(start)

    def run(self, start: int) -> Iterator[Row]:
        """The rows of a run."""
        stop = min(start + RUN, self.size)
        yield from self.part(start, stop)
        state = self._store.state(self.name)
        if stop == self.size and (state is None or state.size == self.size):
            for stored in self._store.entries(self.name, self.size, self.size + 1):
                yield Row(stored.index, stored.body, b"", None, b"", b"")

    def part(self, start: int, stop: int) -> Iterator[Row]:
        """The rows with index in [start, stop)."""
        leaves = self._store.bodies(self.name, start, stop)
        hashes = {}
        for stored in self._store.entries(self.name, start, stop):
            while stored.index not in hashes:
                index, _, leaf = next(leaves)
                hashes[index] = leaf
            yield self._row(stored, hashes.pop(stored.index))

    def leaves(self, start: int, stop: int) -> Iterator[bytes]:
        """The stored leaf hashes in [start, stop)."""
        for _, _, leaf in self._store.bodies(self.name, start, stop):
            yield leaf

    def body(self, index: int) -> bytes:
        """The public part of one entry that is there."""
        return next(iter(self._store.bodies(self.name, index, index + 1)))[1]

    def bodies(self) -> Iterator[tuple[int, bytes]]:
        """Index and public part of all rows."""
        return self.bodies_of(0, self.size)

    def bodies_of(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Index and public part of the rows in [start, stop)."""
        for index, body, _ in self._store.bodies(self.name, start, stop):
            yield index, body

    def _row(self, stored: StoredEntry, leaf: bytes) -> Row:
        if stored.content is None:
            return Row(stored.index, stored.body, leaf, None, b"", b"", problem="content-missing")
        try:
            opened = self._keys.open_content(self.name, stored.index, stored.content)
        except Unknown:
            return Row(stored.index, stored.body, leaf, None, b"", b"", erased=stored.content.key_id)
        except LiaisonError as error:
            return Row(stored.index, stored.body, leaf, None, b"", b"", problem=error.code)
        return Row(stored.index, stored.body, leaf, *opened)


def _split(name: str) -> tuple[str, int]:
    log, _, number = name.partition("/")
    if not number.isdigit():
        raise Malformed(f"`{name[:40]!a}` is not the name of a log", where="log")
    return log, int(number)
