"""Files in flight between nodes that are killed: who sends them, and what must be true of them.

A desk sends one where a file `MEMBER.send` lies beside the homes. A file that a desk was told to be kept is in
`MEMBER.brought`, one id a line.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from gateway.app.run.node import Node
from gateway.audit.reading.show import Filter
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.config import load_settings
from gateway.model.desk.attachments import CHUNK, Attachment, FileState, chunk_count
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.homes.open_home import open_home
from gateway.storage.desk.file_rows import SqlFileRows
from gateway.storage.files.sealed_files import FileFolder
from tests.support.alerts import author
from tests.support.files import mp4

_SIZE = 6 * CHUNK + 100
_COMES_S = 60.0
_ALL = tuple(FileState)
_FAR_US = 2**62
Rows = list[tuple[Any, ...]]


# ---------------------------------------------------------------- in the nodes


async def brought(node: Node) -> tuple[Attachment, ...]:
    """Bring a film that there was never before, where one is wanted; return it as a notice names it."""
    if not _wanted(node).exists():
        return ()

    async def parts() -> Any:
        film = mp4(os.urandom(_SIZE))
        for start in range(0, len(film), CHUNK):
            yield film[start : start + CHUNK]

    row = await node.desk.files.bringing.bring(author(node.resources.member), "bridge.mp4", parts())
    with (_folder(node) / f"{node.resources.member}.brought").open("a", encoding="utf-8") as file:
        file.write(f"{row.notice_id}\n")
    return (row.about,)


def named(node: Node) -> None:
    """Note that the file that was wanted goes with a notice."""
    _wanted(node).unlink(missing_ok=True)


def _wanted(node: Node) -> Path:
    return _folder(node) / f"{node.resources.member}.send"


def _folder(node: Node) -> Path:
    return node.resources.settings.home.parent


# ---------------------------------------------------------------- beside the nodes


class Files:
    """The files of two homes, as their databases and folders have them."""

    def __init__(self, homes: dict[str, Path]) -> None:
        self._homes = homes
        self._folder = next(iter(homes.values())).parent
        self.count = 0
        self.resumed = 0
        """The fetches that began behind chunks that were here."""

    async def comes(self, member: str) -> None:
        """Have a member send a file, and wait until a fetch goes on: of this one, or of an earlier one."""
        (self._folder / f"{member}.send").touch()
        seen = self.half_fetched()
        async with asyncio.timeout(_COMES_S):
            while True:
                now = self.half_fetched()
                if any(count > seen.get(name, 0) for name, count in now.items()):
                    return
                await asyncio.sleep(0.001)
                seen = now

    def half_fetched(self) -> dict[str, int]:
        """Return the files of counterparts of which some chunks are here, with their number, and not all of them."""
        found = {}
        for member, home in self._homes.items():
            parts = {path.name[1:-5]: path for path in home.glob("attachments/??/.*.part")}
            rows = self._rows(member, "SELECT DISTINCT file FROM desk_attachment WHERE ours = 0") if parts else []
            for name in parts.keys() & {row[0] for row in rows}:
                with suppress(FileNotFoundError):  # it has come meanwhile
                    if count := parts[name].stat().st_size // CHUNK:
                        found[name] = count
        return found

    def check(self) -> None:
        """Check that each file that a desk was told to be kept is there."""
        for member in self._homes:
            file = self._folder / f"{member}.brought"
            promised = set(file.read_text().split()) if file.exists() else set()
            kept = {row[0] for row in self._rows(member, "SELECT notice_id FROM desk_attachment WHERE peer = ''")}
            assert promised <= kept, f"`{member}` has lost files: {sorted(promised - kept)[:3]}"

    def wait(self) -> bool:
        """Tell whether a file is still to be fetched or scanned."""
        statement = "SELECT 1 FROM desk_attachment WHERE state IN ('waiting', 'unscanned') LIMIT 1"
        return any(self._rows(member, statement) for member in self._homes)

    def compare(self) -> None:
        """Check that each file is whole at both sides, under the root that its notice has. The nodes have stopped."""
        given: set[tuple[str, bytes]] = set()
        taken: set[tuple[str, bytes]] = set()
        for member, home in self._homes.items():
            folder = FileFolder(load_settings(home).path(load_settings(home).attachments.folder))
            with open_home(home) as evidence:
                rows = SqlFileRows(evidence.database, evidence.keys).due(_ALL, _FAR_US, 100_000)
                asked = find_entries(evidence, "operations", Filter(kind="attachment-asked"), 100_000, None)
                self.resumed += sum(bool(shown.private["first"]) for _, shown in asked)
            for row in rows:
                assert row.state is FileState.CLEAN, f"`{member}`: {row.about.name} is {row.state}, {row.problem}"
                tree = Tree()
                tree.extend([leaf_hash(folder.chunk(row, number)) for number in range(chunk_count(row.about.size))])
                assert tree.root() == row.about.root, f"`{member}` holds another file than {row.about.root.hex()}"
                if row.peer:
                    (given if row.ours else taken).add((row.notice_id, row.about.root))
        assert given == taken, f"only at one side: {sorted(given ^ taken)[:4]}"
        self.count = len(taken)

    def _rows(self, member: str, statement: str) -> Rows:
        file = self._homes[member] / "node.sqlite"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()
