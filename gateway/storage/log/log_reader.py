"""Read the logs of a database: entries by their place, and those that fit a question."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, inspect, select

from gateway.ports.content_keys import EncryptedContent
from gateway.ports.log_store import LogState, StoredEntry
from gateway.storage.database.engine import Database, storage_errors
from gateway.storage.database.postgres import identity
from gateway.storage.database.prepared import Prepared
from gateway.storage.database.tables import log_checkpoint, log_content, log_entry, log_node, log_state
from gateway.storage.log.prune_store import tile_leaves

_PAGE = 512
_SCANNED = 16_384


class SqlLogReader:
    """The reading part of a `LogStore`. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[str, int] = {}
        dialect = database.engine.dialect
        self._bodies = Prepared(_BODIES, dialect)
        self._entries = Prepared(_with_content(), dialect)
        self._nodes = Prepared(_NODES, dialect)

    @property
    def shared(self) -> bool:
        """True where other processes may write to the same logs."""
        return self._database.shared

    def identity(self) -> str:
        """Return a name of this database that stays while it is the same one: a copy of a file has another name."""
        if found := identity(self._database):
            return str(found)
        with storage_errors("file identity"):
            file = self._database.file
            return f"file {file.stat().st_ino} of SQLite" if file else ""

    def state(self, log: str) -> LogState | None:
        """Return the state of `log`, or None when it has never been opened."""
        with self._database.read("log state") as connection:
            row = connection.execute(select(log_state).where(log_state.c.log == log)).first()
        return None if row is None else self._state(row)

    def _state(self, row: Any) -> LogState:
        self._ids[row.log] = row.id
        return LogState(row.log, row.number, row.size, row.root, row.checkpoint, json.loads(row.counters), row.pruned)

    def entries(self, log: str, start: int, stop: int) -> Iterator[StoredEntry]:
        """Yield entries with index in [start, stop), in order, with their content; a page in memory at a time."""
        for first in range(start, stop, _PAGE):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE)}
            with self._database.read("entries") as connection:
                rows = self._entries.rows(connection, bounds)
            for index, body, *content in rows:
                yield StoredEntry(index, body, EncryptedContent(*content) if content[0] is not None else None)

    def bodies(self, log: str, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield index, body and stored leaf hash of the entries in [start, stop), in order."""
        for first in range(start, stop, _PAGE * 8):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE * 8)}
            with self._database.read("entries") as connection:
                rows = self._bodies.rows(connection, bounds)
            for row in rows:
                yield row[0], row[1], row[2]

    def leaves(self, log: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the stored leaf hashes in [start, stop), in order, with those of pruned entries."""
        state = self.state(log)
        if state is not None and start < state.first and start < stop:
            for first in range(start, min(stop, state.first), _PAGE * 8):
                with self._database.snapshot("tiles") as connection:
                    stop_here = min(stop, state.first, first + _PAGE * 8)
                    found = list(tile_leaves(connection, self._id(log), first, stop_here))
                yield from found
        for _, _, leaf in self.bodies(log, max(start, state.first if state else 0), stop):
            yield leaf

    def nodes(self, log: str, level: int, start: int, stop: int) -> Mapping[int, bytes]:
        """Return the stored nodes of `level` with place in [start, stop), by place."""
        if not self._has_nodes:
            return {}
        bounds = {"the_id": self._id(log), "the_level": level, "first": start, "stop": stop}
        with self._database.read("nodes") as connection:
            return {row[0]: row[1] for row in self._nodes.rows(connection, bounds)}

    @cached_property
    def _has_nodes(self) -> bool:
        """False for a database of an earlier version that is only read."""
        with self._database.read("nodes") as connection:
            return inspect(connection).has_table(log_node.name)

    def checkpoints(self, log: str) -> list[bytes]:
        """Return all stored checkpoints, by size."""
        statement = (
            select(log_checkpoint.c.checkpoint)
            .where(log_checkpoint.c.log_id == self._id(log))
            .order_by(log_checkpoint.c.size)
        )
        with self._database.read("checkpoints") as connection:
            return list(connection.execute(statement).scalars())

    def logs(self) -> list[str]:
        """Return names of the logs that were opened."""
        with self._database.read("logs") as connection:
            return list(connection.execute(select(log_state.c.log).order_by(log_state.c.log)).scalars())

    def find(
        self,
        log: str,
        *,
        peer: str = "",
        exchange_id: str = "",
        kind: str = "",
        since_us: int = 0,
        until_us: int = 0,
        limit: int = 1000,
    ) -> list[int]:
        """Return indexes of entries that fit all given filters, newest first.

        Times narrow the rows that are looked at, since entries are in the order of their time; the other filters
        look at each row, on a connection of their own: about a second for a million entries.
        """
        c = log_entry.c
        statement = select(c.seq).where(c.log_id == self._id(log)).order_by(c.seq.desc()).limit(limit)
        for given, condition in (
            (peer, c.peer == peer),
            (kind, c.kind == kind),
            (exchange_id, c.exchange_id == bytes.fromhex(exchange_id)),
        ):
            if given:
                statement = statement.where(condition)
        with self._database.snapshot("find") as connection:
            if since_us:
                statement = statement.where(c.seq >= self.first_since(connection, log, since_us))
            if until_us:
                statement = statement.where(c.seq < self.first_since(connection, log, until_us))
            return list(connection.execute(statement).scalars())

    def of_exchanges(self, log: str, exchanges: Collection[str]) -> list[int]:
        """Return indexes of the entries of these exchanges, ascending, in one pass over the log."""
        c, wanted = log_entry.c, {bytes.fromhex(one) for one in exchanges}
        statement = select(c.seq, c.exchange_id).where(c.log_id == self._id(log), c.seq >= bindparam("first"))
        statement = statement.where(c.seq < bindparam("stop")).order_by(c.seq)
        state = self.state(log)
        found: list[int] = []
        if state is None or not wanted:
            return []
        for first in range(state.first, state.size, _SCANNED):
            with self._database.read("find") as connection:
                rows = connection.execute(statement, {"first": first, "stop": min(state.size, first + _SCANNED)})
                found += [seq for seq, exchange in rows if exchange in wanted]
        return found

    def of_kinds(
        self, log: str, kinds: Collection[str], since_us: int, first: int = 0
    ) -> Iterator[tuple[int, int, str, str]]:
        """Yield index, time, kind and exchange id of the entries of these kinds at or after a time, in order.

        With `first` those from that index on, whatever their time.
        """
        c = log_entry.c
        wanted = select(c.seq, c.time_us, c.kind, c.exchange_id).where(c.log_id == self._id(log), c.kind.in_(kinds))
        with self._database.snapshot("find") as connection:
            first = first or (self.first_since(connection, log, since_us) if since_us else 0)
            for index, time_us, kind, exchange_id in connection.execute(wanted.where(c.seq >= first).order_by(c.seq)):
                yield index, time_us, kind, exchange_id.hex() if exchange_id else ""

    def first_since(self, connection: Connection, log: str, time_us: int) -> int:
        """Return the index of the first entry at or after `time_us`, by halving. A deleted row counts as the next."""
        log_id, c = self._id(log), log_entry.c
        here = (c.log_id == log_id, c.seq >= bindparam("index"))
        times = select(c.time_us).where(*here).order_by(c.seq).limit(1)
        low, high = 0, connection.execute(select(log_state.c.size).where(log_state.c.id == log_id)).scalar() or 0
        while low < high:
            middle = (low + high) // 2
            found = connection.execute(times, {"index": middle}).scalar()
            if found is not None and found < time_us:
                low = middle + 1
            else:
                high = middle
        return low

    def channel(self, log: str, channel: str, first: int, last: int) -> list[bytes]:
        """Return bodies of the entries of `channel` numbered in [first, last], by number; also from the log's earlier
        numbers, through which a channel's numbers go on."""
        c = log_entry.c
        statement = (
            select(c.body)
            .where(c.log_id.in_(self._through(log)), c.channel == channel, c.number.between(first, last))
            .order_by(c.number, c.log_id, c.seq)
        )
        with self._database.read("channel") as connection:
            return list(connection.execute(statement).scalars())

    def highest(self, log: str, channel: str) -> int:
        """Return the highest number in `channel`, also in the log's earlier numbers; 0 when it has none."""
        c, logs = log_entry.c, self._through(log)
        with self._database.read("channel") as connection:
            found = [
                connection.execute(select(func.max(c.number)).where(c.log_id == one, c.channel == channel)).scalar()
                for one in logs
            ]
        return max((int(number or 0) for number in found), default=0)

    def _through(self, log: str) -> list[int]:
        """Return the ids of a log and of its earlier numbers, the oldest first."""
        name, _, number = log.partition("/")
        before = (f"{name}/{earlier}" for earlier in range(1, int(number)))
        return [found for found in (self._id(one) for one in (*before, log)) if found >= 0]

    def _id(self, log: str) -> int:
        if log not in self._ids and self.state(log) is None:
            return -1
        return self._ids[log]


@cache
def _with_content() -> Select[Any]:
    e, c = log_entry.c, log_content.c
    joined = log_entry.outerjoin(log_content, (e.log_id == c.log_id) & (e.seq == c.seq))
    return (
        select(e.seq, e.body, c.key_id, c.wrapped_key, c.private, c.request, c.answer)
        .select_from(joined)
        .where(e.log_id == bindparam("the_id"), e.seq >= bindparam("first"), e.seq < bindparam("stop"))
        .order_by(e.seq)
    )


_NODES = select(log_node.c.place, log_node.c.hash).where(
    log_node.c.log_id == bindparam("the_id"),
    log_node.c.level == bindparam("the_level"),
    log_node.c.place >= bindparam("first"),
    log_node.c.place < bindparam("stop"),
)
_BODIES = (
    select(log_entry.c.seq, log_entry.c.body, log_entry.c.leaf_hash)
    .where(
        log_entry.c.log_id == bindparam("the_id"),
        log_entry.c.seq >= bindparam("first"),
        log_entry.c.seq < bindparam("stop"),
    )
    .order_by(log_entry.c.seq)
)
