"""Where a verifier reads a log from: a home, or an export. Nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.audit.highwater import high_water_path, read_heads
from gateway.errors import LiaisonError, Malformed, Unknown
from gateway.ports import ContentKeys, LogStore, StoredEntry

_SETTLES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it was found. `stored_leaf` is the hash kept beside it, for finding what was changed.

    `private` is None when it is not there; `erased` then names the destroyed key; `problem` says what is wrong
    with the content.
    """

    index: int
    body: bytes
    stored_leaf: bytes
    private: bytes | None
    request: bytes
    answer: bytes
    erased: str = ""
    problem: str = ""


class LogEvidence(Protocol):
    """One log."""

    @property
    def name(self) -> str:
        """`exchange/1`."""

    @property
    def size(self) -> int:
        """How many entries there are said to be."""

    def heads(self) -> list[bytes]:
        """Signed heads, unverified, in any order."""

    def rows(self) -> Iterator[Row]:
        """All rows that there are, in order."""


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

    def heads(self) -> list[bytes]:
        """The high-water file's heads, the state's, and those that were stored with batches."""
        return self._heads

    def rows(self) -> Iterator[Row]:
        """Rows with their content decrypted, and one row too many where somebody put one in."""
        leaves = self._store.bodies(self.name, 0, self.size)
        hashes = {}
        for stored in self._store.entries(self.name, 0, self.size):
            while stored.index not in hashes:
                index, _, leaf = next(leaves)
                hashes[index] = leaf
            yield self._row(stored, hashes.pop(stored.index))
        state = self._store.state(self.name)
        if state is None or state.size == self.size:
            for stored in self._store.entries(self.name, self.size, self.size + 1):
                yield Row(stored.index, stored.body, b"", None, b"", b"")

    def _row(self, stored: StoredEntry, leaf: bytes) -> Row:
        if stored.content is None:
            return Row(stored.index, stored.body, leaf, None, b"", b"", problem="its content is missing")
        try:
            opened = self._keys.open_content(self.name, stored.index, stored.content)
        except Unknown:
            return Row(stored.index, stored.body, leaf, None, b"", b"", erased=stored.content.key_id)
        except LiaisonError as error:
            return Row(stored.index, stored.body, leaf, None, b"", b"", problem=error.message)
        return Row(stored.index, stored.body, leaf, *opened)


def _split(name: str) -> tuple[str, int]:
    log, _, number = name.partition("/")
    if not number.isdigit():
        raise Malformed(f"`{name[:40]!a}` is not the name of a log", where="log")
    return log, int(number)
