"""Watches for tests with desks in running nodes, and sources whose rows change."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.app.run.node import Node
from gateway.model.desk.threads import ThreadKey
from gateway.model.handed.watches import AddWatch
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery

NEW = DocumentQuery("C7700123", "VNM")
"""A passport that no source of the samples has."""


def watching(*to: str, **changes: Any) -> AddWatch:
    """A watch on a passport."""
    first: dict[str, Any] = {
        "to": tuple(map(MemberId, to)),
        "subject": NEW,
        "purpose": Purpose.INVESTIGATION,
        "offence": Offence.DOCFRAUD,
        "case": "TH-2026-0417",
    }
    return AddWatch(**(first | changes))


def source_file(node: Node) -> Path:
    """The database of a node's one source."""
    (source,) = node.resources.settings.sources
    return Path(source.url.removeprefix("sqlite:///"))


def add_row(file: Path, table: str, key: str, **values: Any) -> None:
    """Add a row to a source: a copy of its first one with another key and these values."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA foreign_keys=OFF")
        columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
        first = dict(zip(columns, database.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchone(), strict=True))
        (last,) = database.execute(f'SELECT max("{key}") FROM "{table}"').fetchone()
        row = first | {key: last + 1} | values
        marks = ",".join("?" * len(row))
        database.execute(f'INSERT INTO "{table}" ({",".join(row)}) VALUES ({marks})', tuple(row.values()))


def change_row(file: Path, statement: str) -> None:
    """Change rows of a source."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute(statement)


async def refreshed(node: Node, done: Callable[[], object], what: str) -> None:
    """Refresh a node's indexes until what they found has had its effect; a source rests after a comparison."""
    for _ in range(400):
        for wall in node.resources.walls:
            await node.core.upkeep.refresh(wall.description.id)
        await node.rounds.make("changed rows")
        await node.rounds.make("watches")
        if await asyncio.to_thread(done):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


def thread_of(node: Node, watch_id: str) -> ThreadKey:
    """The thread of a watch of ours with its one recipient."""
    (key,) = [
        each.key for each in node.desk.parts.store.threads(group_id=watch_id) if each.key.peer != node.core.parts.member
    ]
    return key
