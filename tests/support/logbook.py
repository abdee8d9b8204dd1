"""Remember what one log of a node was seen to hold: it grows with each look at the files, and never changes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.log.highwater import high_water_path, read_heads
from gateway.audit.tree.checkpoint import origin, verify_checkpoint
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.config.home import Home
from gateway.errors import LiaisonError
from gateway.signing.keys import VerifyKey, load_signing_key

_ONCE = ("answered", "asked", "received", "abandoned")
"""Kinds of which an exchange has one entry at most."""


class LogBook:
    """The entries of one log, as read by us, with all heads of it that anybody was shown."""

    def __init__(self, home: Path, member: str, log: str = "exchange") -> None:
        self._home = Home(home)
        self._name = f"{log}/1"
        self._file = high_water_path(self._home.highwater, log, 1)
        self._origin = origin(member, log, 1)
        self._key = VerifyKey.admit(load_signing_key(self._home.key("log")).spki)
        self._tree = Tree()
        self._heads_read = 0
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self.bodies: list[bytes] = []
        self.entries: list[Entry] = []
        self.ended: set[str] = set()
        self.asked: set[str] = set()
        self.answered: dict[str, Entry] = {}
        self.heads = 0

    def look(self) -> None:
        """Read what is new. The log extends what was read before, each head in it, and the high-water file's.

        A node may write meanwhile: what the high-water file says before the entries are read is among these.
        """
        seen = [head for head in read_heads(self._file) if self._signed(head)]
        size, root, heads = self._read()
        assert self._tree.size == size, f"{self._origin}: {self._tree.size} entries and a size of {size}"
        assert self._tree.root() == root, f"{self._origin}: the stored root is not that of the entries"
        for head in heads:
            self.extends(head)
        assert seen, f"{self._origin}: no head in the high-water file verifies"
        for head in seen:
            self.extends(head)

    def extends(self, head: bytes) -> None:
        """Assert that our entries extend `head`, which the log's key signed."""
        checkpoint = verify_checkpoint(head, self._origin, self._key)
        assert checkpoint.size <= len(self.bodies), f"{self._origin}: a head over {checkpoint.size} entries was signed"
        assert self._tree.root(checkpoint.size) == checkpoint.root, f"{self._origin}: the tree is another"
        self.heads += 1

    def _signed(self, head: bytes) -> bool:
        try:
            verify_checkpoint(head, self._origin, self._key)
        except LiaisonError:
            return False
        return True

    def _read(self) -> tuple[int, bytes, list[bytes]]:
        """Read the size and root that the database states, and its new heads; keep new entries."""
        file = self._home.path / "node.sqlite"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)) as database:
            database.execute("BEGIN")
            row = database.execute("SELECT id, size, root FROM log_state WHERE log = ?", (self._name,)).fetchone()
            bodies = database.execute(
                "SELECT body FROM log_entry WHERE log_id = ? AND seq >= ? ORDER BY seq", (row[0], len(self.bodies))
            )
            for (body,) in bodies:
                self._keep(body)
            heads = database.execute(
                "SELECT size, checkpoint FROM log_checkpoint WHERE log_id = ? AND size > ? ORDER BY size",
                (row[0], self._heads_read),
            ).fetchall()
        if heads:
            self._heads_read = heads[-1][0]
        return row[1], row[2], [head for _, head in heads]

    def _keep(self, body: bytes) -> None:
        entry = parse_entry(body)
        assert entry.index == len(self.bodies), f"{self._origin}: entry {len(self.bodies)} is missing"
        self.bodies.append(body)
        self.entries.append(entry)
        self._tree.append(leaf_hash(body))
        if entry.kind in _ONCE:
            key = (entry.kind, entry.peer, entry.exchange_id)
            self._counts[key] += 1
            assert self._counts[key] == 1, f"{self._origin}: {key} has two entries"
        if entry.kind == "asked":
            self.asked.add(entry.exchange_id)
        elif entry.kind in ("received", "silent", "late", "abandoned"):
            self.ended.add(entry.exchange_id)
        elif entry.kind == "answered":
            self.answered[entry.exchange_id] = entry
