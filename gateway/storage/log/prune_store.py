"""Prune entries in SQL to their leaf hashes, which stay in tiles of 256 (C2SP tlog-tiles, level 0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from gateway.errors import StorageBroken
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import log_content, log_entry, log_state, log_tile

WIDTH: Final = 256
HASH_BYTES: Final = 32


def tile_leaves(connection: Connection, log_id: int, start: int, stop: int) -> Iterator[bytes]:
    """Yield the leaf hashes in [start, stop) that tiles hold. A missing tile gives none."""
    c = log_tile.c
    wanted = select(c.place, c.hashes).where(c.log_id == log_id, c.place.between(start // WIDTH, (stop - 1) // WIDTH))
    for place, hashes in connection.execute(wanted.order_by(c.place)):
        for offset in range(0, len(hashes), HASH_BYTES):
            if start <= place * WIDTH + offset // HASH_BYTES < stop:
                yield hashes[offset : offset + HASH_BYTES]


def prune(database: Database, log: str, first: int, stop: int) -> None:
    """Replace the entries in [first, stop) by their hashes, in one durable transaction.

    Raises `StorageBroken` unless both are multiples of 256, and `first` is where the log's entries begin.
    """
    c = log_entry.c
    with database.write("prune") as connection:
        log_id = connection.execute(select(log_state.c.id).where(log_state.c.log == log)).scalar_one()
        rows = select(c.leaf_hash).where(c.log_id == log_id, c.seq >= first, c.seq < stop).order_by(c.seq)
        leaves = list(connection.execute(rows).scalars())
        moved = update(log_state).where(log_state.c.id == log_id, log_state.c.pruned == first).values(pruned=stop)
        if len(leaves) != stop - first or first % WIDTH or stop % WIDTH or connection.execute(moved).rowcount != 1:
            raise StorageBroken(
                "entries {first} to {stop} are not those that were to be pruned", where=log, first=first, stop=stop - 1
            )
        for at in range(0, len(leaves), WIDTH):
            values = {"log_id": log_id, "place": (first + at) // WIDTH, "hashes": b"".join(leaves[at : at + WIDTH])}
            connection.execute(insert(log_tile).values(values))
        for table in (log_content, log_entry):
            gone = (table.c.log_id == log_id, table.c.seq >= first, table.c.seq < stop)
            connection.execute(delete(table).where(*gone))
